/**
 * What is written on the machines of an app that somebody destroys keeps it or goes with it. Whoever destroys it leases all its
 * machines (`AppLeases`), and looks at each of them behind that: what stands on one then keeps the app, and whoever wrote it later
 * sees the leases.
 */
import type { Lease, Machine } from '../../schemas/fly/machine.ts';
import type { FlyReader } from '../../src/fly/api.ts';
import { inPlace, type Aside } from '../../src/loop/aside.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { Log } from '../../src/model/base/log.ts';
import { byText } from '../../src/model/base/text.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import { holderOf, isDestroyLease } from '../../src/model/stamps/lease-holder.ts';
import { isCopy } from '../../src/model/stamps/slot.ts';
import { goneAmong } from '../../src/observed/presence.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { flyNow } from '../pass/fly-now.ts';

/**
 * A call is sent at most 10 s after the look that did not see what was written (`heldMsMax` in src/fly/http/last-question.ts), and
 * given up where Fly does not answer for a minute (`writeTimeoutMs` in src/fly/http/call.ts). Whatever is sent after that is sent
 * behind a look that sees it. 5 s are for one's own looks.
 */
export const landsWithinMs = 75_000;
/** One that lands at the last moment has what was written put back, and who sends the next one its own time; a third is a loop of somebody's. */
export const lookedAtMsMax = 2 * landsWithinMs;
/** A lease is given back within seconds of what was done under it, and Fly answers five looks at one machine a second. */
export const lookEveryMs = 2000;
/** Fly says in whole seconds when a lease ends. */
export const leaseEndMs = 1000;
/** One that is so old was in the list behind which the oldest call went out that may be under way: lists lag by seconds. */
const knownAfterMs = landsWithinMs + 15_000;
/**
 * All are leased but one that somebody has just made: one of the oldest is enough. More than one of them tell where some do not
 * answer, and where a whole group of machines has been made anew.
 */
const oldestMax = 8;

/** What a look at a machine by its id shows. */
export interface Sight {
  /** undefined: Fly does not show it. */
  readonly machine: Machine | undefined;
  /** false: it did not carry what was written, though it may since. */
  readonly isWritten: boolean;
}

interface Outlasting {
  readonly fly: FlyReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Default: whoever waits has no place to give back. */
  readonly yieldSlot?: Aside;
}

export interface Written {
  /** All those of FlyCD's that stood in the app, as they were listed. */
  readonly machines: readonly Machine[];
  /** Those of them on which it was written, by their ids. */
  readonly written: ReadonlySet<string>;
  /** Looks at one, and puts back what was written over. Throws where it cannot be seen. */
  readonly look: (id: string) => Promise<Sight>;
}

/** written: seen there. missing: seen without it. dark: its host does not answer, so that it shows no lease for certain. gone: by one look. */
type State = 'written' | 'missing' | 'dark' | 'gone' | 'unseen';

interface Watched {
  readonly id: string;
  readonly isCopy: boolean;
  /** By Fly's clock. */
  readonly createdAt: number;
  readonly state: State;
  /** Of a destroy, and not seen to be given back. */
  readonly lease: Lease | undefined;
}

/**
 * true: no destroy of the app that was on its way when this was written can take it along any more. false: all these machines are
 * gone, and maybe the app. Where nobody destroys it that is one look at a few machines. Throws a transient Fault where nobody could
 * see it.
 */
export async function outlastsDestroys(
  context: Outlasting,
  app: string,
  { machines, written, look }: Written,
): Promise<boolean> {
  const { clock, signal, yieldSlot = inPlace } = context;
  const beganAt = clock.monotonic();
  let standsSince = beganAt;
  let watched = fewOf(machines, written);
  for (let isTold = false; ; isTold = true) {
    watched = await allEnded(watched.map((one) => lookAt(context, app, { one, look })));
    const stand = watched.filter(({ state }) => state === 'written');
    if (stand.length === 0 && watched.some(({ state }) => state === 'missing')) standsSince = clock.monotonic();
    const areGone = watched.every(({ state }) => state === 'gone');
    if (areGone && (await goneAmong(context, app, watched.map(idOf))).size === watched.length) return false;
    const hasLanded = clock.monotonic() - standsSince >= landsWithinMs;
    if (stand.length > 0 && (hasLanded || isFree(watched, flyNow(context)))) return true;
    if (clock.monotonic() - beganAt >= lookedAtMsMax) throw unseen(app);
    if (!isTold) tell(context, app, watched);
    await yieldSlot(() => clock.sleep(lookEveryMs, signal));
  }
}

/** Nobody holds one of them for a destroy, and one that carries it would be held by whoever destroys the app. */
function isFree(watched: readonly Watched[], now: number): boolean {
  if (watched.some(({ lease }) => lease !== undefined)) return false;
  const areSeen = watched.every(({ state }) => state === 'written');
  const isKnown = (one: Watched): boolean => now - one.createdAt >= knownAfterMs || (areSeen && !one.isCopy);
  return watched.some((one) => one.state === 'written' && isKnown(one));
}

const idOf = ({ id }: Watched): string => id;

/** The oldest of all, and of those on which it was written. */
function fewOf(machines: readonly Machine[], written: ReadonlySet<string>): readonly Watched[] {
  const all = machines.toSorted(byAge);
  const few = [...all.slice(0, oldestMax), ...all.filter(({ id }) => written.has(id)).slice(0, oldestMax)];
  return [...new Set(few)].map((machine) => ({
    id: machine.id,
    isCopy: isCopy(machine.id, metadataOf(machine)),
    createdAt: Date.parse(machine.created_at ?? ''),
    state: 'unseen',
    lease: leaseOf(machine),
  }));
}

/** The oldest first. */
export function byAge(a: Machine, b: Machine): number {
  return byText(a.created_at ?? '', b.created_at ?? '') || byText(a.id, b.id);
}

function leaseOf({ lease }: Machine): Lease | undefined {
  return isDestroyLease(lease?.description) ? (lease ?? undefined) : undefined;
}

/** A look that fails says nothing. */
async function lookAt(
  context: Outlasting,
  app: string,
  { one, look }: Pick<Written, 'look'> & { readonly one: Watched },
): Promise<Watched> {
  try {
    const { machine, isWritten } = await look(one.id);
    if (machine === undefined || isGone(machine)) return { ...one, state: 'gone' };
    const seen = leaseOf(machine);
    if (!isHostOk(machine)) return { ...one, lease: seen ?? one.lease, state: 'dark' };
    return { ...one, lease: seen ?? leftBehind(context, one.lease), state: isWritten ? 'written' : 'missing' };
  } catch (error) {
    const { message } = toFault(error, 'a look at a machine');
    context.log.warn({ app, machine: one.id, error: message }, 'nobody saw whether it is about to be destroyed');
    return { ...one, state: 'unseen' };
  }
}

/** One that is gone before its end was given back. Of one that ran out the holder was killed, and what it sent may be under way. */
function leftBehind(context: Outlasting, lease: Lease | undefined): Lease | undefined {
  return lease !== undefined && flyNow(context) >= lease.expires_at * 1000 - leaseEndMs ? lease : undefined;
}

function tell({ clock, onProgress }: Outlasting, app: string, watched: readonly Watched[]): void {
  const [lease] = watched.flatMap((one) => one.lease ?? []);
  const because =
    lease === undefined
      ? 'it is written on its machines, and whether somebody is about to destroy the app is not seen yet'
      : `it is written on its machines, and ${holderOf(lease)} is destroying the app, or was about to`;
  onProgress({ type: 'waiting', app, because, until: clock.now() + landsWithinMs });
}

function unseen(app: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `whether what was written on machines of ${app} stands, and the app with it, could not be seen`,
    why: 'Fly did not show a machine of it for as long as a call takes that may have been on its way',
    next: 'run the command again',
    where: app,
  });
}
