import type { Machine, MachineConfig, MachineEvent } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { exitOf, isFailure, type Exit } from '../../src/plan/classify/exit.ts';
import type { ApplyContext } from '../pass/app-pass.ts';

/** Get Machine is limited to 5 a second and machine; once a second leaves room for the renewals of others. */
const pollMs = 1000;
/** One wait call: Fly's proxy cuts longer ones. */
const waitCallSeconds = 60;
/** As flyctl: a machine without checks counts as started well when it has run this long without crashing. */
const smokeMs = 10_000;
/** Restarts within the smoke watch that make a crash loop; as flyctl, which allows one. */
const restartsMax = 1;

export interface HealthWait {
  readonly machineId: string;
  /** instance_id of the update to wait for; undefined: it was started or restarted, and a stop that is over means nothing. */
  readonly version: string | undefined;
  /** When it began, milliseconds since the epoch: what it was given to become healthy counts from there. undefined: now. */
  readonly since?: number | undefined;
}

/**
 * Waits until a machine runs `version` and its checks pass. Judged by time without progress, not by total time: a slow
 * image pull that moves on is no failure. Throws a Fault saying what the machine did instead, with its last output.
 */
export function waitHealthy(context: ApplyContext, wait: HealthWait): Promise<Machine> {
  return context.aside(() => untilHealthy(context, wait));
}

async function untilHealthy(context: ApplyContext, { machineId, version, since }: HealthWait): Promise<Machine> {
  const { clock, app } = context;
  const patienceMs = app.waitTimeoutSeconds * 1000;
  const begunAt = since ?? clock.now();
  await settled(context, { machineId, version });
  // Where the wait began earlier, what runs has been watched since then.
  let runsSince = since;
  const seen: Seen = { states: new Set(), passing: 0 };
  let machine = await presentMachine(context, machineId, version);
  // What is found first is no news: when it came to be is said by its events.
  isNews(seen, machine);
  let progressAt = since ?? lastProgress(machine, begunAt, clock.now());
  for (;;) {
    const verdict = judge(machine);
    if (verdict.state === 'failed') throw unhealthy(context, machine, verdict.why);
    if (verdict.state === 'done') return machine;
    runsSince = verdict.state === 'smoke' ? (runsSince ?? clock.now()) : undefined;
    if (runsSince !== undefined && clock.now() - runsSince >= smokeMs) return machine;
    if (isNews(seen, machine)) progressAt = clock.now();
    if (verdict.state === 'waiting' && clock.now() - progressAt > patienceMs) {
      throw unhealthy(context, machine, `no progress for ${app.waitTimeoutSeconds} s: ${verdict.why}`);
    }
    await clock.sleep(pollMs, context.newer).catch((error: unknown) => {
      throw context.newer?.aborted === true ? overtaken(context, machineId) : error;
    });
    machine = await presentMachine(context, machineId, version);
  }
}

/** The machine is marked as not seen healthy: the next pass gives it what git says by now, or looks again. */
function overtaken({ app, clock }: ApplyContext, machineId: string): Fault {
  return new Fault({
    kind: 'waiting',
    what: 'git has moved on while FlyCD waited for a machine',
    next: 'FlyCD goes on with what git says now',
    where: `${app.name} ${machineId}`,
    retryAt: clock.now(),
  });
}

/**
 * The long wait ends the moment a machine is started. One that it left on its way came there when its newest event says,
 * within that wait: Fly's clock is not ours.
 */
function lastProgress(machine: Machine, begunAt: number, now: number): number {
  if (machine.state === 'started') return now;
  const newest = Math.max(...(machine.events ?? []).map(({ timestamp = 0 }) => timestamp));
  return Math.min(Math.max(newest, begunAt), now);
}

interface Seen {
  readonly states: Set<string>;
  passing: number;
}

/** Only what was never reached before is progress: a check that comes and goes would be waited for without end. */
function isNews(seen: Seen, machine: Machine): boolean {
  const verdict = judge(machine);
  const passing = verdict.state === 'waiting' ? verdict.passing : 0;
  const news = !seen.states.has(machine.state) || passing > seen.passing;
  seen.states.add(machine.state);
  seen.passing = Math.max(seen.passing, passing);
  return news;
}

/** One long wait. Whatever comes of it, a look at the machine decides: Fly may answer it with an error. */
async function settled(context: ApplyContext, { machineId, version }: HealthWait): Promise<void> {
  const { fly, app } = context;
  const ends = ['started', 'suspended', 'failed', 'destroyed'];
  try {
    await fly.wait(app.name, machineId, {
      // A stop without its version may be the one before.
      states: version === undefined ? ends.filter((state) => state !== 'suspended') : [...ends, 'stopped'],
      version,
      timeoutSeconds: Math.min(waitCallSeconds, app.waitTimeoutSeconds),
      signal: context.newer,
    });
  } catch (error) {
    if (context.newer?.aborted === true) return;
    if (!(error instanceof FlyError)) throw error;
    context.log.debug({ app: app.name, machine: machineId, error: String(error) }, 'wait for a machine ended early');
  }
}

async function presentMachine(context: ApplyContext, machineId: string, version: string | undefined): Promise<Machine> {
  const machine = await context.fly.machine(context.app.name, machineId);
  if (machine === undefined || machine.state === 'destroyed') {
    throw new Fault({
      kind: 'transient',
      what: 'a machine is gone while FlyCD waited for it',
      next: 'FlyCD looks again and goes on from what it sees',
      where: `${context.app.name} ${machineId}`,
    });
  }
  if (version !== undefined && machine.instance_id !== undefined && machine.instance_id !== version) {
    throw new Fault({
      kind: 'transient',
      what: 'somebody else updated a machine while FlyCD waited for it',
      next: 'FlyCD looks again and goes on from what it sees',
      where: `${context.app.name} ${machineId}`,
    });
  }
  return machine;
}

type Verdict =
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly why: string }
  | { readonly state: 'smoke' | 'waiting'; readonly passing: number; readonly why: string };

/** One look at a machine. Exported for its table of states. */
export function judge(machine: Machine): Verdict {
  if (machine.state === 'failed' || machine.state === 'launch_failed')
    return { state: 'failed', why: `it is ${machine.state}` };
  const exit = lastExit(machine.events ?? []);
  if (machine.state === 'stopped' || machine.state === 'suspended') {
    if (exit === undefined || exit.requested) return { state: 'done' };
    if (!isFailure(exit) && !serves(machine.config ?? {})) return { state: 'done' };
    return {
      state: 'failed',
      why: `it exited with code ${exitWords(exit)} and stays stopped`,
    };
  }
  if (exit !== undefined && exit.restarting && !exit.requested && isFailure(exit) && exit.restarts > restartsMax) {
    return {
      state: 'failed',
      why: `it crashes again and again: exit code ${exitWords(exit)}`,
    };
  }
  if (machine.state !== 'started') return { state: 'waiting', passing: 0, why: `it is ${machine.state}` };
  if (!hasChecks(machine.config ?? {})) return { state: 'smoke', passing: 0, why: 'watching for crashes' };
  const checks = machine.checks ?? [];
  const failing = checks.filter((check) => check.status !== 'passing');
  if (checks.length > 0 && failing.length === 0) return { state: 'done' };
  const words = failing.map(
    (check) => `check ${check.name ?? '?'} is ${check.status ?? 'unknown'}${saying(check.output)}`,
  );
  return {
    state: 'waiting',
    passing: checks.length - failing.length,
    why: words.length > 0 ? words.join('; ') : 'no check has answered yet',
  };
}

/** Output of a check comes from the app: short, and one line. */
const checkOutputCharactersMax = 200;

function saying(output: string | null | undefined): string {
  const line = (output ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, checkOutputCharactersMax);
  return line === '' ? '' : ` ("${line}")`;
}

export function hasChecks(config: MachineConfig): boolean {
  if (Object.keys(config.checks ?? {}).length > 0) return true;
  return (config.services ?? []).some((service) => (service.checks ?? []).length > 0);
}

/** A process that ends by itself is done with its job, unless somebody was to be served by it. */
function serves(config: MachineConfig): boolean {
  if ((config.schedule ?? '') !== '') return false;
  return (config.services ?? []).length > 0 || hasChecks(config);
}

/** Newest exit after the newest launch or update: older ones speak of an older version. Events come newest first. */
function lastExit(events: readonly MachineEvent[]): Exit | undefined {
  for (const event of events) {
    if (event.type === 'launch' || event.type === 'update') return undefined;
    if (event.type === 'exit') return exitOf(event);
  }
  return undefined;
}

function exitWords(exit: Exit): string {
  return `${exit.code}${exit.outOfMemory ? ' (out of memory)' : ''}`;
}

function unhealthy(context: ApplyContext, machine: Machine, why: string): Fault {
  return new Fault({
    kind: 'transient',
    blames: 'machine',
    what: 'a machine did not become healthy',
    why,
    next: `see what it says: fly logs -a ${context.app.name} --machine ${machine.id}`,
    where: `${context.app.name} ${machine.id} (${machine.name})`,
  });
}
