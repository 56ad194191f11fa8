/**
 * A person's word stays where it was written. An update that was on its way then writes all metadata anew, and who sent it
 * cannot see what it has written over where the machine is the only one: whoever said the word looks until that is over.
 */
import type { Lease, Machine } from '../../schemas/fly/machine.ts';
import { orUndefined } from '../../src/fly/http/absence.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import { holderOf, isDestroyLease } from '../../src/model/stamps/lease-holder.ts';
import { isOwnLease } from '../../src/model/stamps/owner.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import type { StandingKey, StandingTexts } from '../../src/model/standing/standing.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import { flyNow } from '../pass/fly-now.ts';
import type { Stamping, StandingContext } from './rollout-state.ts';

/**
 * An update is sent at most 10 s after the look that did not see the word (`heldMsMax` in src/fly/http/last-question.ts), FlyCD
 * gives it up where Fly does not answer for a minute (`writeTimeoutMs` in src/fly/http/call.ts), and looks at once what became of
 * it. Whatever it sends after that it sends behind a look that sees the word. 5 s are for this command's own looks.
 */
const landsWithinMs = 75_000;
/** One that lands at the last moment has its word put back, and who sends the next one its own time; a third is a loop of somebody's. */
const lookedAtMsMax = 2 * landsWithinMs;
/** A lease is given back within seconds of what was done under it, and Fly answers five looks at one machine a second. */
const lookEveryMs = 2000;
/** Where the word stands for certain on one machine, an update that was on its way to another has this long to be made up for at once. */
const besidesMs = 5000;
/**
 * Whoever destroys an app leases all its machines, but for one that somebody has just made, or that was on a host that did not
 * answer: so many of the oldest are looked at for such leases.
 */
const oldestMax = 8;
/** One machine that carries the word is enough: where somebody holds all of many, these are looked at on and on. */
const lookedAtMax = 8;
/** Fly says in whole seconds when a lease ends. */
const leaseEndMs = 1000;

interface Keeping extends Omit<StandingContext, 'store'> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** A machine that carries the word, or is to. */
interface Watched {
  readonly id: string;
  readonly version: string | undefined;
  readonly lease: Lease | undefined;
  /** Since when the word stands there, as far as nothing has written over it; monotonic. */
  readonly saidAt: number;
  /** The end of a lease whose holder has had its update: of that holder no older one is on its way. */
  readonly updatedUnder?: number | undefined;
  /** A lease ran out: its holder was killed, and what that one had sent may still be under way. */
  readonly isOrphaned?: boolean | undefined;
  /** Its version has moved since: who holds it has had an update. */
  readonly hasMoved?: boolean | undefined;
  /** It has been leased for a destroy of the whole app. */
  readonly isOfDestroy: boolean;
}

/** kept: nothing that is under way can take the word from it. gone: it is none any more. open: nobody knows yet. held: nobody will. */
type Verdict = 'kept' | 'gone' | 'open' | 'held';
type Looked = Watched & { readonly verdict: Verdict };

/**
 * Ends when no update that was on its way can take the word away any more: one machine carries it that nobody is at work on, or
 * whoever was has had the time that an update takes. What was written over is put back; a later word counts in any case. Where
 * nobody is at work that is one look at a few. Throws a transient Fault where somebody is at work all that time.
 */
export async function keepWords(
  context: Keeping,
  app: string,
  { texts, machines }: Omit<Stamping, 'appId'>,
): Promise<void> {
  const { clock, fleet } = context;
  const beganAt = clock.monotonic();
  const watch = (machine: Machine): Watched => ({
    ...seenOf(machine),
    isOfDestroy: isDestroyLease(machine.lease?.description, fleet),
    saidAt: clock.monotonic(),
  });
  const look = (ones: readonly Watched[]) => allEnded(ones.map((watched) => lookAt(context, app, { texts, watched })));
  const all = standingMachines(machines, fleet).filter(isHostOk).toSorted(byAge).map(watch);
  // Lists lag: one that was listed as free is asked for by its id. The first one may be the app's lock, the last one is freer.
  const free = all.findLast(({ lease }) => lease === undefined);
  const first = all.filter((one, place) => one === free || place < oldestMax);
  let looked = await look(free === undefined ? all : first);
  let isKept = looked.some(isIn('kept')) && !looked.some(mayBeDestroyed);
  const others =
    free === undefined ? [] : all.filter((one) => !first.includes(one) && (!isKept || one.lease !== undefined));
  let open: readonly Watched[] = [...leftOf(looked), ...others];
  for (let looks = 1; ; looks += 1) {
    if (!isKept && open.length === 0) open = (await successors(context, app, looked)).map(watch);
    const tookMs = clock.monotonic() - beganAt;
    if (isKept && (open.length === 0 || tookMs >= besidesMs)) return;
    if (!isKept && (tookMs >= lookedAtMsMax || looked.every(isIn('held')))) throw atWork(app, open[0]);
    if (!isKept && looks === 1) tell(context, app, open[0]);
    if (tookMs >= besidesMs) open = open.slice(0, lookedAtMax);
    await clock.sleep(lookEveryMs, context.signal);
    looked = await look(open);
    isKept = (isKept || looked.some(isIn('kept'))) && !looked.some(mayBeDestroyed);
    open = leftOf(looked);
  }
}

/** While the app may be destroyed a word may go with any machine, also with one that nobody holds. */
function leftOf(looked: readonly Looked[]): readonly Looked[] {
  return looked.filter(looked.some(mayBeDestroyed) ? isIn('kept', 'open', 'held') : isIn('open', 'held'));
}

/** Its lease is of a destroy that may not have seen the word; or it is gone, and the others may go at any moment. */
function mayBeDestroyed({ verdict, isOfDestroy }: Looked): boolean {
  return isOfDestroy && (verdict === 'open' || verdict === 'gone');
}

/** The oldest first. */
function byAge(a: Machine, b: Machine): number {
  return byText(a.created_at ?? '', b.created_at ?? '') || byText(a.id, b.id);
}

function isIn(...verdicts: readonly Verdict[]): (looked: Looked) => boolean {
  return ({ verdict }) => verdicts.includes(verdict);
}

function seenOf({ id, instance_id: version, lease }: Machine): Pick<Watched, 'id' | 'version' | 'lease'> {
  return { id, version, lease: lease ?? undefined };
}

/** Looks at the machine by its id, and puts the word back where it went. A look that fails says nothing. */
async function lookAt(
  context: Keeping,
  app: string,
  { texts, watched }: { readonly texts: StandingTexts; readonly watched: Watched },
): Promise<Looked> {
  const { clock, fly, log } = context;
  try {
    const live = await fly.machine(app, watched.id);
    if (live === undefined || isGone(live)) return { ...watched, verdict: 'gone' };
    const seen = { ...watched, ...sinceThen(context, watched, live) };
    const lost = lostOn(live, texts);
    if (lost.length === 0) return { ...seen, verdict: verdictOn(context, seen) };
    await fly.patchMetadata(app, live.id, Object.fromEntries(lost.map((key) => [key, texts[key] ?? null])));
    return { ...seen, saidAt: clock.monotonic(), verdict: 'open' };
  } catch (error) {
    log.warn({ app, machine: watched.id, error: toFault(error, 'a word').message }, 'nobody saw whether a word stands');
    return { ...watched, verdict: clock.monotonic() - watched.saidAt < landsWithinMs ? 'open' : 'held' };
  }
}

/** What a look tells beside the one before it. */
function sinceThen(context: Keeping, before: Watched, live: Machine): Omit<Watched, 'saidAt'> {
  const seen = seenOf(live);
  const hasMoved = seen.version !== before.version;
  const isOfDestroy = before.isOfDestroy || isDestroyLease(seen.lease?.description, context.fleet);
  const isSameLease = before.lease !== undefined && before.lease.expires_at === seen.lease?.expires_at;
  const endsAt = before.lease === undefined ? Infinity : before.lease.expires_at * 1000;
  const ranOut = seen.lease === undefined && flyNow(context) >= endsAt - leaseEndMs;
  return {
    ...seen,
    isOfDestroy,
    hasMoved: hasMoved || before.hasMoved,
    // Held since before the update came, without having been renewed: so it was the holder's own.
    updatedUnder: hasMoved && isSameLease && !isOfDestroy ? seen.lease?.expires_at : before.updatedUnder,
    isOrphaned: (!hasMoved || isOfDestroy) && (ranOut || before.isOrphaned),
  };
}

/** The word stands there. */
function verdictOn({ clock, fleet }: Keeping, { lease, saidAt, ...seen }: Watched): Verdict {
  if (lease === undefined && seen.isOrphaned !== true) return 'kept';
  if (lease !== undefined && lease.expires_at === seen.updatedUnder) return 'kept';
  if (clock.monotonic() - saidAt < landsWithinMs) return 'open';
  // Others look at nothing before they send: theirs may come at any time, but for what has come already.
  return lease === undefined || seen.hasMoved === true || isOwnLease(lease.description, fleet) ? 'kept' : 'held';
}

/** A newer word stays. */
function lostOn(live: Machine, texts: StandingTexts): readonly StandingKey[] {
  const there = metadataOf(live);
  const newest = readStanding([there, texts]).texts;
  return (Object.keys(texts) as StandingKey[]).filter((key) => newest[key] === texts[key] && there[key] !== texts[key]);
}

/** Machines that have taken the place of these. Throws a Fault where there is none. */
async function successors({ fly, fleet }: Keeping, app: string, gone: readonly Watched[]): Promise<readonly Machine[]> {
  const before = new Set(gone.map(({ id }) => id));
  // Of an app that is gone Fly lists none: that call fails.
  const there = (await orUndefined(fly.machines(app))) ?? [];
  const others = standingMachines(there, fleet).filter((one) => isHostOk(one) && !before.has(one.id));
  if (others.length > 0) return others;
  throw new Fault({
    kind: 'transient',
    what: `what was said of ${app} stands on no machine of it`,
    why: 'those that carried it were destroyed at that moment',
    next: 'run the command again',
    where: app,
  });
}

function tell({ clock, onProgress }: Keeping, app: string, watched: Watched | undefined): void {
  const { id = '', lease } = watched ?? {};
  const because =
    lease === undefined
      ? `it is said, and whether it stands on machine ${id} is not seen yet: an update may have been on its way`
      : watched?.isOfDestroy === true
        ? `it is said, and ${holderOf(lease)} is destroying the app, or was about to`
        : `it is said, and ${holderOf(lease)} is at work on machine ${id}: what is on its way there may write over it`;
  onProgress({ type: 'waiting', app, because, until: clock.now() + landsWithinMs });
}

function atWork(app: string, watched: Watched | undefined): Fault {
  const where = watched === undefined ? app : `${app} ${watched.id}`;
  if (watched?.lease === undefined) return unseen(app, where);
  return new Fault({
    kind: 'transient',
    what: `what was said of ${app} may not last`,
    why: `${holderOf(watched.lease)} has been at work on it for longer than an update takes, and may write over it with what was known before`,
    next: 'run the command again when that is over; a lease that was left behind ends by fly machine leases clear',
    where,
  });
}

function unseen(app: string, where: string): Fault {
  return new Fault({
    kind: 'transient',
    what: `whether what was said of ${app} stands on its machines could not be seen`,
    why: 'Fly did not show a machine of it for as long as an update takes that may have been on its way',
    next: 'run the command again',
    where,
  });
}
