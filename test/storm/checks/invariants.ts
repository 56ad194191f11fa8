/** What has to be true once the storm is over and FlyCD has had its passes. Each says what broke, with app and machine. */
import type { AppSnapshot, MachineSnapshot } from '../../../simulator/world/snapshot.ts';
import type { World } from '../../../simulator/world/world.ts';
import { hashOf } from '../../../src/model/base/json.ts';
import { differences, groupOf, isCanary, isItself, ownName, type Difference } from './comparison.ts';
import { goingCopies } from './copies/going.ts';
import type { AppIdea, FleetIdea, GroupIdea } from '../world/fleet.ts';

/** As `flycd diff --output json` prints them. */
export interface PlannedApp {
  readonly app: string;
  readonly status: string;
  readonly steps: readonly { readonly kind: string; readonly target: string; readonly because: string }[];
  readonly holds: readonly PlannedHold[];
  readonly notes: readonly string[];
}

interface PlannedHold {
  readonly reason: string;
  readonly because: string;
  readonly steps: readonly PlannedStep[];
}

interface PlannedStep {
  readonly kind?: string;
  readonly target: string;
  /** Of a release. */
  readonly machines?: readonly { readonly target: string }[];
}

export interface Calm {
  readonly fleet: FleetIdea;
  readonly apps: readonly AppSnapshot[];
  readonly plan: readonly PlannedApp[];
  /** Most machines that git ever wanted, and addresses it ever listed, by what they are. */
  readonly peaks: ReadonlyMap<string, number>;
  /** Made by hand, how many of them: `app/volume name`, `app/PASSWORD`; `app/group`: machines came or went. */
  readonly byHand: ReadonlyMap<string, number>;
  /** What git ever gave a group, by `app/group`: machines and standbys of a new one, or that it gave a count. */
  readonly shapes: ReadonlyMap<string, ReadonlySet<string>>;
  /** Apps that two FlyCDs began at once: without a machine there is no lock, and what one makes the other's list may lack. */
  readonly begunTwice: ReadonlySet<string>;
  /** Machines of others, as they were. */
  readonly others: readonly Others[];
  /** Ids of machines that have not been started once. */
  readonly neverRan: ReadonlySet<string>;
}

export interface Others {
  readonly app: string;
  readonly machine: MachineSnapshot;
}

/** What a person has to decide. Everything else has to be gone by now. */
const lasting: ReadonlySet<string> = new Set([
  'flyctl',
  'adoption',
  'drift',
  'brake',
  'volume',
  'destructive',
  // Bad weather while it was rolled out: that is not known by itself.
  'failed',
  // Somebody said so: what holds an app without that is found by what Fly should be then.
  'rollback',
  'suspended',
]);

/** Of holds that a person asked for. */
export function isWord(reason: string): boolean {
  return reason === 'rollback' || reason === 'suspended';
}

type Invariant = (calm: Calm) => readonly string[];

const planIsEmpty: Invariant = ({ plan }) =>
  plan.flatMap(({ steps }) => steps.map((step) => `${step.target}: ${step.kind} is still planned: ${step.because}`));

const holdsAreForPeople: Invariant = ({ plan }) =>
  plan.flatMap(({ app, status, holds }) => [
    ...holds
      .filter((hold) => !lasting.has(hold.reason) && !isCutShort(status, hold))
      .map((hold) => `${app}: still ${hold.reason}: ${hold.because}`),
    ...(holds.length === 0 && !['synced', 'orphaned'].includes(status)
      ? [`${app}: ${status}, and no hold says why`]
      : []),
  ]);

/** All that a killed FlyCD made of an app that git then dropped: nothing proves the app the fleet's, and no word lifts that. */
function isCutShort(status: string, { reason, because }: PlannedHold): boolean {
  return status === 'orphaned' && reason === 'owner' && because.includes('none carries its own machine id');
}

export const everyAppIsPlanned: Invariant = ({ fleet, plan }) =>
  fleet.apps.filter(({ name }) => plan.every(({ app }) => app !== name)).map(({ name }) => `${name}: not in the plan`);

/** Fly is as git says, or a hold says of just that why not. */
const flyIsAsGitSays: Invariant = ({ fleet, apps, plan, byHand, begunTwice, neverRan }) =>
  fleet.apps.flatMap((idea) => {
    const planned = plan.find(({ app }) => app === idea.name);
    const app = apps.find(({ name }) => name === idea.name);
    if (planned === undefined) return [];
    if (app === undefined) return [`${idea.name}: not on Fly`];
    if (planned.holds.some(isLost)) return [];
    return (
      differences(toCompare(idea, planned, { byHand, begunTwice }), withoutLeftovers(app, planned))
        .filter((difference) => idea.drift !== 'off' || !isLeft(planned, difference, neverRan))
        // What is rolled back is compared with where it went: that git's own wish waits excuses nothing but what stays for it.
        .filter(
          ({ about, isSurplus = false }) =>
            !planned.holds.some((hold) => (hold.reason !== 'rollback' || isSurplus) && speaksOf(hold, about)),
        )
        .filter(({ about, text }) => !(text.endsWith('is stopped') && isLeftStopped(planned, about)))
        .map(({ text }) => text)
    );
  });

/**
 * What a deployment by hand left has no place of its own, and counts for nothing: a hold names it by its id, or, under
 * `drift: off`, a note says how many canaries stay. Of a copy that goes a hold says so by a place that nothing else has.
 */
function withoutLeftovers(app: AppSnapshot, { holds, notes }: PlannedApp): AppSnapshot {
  const destroys = holds.flatMap(({ steps }) => steps).filter(({ kind }) => kind === 'machine.destroy');
  const going = goingCopies(
    app,
    destroys.map(({ target }) => target),
  );
  const isHeld = ({ id }: MachineSnapshot): boolean =>
    going.has(id) || holds.some((hold) => speaksOf(hold, [`${app.name}/${id}`]));
  const told = notes.map((note) => /^(\d+) machines? left as a canary, stay; drift is not healed here/.exec(note)?.[1]);
  const stay = told.includes(String(app.machines.filter(isCanary).length));
  return { ...app, machines: app.machines.filter((machine) => !isHeld(machine) && !(stay && isCanary(machine))) };
}

/** Without git's history only machines remember a version, and a roll that was under way may have taken the last one away. */
function isLost({ reason, because }: PlannedHold): boolean {
  return reason === 'rollback' && because.includes('cannot be given back') && because.includes('no git history');
}

/** What git says less what nobody compares: a secret of which only a person knows. */
function toCompare(
  { prune, ...idea }: AppIdea,
  planned: PlannedApp,
  { byHand, begunTwice }: Pick<Calm, 'byHand' | 'begunTwice'>,
): AppIdea {
  // `off` is existence and counts only: a value by hand stays, and no note says so.
  // So does one of another repo that began the app at the same moment.
  const isHands = byHand.has(`${idea.name}/PASSWORD`) || begunTwice.has(idea.name);
  const isUnknown = isHands && (isUnverified(planned) || idea.drift === 'off');
  const pruned = prune?.filter((what) => what !== 'secrets' || !isHands);
  return { ...idea, ...(isUnknown ? { secret: undefined } : {}), ...(pruned === undefined ? {} : { prune: pruned }) };
}

/** Under `drift: off` machines stay as somebody made them; only their number is git's. */
function isLeft({ app, notes }: PlannedApp, { text, about }: Difference, neverRan: Calm['neverRan']): boolean {
  const slots = about.map((target) => target.slice(app.length + 1));
  // What FlyCD made and never ran nobody has stopped.
  if (/ is (stopped|suspended)$/.test(text)) return slots.every((slot) => !neverRan.has(slot));
  return isNotedAsLeft(notes, slots);
}

/** By its slot or its id, or the group where a deployment took all of it. */
function isNotedAsLeft(notes: PlannedApp['notes'], names: readonly string[]): boolean {
  return notes.some((note) => {
    const [, slot = '', id = ''] = /^(\S+) \((\S+)\) differs from git; drift is not healed here/.exec(note) ?? [];
    const [, group = ''] =
      /^(\S+) has no machine: (?:a deployment by flyctl|somebody) .*; drift is not healed here/.exec(note) ?? [];
    return names.includes(slot) || names.includes(id) || names.includes(group);
  });
}

/** What a hold or a note tells of by its id, since flyctl copied another machine's slot: it has not that place. */
function withoutCopies(app: AppSnapshot, planned: PlannedApp): readonly MachineSnapshot[] {
  const { machines } = withoutLeftovers(app, planned);
  return machines.filter(({ id, name }) => ownName.test(name) || !isNamedIn(planned.notes, id));
}

function isNamedIn(notes: PlannedApp['notes'], id: string): boolean {
  const note = /^\S+ \((\S+)\) (?:is a copy that somebody made by hand|was made by hand|differs from git; drift)/;
  return notes.some((text) => note.exec(text)?.[1] === id);
}

/**
 * A value that somebody else set before FlyCD ever set one is told of by nothing: a note says so, and it stays until the next
 * release (Fly's digests are opaque, and no fleet is restarted for what may be the same).
 */
function isUnverified({ notes }: PlannedApp): boolean {
  return notes.some((note) => note.startsWith('PASSWORD on Fly: unverified'));
}

/** Each version is started once: who stops a machine by hand a second time means it, and a note says that it stays so. */
function isLeftStopped({ notes }: PlannedApp, about: readonly string[]): boolean {
  return about.some((target) => notes.some((note) => note.startsWith(`${placeOf(target)} was stopped again`)));
}

/** `web/arn/1` of `app-1/web/arn/1`. */
function placeOf(target: string): string {
  return target.replace(/^[^/]*\//, '');
}

/** By the steps that it holds. */
function speaksOf({ steps }: PlannedHold, about: readonly string[]): boolean {
  const targets = steps.flatMap((step) => [step, ...(step.machines ?? [])]).map(({ target }) => target);
  return about.some((one) => targets.some((target) => target === one || target.startsWith(`${one}/`)));
}

export const noLeaseIsLeft: Invariant = ({ apps }) =>
  apps.flatMap((app) =>
    app.machines.filter(({ leased }) => leased).map((machine) => `${app.name}: ${machine.name} is still leased`),
  );

/** One may take another's place; both are there at the end only where a hold says so. */
const noSlotTwice: Invariant = ({ fleet, apps, plan }) =>
  apps.flatMap((app) => {
    const isNamed = fleet.apps.some(({ name }) => name === app.name);
    const planned = plan.find((one) => one.app === app.name);
    // What flyctl copied from a machine that FlyCD had just sent its config, and not given its own id yet, looks like itself.
    const placed = planned === undefined ? app.machines : withoutCopies(app, planned);
    // Clones that somebody made of an app before git dropped it: nobody looks after them any more. FlyCD's names end so.
    const counted = placed.filter(
      (machine) => isItself(machine) && (isNamed || (ownName.test(machine.name) && !isReplacedIn(app, machine))),
    );
    return [...Map.groupBy(counted, ({ metadata }) => metadata['flycd_slot'] ?? '')]
      .filter(([slot, machines]) => slot !== '' && machines.length > 1)
      .filter(([slot, machines]) => {
        const isSaid = planned?.holds.some((hold) => speaksOf(hold, [`${app.name}/${slot}`])) === true;
        return !isSaid || machines.every(({ metadata }) => metadata['flycd_replaces'] === undefined);
      })
      .map(([slot, machines]) => `${app.name}: ${machines.map(({ name }) => name).join(' and ')} are both ${slot}`);
  });

/** Where git drops the app in the middle of it, nobody goes on: the old machine stays, and so does the one in its place. */
function isReplacedIn({ machines }: AppSnapshot, { id }: MachineSnapshot): boolean {
  return machines.some(({ metadata }) => (metadata['flycd_replaces'] ?? '').split(',').includes(id));
}

/** A standby waits for the end of a machine that is there; it can serve nobody, share no volume and do no job twice. */
const standbysStandIn: Invariant = ({ fleet, apps, plan }) =>
  apps.flatMap((app) => {
    const ids = new Set(app.machines.map(({ id }) => id));
    const { holds = [], notes = [] } = plan.find((planned) => planned.app === app.name) ?? {};
    return app.machines.flatMap((machine) => {
      const group = fleet.apps.find(({ name }) => name === app.name)?.groups[groupOf(machine)];
      const { standbys } = machine.config;
      if (group === undefined || (standbys ?? []).length === 0) return [];
      const what = `${app.name}: ${machine.name} is a standby`;
      // flyctl's green ones stand in for blue ones, which then go; and what git changes meanwhile waits: who deployed so has
      // the app until somebody says otherwise.
      const isSaid = holds.some((hold) => hold.reason === 'flyctl' && speaksOf(hold, [placeIn(app, machine)]));
      if (isSaid) return [];
      if (group.serves || group.volumeGb !== undefined || group.schedule !== undefined)
        return [`${what} in a group that has none`];
      const isKept = isNotedAsLeft(notes, [machine.id]) || (standbys ?? []).some((id) => ids.has(id));
      return isKept ? [] : [`${what} of no machine that is there`];
    });
  });

/** As plans call it: its slot, or its group where it has none of its own. */
function placeIn(app: AppSnapshot, machine: MachineSnapshot): string {
  const slot = machine.metadata['flycd_slot'];
  return slot === undefined || !isItself(machine) ? `${app.name}/${groupOf(machine)}` : `${app.name}/${slot}`;
}

/** Without a count a group has what flyctl gives a new one, until somebody scales it. */
const firstMachinesAreThere: Invariant = ({ fleet, apps, plan, shapes, byHand }) =>
  fleet.apps.flatMap((idea) =>
    Object.entries(idea.groups).flatMap(([name, group]) => {
      const what = `${idea.name}/${name}`;
      if (group.count !== undefined || shapes.get(what)?.size !== 1 || byHand.has(what)) return [];
      const holds = plan.find(({ app }) => app === idea.name)?.holds ?? [];
      if (holds.some((hold) => isLost(hold) || speaksOf(hold, [what]))) return [];
      const machines = apps.find((app) => app.name === idea.name)?.machines ?? [];
      const members = machines.filter((machine) => groupOf(machine) === name && !isCanary(machine));
      const standbys = members.filter(({ config }) => (config.standbys ?? []).length > 0).length;
      const [there, first] = [shapeOf(members.length - standbys, standbys), firstShape(idea, group)];
      return there === first ? [] : [`${what}: ${there}, a new group has ${first}`];
    }),
  );

function shapeOf(machines: number, standbys: number): string {
  return `${machines} and ${standbys} to stand in`;
}

function firstShape(app: AppIdea, group: GroupIdea): string {
  if (group.count !== undefined) return 'a count';
  const elsewhere = Number(app.otherRegion !== undefined);
  if (group.serves && group.volumeGb === undefined) return shapeOf(2 + elsewhere, 0);
  const isAlone = group.volumeGb !== undefined || group.schedule !== undefined;
  return shapeOf(1 + elsewhere, isAlone ? 0 : 1);
}

/** A volume or an address more than git ever wanted was made by a second call for one wish. */
const noSurplus: Invariant = ({ apps, plan, peaks, byHand, begunTwice }) =>
  apps.flatMap((app) => {
    const volumes = Map.groupBy(app.volumes, ({ name, region }) => `${app.name}/${name} in ${region}`);
    const addresses = Map.groupBy(app.addresses, ({ kind }) => `${app.name}/${kind}`);
    const notes = plan.find((planned) => planned.app === app.name)?.notes ?? [];
    const isSaid = (there: readonly { readonly name?: string; readonly ip?: string }[]): boolean =>
      there.some(({ name, ip }) => notes.some((note) => note.includes(ip ?? ` ${name} `)));
    return [...volumes, ...addresses]
      .filter(([what, there]) => there.length > (peaks.get(what) ?? 0) + (byHand.get(what) ?? 0))
      .filter(([, there]) => !(begunTwice.has(app.name) && isSaid(there)))
      .map(([what, there]) => `${what}: ${there.length} of them, git never wanted more than ${peaks.get(what) ?? 0}`);
  });

/** FlyCD deletes no volume: what nobody uses is said. */
const unusedIsSaid: Invariant = ({ fleet, apps, plan }) =>
  apps.flatMap((app) => {
    const { notes = [], holds = [] } = plan.find((planned) => planned.app === app.name) ?? {};
    if (fleet.apps.every(({ name }) => name !== app.name)) return [];
    return (
      app.volumes
        .filter(({ attachedMachine }) => attachedMachine === null)
        .filter(({ name }) => !notes.some((note) => note.includes(`volume`) && note.includes(name)))
        // A machine that is held back may be the one to use it.
        .filter(({ name }) => !holds.some((hold) => speaksOf(hold, [`${app.name}/${name.replace('_data', '')}`])))
        .map((volume) => `${app.name}: ${volume.name} is used by no machine, and nobody says so`)
    );
  });

/** What stands as it did: nobody but its owner has a say in it. */
export const othersAreUntouched: Invariant = ({ others, apps }) =>
  others.flatMap(({ machine, app }) => {
    const now = apps.find(({ name }) => name === app)?.machines.find(({ id }) => id === machine.id);
    if (now === undefined) return [`${app}: ${machine.name}, somebody else's, is gone`];
    const same = now.version === machine.version && hashOf(now.config) === hashOf(machine.config);
    return same ? [] : [`${app}: ${machine.name}, somebody else's, was changed`];
  });

export const invariants: readonly Invariant[] = [
  othersAreUntouched,
  planIsEmpty,
  holdsAreForPeople,
  everyAppIsPlanned,
  flyIsAsGitSays,
  noLeaseIsLeft,
  noSlotTwice,
  standbysStandIn,
  firstMachinesAreThere,
  noSurplus,
  unusedIsSaid,
];

/**
 * A person has confirmed everything; but an app with volumes that git no longer names goes by its name alone, and so does one
 * of which nothing says that this config has removed it.
 */
export function stillHeld(plan: readonly PlannedApp[], { apps }: FleetIdea): readonly string[] {
  const goesByName = ({ reason, because }: PlannedApp['holds'][number]): boolean =>
    reason === 'volume' || (reason === 'destructive' && because.startsWith('git does not name it'));
  return plan
    .flatMap(({ app, status, holds }) =>
      apps.some(({ name }) => name === app)
        ? holds
        : holds.filter((hold) => !goesByName(hold) && !isCutShort(status, hold)),
    )
    .map((hold) => `confirmed, and still held: ${hold.reason}: ${hold.because}`);
}

/** Machines of FlyCD's. A deploy by hand makes one of a stopped machine and does not start it: that is a person's stop. */
export function neverStarted({ apps }: Pick<World, 'apps'>): ReadonlySet<string> {
  const machines = [...apps.values()].flatMap((app) => [...app.machines.values()]);
  return new Set(machines.filter(({ name, booted }) => ownName.test(name) && booted === undefined).map(({ id }) => id));
}

/** Adds what git gives each group now to what it ever gave. */
export function addShapes(shapes: Map<string, Set<string>>, fleet: FleetIdea): void {
  for (const app of fleet.apps) {
    for (const [name, group] of Object.entries(app.groups)) {
      const what = `${app.name}/${name}`;
      shapes.set(what, (shapes.get(what) ?? new Set()).add(firstShape(app, group)));
    }
  }
}
