/**
 * A machine's life by the clock. Each function is one change that a person, the platform or the machine's own process
 * brings about; whether it is allowed has been asked before.
 *
 *   create: creating → created → starting → started          (skip_launch: created → stopped)
 *           an image is pulled while it is `created`, that of an update while it is `starting`
 *   update: any → replacing → starting → started             (skip_launch: replacing → stopped)
 *           what ran is told to stop, and stays `replacing` until it has
 *           where no registry has the image: any → replacing → as it was, version, config and all
 *   stop: stopping → stopped    suspend: suspending → suspended    restart: restarting → starting → started
 *   exit: restarting → starting → started, or stopped, or destroyed (auto_destroy)
 *   destroy: destroying → destroyed; the record stays readable
 *   host down: nothing moves any more    host up, migration: what ran boots again
 *
 * `source` is `user` where somebody asked for it, `flyd` where the platform did by itself (proxy, schedule, hosts).
 */
import type { MachineEvent } from '../../schemas/fly/machine.ts';
import { triedChecks, untriedChecks } from './health-checks.ts';
import { behaviourOf } from './images.ts';
import { isRunning, type MachineState } from '../world/machine-states.ts';
import type { CheckRule, Machine } from '../world/records.ts';
import { timestamp } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** From created to starting; with the boot about a second. */
const launchMs = 100;
const replaceMs = 200;
const stopMs = 300;
const suspendMs = 300;
const destroyMs = 300;
const firstCheckMs = 1000;
/** Checks that flap are looked at again after this long. */
const flapMs = 10_000;
/** The platform asks registries for an image this long before it gives an update up. */
const pullTriesMs = 10_000;
const restartDelayMs = 1000;
/** Fly's API answers at most 50 events. */
const eventsKept = 50;
const defaultRetries = 10;
const killedExitCode = 137;

export type Source = 'user' | 'flyd';

export function launch(world: World, machine: Machine, skipLaunch: boolean): void {
  const { pullMs, isMissing } = behaviourOf(machine.config);
  enter(world, machine, 'creating');
  enter(world, machine, 'created');
  record(world, machine, { type: 'launch', status: 'created', source: 'user' });
  schedule(world, machine, launchMs + (isMissing ? pullTriesMs : pullMs), () => {
    if (isMissing) failLaunch(world, machine);
    else if (skipLaunch) enter(world, machine, 'stopped');
    else boot(world, machine, true);
  });
}

/** What an update takes the place of: all of it, for an update that is given up. */
type Replaced = Pick<Machine, 'config' | 'imageRef' | 'instanceId'>;

interface Replacement {
  readonly skipLaunch: boolean;
  readonly before: Replaced;
}

/** The config has been replaced already. A machine that ran is ended first, in its own time. */
export function replace(world: World, machine: Machine, { skipLaunch, before }: Replacement): void {
  const { state } = machine;
  const ran = isRunning(state);
  // An update of one that is still on its way out does not hurry it.
  const stopMs = ran ? behaviourOf(before.config).stopMs : Math.max(0, (machine.stopsAt ?? 0) - world.now());
  enter(world, machine, 'replacing');
  record(world, machine, { type: 'update', status: 'replacing', source: 'user' });
  const { isMissing, pullMs } = behaviourOf(machine.config);
  if (isMissing) return schedule(world, machine, pullTriesMs, () => takeBack(world, machine, state, before));
  machine.stopsAt = world.now() + stopMs;
  const exited = (): void => {
    if (ran) recordExit(world, machine, { code: 0, requested: true });
  };
  if (stopMs === 0) exited();
  machine.restartCount = 0;
  schedule(world, machine, replaceMs + stopMs, () => {
    if (stopMs > 0) exited();
    if (skipLaunch) enter(world, machine, 'stopped');
    else boot(world, machine, true, pullMs);
  });
}

/** What ran never noticed: the machine is again what it was before the update. */
function takeBack(world: World, machine: Machine, state: MachineState, before: Replaced): void {
  Object.assign(machine, before);
  record(world, machine, { type: 'update', status: 'failed', source: 'flyd' });
  if (!isRunning(state)) return enter(world, machine, state === 'failed' ? state : 'stopped');
  enter(world, machine, 'started');
  machine.checks = untriedChecks(machine.config, world.now());
  runChecks(world, machine, firstCheckMs);
}

export function start(world: World, machine: Machine, source: Source = 'user'): void {
  const resumed = machine.state === 'suspended';
  machine.restartCount = 0;
  record(world, machine, { type: resumed ? 'resume' : 'start', status: 'starting', source });
  boot(world, machine, !resumed);
}

/** `cold`: it sees the secrets of now, and its filesystem grows to its volume; a resumed one is as it was before. */
function boot(world: World, machine: Machine, cold: boolean, pullMs = 0): void {
  if (cold) takeSecrets(machine);
  enter(world, machine, 'starting');
  const behaviour = behaviourOf(machine.config);
  schedule(world, machine, pullMs + behaviour.bootMs, () => {
    if (behaviour.launchFails) return failLaunch(world, machine);
    if (cold) growFilesystem(machine);
    enter(world, machine, 'started');
    record(world, machine, { type: 'start', status: 'started', source: 'flyd' });
    machine.checks = untriedChecks(machine.config, world.now());
    runChecks(world, machine, firstCheckMs);
    const { exitCode, runMs } = behaviour;
    if (exitCode !== undefined) schedule(world, machine, runMs, () => exit(world, machine, exitCode));
  });
}

function failLaunch(world: World, machine: Machine): void {
  enter(world, machine, 'failed');
  record(world, machine, { type: 'launch', status: 'failed', source: 'flyd' });
}

function runChecks(world: World, machine: Machine, inMs: number): void {
  machine.checking?.();
  machine.checking = world.after(inMs, () => {
    machine.checking = undefined;
    const rule = machine.checkRule ?? behaviourOf(machine.config).checks;
    const passed = machine.checks.every((check) => check.status === 'passing');
    machine.checks = triedChecks(machine.checks, rule === 'flap' ? !passed : rule === 'pass', world.now());
    world.lag.noteMachine(machine);
    if (rule === 'flap') runChecks(world, machine, flapMs);
  });
}

/** Lets the checks of a machine end so from their next run on, a second from now; undefined: as its image says again. */
export function ruleChecks(world: World, machine: Machine, rule: CheckRule | undefined): void {
  machine.checkRule = rule;
  if (machine.state === 'started') runChecks(world, machine, firstCheckMs);
}

function takeSecrets(machine: Machine): void {
  const { secrets } = machine.app;
  const values = machine.skipSecrets ? [] : [...secrets.byName.values()];
  machine.booted = {
    secretsVersion: secrets.version,
    secrets: Object.fromEntries(values.map((secret) => [secret.name, secret.value])),
  };
}

function growFilesystem(machine: Machine): void {
  const volume = machine.app.volumes.get(machine.config.mounts?.[0]?.volume ?? '');
  if (volume !== undefined) volume.filesystemGb = volume.sizeGb;
}

/** Its process ended by itself, or by a signal that nobody meant as a stop. */
function exit(world: World, machine: Machine, code: number): void {
  const { policy = 'on-failure', max_retries: retries = defaultRetries } = machine.config.restart ?? {};
  const failed = code !== 0;
  const restarting = policy === 'always' || (policy !== 'no' && failed && machine.restartCount < retries);
  if (restarting) machine.restartCount += 1;
  recordExit(world, machine, { code, requested: false, restarting });
  if (!restarting) return ended(world, machine);
  enter(world, machine, 'restarting');
  schedule(world, machine, restartDelayMs, () => boot(world, machine, true));
}

function ended(world: World, machine: Machine): void {
  if (machine.config.auto_destroy !== true) return enter(world, machine, 'stopped');
  // Its exit is on record: what is left to destroy runs nothing.
  enter(world, machine, 'stopped');
  destroy(world, machine, 'flyd');
}

export function stop(world: World, machine: Machine, source: Source = 'user'): void {
  const ran = isRunning(machine.state);
  enter(world, machine, 'stopping');
  record(world, machine, { type: 'stop', status: 'stopping', source });
  schedule(world, machine, stopMs + (ran ? behaviourOf(machine.config).stopMs : 0), () => {
    if (ran) recordExit(world, machine, { code: 0, requested: true });
    ended(world, machine);
  });
}

/** Falls back to a stop where a snapshot is not possible: with swap, a schedule or a GPU. */
export function suspend(world: World, machine: Machine, source: Source = 'user'): void {
  const { init, guest, schedule: cadence } = machine.config;
  const swaps = typeof init?.['swap_size_mb'] === 'number';
  if (swaps || cadence != null || guest?.['gpu_kind'] != null) return stop(world, machine, source);
  enter(world, machine, 'suspending');
  record(world, machine, { type: 'suspend', status: 'suspending', source });
  schedule(world, machine, suspendMs, () => {
    enter(world, machine, 'suspended');
    record(world, machine, { type: 'suspend', status: 'suspended', source: 'flyd' });
  });
}

/** Same version: only the process is new. */
export function restart(world: World, machine: Machine): void {
  const ran = isRunning(machine.state);
  machine.restartCount = 0;
  enter(world, machine, 'restarting');
  record(world, machine, { type: 'restart', status: 'restarting', source: 'user' });
  schedule(world, machine, stopMs + (ran ? behaviourOf(machine.config).stopMs : 0), () => {
    if (ran) recordExit(world, machine, { code: 0, requested: true });
    boot(world, machine, true);
  });
}

/** Signals that end a process: killed ones by 137, the rest in good order. Others change nothing. */
export function signal(world: World, machine: Machine, name: string): void {
  if (name === 'KILL') exit(world, machine, killedExitCode);
  else if (name === 'INT' || name === 'TERM' || name === 'QUIT') exit(world, machine, 0);
}

export function destroy(world: World, machine: Machine, source: Source): void {
  const ran = isRunning(machine.state);
  enter(world, machine, 'destroying');
  record(world, machine, { type: 'destroy', status: 'destroying', source });
  schedule(world, machine, destroyMs, () => {
    if (ran) recordExit(world, machine, { code: 0, requested: true });
    bury(world, machine);
  });
}

/** Its host does not answer: it stays as it was last seen, and nothing about it moves. */
export function halt(world: World, machine: Machine): void {
  machine.pending?.cancel();
  machine.pending = undefined;
  machine.checking?.();
  machine.checking = undefined;
  machine.hostStatus = 'unreachable';
  world.lag.noteMachine(machine);
}

const onItsWayUp: ReadonlySet<MachineState> = new Set(['creating', 'created', 'starting', 'restarting', 'replacing']);

/**
 * Its host is back, or another one has it: what ran or was about to boots again, what was on its way out is gone. Of a stop
 * that the host did not live to end, the exit is still one that was asked for.
 */
export function recover(
  world: World,
  machine: Machine,
  migration?: Pick<MachineEvent, 'type' | 'status' | 'request'>,
): void {
  const { state } = machine;
  const boots = state === 'started' || onItsWayUp.has(state);
  machine.hostStatus = 'ok';
  const why = migration ?? (boots ? { type: 'start', status: 'starting' } : undefined);
  if (why !== undefined) record(world, machine, { ...why, source: 'flyd' });
  if (isRunning(state)) recordExit(world, machine, { code: killedExitCode, requested: !boots, restarting: boots });
  if (state === 'destroying') return bury(world, machine);
  if (boots) return boot(world, machine, true);
  // The snapshot of a suspended machine stays on the host it was taken on.
  const kept = state === 'failed' || state === 'launch_failed';
  enter(world, machine, kept ? state : 'stopped');
}

/** A machine destroyed while nobody could reach its host runs again: the host never heard of it. */
export function resurrect(world: World, machine: Machine): void {
  const { app, config } = machine;
  machine.destroyedAt = undefined;
  machine.hostStatus = 'ok';
  if (!app.machineNames.has(machine.name)) app.machineNames.set(machine.name, machine.id);
  const volume = app.volumes.get(config.mounts?.[0]?.volume ?? '');
  if (volume !== undefined) volume.attachedMachine ??= machine.id;
  takeCapacity(world, machine.region, 1);
  boot(world, machine, true);
}

/** `count` machines more in a region whose capacity is counted. */
export function takeCapacity(world: World, region: string, count: 1 | -1): void {
  const left = world.capacity.get(region);
  if (left !== undefined) world.capacity.set(region, Math.max(0, left - count));
}

/** Destroyed at once: its name and its volume are free, its record can still be read. */
export function bury(world: World, machine: Machine): void {
  enter(world, machine, 'destroyed');
  record(world, machine, { type: 'destroy', status: 'destroyed', source: 'flyd' });
  machine.destroyedAt = world.now();
  machine.lease = undefined;
  machine.app.machineNames.delete(machine.name);
  for (const mount of machine.config.mounts ?? []) {
    const volume = machine.app.volumes.get(mount.volume ?? '');
    if (volume?.attachedMachine !== machine.id) continue;
    volume.attachedMachine = undefined;
    world.lag.noteVolume(volume);
  }
  takeCapacity(world, machine.region, -1);
  world.lag.noteMachine(machine);
}

/** Whatever was under way before is over. */
function enter(world: World, machine: Machine, state: MachineState): void {
  machine.pending?.cancel();
  machine.pending = undefined;
  if (!isRunning(state)) {
    machine.checking?.();
    machine.checking = undefined;
    machine.checks = [];
  }
  machine.state = state;
  machine.updatedAt = world.now();
  world.entered(machine);
}

function schedule(world: World, machine: Machine, ms: number, step: () => void): void {
  const leavesIn = world.pace.leaving(machine, ms);
  if (leavesIn === undefined) return;
  const cancel = world.after(leavesIn, () => {
    machine.pending = undefined;
    step();
  });
  machine.pending = { at: world.now() + leavesIn, cancel };
}

export function record(
  world: World,
  machine: Machine,
  event: Omit<MachineEvent, 'id' | 'timestamp'> & { type: string },
) {
  const now = world.now();
  machine.events.unshift({ id: world.drawUlid(machine.app, `event ${machine.id}`), ...event, timestamp: now });
  if (machine.events.length > eventsKept) machine.events.length = eventsKept;
  world.lag.noteMachine(machine);
}

interface Exit {
  readonly code: number;
  readonly requested: boolean;
  readonly restarting?: boolean;
}

function recordExit(world: World, machine: Machine, { code, requested, restarting = false }: Exit): void {
  const killed = code === killedExitCode;
  const exitEvent = {
    exit_code: code,
    guest_exit_code: killed ? 0 : code,
    guest_signal: killed ? 9 : -1,
    signal: -1,
    oom_killed: false,
    requested_stop: requested,
    restarting,
    exited_at: timestamp(world.now()),
    error: '',
  };
  const request = { exit_event: exitEvent, restart_count: machine.restartCount };
  record(world, machine, { type: 'exit', status: 'stopped', source: 'flyd', request });
}
