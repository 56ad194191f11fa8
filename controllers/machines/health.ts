import type { Machine } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { giveWay } from '../pass/basis.ts';
import { flyNow } from '../pass/fly-now.ts';
import { holdLease } from '../pass/lease.ts';
import { hasChecks, judge, smokeMs, type Verdict } from '../../src/plan/classify/health.ts';
import { bootedAt, stateSince } from '../../src/plan/classify/machine-history.ts';
import { isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { isArriving, isLeaving, patienceFor } from '../../src/plan/classify/patience.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import { overtaken } from './overtaken.ts';
import { silentHost } from './silent-host.ts';
import { isStandbyNeeded } from './standbys.ts';
import { checkNotTakenBack, hasMovedSince, machineAfter } from './taken-back.ts';

/** Get Machine is limited to 5 a second and machine; once a second leaves room for the renewals of others. */
const pollMs = 1000;
/** One wait call: Fly's proxy cuts longer ones. */
const waitCallSeconds = 60;
/** A host that is silent for longer than a hiccup, all times together, is Fly's to mend, and the next pass looks again. */
const silentMsMax = 60_000;
const silentPollMs = 5000;

export interface HealthWait {
  readonly machineId: string;
  /** instance_id of the update to wait for; undefined: it was started or restarted, and a stop that is over means nothing. */
  readonly version: string | undefined;
  /** As it was right before that update. */
  readonly before?: Machine | undefined;
  /** true: an earlier pass began it. What the machine is given where it is counts from when it came there. */
  readonly isResumed?: boolean | undefined;
  /** Of the machine's lease, which whoever changes it holds: FlyCD would wait for itself. undefined: it is not held. */
  readonly nonce: string | undefined;
}

/**
 * Waits until a machine runs `version`, its checks pass, and it has run for ten seconds without ending. Judged by time
 * without progress, not by total time: the old version's time to stop, a pull and a boot have their own, and wait_timeout
 * begins when the machine runs and the grace period of its checks is over. One that the proxy stops before its checks have
 * passed is started again; a standby that Fly stops is not, once the host of its machine is back. Throws a Fault saying what
 * the machine did instead, with its last output, or that its host does not answer, which blames no version.
 */
export function waitHealthy(pass: AppPass, wait: HealthWait): Promise<Machine> {
  return pass.services.yieldSlot(() => untilHealthy(pass, wait));
}

async function untilHealthy(pass: AppPass, wait: HealthWait): Promise<Machine> {
  const { clock } = pass.services;
  const begunAt = wait.isResumed === true ? undefined : clock.monotonic();
  await settled(pass, wait);
  let machine = await presentMachine(pass, wait);
  const seen = firstSeen(machine, lastProgress(pass, machine, begunAt), begunAt, clock.monotonic());
  for (;;) {
    const verdict = judge(machine);
    note(seen, machine, verdict, clock.monotonic());
    switch (verdict.state) {
      case 'failed':
        throw unhealthy(pass, machine, verdict.why);
      case 'done':
        return machine;
      case 'silent':
        if (seen.silentMs >= silentMsMax) throw silentHost(pass, machine);
        seen.silentMs += silentPollMs;
        await pause(pass, wait, silentPollMs);
        break;
      case 'smoke': {
        const leftMs = seen.runsSince + smokeMs - clock.monotonic();
        if (leftMs <= 0 || (isProven(machine, wait) && hasChecks(machine))) return machine;
        // Its events tell whether it has ended meanwhile. One without checks may be given up sooner.
        await pause(pass, wait, hasChecks(machine) ? leftMs : Math.min(leftMs, pollMs));
        break;
      }
      case 'rests':
        if (seen.hasPassed || isProven(machine, wait)) return machine;
        if ((await isStandbyNeeded(pass, machine.config ?? {})) === false) return machine;
        await checkPatience(pass, { ...machine, state: 'started' }, seen, verdict.why);
        await startAgain(pass, wait);
        await settled(pass, wait);
        await pause(pass, wait, pollMs);
        break;
      case 'waiting':
        await checkPatience(pass, machine, seen, verdict.why);
        // On its way up there is nothing to see until it is there.
        if (machine.state !== 'started') await settled(pass, wait);
        await pause(pass, wait, pollMs);
    }
    machine = await presentMachine(pass, wait);
  }
}

async function pause(pass: AppPass, { machineId }: HealthWait, ms: number): Promise<void> {
  await pass.services.clock.sleep(ms, pass.newer).catch((error: unknown) => {
    throw pass.newer?.aborted === true ? overtaken(pass, machineId) : error;
  });
}

/** It was healthy in this version before, and has only to be so again. */
function isProven(machine: Machine, { version }: HealthWait): boolean {
  return version !== undefined && metadataOf(machine)[stampKeys.unproven] === undefined;
}

/** The proxy, which stopped it, may be quicker to start it. */
async function startAgain(pass: AppPass, { machineId, nonce }: HealthWait): Promise<void> {
  const { fly } = pass.services;
  const { name } = pass.app;
  try {
    if (nonce !== undefined) return await fly.startMachine(name, machineId, nonce);
    await using lease = await holdLease(pass, machineId);
    await fly.startMachine(name, machineId, lease.nonce);
  } catch (error) {
    const machine = error instanceof FlyError ? await fly.machine(name, machineId) : undefined;
    if (machine === undefined || judge(machine).state === 'rests') throw error;
  }
}

async function checkPatience(pass: AppPass, machine: Machine, seen: Seen, why: string): Promise<void> {
  const overMs = await exceeded(pass, machine, pass.services.clock.monotonic() - seen.progressAt);
  if (overMs !== undefined) throw stuck(pass, machine, `${Math.round(overMs / 1000)} s: ${why}`);
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

/**
 * It came where it is when its events say, by Fly's clock. The long wait ends the moment a machine is started, and what a
 * wait that began just now has seen lies within it, however well the two clocks are known.
 */
function lastProgress({ services }: AppPass, machine: Machine, begunAt: number | undefined): number {
  const now = services.clock.monotonic();
  if (machine.state === 'started' && begunAt !== undefined) return now;
  const since = stateSince(machine);
  const ago = since === undefined ? 0 : flyNow(services) - since;
  return Math.min(Math.max(now - ago, begunAt ?? -Infinity), now);
}

/** What a wait has seen of its machine. Times are by the monotonic clock, whatever somebody sets the other one to meanwhile. */
interface Seen {
  readonly states: Set<string>;
  passing: number;
  progressAt: number;
  /** Which of its boots it runs since, and from when on. */
  boot: number | undefined;
  runsSince: number;
  /** Its checks have passed since that boot. */
  hasPassed: boolean;
  /** For so long its host was found silent. */
  silentMs: number;
}

/** What is found first is no news: when it came to be is said by its events. One that is at rest has its time once it runs. */
function firstSeen(machine: Machine, progressAt: number, begunAt: number | undefined, now: number): Seen {
  const verdict = judge(machine);
  return {
    states: new Set([machine.state]),
    passing: passingOf(verdict),
    progressAt: verdict.state === 'rests' ? now : progressAt,
    boot: bootedAt(machine),
    runsSince: begunAt === undefined ? progressAt : now,
    hasPassed: false,
    silentMs: 0,
  };
}

/** Only what was never reached before is progress: a check that comes and goes would be waited for without end. */
function note(seen: Seen, machine: Machine, verdict: Verdict, now: number): void {
  if (verdict.state === 'silent') {
    // Once it is back all begins anew.
    seen.states.clear();
    seen.passing = 0;
    seen.boot = undefined;
    return;
  }
  const passing = passingOf(verdict);
  if (!seen.states.has(machine.state) || passing > seen.passing) seen.progressAt = now;
  seen.states.add(machine.state);
  seen.passing = Math.max(seen.passing, passing);
  const boot = bootedAt(machine);
  if (machine.state === 'started' && boot !== seen.boot) {
    seen.boot = boot;
    seen.runsSince = now;
    seen.hasPassed = false;
  }
  if (verdict.state === 'smoke') seen.hasPassed = true;
}

function passingOf(verdict: Verdict): number {
  return verdict.state === 'waiting' || verdict.state === 'smoke' ? verdict.passing : 0;
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
  const machine = await machineAfter(pass, machineId, { version, before });
  if (machine === undefined || machine.state === 'destroyed') {
    // The new version may have ended it, and would end the next machine as well: the pass fails here.
    throw new Fault({
      kind: 'transient',
      what: 'a machine is gone while FlyCD waited for it',
      next: 'FlyCD looks again and goes on from what it sees',
      where: `${pass.app.name} ${machineId}`,
    });
  }
  checkNotTakenBack(pass, machine, { version, before });
  const isAnothers = version !== undefined && machine.instance_id !== undefined && machine.instance_id !== version;
  if (!isAnothers || !isHostOk(machine)) return machine;
  const was = hasMovedSince(machine, version) ? 'moved to another host by Fly' : 'updated by somebody else';
  throw giveWay(pass, `machine ${machineId} was ${was} while FlyCD waited for it`);
}

function stuck(pass: AppPass, machine: Machine, how: string): Fault {
  const why = `no progress for ${how}`;
  if (!isLeaving(machine)) return unhealthy(pass, machine, why, isArriving(machine) ? slowPull : '');
  // What ran before and does not stop says nothing of a new version.
  return new Fault({
    kind: 'transient',
    what: 'what ran on a machine does not stop',
    why,
    next: `FlyCD goes on once it has; see what it says: fly logs -a ${shellWord(pass.app.name)} --machine ${shellWord(machine.id)}`,
    where: `${pass.app.name} ${machine.id} (${machine.name})`,
  });
}

/** Said of a machine that has not come up: which of the two it is, nothing tells. */
const slowPull = 'where its image takes so long to be pulled, write a longer deploy.wait_timeout (15m); else ';

function unhealthy(pass: AppPass, machine: Machine, why: string, hint = ''): Fault {
  return new Fault({
    kind: 'transient',
    blames: 'machine',
    what: 'a machine did not become healthy',
    why,
    next: `${hint}see what it says: fly logs -a ${shellWord(pass.app.name)} --machine ${shellWord(machine.id)}`,
    where: `${pass.app.name} ${machine.id} (${machine.name})`,
  });
}
