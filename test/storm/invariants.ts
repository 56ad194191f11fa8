/** What has to be true once the storm is over and FlyCD has had its passes. Each says what broke, with app and machine. */
import type { AppSnapshot, MachineSnapshot } from '../../simulator/snapshot.ts';
import { hashOf } from '../../src/model/json.ts';
import { firstCount, type AppIdea, type FleetIdea, type GroupIdea } from './fleet.ts';

/** As `flycd diff --output json` prints them. */
export interface PlannedApp {
  readonly app: string;
  readonly status: string;
  readonly steps: readonly { readonly kind: string; readonly target: string; readonly because: string }[];
  readonly holds: readonly { readonly reason: string; readonly because: string }[];
  readonly notes: readonly string[];
}

export interface Calm {
  readonly fleet: FleetIdea;
  readonly apps: readonly AppSnapshot[];
  readonly plan: readonly PlannedApp[];
  /** Most machines that git ever wanted, and addresses it ever listed, by what they are. */
  readonly peaks: ReadonlyMap<string, number>;
  /** Made by hand: `app/volume name` and `app/PASSWORD`, how many of them. */
  readonly byHand: ReadonlyMap<string, number>;
  /** Machines of others, as they were. */
  readonly others: readonly Others[];
}

export interface Others {
  readonly app: string;
  readonly machine: MachineSnapshot;
}

/** What a person has to decide. Everything else has to be gone by now. */
const lasting: ReadonlySet<string> = new Set(['flyctl', 'adoption', 'drift', 'brake', 'volume', 'destructive']);

type Invariant = (calm: Calm) => readonly string[];

export const planIsEmpty: Invariant = ({ plan }) =>
  plan.flatMap(({ steps }) => steps.map((step) => `${step.target}: ${step.kind} is still planned: ${step.because}`));

export const holdsAreForPeople: Invariant = ({ plan }) =>
  plan.flatMap(({ app, status, holds }) => [
    ...holds
      .filter(({ reason }) => !lasting.has(reason))
      .map((hold) => `${app}: still ${hold.reason}: ${hold.because}`),
    ...(holds.length === 0 && !['synced', 'orphaned'].includes(status)
      ? [`${app}: ${status}, and no hold says why`]
      : []),
  ]);

export const everyAppIsPlanned: Invariant = ({ fleet, plan }) =>
  fleet.apps.filter(({ name }) => plan.every(({ app }) => app !== name)).map(({ name }) => `${name}: not in the plan`);

/** Where nothing is held, Fly is as git says: read here without FlyCD's own eyes. */
export const flyIsAsGitSays: Invariant = ({ fleet, apps, plan, byHand }) =>
  fleet.apps.flatMap((idea) => {
    const planned = plan.find(({ app }) => app === idea.name);
    if (planned?.holds.length !== 0) return [];
    const app = apps.find(({ name }) => name === idea.name);
    if (app === undefined) return [`${idea.name}: not on Fly`];
    return differences(isUnverified(planned, byHand) ? { ...idea, secret: undefined } : idea, app);
  });

/**
 * A value that a person set before FlyCD ever set one is told of by nothing: a note says so, and it stays until the next
 * release (Fly's digests are opaque, and no fleet is restarted for what may be the same).
 */
function isUnverified({ app, notes }: PlannedApp, byHand: Calm['byHand']): boolean {
  return byHand.has(`${app}/PASSWORD`) && notes.some((note) => note.startsWith('PASSWORD on Fly: unverified'));
}

function differences(idea: AppIdea, app: AppSnapshot): readonly string[] {
  const named = Object.entries(idea.groups).flatMap(([name, group]) => groupDifferences(idea, app, { name, group }));
  const unnamed = app.machines
    .filter((machine) => machine.metadata['flycd_fleet'] !== undefined)
    .filter((machine) => !Object.hasOwn(idea.groups, groupOf(machine)))
    .map((machine) => `${app.name}: ${machine.name} is of group ${groupOf(machine)}, which git does not name`);
  const secret = app.secrets['PASSWORD'] === idea.secret ? [] : [`${app.name}: PASSWORD is not the one git names`];
  const missing = (idea.ips ?? [])
    .filter((kind) => app.addresses.every((address) => address.kind !== kind))
    .map((kind) => `${app.name}: no ${kind} address`);
  return [...named, ...unnamed, ...(idea.secret === undefined ? [] : secret), ...missing];
}

function groupOf(machine: MachineSnapshot): string {
  return machine.metadata['fly_process_group'] ?? '';
}

function groupDifferences(
  idea: AppIdea,
  app: AppSnapshot,
  { name, group }: { readonly name: string; readonly group: GroupIdea },
): readonly string[] {
  const machines = app.machines.filter((machine) => groupOf(machine) === name);
  const found: string[] = [];
  // A standby stands in for one of them, and is none of them.
  const counted = machines.filter(({ config }) => (config.standbys ?? []).length === 0).length;
  const wanted = group.count ?? Math.max(counted, 1);
  if (counted !== wanted) found.push(`${app.name}/${name}: ${counted} machines, git wants ${wanted}`);
  for (const machine of machines) {
    for (const what of machineDifferences(idea, group, machine)) found.push(`${app.name}: ${machine.name} ${what}`);
    const volume = app.volumes.find(({ attachedMachine }) => attachedMachine === machine.id);
    if (group.volumeGb !== undefined && (volume?.sizeGb ?? 0) < group.volumeGb)
      found.push(`${app.name}: ${machine.name} has a volume of ${volume?.sizeGb ?? 0} GB, git wants ${group.volumeGb}`);
  }
  return found;
}

function machineDifferences(idea: AppIdea, group: GroupIdea, machine: MachineSnapshot): readonly string[] {
  const { config, state } = machine;
  const found: string[] = [];
  const [image = ''] = (config.image ?? '').split('@');
  if (image !== idea.image) found.push(`runs ${image}, git wants ${idea.image}`);
  for (const [name, value] of Object.entries(idea.env)) {
    if (config.env?.[name] !== value) found.push(`has ${name}=${config.env?.[name]}, git wants ${value}`);
  }
  const { memory_mb: memory } = config.guest ?? {};
  if (idea.memoryMb !== undefined && memory !== idea.memoryMb)
    found.push(`has ${memory} MB, git wants ${idea.memoryMb}`);
  if ((config.services ?? []).length > 0 !== group.serves) found.push(group.serves ? 'serves nothing' : 'serves');
  const standsBy = (config.standbys ?? []).length > 0;
  if (state !== (standsBy ? 'stopped' : 'started') && !group.rests) found.push(`is ${state}`);
  if (state === 'started' && idea.secret !== undefined && machine.secrets['PASSWORD'] !== idea.secret)
    found.push('runs with another PASSWORD than git names');
  return found;
}

export const noLeaseIsLeft: Invariant = ({ apps }) =>
  apps.flatMap((app) =>
    app.machines.filter(({ leased }) => leased).map((machine) => `${app.name}: ${machine.name} is still leased`),
  );

/** A copy made by hand carries its original's stamps until FlyCD has given it its own. */
function isItself({ id, metadata }: MachineSnapshot): boolean {
  return (metadata['flycd_machine'] ?? id) === id;
}

export const noSlotTwice: Invariant = ({ apps }) =>
  apps.flatMap((app) =>
    [...Map.groupBy(app.machines.filter(isItself), ({ metadata }) => metadata['flycd_slot'] ?? '')]
      .filter(([slot, machines]) => slot !== '' && machines.length > 1)
      .map(([slot, machines]) => `${app.name}: ${machines.map(({ name }) => name).join(' and ')} are both ${slot}`),
  );

/** A volume or an address more than git ever wanted was made by a second call for one wish. */
export const noSurplus: Invariant = ({ apps, peaks, byHand }) =>
  apps.flatMap((app) => {
    const volumes = Map.groupBy(app.volumes, ({ name }) => `${app.name}/${name}`);
    const addresses = Map.groupBy(app.addresses, ({ kind }) => `${app.name}/${kind}`);
    return [...volumes, ...addresses]
      .filter(([what, there]) => there.length > (peaks.get(what) ?? 0) + (byHand.get(what) ?? 0))
      .map(([what, there]) => `${what}: ${there.length} of them, git never wanted more than ${peaks.get(what) ?? 0}`);
  });

/** FlyCD deletes no volume: what nobody uses is said. */
export const unusedIsSaid: Invariant = ({ fleet, apps, plan }) =>
  apps.flatMap((app) => {
    const { notes = [], holds = [] } = plan.find((planned) => planned.app === app.name) ?? {};
    // A machine that is held back may be the one to use it.
    if (holds.length > 0 || fleet.apps.every(({ name }) => name !== app.name)) return [];
    return app.volumes
      .filter(({ attachedMachine }) => attachedMachine === null)
      .filter(({ name }) => !notes.some((note) => note.includes(`volume`) && note.includes(name)))
      .map((volume) => `${app.name}: ${volume.name} is used by no machine, and nobody says so`);
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
  noSurplus,
  unusedIsSaid,
];

/** Raises what git wants at most of each volume and address. */
export function raisePeaks(peaks: Map<string, number>, fleet: FleetIdea): void {
  const raise = (what: string, count: number): void => {
    peaks.set(what, Math.max(peaks.get(what) ?? 0, count));
  };
  for (const app of fleet.apps) {
    for (const [name, group] of Object.entries(app.groups)) {
      if (group.volumeGb !== undefined) raise(`${app.name}/${name}_data`, firstCount(group));
    }
    for (const kind of app.ips ?? ['v6', 'shared_v4', 'v4']) raise(`${app.name}/${kind}`, 1);
  }
}
