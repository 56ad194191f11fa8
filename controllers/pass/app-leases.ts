/**
 * Leases on all machines of an app while it is destroyed: Fly destroys it whoever holds them, and a person whose word comes too
 * late for the last look sees there that it is about to go.
 */
import { orUndefined } from '../../src/fly/http/absence.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { byText } from '../../src/model/base/text.ts';
import { destroyDescription, isOwnLease } from '../../src/model/stamps/lease-holder.ts';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import { leaseDescription, type AppServices } from './services.ts';

/**
 * A call goes out at most 10 s after its last question was asked (`heldMsMax` in src/fly/http/last-question.ts), and is given up
 * after a minute (`writeTimeoutMs` in src/fly/http/call.ts): whoever is killed in between leaves leases that outlast what was sent.
 */
const leaseSeconds = 80;
/** So young a lease has all that time left. */
const freshMs = 5000;
/** A renewal takes a round trip: of the 10 s before the call goes out it may take half. */
const renewalMsMax = 5000;
/** Statuses by which Fly says of a renewal that it was too late: a new lease, which is given back, no such one, another's. */
const lostStatuses: ReadonlySet<number | undefined> = new Set([200, 404, 409, 410]);
/** Whoever gives one back waits as long where Fly limits that: a quarter of the time after which it ends by itself. */
const givesBackMsMax = (leaseSeconds * 1000) / 4;
/** A lease is given back within seconds of what was done under it. */
const lookAgainMs = 5000;
/** Milliseconds after which one that was left behind is over, for Fly gives whole seconds. */
export const destroyLeaseMsMax = (leaseSeconds + 1) * 1000;

interface AppLeasesParts extends Pick<
  AppServices,
  'clock' | 'log' | 'fly' | 'instance' | 'signal' | 'onProgress' | 'yieldSlot'
> {
  readonly fleet: FleetOwner;
  readonly app: string;
}

export class AppLeases {
  readonly #parts: AppLeasesParts;
  /** By machine. */
  readonly #held = new Map<string, { readonly nonce: string; readonly askedAt: Moment }>();
  /** Those that could not be taken the last time. */
  readonly #refused = new Set<string>();

  constructor(parts: AppLeasesParts) {
    this.#parts = parts;
  }

  has(machineId: string): boolean {
    return this.#held.has(machineId);
  }

  get machineIds(): readonly string[] {
    return [...this.#held.keys()];
  }

  /**
   * The first time. What another FlyCD of the fleet holds, or an earlier one left behind, is waited for as long as one that
   * nobody renews stands. Throws a waiting Fault, which names the holder, where somebody is at work on one of them.
   */
  async take(machineIds: readonly string[]): Promise<void> {
    const { clock, app, signal, onProgress, yieldSlot } = this.#parts;
    const giveUpAt = clock.monotonic() + destroyLeaseMsMax;
    for (let isSaid = false; ; isSaid = true) {
      try {
        return await this.hold(machineIds);
      } catch (error) {
        // Two that each hold what the other one waits for would wait for ever.
        await this.release();
        const isOver = clock.monotonic() >= giveUpAt || signal.aborted;
        const isUnclear = error instanceof FlyError && error.outcome === 'unknown';
        if (isOver || !(error instanceof Fault) || !(isUnclear || error.kind === 'waiting')) throw error;
        const endsAt = await this.#ownEndsAt(isUnclear);
        if (endsAt === undefined) throw error;
        const because = 'another FlyCD of the fleet holds a machine of it';
        const until = Math.min(endsAt, clock.now() + giveUpAt - clock.monotonic());
        if (!isSaid) onProgress({ type: 'waiting', app, because, until });
        const pauseMs = Math.min(Math.max(1000, endsAt - clock.now()), lookAgainMs);
        await yieldSlot(() => clock.sleep(pauseMs, signal));
      }
    }
  }

  /**
   * When the last of those is over, by our clock, that could not be taken, or of which no answer came. undefined: somebody else
   * holds one of them, or it is none that was refused for a lease.
   */
  async #ownEndsAt(isUnclear: boolean): Promise<number | undefined> {
    const { clock, fly, app, fleet } = this.#parts;
    const leases = await allEnded([...this.#refused].map((id) => fly.lease(app, id)));
    const others = leases.filter((lease) => lease !== undefined);
    if (!isUnclear && others.length === 0) return undefined;
    if (!others.every(({ description }) => isOwnLease(description, fleet))) return undefined;
    // Fly says in whole seconds when a lease ends.
    const ends = others.map(({ expires_at: at }) => (at + 1) * 1000 - fly.aheadMs());
    return Math.max(clock.now(), ...ends);
  }

  /** Each of them, by default those of before, is ours for longer than the call takes that is sent next. Throws as above. */
  async hold(machineIds: readonly string[] = this.machineIds): Promise<void> {
    this.#refused.clear();
    const [lowest, ...others] = machineIds.toSorted(byText);
    if (lowest === undefined) return;
    // First, as the app's lock: of two that destroy it one has all of them.
    await this.#holdOne(lowest);
    await allEnded(others.map((id) => this.#holdOne(id)));
  }

  /** Where the app stays. */
  async release(): Promise<void> {
    const { app, log } = this.#parts;
    const given = [...this.#held];
    this.#held.clear();
    await allEnded(
      given.map(([id, { nonce }]) =>
        this.#giveBack(id, nonce).catch((error: unknown) => {
          // It ends by itself.
          log.warn({ app, machine: id, error: String(error) }, 'lease not released');
        }),
      ),
    );
  }

  /** Left behind, it would keep the next pass and people waiting: a limit that passes soon is waited out. */
  async #giveBack(id: string, nonce: string): Promise<void> {
    const { clock, fly, app, signal, yieldSlot } = this.#parts;
    try {
      await fly.releaseLease(app, id, nonce);
    } catch (error) {
      const until = error instanceof FlyError ? error.leftAloneUntil : undefined;
      const quietMs = until === undefined ? Infinity : until - clock.now();
      if (quietMs > givesBackMsMax) throw error;
      await yieldSlot(() => clock.sleep(quietMs, signal));
      await fly.releaseLease(app, id, nonce);
    }
  }

  async #holdOne(id: string): Promise<void> {
    const { clock, fly, app, fleet, instance } = this.#parts;
    const held = this.#held.get(id);
    if (held !== undefined && msSince(clock, held.askedAt) <= freshMs) return;
    const askedAt = momentOf(clock);
    if (held !== undefined && (await this.#isRenewed(id, held.nonce))) {
      this.#held.set(id, { ...held, askedAt });
      return;
    }
    const description = destroyDescription(leaseDescription(fleet.name, instance));
    const asking = fly.acquireLease(app, id, { ttlSeconds: leaseSeconds, description });
    // One that is gone is nobody's to hold.
    const nonce = await orUndefined(asking).catch((error: unknown) => {
      this.#refused.add(id);
      throw error;
    });
    if (nonce !== undefined) this.#held.set(id, { nonce, askedAt });
  }

  /**
   * false: the call waited for its turn for longer than the lease, and somebody else may hold it by now. One that Fly refuses for
   * another reason, as for haste, is ours as long as before, and is given back with the others.
   */
  async #isRenewed(id: string, nonce: string): Promise<boolean> {
    const { fly, app } = this.#parts;
    try {
      await fly.refreshLease(app, id, nonce, { ttlSeconds: leaseSeconds, patienceMs: renewalMsMax });
      return true;
    } catch (error) {
      const isRefused = error instanceof FlyError && error.outcome === 'refused';
      if (!isRefused || !lostStatuses.has(error.status)) throw error;
      this.#held.delete(id);
      return false;
    }
  }
}
