/** What is remembered of an app is about one that Fly may have destroyed since: another one may have its name. */
import { emptyMemory, type StoredMemory } from './memory.ts';
import { readStanding } from './standing-text.ts';
import { personsKeys, standingKeys, type StandingKey, type StandingRow, type StandingTexts } from './standing.ts';
import { canonicalJson } from '../base/json.ts';
import { byText } from '../base/text.ts';
import { isInForce } from './in-force.ts';

/** Which app Fly shows by a name. */
export interface ShownApp {
  readonly isThere: boolean;
  /** undefined: there is none, or Fly does not say. */
  readonly id: string | undefined;
  /** true: a machine of the fleet stands in it. */
  readonly isStamped: boolean;
}

/** The same, of one whose machines were looked at. */
interface SeenApp extends ShownApp {
  readonly id: string;
  /** Its machines say that it is the fleet's, beyond doubt: FlyCD has written to it, whatever became of that. */
  readonly isProven: boolean;
}

/** What becomes of an app, as far as it changes of which one SQLite knows something, and what stands of it. */
export type AppEvent =
  /** Something is said, of the app that Fly shows by this id. undefined: it shows none, so that it is of the next one. */
  | { readonly kind: 'said'; readonly texts: StandingTexts; readonly appId: string | undefined }
  /** A pass has looked at it, and found these words to stand, besides those that were remembered when it looked. */
  | {
      readonly kind: 'seen';
      readonly shown: SeenApp;
      readonly texts: StandingTexts;
      readonly remembered: Remembered;
    }
  /** Before FlyCD asks Fly for it. Fly may not show it at once, or FlyCD be killed behind the call. */
  | { readonly kind: 'creating' }
  /** That was not made, nor one that was asked for before it without an answer. */
  | { readonly kind: 'refused' }
  /** `known`: as of `Memory`. `now`: milliseconds since the epoch. */
  | { readonly kind: 'created'; readonly appId: string | undefined; readonly known: boolean; readonly now: number }
  /** Before FlyCD destroys it. */
  | { readonly kind: 'destroying' }
  /** It is there still. */
  | { readonly kind: 'kept' }
  | { readonly kind: 'destroyed' }
  /** Git does not name it, and Fly shows it no more: somebody else destroyed it. */
  | { readonly kind: 'gone' };

/** What an event changes of what is remembered. */
export type Remembered = Pick<StoredMemory, 'appId' | 'underway' | 'known' | 'firstRun' | 'standing'>;

export interface Changed extends Omit<Remembered, 'firstRun'> {
  /** true: all else that was remembered is of an earlier app, and goes. */
  readonly isAnother: boolean;
}

/** The app that SQLite knows is gone, whether or not there is one by its name. */
export function isAnotherApp(
  { appId }: Pick<StoredMemory, 'appId'>,
  { isThere, id }: Pick<ShownApp, 'isThere' | 'id'>,
): boolean {
  return !isThere || (id !== undefined && appId !== undefined && id !== appId);
}

/** Of which app it is nobody wrote down, and nothing on Fly says that it is this one: another may have been made since. */
function isUnproven({ appId }: Pick<StoredMemory, 'appId'>, { id, isStamped }: ShownApp): boolean {
  return appId === undefined && id !== undefined && !isStamped;
}

/**
 * What of it is true of the app that Fly shows: of one that was destroyed, nothing but what was said.
 *
 * | what a person said of  | that app is there | none is there   | another is there |
 * | ---------------------- | ----------------- | --------------- | ---------------- |
 * | an app                 | stands            | of the next one | no more          |
 * | … FlyCD destroys it    | stands            | no more         | no more          |
 * | … FlyCD makes the next | stands            | of the next one | stands           |
 * | the next app           |                   | of the next one | stands           |
 *
 * FlyCD's own words (which version ran well, which one failed) are of the app that is there. Where a create was asked for and
 * its answer is lost, whoever made the app that is there may be somebody else: what was said stands all the same, for an app
 * that is left alone for nothing is resumed with one command.
 */
export function memoryOf(memory: StoredMemory, shown: ShownApp): StoredMemory {
  const facts = isAnotherApp(memory, shown) ? emptyMemory : memory;
  const known = facts.known && !isUnproven(memory, shown);
  return { ...facts, known, standing: standingOfShown(memory, shown) };
}

/**
 * A row without an id counts where no machine has one of its kind: counts are compared among words of one app only. What was
 * said while Fly showed none for a moment is of the app that it shows again.
 */
function standingOfShown(
  memory: Pick<Remembered, 'appId' | 'underway' | 'standing'>,
  { isThere, id }: Pick<ShownApp, 'isThere' | 'id'>,
): readonly StandingRow[] {
  if (!isThere) return memory.underway === 'destroying' ? [] : memory.standing.filter(({ key }) => isPersons(key));
  if (id === undefined) return memory.standing;
  const isKnown = memory.appId === id;
  return memory.standing.flatMap((row) => {
    if (row.appId === id) return [row];
    if (row.appId === undefined && isKnown) return [{ ...row, appId: id }];
    const isOfNext = row.appId === undefined || memory.underway === 'creating';
    const isKept = isOfNext && (isPersons(row.key) || memory.appId === undefined);
    return isKept ? [{ ...row, appId: undefined }] : [];
  });
}

/** What is remembered after an event: the one place that decides of which app a remembered word is. */
export function afterEvent(before: Remembered, event: AppEvent): Changed {
  const { underway } = before;
  const same = { ...before, isAnother: false };
  switch (event.kind) {
    case 'creating':
      return { ...same, underway: underway ?? 'creating' };
    case 'refused':
      return { ...same, underway: underway === 'creating' ? undefined : underway };
    case 'destroying':
      return { ...same, underway: 'destroying' };
    case 'kept':
      return { ...same, underway: undefined };
    case 'gone':
      return { ...same, standing: before.standing.filter(({ key }) => isPersons(key)) };
    case 'destroyed': {
      // Said since FlyCD set out to destroy it, while Fly showed none.
      const isSaidSince = underway !== 'destroying';
      const standing = before.standing.filter(({ appId }) => isSaidSince && appId === undefined);
      return { appId: undefined, underway: undefined, known: false, standing, isAnother: true };
    }
    case 'created': {
      const { appId, known, now } = event;
      const next = standingOfShown(before, { isThere: false, id: undefined });
      const standing = next.filter((row) => isInForce(row, now)).map((row) => ({ ...row, appId }));
      return { appId, underway: undefined, known, standing, isAnother: true };
    }
    case 'said':
      return { ...same, ...afterWords(before, event) };
    case 'seen':
      return afterLook(before, event);
  }
}

/** false: it changes nothing of what is remembered, and nobody has to write it down. */
export function isNews(before: Remembered, event: AppEvent): boolean {
  const { isAnother, ...after } = afterEvent(before, event);
  return isAnother || canonicalJson(sortedFacts(before)) !== canonicalJson(sortedFacts(after));
}

/** Rows are in no order. */
function sortedFacts({ appId, underway, known, standing }: Omit<Remembered, 'firstRun'>) {
  const rows = standing.map((row) => canonicalJson([row.key, row.text, row.appId ?? null])).toSorted(byText);
  return [appId ?? null, underway ?? null, known, rows];
}

/** What was said of an app that is over goes when something is said of the one that came after it. */
function afterWords(
  before: Remembered,
  { texts, appId }: Extract<AppEvent, { readonly kind: 'said' }>,
): Pick<Remembered, 'underway' | 'standing'> {
  const rows = rowsOf(texts, appId);
  if (appId !== undefined)
    return { underway: undefined, standing: withRows(standingOfShown(before, { isThere: true, id: appId }), rows) };
  const isOver = before.underway === 'destroying';
  return isOver
    ? { underway: undefined, standing: rows }
    : { underway: before.underway, standing: withRows(before.standing, rows) };
}

/** An older look says nothing of an app that somebody has made or destroyed since, and of no word that was said since. */
function afterLook(
  before: Remembered,
  { shown, texts, remembered }: Extract<AppEvent, { readonly kind: 'seen' }>,
): Changed {
  const { id } = shown;
  const isOlder = (['appId', 'underway', 'firstRun'] as const).some((key) => before[key] !== remembered[key]);
  if (isOlder) return { ...before, isAnother: false };
  const isAnother = isAnotherApp(before, shown);
  const isKnown = ({ key, text, appId }: StandingRow): boolean =>
    remembered.standing.some((row) => row.key === key && row.text === text && row.appId === appId);
  const since = before.standing.filter((row) => !isKnown(row));
  const found = id === before.appId ? overruled(standingOfShown(before, shown), texts, id) : rowsOf(texts, id);
  return {
    appId: id,
    underway: undefined,
    known: !isAnother && (shown.isProven || (before.known && !isUnproven(before, shown))),
    standing: withRows(found, since),
    isAnother,
  };
}

/**
 * Once the machines that say so are gone, the older word would stand again, or none: what persons have said through another
 * FlyCD, too.
 */
function overruled(rows: readonly StandingRow[], texts: StandingTexts, appId: string): readonly StandingRow[] {
  const said = rowsOf(texts, appId).filter(({ key }) => isPersons(key));
  const older = rows.map((row) => ({ ...row, text: newer(row.key, row.text, texts[row.key] ?? row.text) }));
  return withRows(said, older);
}

function newer(key: StandingKey, one: string, other: string): string {
  return readStanding([{ [key]: one }, { [key]: other }]).texts[key] ?? one;
}

function rowsOf(texts: StandingTexts, appId: string | undefined): readonly StandingRow[] {
  return standingKeys.flatMap((key) => {
    const text = texts[key];
    return text === undefined ? [] : [{ key, text, appId }];
  });
}

/** One row a key: the later ones count. */
function withRows(rows: readonly StandingRow[], later: readonly StandingRow[]): readonly StandingRow[] {
  const keys = new Set(later.map(({ key }) => key));
  return [...rows.filter(({ key }) => !keys.has(key)), ...later];
}

function isPersons(key: StandingKey): boolean {
  return personsKeys.some((known) => known === key);
}
