import { FlyError } from '../../src/fly/http/error.ts';
import { isOwnLease } from '../../src/model/stamps/lease-holder.ts';
import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { AppPass } from './app-pass.ts';
import { lookAgainAfterWait, stoppedFault } from './basis.ts';
import { givingWay } from './before-sent.ts';
import { destroyLeaseMsMax } from './app-leases.ts';
import { leaseDescription, type HeldLease } from './services.ts';

/** Long enough for a slow call between two renewals, short enough that a killed FlyCD blocks nobody for long. */
const leaseSeconds = 30;
const leaseMs = leaseSeconds * 1000;
/** A third of the lease: two renewals may fail before it is lost. */
const renewEveryMs = 10_000;
/** Of what a lease has left, so much is for one renewal: one that hangs is given up while there is time for another. */
const renewalShare = 0.5;
/** Too late for another try: a renewal takes a round trip. */
const renewalMsMin = 500;
/**
 * A stale lease ends within `leaseSeconds`; one second on top, for Fly gives whole ones. One whose holder is killed while we wait
 * for it, just after it was renewed, is stale as well, and so is one of a destroy, which nobody renews. Longer, and it is alive.
 */
const leaseWaitMsMax = Math.max(2 * (leaseMs + 1000), destroyLeaseMsMax);

/** A lease that was refused and is free a moment later: somebody comes and goes. */
const freeLeasePauseMs = 1000;

/**
 * Holds a machine for us until disposed, renewed in the background. Somebody else's lease is a waiting Fault with the
 * holder's name; one that an earlier FlyCD of this fleet left behind, or that another one gives back, is waited for. After
 * that wait the plan may be out of date: a waiting Fault then, too, and so it is where the machine has just gone.
 */
export async function holdLease(pass: AppPass, machineId: string): Promise<HeldLease> {
  const { lock } = pass;
  // Ours already, until the end of the pass.
  if (lock?.machineId === machineId) return { ...lock, [Symbol.asyncDispose]: () => Promise.resolve() };
  const acquired = await givingWay(pass, machineId, () => acquire(pass, machineId));
  const lease = renewed(pass, machineId, acquired);
  if (!acquired.hasWaited) return lease;
  try {
    await lookAgainAfterWait(pass, machineId);
    return lease;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

interface Acquired {
  readonly nonce: string;
  /** Right before Fly was asked for it: it ends no later than `leaseMs` after that. */
  readonly askedAt: Moment;
}

/** A lease that is renewed in the background until it is disposed. */
function renewed(pass: AppPass, machineId: string, held: Acquired): HeldLease {
  const { clock, fly } = pass.services;
  const { app } = pass;
  let heldFrom = held.askedAt;
  let lost: Fault | undefined;
  let renewal = Promise.resolve();
  let proof: Promise<void> | undefined;
  // It began when Fly was asked for it, which may be seconds ago.
  let cancel = scheduleRenewal(Math.max(0, held.askedAt.monotonic + renewEveryMs - clock.monotonic()));

  function scheduleRenewal(inMs: number): () => void {
    return clock.timer(inMs, () => {
      const startedAt = momentOf(clock);
      renewal = renew(startedAt).finally(() => {
        const nextAt = startedAt.monotonic + renewEveryMs;
        if (lost === undefined && !released) cancel = scheduleRenewal(nextAt - clock.monotonic());
      });
    });
  }
  function hasEnded(): boolean {
    return clock.monotonic() - heldFrom.monotonic >= leaseMs;
  }
  async function renew(startedAt: Moment): Promise<void> {
    const leftMs = heldFrom.monotonic + leaseMs - startedAt.monotonic;
    const patienceMs = Math.max(renewalMsMin, leftMs * renewalShare);
    try {
      await fly.refreshLease(app.name, machineId, held.nonce, { ttlSeconds: leaseSeconds, patienceMs });
      heldFrom = startedAt;
    } catch (error) {
      // One failed renewal is no loss: the lease outlives it, and the next one tries again.
      pass.services.log.warn({ app: app.name, machine: machineId, error: String(error) }, 'lease not renewed');
      // Refused for another reason than haste: it is gone, or somebody else's.
      const isTaken = error instanceof FlyError && error.outcome === 'refused' && error.status !== 429;
      if (isTaken || hasEnded()) lost = lostLease(app.name, machineId);
    }
  }
  /** The machine slept, or somebody set its clock: Fly knows whether the lease is over, and takes no renewal of one that is. */
  async function prove(): Promise<void> {
    await renew(momentOf(clock));
    if (msSince(clock, heldFrom) >= leaseMs) lost ??= lostLease(app.name, machineId);
  }

  let released = false;
  const lease: HeldLease = {
    machineId,
    nonce: held.nonce,
    async check() {
      // A renewal that hangs has not said yet that it is lost.
      if (hasEnded()) lost ??= lostLease(app.name, machineId);
      if (lost === undefined && msSince(clock, heldFrom) >= leaseMs)
        await (proof ??= prove().finally(() => (proof = undefined)));
      if (lost !== undefined) throw lost;
    },
    async [Symbol.asyncDispose]() {
      released = true;
      if (pass.leases.get(machineId) === lease) pass.leases.delete(machineId);
      cancel();
      await renewal;
      // Nothing is left to give back.
      if (hasEnded()) return;
      try {
        await fly.releaseLease(app.name, machineId, held.nonce);
      } catch (error) {
        // It ends by itself within leaseSeconds; failing the step for it would undo nothing.
        pass.services.log.warn({ app: app.name, machine: machineId, error: String(error) }, 'lease not released');
      }
    },
  };
  pass.leases.set(machineId, lease);
  return lease;
}

async function acquire(pass: AppPass, machineId: string) {
  const { clock, fly } = pass.services;
  const { app } = pass;
  const request = { ttlSeconds: leaseSeconds, description: leaseDescription(pass.fleet.name, pass.services.instance) };
  const giveUpAt = clock.monotonic() + leaseWaitMsMax;
  const { signal } = pass.services;
  const stop = pass.newer === undefined ? signal : AbortSignal.any([signal, pass.newer]);
  let hasWaited = false;
  let saidOf: number | undefined;
  for (;;) {
    // Fly's time may differ from ours, and ours may be set: by what nobody sets, the lease ends no later than this.
    const askedAt = momentOf(clock);
    try {
      return { nonce: await fly.acquireLease(app.name, machineId, request), askedAt, hasWaited };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const quietUntil = error instanceof FlyError ? error.leftAloneUntil : undefined;
      const unclear = error instanceof FlyError && error.outcome === 'unknown';
      const isPassing = error.kind === 'waiting' || unclear || quietUntil !== undefined;
      if (stop.aborted && isPassing) throw waitEnded(pass, machineId, error);
      if (stop.aborted || !isPassing || clock.monotonic() >= giveUpAt) throw error;
      if (quietUntil !== undefined) {
        const quietMs = quietUntil - clock.now();
        if (clock.monotonic() + quietMs > giveUpAt) throw error;
        hasWaited = true;
        // A stop or a newer commit ends the wait, as the one below.
        await pass.services.yieldSlot(() => clock.sleep(quietMs, stop)).catch(() => undefined);
        if (stop.aborted) throw waitEnded(pass, machineId, error);
        continue;
      }
      hasWaited = true;
      const lease = await fly.lease(app.name, machineId);
      if (lease === undefined) {
        await clock.sleep(freeLeasePauseMs);
        continue;
      }
      // After an unclear answer too: whether it is ours or another FlyCD's, nobody here knows its nonce.
      if (!isOwnLease(lease.description, pass.fleet)) {
        if (!unclear) throw error;
        // Not ours, so nothing was done: asked again, Fly names who has it.
        await clock.sleep(freeLeasePauseMs, stop).catch(() => undefined);
        continue;
      }
      const untilMs = Math.min(
        Math.max(1000, lease.expires_at * 1000 - fly.aheadMs() - clock.now() + 1),
        destroyLeaseMsMax,
      );
      // Once for each time that it was renewed.
      if (lease.expires_at !== saidOf)
        pass.services.onProgress({
          type: 'waiting',
          app: app.name,
          because: `an earlier FlyCD still holds machine ${machineId}`,
          until: clock.now() + untilMs,
        });
      saidOf = lease.expires_at;
      // A stop or a newer commit ends the wait; the next try says who holds it.
      await pass.services.yieldSlot(() => clock.sleep(untilMs, stop)).catch(() => undefined);
    }
  }
}

/** Who waits for a lease gives way, whatever it was that Fly answered last: nothing has gone wrong. */
function waitEnded(pass: AppPass, machineId: string, cause: Fault): Fault {
  if (cause.kind === 'waiting') return cause;
  const when = 'while FlyCD waited for the lease on a machine';
  return stoppedFault(pass, { when, machineId, why: cause.message, cause });
}

function lostLease(app: string, machineId: string): Fault {
  return new Fault({
    kind: 'transient',
    what: 'lost the lease on a machine',
    why: 'it could not be renewed in time, so somebody else may be changing the machine',
    next: 'FlyCD looks again and goes on from what it sees',
    where: `${app} ${machineId}`,
  });
}
