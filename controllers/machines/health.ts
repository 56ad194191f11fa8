import type { Machine } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { judge } from '../../src/plan/classify/health.ts';
import { shellWord } from '../../src/model/base/shell.ts';

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
  /** When it began, milliseconds since the epoch: what it was given to become healthy counts from there. undefined: now. */
  readonly since?: number | undefined;
}

/**
 * Waits until a machine runs `version` and its checks pass. Judged by time without progress, not by total time: a slow
 * image pull that moves on is no failure. Throws a Fault saying what the machine did instead, with its last output.
 */
export function waitHealthy(pass: AppPass, wait: HealthWait): Promise<Machine> {
  return pass.services.yieldSlot(() => untilHealthy(pass, wait));
}

async function untilHealthy(pass: AppPass, { machineId, version, since }: HealthWait): Promise<Machine> {
  const { clock } = pass.services;
  const { app } = pass;
  const patienceMs = app.waitTimeoutSeconds * 1000;
  const begunAt = since ?? clock.now();
  await settled(pass, { machineId, version });
  // Where the wait began earlier, what runs has been watched since then.
  let runsSince = since;
  const seen: Seen = { states: new Set(), passing: 0 };
  let machine = await presentMachine(pass, machineId, version);
  // What is found first is no news: when it came to be is said by its events.
  isNews(seen, machine);
  let progressAt = since ?? lastProgress(machine, begunAt, clock.now());
  for (;;) {
    const verdict = judge(machine);
    if (verdict.state === 'failed') throw unhealthy(pass, machine, verdict.why);
    if (verdict.state === 'done') return machine;
    runsSince = verdict.state === 'smoke' ? (runsSince ?? clock.now()) : undefined;
    if (runsSince !== undefined && clock.now() - runsSince >= smokeMs) return machine;
    if (isNews(seen, machine)) progressAt = clock.now();
    if (verdict.state === 'waiting' && clock.now() - progressAt > patienceMs) {
      throw unhealthy(pass, machine, `no progress for ${app.waitTimeoutSeconds} s: ${verdict.why}`);
    }
    await clock.sleep(pollMs, pass.newer).catch((error: unknown) => {
      throw pass.newer?.aborted === true ? overtaken(pass, machineId) : error;
    });
    machine = await presentMachine(pass, machineId, version);
  }
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
async function settled(pass: AppPass, { machineId, version }: HealthWait): Promise<void> {
  const { fly } = pass.services;
  const { app } = pass;
  const ends = ['started', 'suspended', 'failed', 'destroyed'];
  try {
    await fly.wait(app.name, machineId, {
      // A stop without its version may be the one before.
      states: version === undefined ? ends.filter((state) => state !== 'suspended') : [...ends, 'stopped'],
      version,
      timeoutSeconds: Math.min(waitCallSeconds, app.waitTimeoutSeconds),
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

async function presentMachine(pass: AppPass, machineId: string, version: string | undefined): Promise<Machine> {
  const machine = await pass.services.fly.machine(pass.app.name, machineId);
  if (machine === undefined || machine.state === 'destroyed') {
    throw new Fault({
      kind: 'transient',
      what: 'a machine is gone while FlyCD waited for it',
      next: 'FlyCD looks again and goes on from what it sees',
      where: `${pass.app.name} ${machineId}`,
    });
  }
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
