/**
 * A person's word stays where it was written. Who destroys the app may not have seen it, and an update that was on its way writes
 * all metadata anew: whoever said the word looks until that is over.
 */
import type { Lease, Machine } from '../../schemas/fly/machine.ts';
import { orUndefined } from '../../src/fly/http/absence.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import { holderOf, isDestroyLease } from '../../src/model/stamps/lease-holder.ts';
import { isOwnLease } from '../../src/model/stamps/owner.ts';
import { readStanding } from '../../src/model/standing/standing-text.ts';
import type { StandingKey, StandingTexts } from '../../src/model/standing/standing.ts';
import { goneAmong, listedMachines } from '../../src/observed/presence.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import {
  byAge,
  landsWithinMs,
  leaseEndMs,
  lookedAtMsMax,
  lookEveryMs,
  outlastsDestroys,
  type Sight,
} from '../kinds/outlasting.ts';
import { flyNow } from '../pass/fly-now.ts';
import type { Stamping, StandingContext } from './rollout-state.ts';

/** Where the word stands for certain on one machine, an update that was on its way to another has this long to be made up for at once. */
const besidesMs = 5000;
/** One machine that carries the word is enough: where somebody holds all of many, these are looked at on and on. */
const lookedAtMax = 8;

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
  /** Not seen by the last look. */
  readonly isUnseen?: boolean;
  /** undefined: nobody has looked yet. */
  readonly verdict?: Verdict;
}

/** kept: no update that is under way can take the word from it. gone: it is none any more. open: nobody knows yet. held: nobody will. */
type Verdict = 'kept' | 'gone' | 'open' | 'held';

/**
 * Ends when no destroy and no update that was on its way can take the word away any more. What was written over is put back; a
 * later word counts in any case. Where nobody is at work that is one look at a few machines. Throws a Fault where the word stands on
 * none of them, and a transient one where somebody is at work all that time.
 */
export async function keepWords(
  context: Keeping,
  app: string,
  { texts, machines }: Omit<Stamping, 'appId'>,
): Promise<void> {
  const beganAt = context.clock.monotonic();
  const before = new Set<string>();
  for (let there = standingMachines(machines, context.fleet); ; there = await successors(context, app, before)) {
    for (const { id } of there) before.add(id);
    const word = new Word(context, app, texts, there);
    if (await stands(context, app, { word, there, beganAt })) return;
  }
}

interface Kept {
  readonly word: Word;
  readonly there: readonly Machine[];
  /** Monotonic. */
  readonly beganAt: number;
}

/** false: all of them are gone. */
async function stands(context: Keeping, app: string, { word, there, beganAt }: Kept): Promise<boolean> {
  const look = (id: string): Promise<Sight> => word.look(id);
  const written = new Set(word.watched.keys());
  // What the list told of leases is over by the second time.
  for (let machines = there; ; machines = there.map((machine) => ({ ...machine, lease: null }))) {
    if (!(await outlastsDestroys(context, app, { machines, written, look }))) return false;
    const { putBack } = word;
    if (!(await outlastsUpdates(context, app, { word, beganAt }))) return false;
    // Where an update had written over it, who destroys the app may have looked at that moment.
    if (word.putBack === putBack) return true;
  }
}

/** A word on these machines, the oldest first. */
class Word {
  readonly watched: Map<string, Watched>;
  /** How often it was. */
  putBack = 0;
  readonly #context: Keeping;
  readonly #app: string;
  readonly #texts: StandingTexts;

  constructor(context: Keeping, app: string, texts: StandingTexts, machines: readonly Machine[]) {
    this.#context = context;
    this.#app = app;
    this.#texts = texts;
    const saidAt = context.clock.monotonic();
    // On a host that does not answer nothing was written.
    const told = machines.filter(isHostOk).toSorted(byAge);
    this.watched = new Map(told.map((machine) => [machine.id, { ...seenOf(machine), saidAt }]));
  }

  /** Looks at the machine by its id, and puts the word back where it went. Throws where it cannot be seen. */
  async look(id: string): Promise<Sight> {
    const { clock, fly } = this.#context;
    const before = this.watched.get(id);
    try {
      const machine = await fly.machine(this.#app, id);
      const isThere = machine !== undefined && !isGone(machine);
      if (before === undefined) return { machine, isWritten: false };
      if (!isThere || !isHostOk(machine)) this.#unseen(before);
      else {
        const seen = { ...before, ...sinceThen(this.#context, before, machine) };
        const lost = lostOn(machine, this.#texts);
        if (lost.length === 0) {
          this.watched.set(id, { ...seen, verdict: verdictOn(this.#context, seen) });
          return { machine, isWritten: true };
        }
        const patch = Object.fromEntries(lost.map((key) => [key, this.#texts[key] ?? null]));
        await fly.patchMetadata(this.#app, id, patch);
        this.watched.set(id, { ...seen, saidAt: clock.monotonic(), verdict: 'open' });
        this.putBack += 1;
      }
      return { machine, isWritten: false };
    } catch (error) {
      if (before !== undefined) this.#unseen(before);
      throw error;
    }
  }

  /** These are none any more. */
  gone(ids: ReadonlySet<string>): void {
    for (const one of this.watched.values()) if (ids.has(one.id)) this.watched.set(one.id, { ...one, verdict: 'gone' });
  }

  /** A look that fails or shows nothing says nothing, nor does what Fly shows of a machine on a host that does not answer. */
  #unseen(before: Watched): void {
    const mayLand = this.#context.clock.monotonic() - before.saidAt < landsWithinMs;
    this.watched.set(before.id, { ...before, isUnseen: true, verdict: mayLand ? 'open' : 'held' });
  }
}

/**
 * true: one machine carries the word that nobody is at work on, or whoever was has had the time that an update takes. false: all of
 * them are gone. Throws a transient Fault as above.
 */
async function outlastsUpdates(
  context: Keeping,
  app: string,
  { word, beganAt }: Omit<Kept, 'there'>,
): Promise<boolean> {
  const { clock, log, signal } = context;
  /** The id of one that Fly does not show. */
  const look = async (id: string): Promise<readonly string[]> => {
    try {
      const { machine } = await word.look(id);
      return machine === undefined || isGone(machine) ? [id] : [];
    } catch (error) {
      log.warn({ app, machine: id, error: toFault(error, 'a word').message }, 'nobody saw whether a word stands');
      return [];
    }
  };
  for (let looks = 0; ; looks += 1) {
    const all = [...word.watched.values()];
    const isKept = all.some(({ verdict }) => verdict === 'kept');
    const unseen = all.filter(({ verdict, lease }) => verdict === undefined && (!isKept || lease !== undefined));
    const open = all.filter(({ verdict }) => verdict === 'open' || verdict === 'held');
    const tookMs = clock.monotonic() - beganAt;
    if (isKept && ((open.length === 0 && unseen.length === 0) || tookMs >= besidesMs)) return true;
    if (!isKept && open.length === 0 && unseen.length === 0) return false;
    const isOver = tookMs >= lookedAtMsMax || open.every(({ verdict }) => verdict === 'held');
    if (!isKept && unseen.length === 0 && isOver) throw atWork(app, open[0]);
    // Those of which only the list has told so far are looked at without a pause.
    if (unseen.length === 0) {
      if (!isKept && looks <= 1) tell(context, app, open[0]);
      await clock.sleep(lookEveryMs, signal);
    }
    const next = unseen.length > 0 ? unseen : tookMs >= besidesMs ? open.slice(0, lookedAtMax) : open;
    const unshown = (await allEnded(next.map(({ id }) => look(id)))).flat();
    word.gone(await goneAmong(context, app, unshown));
  }
}

function seenOf({ id, instance_id: version, lease }: Machine): Pick<Watched, 'id' | 'version' | 'lease'> {
  return { id, version, lease: lease ?? undefined };
}

/** What a look tells beside the one before it. */
function sinceThen(context: Keeping, before: Watched, live: Machine): Omit<Watched, 'saidAt' | 'verdict'> {
  const seen = seenOf(live);
  const hasMoved = seen.version !== before.version;
  const isSameLease = before.lease !== undefined && before.lease.expires_at === seen.lease?.expires_at;
  const isOfDestroy = isDestroyLease(seen.lease?.description);
  const endsAt = before.lease === undefined ? Infinity : before.lease.expires_at * 1000;
  const ranOut = seen.lease === undefined && flyNow(context) >= endsAt - leaseEndMs;
  return {
    ...seen,
    isUnseen: false,
    hasMoved: hasMoved || before.hasMoved,
    // Held since before the update came, without having been renewed: so it was the holder's own.
    updatedUnder: hasMoved && isSameLease && !isOfDestroy ? seen.lease?.expires_at : before.updatedUnder,
    isOrphaned: !hasMoved && (ranOut || before.isOrphaned),
  };
}

/** The word stands there. */
function verdictOn({ clock, fleet }: Keeping, { lease, saidAt, ...seen }: Watched): Verdict {
  if (lease === undefined && seen.isOrphaned !== true) return 'kept';
  if (lease !== undefined && lease.expires_at === seen.updatedUnder) return 'kept';
  if (clock.monotonic() - saidAt < landsWithinMs) return 'open';
  // Others look at nothing before they send: theirs may come at any time, but for what has come already.
  const looksFirst = isOwnLease(lease?.description, fleet) || isDestroyLease(lease?.description);
  return lease === undefined || seen.hasMoved === true || looksFirst ? 'kept' : 'held';
}

/** A newer word stays. */
function lostOn(live: Machine, texts: StandingTexts): readonly StandingKey[] {
  const there = metadataOf(live);
  const newest = readStanding([there, texts]).texts;
  return (Object.keys(texts) as StandingKey[]).filter((key) => newest[key] === texts[key] && there[key] !== texts[key]);
}

/** Machines that have taken the place of these. Throws a Fault where there is none. */
async function successors(context: Keeping, app: string, before: ReadonlySet<string>): Promise<readonly Machine[]> {
  // Of an app that is gone Fly lists none: that call fails.
  const there = (await orUndefined(listedMachines(context, app))) ?? [];
  const others = standingMachines(there, context.fleet).filter((one) => isHostOk(one) && !before.has(one.id));
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
      : `it is said, and ${holderOf(lease)} is at work on machine ${id}: what is on its way there may write over it`;
  onProgress({ type: 'waiting', app, because, until: clock.now() + landsWithinMs });
}

function atWork(app: string, watched: Watched | undefined): Fault {
  const where = watched === undefined ? app : `${app} ${watched.id}`;
  if (watched?.lease === undefined || watched.isUnseen === true) return unseen(app, where);
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
