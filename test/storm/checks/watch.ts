/**
 * Looks at the simulated Fly while FlyCD works: at each change of a machine's state and at each request. What may never
 * be, not even for a moment, is found here; what has to be true at the end is in invariants.ts.
 */
import type { Machine } from '../../../simulator/world/records.ts';
import { isRunning } from '../../../simulator/world/machine-states.ts';
import type { RequestNotice, RequestRecord } from '../../../simulator/world/requests.ts';
import type { World } from '../../../simulator/world/world.ts';
import { imageOf, isOwnCommand, watchCommands } from '../world/commands.ts';
import { countOf, mayBeDown, wishOf, type FleetIdea, type FleetName } from '../world/fleet.ts';
import { isAlive, ownName } from './comparison.ts';
import { keeping, type Keeping } from './keeping.ts';
import { emptying, type Emptying } from './emptying.ts';
import { halfDone } from './half-done.ts';
import { setTwice } from './set-twice.ts';
import { standings, type Standings } from './rollout-state.ts';

export interface Watch {
  /** By which FlyCD's machines are known. */
  readonly fleetName: FleetName;
  /** What broke, in words. */
  readonly findings: readonly string[];
  /** What git says from now on, and the name that FlyCD gives it where a person may go back to it. */
  expect(fleet: FleetIdea, revision?: string): void;
  /** What persons and failed releases say of apps, and what the apps have to be thereby. */
  readonly standing: Standings;
  /** What may not go, and what nobody may touch while files cannot be read. */
  readonly keeping: Keeping;
  /** What a person scaled to 0. */
  readonly emptying: Emptying;
  /** true: no FlyCD works on anything. */
  isCalm(): boolean;
  /** A FlyCD begins to work on apps; call what comes back when it ends. What stands about an app counts for the next one. */
  working(): () => void;
  /** A person suspends or resumes the app; call what comes back when that is over. */
  speaking(app: string): () => void;
  /** Somebody, or the platform, changed something that no machine's version shows: restarts of that app are called for. */
  disturbed(app: string): void;
  /** Machines that are not FlyCD's to touch, and apps. */
  protect(thing: { readonly machine?: string; readonly app?: string }): void;
}

/** What FlyCD last brought a machine to. */
interface Brought {
  readonly wish: string;
  readonly disturbances: number;
  readonly version: string;
  /** Which release FlyCD has seen fail, by its stamp: it goes back from that one, whatever git says. */
  readonly failed: string | undefined;
}

interface Before {
  readonly at: number;
  readonly machine: Machine;
  readonly version: string;
  readonly state: Machine['state'];
  readonly image: string;
  readonly healthy: boolean;
  /** It runs with another value of a secret than Fly has. */
  readonly behind: boolean;
}

const machinePath = /^\/v1\/apps\/([^/]+)\/machines\/([^/]+)/;
const update = 'POST /apps/{app}/machines/{machine}';
const restart = 'POST /apps/{app}/machines/{machine}/restart';
const destroy = 'DELETE /apps/{app}/machines/{machine}';
const create = 'POST /apps/{app}/machines';
/** A request that never got an answer is over by then. */
const latencyMsMax = 10_000;
/** As weather.ts has it: a FlyCD with another database may not see a word before. */
const listLagMsMax = 5000;

export function groupOf(machine: Machine): string {
  return machine.config.metadata?.['fly_process_group'] ?? '';
}

function isHealthy(machine: Machine): boolean {
  if (machine.state !== 'started' || machine.hostStatus !== 'ok') return false;
  return machine.checks.every((check) => check.status === 'passing');
}

/** Its process has another value of some secret than Fly has by now. Values and not times: one set anew is the same. */
function isBehind({ app, booted }: Machine): boolean {
  return [...app.secrets.byName.values()].some(({ name, value }) => booted?.secrets[name] !== value);
}

/** By its stamp: both are there until the new one is healthy, or the old one stays after all. */
function takesPlaceOf(machine: Machine, other: Machine): boolean {
  return (machine.config.metadata?.['flycd_replaces'] ?? '').split(',').includes(other.id);
}

/** Of FlyCD or flyctl, in that group. */
export function membersOf(world: World, app: string, group: string): readonly Machine[] {
  return [...(world.apps.get(app)?.machines.values() ?? [])].filter(
    (machine) => isAlive(machine) && groupOf(machine) === group,
  );
}

/** The path of a release names no app. */
function appOfRelease(world: World, path: string): string | undefined {
  const id = /^\/api\/v1\/releases\/([^/]+)$/.exec(path)?.[1];
  return [...world.apps.values()].find(({ releases }) => releases.some((release) => release.id === id))?.name;
}

export function watch(world: World, fleetName: FleetName = 'storm'): Watch {
  const findings: string[] = [];
  const standing = standings(fleetName);
  let git: FleetIdea = { apps: [] };
  /** Since when each FlyCD that is at work has been. */
  const atWork = new Set<{ readonly since: number }>();
  /** Apps of which a person says something at this moment. */
  const spoken: string[] = [];
  const disturbances = new Map<string, number>();
  /** Groups, by `app/group`, that came with a later commit than the app itself. */
  const earlierWithout = new Set<string>();
  const protectedThings = new Set<string>();
  const brought = new Map<string, Brought>();
  const grown = new Map<string, string>();
  /** Machines that FlyCD took out of service and that have not been well since, by id. */
  const down = new Map<string, Machine>();
  /** Groups that FlyCD destroyed machines of which git still wants: how many. */
  const destroyed = new Map<string, number>();
  const seen = new Set<Machine>();
  const underway = new Map<Readonly<RequestRecord>, Before>();

  const say = (text: string): void => {
    const line = `${new Date(world.now()).toISOString().slice(11, 19)} ${text}`;
    if (!findings.includes(line)) findings.push(line);
  };
  const commands = watchCommands(say);
  const { ideaOf } = standing;
  const empty = emptying(say);
  const wasToGo = halfDone();
  const secrets = setTwice({ world, atWork, disturbed });
  const keeper = keeping({ world, fleetName, ideaOf, atWork, say });

  function recovered(): void {
    for (const [id, machine] of down) {
      if (!isAlive(machine) || isHealthy(machine) || machine.hostStatus !== 'ok') down.delete(id);
    }
  }

  function checkFloor(machine: Machine): void {
    const app = ideaOf(machine.app.name);
    const group = groupOf(machine);
    if (app?.groups[group] === undefined) return;
    const members = membersOf(world, app.name, group);
    const wanted = countOf(app.groups[group]) ?? members.length;
    const taken = [...down.values()].filter((one) => one.app === machine.app && groupOf(one) === group).length;
    const lost = destroyed.get(`${app.name}/${group}`) ?? 0;
    const missing = Math.min(lost, Math.max(0, wanted - members.length));
    const out = taken + missing - Math.max(0, members.length - wanted);
    const allowed = mayBeDown(app, wanted);
    if (out > allowed) {
      const names = [...down.values()].filter((one) => groupOf(one) === group).map((one) => one.name);
      say(
        `${app.name}/${group}: FlyCD has ${out} of ${wanted} machines down at once, its strategy allows ${allowed} (${names.join(', ')})`,
      );
    }
  }

  function checkDoubles(machine: Machine): void {
    const slot = machine.config.metadata?.['flycd_slot'];
    if (slot === undefined || !ownName.test(machine.name) || !isAlive(machine)) return;
    const others = membersOf(world, machine.app.name, groupOf(machine)).filter(
      (other) => other !== machine && ownName.test(other.name) && other.config.metadata?.['flycd_slot'] === slot,
    );
    const other = others.find((one) => !takesPlaceOf(one, machine) && !takesPlaceOf(machine, one));
    if (other !== undefined) say(`${machine.app.name}: ${machine.name} and ${other.name} are both ${slot}`);
  }

  /** Something was said in the middle of somebody's work, who goes on to the old end. */
  function isOvertaken(app: string): boolean {
    return [...atWork].some(({ since }) => standing.saidSince(since).includes(app));
  }

  function checkCause(machine: Machine, before: Before): void {
    const app = ideaOf(machine.app.name);
    if (app === undefined) return;
    const known = brought.get(machine.id);
    const now: Brought = {
      wish: wishOf(app, groupOf(machine)),
      disturbances: disturbances.get(app.name) ?? 0,
      version: machine.instanceId,
      failed: machine.config.metadata?.['flycd_failed'],
    };
    brought.set(machine.id, now);
    commands.brought(app, machine);
    // A secret that somebody set while FlyCD made the machine is put right later, and is a reason then.
    if (known === undefined || !isRunning(before.state) || before.behind) return;
    if (isOvertaken(app.name)) return;
    const untouched = known.version === before.version && known.disturbances === now.disturbances;
    if (untouched && known.wish === now.wish && known.failed === now.failed)
      say(`${app.name}: ${machine.name} was updated though nothing changed since its last update`);
  }

  function checkRestart(machine: Machine, before: Before): void {
    const app = ideaOf(machine.app.name);
    const size = String(app?.groups[groupOf(machine)]?.volumeGb);
    const disturbed = disturbances.get(machine.app.name) ?? 0;
    const why = `${size} ${disturbed}`;
    if (isRunning(before.state) && grown.get(machine.id) === why)
      say(`${machine.app.name}: ${machine.name} was restarted though its volume has not grown since`);
    grown.set(machine.id, why);
  }

  /** Without a count nothing is one too many; only a standby may be of no use any more. */
  function checkCounted(machine: Machine): void {
    const group = ideaOf(machine.app.name)?.groups[groupOf(machine)];
    const standsIn = (machine.config.standbys ?? []).length > 0;
    // One more than git wants for as long as somebody deploys, and theirs who undoes what was left of that.
    const isCanary = machine.config.metadata?.['fly_canary'] !== undefined;
    const members = membersOf(world, machine.app.name, groupOf(machine)).filter((other) => other !== machine);
    const isReplaced = members.some((other) => takesPlaceOf(other, machine) || takesPlaceOf(machine, other));
    if (wasToGo(machine, members) || isReplaced || isUndone(machine)) return;
    if (group !== undefined && group.count === undefined && !standsIn && !isCanary)
      say(`${machine.app.name}: ${machine.name} was destroyed, and git gives ${groupOf(machine)} no count`);
  }

  function checkOwner(request: Readonly<RequestRecord>): void {
    if (request.method === 'GET') return;
    const id = machinePath.exec(request.path)?.[2] ?? '';
    if (protectedThings.has(id) || protectedThings.has(request.app ?? ''))
      say(`somebody else's: ${request.method} ${request.path}`);
  }

  /** Who was at work before ends first, and cannot be told from who came later. */
  function checkSuspended({ method, reads, path, ...request }: Readonly<RequestRecord>): void {
    const app = request.app ?? appOfRelease(world, path) ?? '';
    const word = standing.suspension(app, world.now());
    if (word === undefined || method === 'GET' || reads === true || spoken.includes(app)) return;
    if (standing.isLiftedHere(word)) return;
    if ([...atWork].every(({ since }) => since >= word.seen + listLagMsMax))
      say(`${app}: is suspended, and somebody did ${method} ${path}`);
  }

  /** A version that failed is held until git moves on or a person lifts it. */
  function checkAgain(machine: Machine, before: string): void {
    const image = imageOf(machine);
    const { name } = machine.app;
    if (image !== before && image === standing.failedImage(name) && !isOvertaken(name))
      say(`${machine.app.name}: ${machine.name} gets ${image}, whose release failed`);
  }

  function asked(request: Readonly<RequestRecord>): void {
    checkOwner(request);
    secrets.asked(request);
    checkSuspended(request);
    keeper.asked(request);
    const found = machinePath.exec(request.path);
    const machine = world.apps.get(found?.[1] ?? '')?.machines.get(found?.[2] ?? '');
    if (machine === undefined || ![update, restart, destroy].includes(request.template)) return;
    const { instanceId: version, state } = machine;
    const [healthy, behind, image] = [isHealthy(machine), isBehind(machine), imageOf(machine)];
    underway.set(request, { at: world.now(), machine, version, state, image, healthy, behind });
  }

  function answered(request: Readonly<RequestRecord>): void {
    const before = underway.get(request);
    underway.delete(request);
    keeper.answered(request);
    secrets.answered(request);
    const app = request.method === 'GET' ? undefined : world.apps.get(request.app ?? '');
    if (app !== undefined) standing.look(app, world.now());
    if (request.template === create) return made(request);
    if (before === undefined) return;
    const { machine } = before;
    const refused = request.status !== undefined && request.status >= 400 && request.status !== 408;
    if (refused) return;
    if (request.template === update) {
      if (machine.instanceId === before.version) return;
      checkCause(machine, before);
      checkAgain(machine, before.image);
    } else if (request.template === restart) {
      if (machine.state !== 'restarting') return;
      checkRestart(machine, before);
    } else {
      checkCounted(machine);
      if (before.healthy && machine.state === 'destroying') gone(machine);
    }
    // What is down already is taken down no further: an earlier commit may have let more go at once than this one does.
    if (!before.healthy) return;
    if (isAlive(machine)) down.set(machine.id, machine);
    checkFloor(machine);
  }

  function made({ app: name = '' }: Readonly<RequestRecord>): void {
    const app = ideaOf(name);
    for (const machine of world.apps.get(name)?.machines.values() ?? []) {
      if (!seen.has(machine) && (ownName.test(machine.name) || isOwnCommand(machine))) checkAgain(machine, '');
      if (!seen.has(machine)) {
        const isByFlycd = ownName.test(machine.name);
        empty.made({ app: name, group: groupOf(machine), name: machine.name, isByFlycd });
      }
      seen.add(machine);
      if (app === undefined || brought.has(machine.id) || !ownName.test(machine.name)) continue;
      const wish = wishOf(app, groupOf(machine));
      commands.brought(app, machine);
      brought.set(machine.id, {
        wish,
        disturbances: disturbances.get(name) ?? 0,
        version: machine.instanceId,
        failed: machine.config.metadata?.['flycd_failed'],
      });
      // As large as it was then: one that was free a moment late may have yet to grow.
      const mounted = machine.app.volumes.get(machine.config.mounts?.[0]?.volume ?? '')?.sizeGb;
      const size = mounted ?? app.groups[groupOf(machine)]?.volumeGb;
      grown.set(machine.id, `${size} ${disturbances.get(name) ?? 0}`);
    }
  }

  /** After a release that failed FlyCD goes back to an earlier commit's version: a group that one did not name goes. */
  function isUndone(machine: Machine): boolean {
    const isHeld = machine.config.metadata?.['flycd_failed'] !== undefined;
    return isHeld && earlierWithout.has(`${machine.app.name}/${groupOf(machine)}`);
  }

  function gone(machine: Machine): void {
    const key = `${machine.app.name}/${groupOf(machine)}`;
    const group = ideaOf(machine.app.name)?.groups[groupOf(machine)];
    const isOff = isUndone(machine) || isOvertaken(machine.app.name);
    const wanted = group === undefined || isOff ? undefined : countOf(group);
    const left = membersOf(world, machine.app.name, groupOf(machine)).length;
    if (wanted !== undefined && left < wanted) destroyed.set(key, (destroyed.get(key) ?? 0) + 1);
    else destroyed.delete(key);
  }

  const states = new Map<string, Machine['state']>();
  const leaving: ReadonlySet<string> = new Set(['stopping', 'suspending', 'replacing', 'restarting', 'destroying']);
  world.onStateChange = (machine) => {
    const before = states.get(machine.id);
    states.set(machine.id, machine.state);
    if (before === undefined) commands.appeared(machine);
    recovered();
    checkDoubles(machine);
    const byFlycd = [...underway.values()].some(
      (one) => one.machine === machine && world.now() - one.at <= latencyMsMax,
    );
    const [event] = machine.events;
    const crashed = event?.type === 'exit' && machine.state !== 'replacing' && machine.state !== 'destroying';
    // It ran, and somebody else took it down: not FlyCD's any more.
    if (before === 'started' && leaving.has(machine.state) && !byFlycd && !crashed) down.delete(machine.id);
    if (!isAlive(machine) && !byFlycd) standing.lost(machine);
  };
  world.onRequest = ({ phase, request }: RequestNotice) => {
    recovered();
    if (phase === 'before') asked(request);
    else answered(request);
  };

  function disturbed(app: string): void {
    disturbances.set(app, (disturbances.get(app) ?? 0) + 1);
  }

  return {
    fleetName,
    get findings() {
      return [...findings, ...standing.findings];
    },
    standing,
    keeping: keeper,
    emptying: empty,
    isCalm: () => atWork.size === 0,
    working() {
      const one = { since: world.now() };
      atWork.add(one);
      return () => {
        atWork.delete(one);
        // It ended where it was going when it began; the next one takes the app where it belongs since.
        for (const app of standing.saidSince(one.since)) disturbed(app);
      };
    },
    speaking(app) {
      spoken.push(app);
      return () => spoken.splice(spoken.indexOf(app), 1);
    },
    expect(fleet, revision) {
      for (const { name, groups } of fleet.apps) {
        const before = git.apps.find((app) => app.name === name)?.groups ?? groups;
        for (const group of Object.keys(groups))
          if (before[group] === undefined) earlierWithout.add(`${name}/${group}`);
      }
      git = fleet;
      empty.published(fleet);
      standing.published(fleet, revision, world.now());
    },
    disturbed,
    protect({ machine, app }) {
      for (const thing of [machine, app]) if (thing !== undefined) protectedThings.add(thing);
    },
  };
}
