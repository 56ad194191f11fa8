/**
 * Looks at the simulated Fly while FlyCD works: at each change of a machine's state and at each request. What may never
 * be, not even for a moment, is found here; what has to be true at the end is in invariants.ts.
 */
import type { Machine } from '../../simulator/records.ts';
import { isRunning } from '../../simulator/machine-states.ts';
import type { RequestNotice, RequestRecord } from '../../simulator/requests.ts';
import type { World } from '../../simulator/world.ts';
import { watchCommands } from './commands.ts';
import { countOf, mayBeDown, wishOf, type AppIdea, type FleetIdea } from './fleet.ts';

export interface Watch {
  /** What broke, in words. */
  readonly findings: readonly string[];
  /** What git says from now on. */
  expect(fleet: FleetIdea): void;
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
/** As FlyCD names them; a copy gets another name. */
const ownName = /-\d+-g\d+$/;

export function groupOf(machine: Machine): string {
  return machine.config.metadata?.['fly_process_group'] ?? '';
}

export function isAlive(machine: Machine): boolean {
  return machine.state !== 'destroyed' && machine.state !== 'destroying';
}

export function isHealthy(machine: Machine): boolean {
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

export function watch(world: World): Watch {
  const findings: string[] = [];
  let git: FleetIdea = { apps: [] };
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
  const underway = new Map<Readonly<RequestRecord>, Before>();

  const say = (text: string): void => {
    const line = `${new Date(world.now()).toISOString().slice(11, 19)} ${text}`;
    if (!findings.includes(line)) findings.push(line);
  };
  const commands = watchCommands(say);
  const ideaOf = (name: string): AppIdea | undefined => git.apps.find((app) => app.name === name);

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
    const isReplaced = membersOf(world, machine.app.name, groupOf(machine)).some(
      (other) => takesPlaceOf(other, machine) || takesPlaceOf(machine, other),
    );
    if (isReplaced) return;
    if (group !== undefined && group.count === undefined && !standsIn)
      say(`${machine.app.name}: ${machine.name} was destroyed, and git gives ${groupOf(machine)} no count`);
  }

  function checkOwner(request: Readonly<RequestRecord>): void {
    if (request.method === 'GET') return;
    const id = machinePath.exec(request.path)?.[2] ?? '';
    if (protectedThings.has(id) || protectedThings.has(request.app ?? ''))
      say(`somebody else's: ${request.method} ${request.path}`);
  }

  function asked(request: Readonly<RequestRecord>): void {
    checkOwner(request);
    const found = machinePath.exec(request.path);
    const machine = world.apps.get(found?.[1] ?? '')?.machines.get(found?.[2] ?? '');
    if (machine === undefined || ![update, restart, destroy].includes(request.template)) return;
    const { instanceId: version, state } = machine;
    const [healthy, behind] = [isHealthy(machine), isBehind(machine)];
    underway.set(request, { at: world.now(), machine, version, state, healthy, behind });
  }

  function answered(request: Readonly<RequestRecord>): void {
    const before = underway.get(request);
    underway.delete(request);
    if (request.template === create) return made(request);
    if (before === undefined) return;
    const { machine } = before;
    const refused = request.status !== undefined && request.status >= 400 && request.status !== 408;
    if (refused) return;
    if (request.template === update) {
      if (machine.instanceId === before.version) return;
      checkCause(machine, before);
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
      if (app === undefined || brought.has(machine.id) || !ownName.test(machine.name)) continue;
      const wish = wishOf(app, groupOf(machine));
      commands.brought(app, machine);
      brought.set(machine.id, {
        wish,
        disturbances: disturbances.get(name) ?? 0,
        version: machine.instanceId,
        failed: machine.config.metadata?.['flycd_failed'],
      });
      grown.set(machine.id, `${app.groups[groupOf(machine)]?.volumeGb} ${disturbances.get(name) ?? 0}`);
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
    const wanted = group === undefined || isUndone(machine) ? undefined : countOf(group);
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
  };
  world.onRequest = ({ phase, request }: RequestNotice) => {
    recovered();
    if (phase === 'before') asked(request);
    else answered(request);
  };

  return {
    findings,
    expect(fleet) {
      for (const { name, groups } of fleet.apps) {
        const before = ideaOf(name)?.groups ?? groups;
        for (const group of Object.keys(groups))
          if (before[group] === undefined) earlierWithout.add(`${name}/${group}`);
      }
      git = fleet;
    },
    disturbed(app) {
      disturbances.set(app, (disturbances.get(app) ?? 0) + 1);
    },
    protect({ machine, app }) {
      for (const thing of [machine, app]) if (thing !== undefined) protectedThings.add(thing);
    },
  };
}
