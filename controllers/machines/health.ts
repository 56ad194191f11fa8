import type { Machine } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { judge } from '../../src/plan/classify/health.ts';
import { stateSince } from '../../src/plan/classify/machine-history.ts';
import { isLeaving, patienceFor } from '../../src/plan/classify/patience.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import { checkNotTakenBack } from './taken-back.ts';

/** Get Machine is limited to 5 a second and machine; once a second leaves room for the renewals of others. */
const pollMs = 1000;
/** One wait call: Fly's proxy cuts longer ones. */
const waitCallSeconds = 60;
/** As flyctl: a machine without checks counts as started well when it has run this long without crashing. */
const smokeMs = 10_000;

export interface HealthWait {
  readonly machineId: string;
  /** instance_id of the update to wait for; undefined: it was started or restarted, and a stop that is over means nothing. */
  readonly version: string | undefined;
  /** As it was right before that update. */
  readonly before?: Machine | undefined;
  /** true: an earlier pass began it. What the machine is given where it is counts from when it came there. */
  readonly isResumed?: boolean | undefined;
}

/**
 * Waits until a machine runs `version` and its checks pass. Judged by time without progress, not by total time: the old
 * version's time to stop, a pull and a boot have their own, and wait_timeout begins when the machine runs and the grace
 * period of its checks is over. Throws a Fault saying what the machine did instead, with its last output.
 */
export function waitHealthy(pass: AppPass, wait: HealthWait): Promise<Machine> {
  return pass.services.yieldSlot(() => untilHealthy(pass, wait));
}

async function untilHealthy(pass: AppPass, wait: HealthWait): Promise<Machine> {
  const { clock } = pass.services;
  const { machineId, isResumed = false } = wait;
  const begunAt = isResumed ? undefined : clock.now();
  await settled(pass, wait);
  const seen: Seen = { states: new Set(), passing: 0 };
  let machine = await presentMachine(pass, wait);
  // What is found first is no news: when it came to be is said by its events.
  isNews(seen, machine);
  let progressAt = lastProgress(machine, begunAt, clock.now());
  let runsSince = isResumed ? progressAt : undefined;
  for (;;) {
    const verdict = judge(machine);
    if (verdict.state === 'failed') throw unhealthy(pass, machine, verdict.why);
    if (verdict.state === 'done') return machine;
    runsSince = verdict.state === 'smoke' ? (runsSince ?? clock.now()) : undefined;
    if (runsSince !== undefined && clock.now() - runsSince >= smokeMs) return machine;
    if (isNews(seen, machine)) progressAt = clock.now();
    if (verdict.state === 'waiting') {
      const overMs = await exceeded(pass, machine, clock.now() - progressAt);
      if (overMs !== undefined) throw stuck(pass, machine, `${Math.round(overMs / 1000)} s: ${verdict.why}`);
      // On its way up there is nothing to see until it is there.
      if (machine.state !== 'started') await settled(pass, wait);
    }
    await clock.sleep(pollMs, pass.newer).catch((error: unknown) => {
      throw pass.newer?.aborted === true ? overtaken(pass, machineId) : error;
    });
    machine = await presentMachine(pass, wait);
  }
}

/** What the machine was given where it is, in milliseconds, where that is over; undefined: it still has time. */
async function exceeded(pass: AppPass, machine: Machine, ms: number): Promise<number | undefined> {
  const { fly } = pass.services;
  const { name, waitTimeoutSeconds } = pass.app;
  const least = patienceFor(machine, { waitTimeoutSeconds, before: [] });
  if (ms <= least || !isLeaving(machine)) return ms > least ? least : undefined;
  // Few machines need longer to stop than Fly gives by itself: only of them it is asked how long they may.
  const sent = await fly.machineVersions(name, machine.id).catch((error: unknown) => {
    if (!(error instanceof FlyError)) throw error;
    return undefined;
  });
  const most = patienceFor(machine, { waitTimeoutSeconds, before: sent?.slice(1) });
  return ms > most ? most : undefined;
}

/** The machine is marked as not seen healthy: the next pass gives it what git says by now, or looks again. */
function overtaken({ app, services: { clock } }: AppPass, machineId: string): Fault {
  return new Fault({
    kind: 'waiting',
    what: 'git has moved on while FlyCD waited for a machine',
    next: 'FlyCD goes on with what git says now',
    where: `${app.name} ${machineId}`,
    retryAt: clock.now(),
  });
}

/**
 * It came where it is when its events say. The long wait ends the moment a machine is started, and what a wait that began
 * just now has seen lies within it: Fly's clock is not ours.
 */
function lastProgress(machine: Machine, begunAt: number | undefined, now: number): number {
  if (machine.state === 'started' && begunAt !== undefined) return now;
  return Math.min(Math.max(stateSince(machine) ?? now, begunAt ?? 0), now);
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

/** One long wait, until it has come up or down. Whatever comes of it, a look at the machine decides: Fly may answer it with an error. */
async function settled(pass: AppPass, { machineId, version }: HealthWait): Promise<void> {
  const { fly } = pass.services;
  const { app } = pass;
  const ends = ['started', 'suspended', 'failed', 'destroyed'];
  try {
    await fly.wait(app.name, machineId, {
      // A stop without its version may be the one before.
      states: version === undefined ? ends.filter((state) => state !== 'suspended') : [...ends, 'stopped'],
      version,
      timeoutSeconds: waitCallSeconds,
      signal: pass.newer,
    });
  } catch (error) {
    if (pass.newer?.aborted === true) return;
    if (!(error instanceof FlyError)) throw error;
    pass.services.log.debug(
      { app: app.name, machine: machineId, error: String(error) },
      'wait for a machine ended early',
    );
  }
}

async function presentMachine(pass: AppPass, { machineId, version, before }: HealthWait): Promise<Machine> {
  const machine = await pass.services.fly.machine(pass.app.name, machineId);
  if (machine === undefined || machine.state === 'destroyed') {
    throw new Fault({
      kind: 'transient',
      what: 'a machine is gone while FlyCD waited for it',
      next: 'FlyCD looks again and goes on from what it sees',
      where: `${pass.app.name} ${machineId}`,
    });
  }
  checkNotTakenBack(pass, machine, { version, before });
  if (version !== undefined && machine.instance_id !== undefined && machine.instance_id !== version) {
    throw new Fault({
      kind: 'transient',
      what: 'somebody else updated a machine while FlyCD waited for it',
      next: 'FlyCD looks again and goes on from what it sees',
      where: `${pass.app.name} ${machineId}`,
    });
  }
  return machine;
}

function stuck(pass: AppPass, machine: Machine, how: string): Fault {
  const why = `no progress for ${how}`;
  if (!isLeaving(machine)) return unhealthy(pass, machine, why);
  // What ran before and does not stop says nothing of a new version.
  return new Fault({
    kind: 'transient',
    what: 'what ran on a machine does not stop',
    why,
    next: `FlyCD goes on once it has; see what it says: fly logs -a ${shellWord(pass.app.name)} --machine ${shellWord(machine.id)}`,
    where: `${pass.app.name} ${machine.id} (${machine.name})`,
  });
}

function unhealthy(pass: AppPass, machine: Machine, why: string): Fault {
  return new Fault({
    kind: 'transient',
    blames: 'machine',
    what: 'a machine did not become healthy',
    why,
    next: `see what it says: fly logs -a ${shellWord(pass.app.name)} --machine ${shellWord(machine.id)}`,
    where: `${pass.app.name} ${machine.id} (${machine.name})`,
  });
}
