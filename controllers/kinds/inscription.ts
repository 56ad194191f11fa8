/**
 * What is written on machines of an app stays there: a person's word, or the labels of a new owner. Who destroys the app may not
 * have seen it, and an update that was on its way writes all metadata anew: whoever wrote it looks until that is over.
 */
import type { Lease, Machine } from '../../schemas/fly/machine.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import { inPlace } from '../../src/loop/aside.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import { holderOf, isDestroyLease } from '../../src/model/stamps/lease-holder.ts';
import { goneAmong } from '../../src/observed/presence.ts';
import { isGone, isHostOk } from '../../src/plan/classify/machine-state.ts';
import { flyNow } from '../pass/fly-now.ts';
import {
  byAge,
  landsWithinMs,
  leaseEndMs,
  lookedAtMsMax,
  lookEveryMs,
  outlastsDestroys,
  type Sight,
} from './outlasting.ts';

/** Where it stands for certain on as many machines as it has to, an update that was on its way to another has this long to be made up for at once. */
const besidesMs = 5000;
/** Where one machine that carries it is enough, and somebody holds all of many, these are looked at on and on. */
const lookedAtMax = 8;

export interface Keeping extends Omit<Parameters<typeof outlastsDestroys>[0], 'fly'> {
  readonly fly: FlyWriter;
}

export interface Inscription {
  /** What of it this machine has lost, to be written there again. Empty: nothing. */
  readonly lostOn: (machine: Machine) => Readonly<Record<string, string | null>>;
  /** Called once what it had lost has been written on this machine. */
  readonly putBackOn?: (machine: Machine) => void;
  /** true: who holds a machine by this lease looks at it right before each update, and gives way to what is written. */
  readonly looksFirst: (lease: Lease) => boolean;
  /** true: it has to stand on each of the machines. false: one that carries it tells for the others. */
  readonly onEach: boolean;
  /** What has been done, and what may not last, as in `it is said` and `what was said of shop`. */
  readonly words: { readonly done: string; readonly subject: string };
}

/** A machine that carries it, or is to. */
interface Watched {
  readonly id: string;
  readonly version: string | undefined;
  readonly lease: Lease | undefined;
  /** An update is under way there, under a lease or not: Fly may take it back, and all that was written since with it. */
  readonly isReplaced: boolean;
  /** Since when it stands there, as far as nothing has written over it; monotonic. */
  readonly writtenAt: number;
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

/** kept: no update that is under way can take it from there. gone: the machine is none any more. open: nobody knows yet. held: nobody will. */
type Verdict = 'kept' | 'gone' | 'open' | 'held';

interface Standing {
  readonly watch: Watch;
  /** All those of FlyCD's that stood in the app, as they were listed. */
  readonly there: readonly Machine[];
  /** Monotonic. */
  readonly beganAt: number;
}

/**
 * Ends when no destroy and no update that was on its way can take it away any more. What was written over is put back. Where nobody
 * is at work that is one look at a few machines, or at each. false: all of them are gone. Throws a transient Fault where somebody
 * is at work all that time.
 */
export async function outlasts(context: Keeping, app: string, { watch, there, beganAt }: Standing): Promise<boolean> {
  const look = (id: string): Promise<Sight> => watch.look(id);
  const written = new Set(watch.watched.keys());
  // What the list told of leases is over by the second time.
  for (let machines = there; ; machines = there.map((machine) => ({ ...machine, lease: null }))) {
    if (!(await outlastsDestroys(context, app, { machines, written, look }))) return false;
    const { putBack } = watch;
    if (!(await outlastsUpdates(context, app, { watch, beganAt }))) return false;
    // Where an update had written over it, who destroys the app may have looked at that moment.
    if (watch.putBack === putBack) return true;
  }
}

/** What was written on these machines, the oldest first. */
export class Watch {
  readonly watched: Map<string, Watched>;
  readonly inscription: Inscription;
  /** How often it was. */
  putBack = 0;
  /** Somebody held one of them, or changed it. */
  sawWork = false;
  readonly #context: Keeping;
  readonly #app: string;

  constructor(context: Keeping, app: string, inscription: Inscription, machines: readonly Machine[]) {
    this.#context = context;
    this.#app = app;
    this.inscription = inscription;
    const writtenAt = context.clock.monotonic();
    // On a host that does not answer nothing was written.
    const told = machines.filter(isHostOk).toSorted(byAge);
    this.watched = new Map(told.map((machine) => [machine.id, { ...seenOf(machine), writtenAt }]));
    this.sawWork = told.some(({ lease }) => (lease ?? undefined) !== undefined);
  }

  /** Looks at the machine by its id, and puts back what it has lost. Throws where it cannot be seen. */
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
        this.sawWork ||= seen.lease !== undefined || seen.hasMoved === true;
        const patch = this.inscription.lostOn(machine);
        if (Object.keys(patch).length === 0) {
          this.watched.set(id, { ...seen, verdict: verdictOn(this.#context, this.inscription, seen) });
          return { machine, isWritten: true };
        }
        await fly.patchMetadata(this.#app, id, patch);
        this.inscription.putBackOn?.(machine);
        this.watched.set(id, { ...seen, writtenAt: clock.monotonic(), verdict: 'open' });
        this.putBack += 1;
        this.sawWork = true;
      }
      return { machine, isWritten: false };
    } catch (error) {
      if (before !== undefined) this.#unseen(before);
      throw error;
    }
  }

  /** These are none any more. */
  gone(ids: ReadonlySet<string>): void {
    for (const one of this.watched.values()) {
      if (!ids.has(one.id)) continue;
      this.sawWork = true;
      this.watched.set(one.id, { ...one, verdict: 'gone' });
    }
  }

  /** A look that fails or shows nothing says nothing, nor does what Fly shows of a machine on a host that does not answer. */
  #unseen(before: Watched): void {
    const mayLand = this.#context.clock.monotonic() - before.writtenAt < landsWithinMs;
    this.watched.set(before.id, { ...before, isUnseen: true, verdict: mayLand ? 'open' : 'held' });
  }
}

/**
 * true: it stands where it has to, and nobody is at work there, or whoever was has had the time that an update takes. false: all of
 * the machines are gone. Throws a transient Fault as above.
 */
async function outlastsUpdates(
  context: Keeping,
  app: string,
  { watch, beganAt }: Omit<Standing, 'there'>,
): Promise<boolean> {
  const { clock, log, signal, yieldSlot = inPlace } = context;
  const { onEach } = watch.inscription;
  /** The id of one that Fly does not show. */
  const look = async (id: string): Promise<readonly string[]> => {
    try {
      const { machine } = await watch.look(id);
      return machine === undefined || isGone(machine) ? [id] : [];
    } catch (error) {
      log.warn({ app, machine: id, error: toFault(error, 'a look').message }, 'nobody saw whether it stands there');
      return [];
    }
  };
  for (let isTold = false; ;) {
    const all = [...watch.watched.values()];
    const isOneKept = all.some(({ verdict }) => verdict === 'kept');
    const isKept = isOneKept && (!onEach || all.every(({ verdict }) => verdict === 'kept' || verdict === 'gone'));
    const unseen = all.filter(({ verdict, lease }) => verdict === undefined && (!isKept || lease !== undefined));
    const open = all.filter(({ verdict }) => verdict === 'open' || verdict === 'held');
    const tookMs = clock.monotonic() - beganAt;
    if (isKept && ((open.length === 0 && unseen.length === 0) || tookMs >= besidesMs)) return true;
    if (!isKept && open.length === 0 && unseen.length === 0) return false;
    const isOver = tookMs >= lookedAtMsMax || open.every(({ verdict }) => verdict === 'held');
    if (!isKept && unseen.length === 0 && isOver) throw atWork(watch.inscription, app, open[0]);
    // Those of which only the list has told so far are looked at without a pause.
    if (unseen.length === 0) {
      if (!isKept && !isTold) {
        tell(context, app, { watch, open: open[0] });
        isTold = true;
      }
      await yieldSlot(() => clock.sleep(lookEveryMs, signal));
    }
    const isFew = onEach || tookMs < besidesMs;
    const next = unseen.length > 0 ? unseen : isFew ? open : open.slice(0, lookedAtMax);
    const unshown = (await allEnded(next.map(({ id }) => look(id)))).flat();
    watch.gone(await goneAmong(context, app, unshown));
  }
}

function seenOf({
  id,
  instance_id: version,
  lease,
  state,
}: Machine): Pick<Watched, 'id' | 'version' | 'lease' | 'isReplaced'> {
  return { id, version, lease: lease ?? undefined, isReplaced: state === 'replacing' };
}

/** What a look tells beside the one before it. */
function sinceThen(context: Keeping, before: Watched, live: Machine): Omit<Watched, 'writtenAt' | 'verdict'> {
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

/** It stands there. */
function verdictOn({ clock }: Keeping, inscription: Inscription, { lease, writtenAt, ...seen }: Watched): Verdict {
  if (lease === undefined && seen.isOrphaned !== true && !seen.isReplaced) return 'kept';
  if (lease !== undefined && lease.expires_at === seen.updatedUnder && !seen.isReplaced) return 'kept';
  if (clock.monotonic() - writtenAt < landsWithinMs) return 'open';
  if (lease === undefined || seen.hasMoved === true) return 'kept';
  // Others look at nothing before they send: theirs may come at any time, but for what has come already.
  return inscription.looksFirst(lease) || isDestroyLease(lease.description) ? 'kept' : 'held';
}

function tell(
  { clock, onProgress }: Keeping,
  app: string,
  { watch, open }: { readonly watch: Watch; readonly open: Watched | undefined },
): void {
  const { id = '', lease } = open ?? {};
  const { done } = watch.inscription.words;
  const because =
    lease === undefined
      ? `${done}, and whether it stands on machine ${id} is not seen yet: an update may have been on its way`
      : `${done}, and ${holderOf(lease)} is at work on machine ${id}: what is on its way there may write over it`;
  onProgress({ type: 'waiting', app, because, until: clock.now() + landsWithinMs });
}

function atWork({ words: { subject } }: Inscription, app: string, watched: Watched | undefined): Fault {
  const where = watched === undefined ? app : `${app} ${watched.id}`;
  if (watched?.lease === undefined || watched.isUnseen === true) {
    return new Fault({
      kind: 'transient',
      what: `whether ${subject} stands on its machines could not be seen`,
      why: 'Fly did not show a machine of it for as long as an update takes that may have been on its way',
      next: 'run the command again',
      where,
    });
  }
  return new Fault({
    kind: 'transient',
    what: `${subject} may not last`,
    why: `${holderOf(watched.lease)} has been at work on it for longer than an update takes, and may write over it with what was known before`,
    next: 'run the command again when that is over; a lease that was left behind ends by fly machine leases clear',
    where,
  });
}
