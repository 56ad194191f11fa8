import type { Intent, IntentKind } from '../../src/model/stamps/calls-stamp.ts';
import { momentOf, msSince, type Moment } from '../../src/model/base/moment.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { certainOf, placeOf, unanswered, unclearBecause } from '../../src/plan/kinds/intents.ts';
import type { BeforeSent } from '../../src/fly/api.ts';
import { checkStillAsPlanned } from './before-sent.ts';
import { recentMs } from './fly-now.ts';
import { announceCall, callsOnLock, retractCall } from './pending-calls.ts';
import type { AppPass } from './app-pass.ts';

/** Each unclear answer costs a minute: after the second the loop's own pace is the better one. */
const triesMax = 2;

/** A call that waits for longer between its intent and its sending is dated anew: lists are certain a minute after that. */
const datedMsMax = 1000;

/**
 * From its date to its sending, as src/fly/http/last-question.ts has it for all that is asked before a call: the label is written
 * in that time. Whoever counts a minute from the date gives the call 50 s to show.
 */
const announcedMsMax = 10_000;
/** A Fly that takes longer to write a label three times in a row will be no faster the fourth time. */
const announcedTimesMax = 3;

interface KeylessCall<T> {
  readonly kind: IntentKind;
  readonly target: string;
  /** All objects of the kind that stand there now and could be the wanted one. */
  list(): Promise<readonly T[]>;
  idOf(item: T): string;
  /** Those of them that the plan knew: it asks for one besides. */
  readonly counted: readonly T[];
  /** How many of them the planner expects when it is this call's turn. */
  readonly there: number;
  create(beforeSent: BeforeSent): Promise<T>;
}

/** Somebody else has made what this call was to make, and it was not sent. */
class MadeMeanwhile extends Error {
  readonly id: string;

  constructor(id: string) {
    super(`${id} was made meanwhile`);
    this.id = id;
  }
}

/** An intent of this database, or a call that somebody left on the app's lock. */
type Uncertain = Omit<Intent, 'id'>;

type Announced = Parameters<typeof announceCall>[1];

interface Created {
  readonly id: string;
  /** true: an earlier call made it, or somebody else. */
  readonly found: boolean;
}

/**
 * Creates something Fly has no key for (a volume, an address) so that neither a lost answer nor a crash makes two:
 * an intent is stored before the call, and an unclear answer is settled by looking. What is new since the intent was
 * made by the call; absence counts only after two lists 60 s apart. So it does where the call is known to have made
 * something that the lists do not show: they may lag, or somebody took it away since. What the plan has counted as there
 * is no answer to what it asks for besides.
 */
export async function createOnce<T>(pass: AppPass, call: KeylessCall<T>): Promise<Created> {
  const made = await madeBefore(pass, call);
  if (made !== undefined) return { id: made, found: true };
  for (let tries = 1; ; tries += 1) {
    const { clock } = pass.services;
    const seenAt = momentOf(clock);
    const now = await call.list();
    // Another FlyCD, or a person, made it after the plan: the newest is as good as ours would be.
    const known = knownIds(pass, call);
    const newest = now.length > call.there ? now.findLast((item) => !known.has(call.idOf(item))) : undefined;
    if (newest !== undefined) return { id: answered(pass, call, newest), found: true };
    const created = await tryOnce(pass, call, { now, seenAt });
    if (!('error' in created)) return created;
    // It is certain now that nothing was made, so another try can make no second one.
    if (tries >= triesMax) throw created.error;
  }
}

/** What a call of a pass before made that the plan did not know: lists lag. undefined: nothing. */
async function madeBefore<T>(pass: AppPass, call: KeylessCall<T>): Promise<string | undefined> {
  const { clock, store } = pass.services;
  const { app } = pass;
  const { intents, made } = await store.memory(app.name);
  const toldAt = momentOf(clock);
  const before = intents.filter(({ id, kind }) => kind === call.kind && !pass.intents.has(id));
  // One that is answered stays in SQLite: else what answers it would seem to answer the next one.
  for (const intent of unanswered(before, call.target, { listed: knownIn(pass, call), made })) {
    const item = await settle(pass, call, { intent, toldAt });
    if (item !== undefined) await store.fulfilIntent(app.name, intent.id, item);
    await store.settleIntent(app.name, intent.id);
    if (item !== undefined) return item;
  }
  const onLock = (await callsOnLock(pass)).filter(({ kind }) => kind === call.kind);
  const readAt = momentOf(clock);
  for (const earlier of unanswered(onLock, call.target, { listed: knownIn(pass, call), made })) {
    const item = await settle(pass, call, { intent: earlier, toldAt: readAt });
    if (item === undefined) continue;
    await store.addMade(app.name, call.kind, item);
    return item;
  }
  return undefined;
}

/** An error: nothing was made, as is certain by now. Throws where that is not so, or where Fly has refused it. */
async function tryOnce<T>(
  pass: AppPass,
  call: KeylessCall<T>,
  { now, seenAt }: { readonly now: readonly T[]; readonly seenAt: Moment },
): Promise<Created | { readonly error: unknown }> {
  const { clock, store } = pass.services;
  const { app } = pass;
  const { kind, target } = call;
  // A list may show less than the plan has seen, or than this pass has made.
  const before = [...new Set([...now.map((item) => call.idOf(item)), ...knownIds(pass, call)])];
  let datedAt = momentOf(clock);
  await announceCall(pass, { kind, target, before });
  const intent = await store.addIntent(app.name, { kind, target, before });
  pass.intents.add(intent.id);
  let isSent = false;
  const beforeSent = async (): Promise<void> => {
    // An app without a machine has no lock: whoever came meanwhile shows in the list alone.
    isSent = false;
    const isOld = pass.lock === undefined && msSince(clock, seenAt) > recentMs;
    const made = isOld ? await madeSince(pass, call, before) : undefined;
    if (made !== undefined) throw new MadeMeanwhile(answered(pass, call, made));
    if (msSince(clock, datedAt) > datedMsMax) {
      datedAt = await announceAnew(pass, { kind, target, before });
      await store.redateIntent(app.name, intent.id);
    }
    isSent = true;
  };
  try {
    const id = answered(pass, call, await call.create(beforeSent));
    await store.fulfilIntent(app.name, intent.id, id);
    return { id, found: false };
  } catch (error) {
    // One more try follows a refusal alone, of which nothing came: what ended it before it was sent is no answer of Fly's.
    if (!isSent || isOwnFault(error) || (error instanceof FlyError && error.outcome === 'refused')) {
      await store.settleIntent(app.name, intent.id);
      await retractCall(pass, { kind, target }).catch(() => undefined);
      if (error instanceof MadeMeanwhile) return { id: error.id, found: true };
      throw error;
    }
    datedAt = momentOf(clock);
    // What cannot be written now stays dated as it was sent. SQLite comes first: Fly may be what hangs.
    await store
      .redateIntent(app.name, intent.id)
      .then(() => announceCall(pass, { kind, target, before }))
      .catch(() => undefined);
    const item = await settle(pass, call, { intent: { ...intent, createdAt: datedAt.now }, toldAt: datedAt });
    if (item !== undefined) await store.fulfilIntent(app.name, intent.id, item);
    await store.settleIntent(app.name, intent.id);
    return item === undefined ? { error } : { id: item, found: true };
  }
}

/** Ids that the plan knew of, or that this pass has for others of the same place: no answers to what is asked for besides. */
function knownIn<T>(pass: AppPass, call: KeylessCall<T>): readonly string[] {
  const place = placeOf(call.target);
  const answers = [...pass.answers].filter(([, target]) => placeOf(target) === place).map(([id]) => id);
  return [...call.counted.map((item) => call.idOf(item)), ...answers];
}

/** The same, whatever place they are of: lists of addresses are of several. */
function knownIds<T>(pass: AppPass, call: KeylessCall<T>): ReadonlySet<string> {
  return new Set([...call.counted.map((item) => call.idOf(item)), ...pass.answers.keys()]);
}

/** The item's id; it answers no other call of the pass. */
function answered<T>(pass: AppPass, call: KeylessCall<T>, item: T): string {
  const id = call.idOf(item);
  pass.answers.set(id, call.target);
  return id;
}

/**
 * Right before the call is sent, side by side with what is asked then; answers its date on the app's lock. Writing it there waits
 * for its own place, and for Fly: where that took long, it is dated anew. Throws a Fault where it takes long again and again.
 */
async function announceAnew(pass: AppPass, call: Announced): Promise<Moment> {
  const { clock } = pass.services;
  // Whoever holds the lock by now may have written calls of its own there.
  await pass.lock?.check();
  for (let times = 1; times <= announcedTimesMax; times += 1) {
    // What allowed the call was asked before that.
    if (times > 1) await checkStillAsPlanned(pass, { of: 'app' });
    const datedAt = momentOf(clock);
    await announceCall(pass, call);
    if (msSince(clock, datedAt) <= announcedMsMax) return datedAt;
  }
  throw new Fault({
    kind: 'transient',
    what: `Fly took more than ${announcedMsMax / 1000} s, ${announcedTimesMax} times, to label the machine that is the app's lock`,
    why: `whoever comes next would count the ${call.kind} as settled before it is`,
    next: 'FlyCD plans again from what it sees',
    where: call.target,
  });
}

/** The id of what it made. `toldAt`: when the intent's date was told, for the clock that says it may be set while the pass waits. */
async function settle<T>(
  pass: AppPass,
  call: KeylessCall<T>,
  { intent, toldAt }: { readonly intent: Uncertain; readonly toldAt: Moment },
): Promise<string | undefined> {
  const { clock, signal, patience, onProgress, yieldSlot } = pass.services;
  const made = async (): Promise<string | undefined> => {
    const listed = await call.list();
    const known = knownIds(pass, call);
    const found = listed.find((item) => {
      const id = call.idOf(item);
      return !known.has(id) && (intent.made === undefined ? !intent.before.includes(id) : id === intent.made.id);
    });
    return found === undefined ? undefined : answered(pass, call, found);
  };
  const leftMs = (): number => certainOf(intent) - toldAt.now - (clock.monotonic() - toldAt.monotonic);
  const first = await made();
  if (first !== undefined) return first;
  if (leftMs() <= 0) return made();
  const retryAt = clock.now() + leftMs();
  if (patience === 'requeue') throw unclear(pass, call, { intent, retryAt });
  const because = `${unclearBecause(intent)}; looking again before it is done twice`;
  onProgress({ type: 'waiting', app: pass.app.name, because, until: retryAt });
  try {
    await yieldSlot(() => clock.sleep(leftMs(), signal));
  } catch {
    // Asked to stop: the intent stays, and whoever comes next looks.
    throw unclear(pass, call, { intent, retryAt });
  }
  return made();
}

/** By somebody else: what FlyCD itself made a moment ago is another one, which the list before may not have shown yet. */
async function madeSince<T>(pass: AppPass, call: KeylessCall<T>, before: readonly string[]): Promise<T | undefined> {
  const { made } = await pass.services.store.memory(pass.app.name);
  const known = new Set([...before, ...made]);
  return (await call.list()).find((item) => !known.has(call.idOf(item)));
}

function isOwnFault(error: unknown): boolean {
  return error instanceof Fault && !(error instanceof FlyError);
}

function unclear<T>(
  pass: AppPass,
  call: KeylessCall<T>,
  { intent, retryAt }: { readonly intent: Uncertain; readonly retryAt: number },
): Fault {
  return new Fault({
    kind: 'waiting',
    what: unclearBecause(intent),
    why: 'trying it again at once could make a second one',
    next: 'FlyCD looks again in a minute and decides from what it sees',
    where: call.target,
    retryAt,
    cause: pass.app.name,
  });
}
