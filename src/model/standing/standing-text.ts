import { timeMsMax } from '../base/clock.ts';
import { isObject } from '../base/json.ts';
import { stampKeys } from '../stamps/keys.ts';
import type { Fulfilled } from '../stamps/input-stamps.ts';
import { formatGood, parseFailed, parseGood, type GoodVersion, type FailedVersion } from '../stamps/app-version.ts';
import type { PersonsHold, Suspension, StandingTexts, Standing, StandingKey } from './standing.ts';

export function formatHold({ to, by, at, count }: PersonsHold): string {
  return JSON.stringify({ to: formatGood(to), by, at, count });
}

export function formatFulfilled({ wish, held, at }: Fulfilled): string {
  return `f1:${wish}:${held.toSorted().join(',')}:${at}`;
}

export function formatSuspension({ reason, by, at, until, count }: Suspension): string {
  return JSON.stringify({ reason, by, at, until, count });
}

/** Says that what stood before stands no more. Taking the stamp away would let an older one on another machine count. */
export function formatLifted({ by, at, count }: Pick<PersonsHold, 'by' | 'at' | 'count'>): string {
  return JSON.stringify({ by, at, count });
}

/** What the next word about the app has to carry, so that it overrules this one wherever it still stands. */
export function nextCount(text: string | undefined): number {
  return Math.min((wordOf(text ?? '')?.count ?? 0) + 1, countMax);
}

/** No person says more about one app; whatever counts higher was not counted. Among equals the later word counts. */
const countMax = 1_000_000;

/**
 * When something becomes of a version, in milliseconds since the epoch, by Fly's clock: now, or just after the newest that is
 * known where that was dated by a clock ahead of it, and would count for newer than what came after it.
 */
export function nextTime(texts: StandingTexts, now: number): number {
  const known = [
    goodOf(texts[stampKeys.good] ?? ''),
    fulfilledOf(texts[stampKeys.fulfilled] ?? ''),
    failedOf(texts[stampKeys.failed] ?? ''),
  ];
  const next = Math.max(now, ...known.map((read) => (read === undefined ? 0 : read.at + 1)));
  // What is longer than the digits of a stamp could not be read again.
  return Math.min(next, timeMsMax);
}

/** When a person said that a release which had failed counts for nothing, so that it is tried again. undefined: nobody did last. */
export function retriedAt(texts: StandingTexts): number | undefined {
  const failed = failedOf(texts[stampKeys.failed] ?? '');
  return failed === undefined || failed.value !== undefined ? undefined : failed.at;
}

interface Read<T> {
  readonly text: string;
  readonly at: number;
  /** Of a person's word. */
  readonly count?: number;
  /** undefined: lifted. */
  readonly value: T | undefined;
}

/** The newest of what machines and SQLite say. What does not read as a stamp says nothing: anybody may have written it. */
export function readStanding(sources: readonly StandingTexts[]): Standing {
  const good = newest(sources, stampKeys.good, goodOf);
  const fulfilled = newest(sources, stampKeys.fulfilled, fulfilledOf);
  const failed = newest(sources, stampKeys.failed, failedOf);
  const hold = newest(sources, stampKeys.hold, holdOf);
  const suspension = newest(sources, stampKeys.suspend, suspensionOf);
  const found = [
    [stampKeys.good, good],
    [stampKeys.fulfilled, fulfilled],
    [stampKeys.failed, failed],
    [stampKeys.hold, hold],
    [stampKeys.suspend, suspension],
  ] as const;
  return {
    good: good?.value,
    fulfilled: fulfilled?.value,
    failed: failed?.value,
    hold: hold?.value,
    suspension: suspension?.value,
    texts: Object.fromEntries(found.flatMap(([key, read]) => (read === undefined ? [] : [[key, read.text]]))),
  };
}

function newest<T>(
  sources: readonly StandingTexts[],
  key: StandingKey,
  read: (text: string) => Read<T> | undefined,
): Read<T> | undefined {
  const texts = new Set(sources.flatMap((source) => source[key] ?? []));
  return [...texts]
    .flatMap((text) => read(text) ?? [])
    .toSorted((a, b) => (b.count ?? 0) - (a.count ?? 0) || b.at - a.at || (a.text < b.text ? 1 : -1))
    .at(0);
}

function goodOf(text: string): Read<GoodVersion> | undefined {
  const value = parseGood(text);
  return value === undefined ? undefined : { text, at: value.at, value };
}

function fulfilledOf(text: string): Read<Fulfilled> | undefined {
  const [, wish = '', held = '', at] = /^f1:([0-9a-f]{32}):([a-z,]*):([0-9]{1,15})$/.exec(text) ?? [];
  if (at === undefined) return undefined;
  return { text, at: Number(at), value: { wish, held: held === '' ? [] : held.split(','), at: Number(at) } };
}

function failedOf(text: string): Read<FailedVersion> | undefined {
  const value = parseFailed(text);
  if (value !== undefined) return { text, at: value.at, value };
  const lifted = wordOf(text);
  return lifted === undefined ? undefined : { text, at: lifted.at, value: undefined };
}

function holdOf(text: string): Read<PersonsHold> | undefined {
  const word = wordOf(text);
  if (word === undefined) return undefined;
  const { by, at, count, fields } = word;
  if (fields['to'] === undefined) return { text, at, count, value: undefined };
  const to = typeof fields['to'] === 'string' ? parseGood(fields['to']) : undefined;
  return to === undefined ? undefined : { text, at, count, value: { to, by, at, count } };
}

function suspensionOf(text: string): Read<Suspension> | undefined {
  const word = wordOf(text);
  if (word === undefined) return undefined;
  const { by, at, count, fields } = word;
  const { reason, until } = fields;
  if (typeof reason !== 'string') return { text, at, count, value: undefined };
  // Later than any date is without an end.
  const end = typeof until === 'number' && until <= timeMsMax ? until : undefined;
  return { text, at, count, value: { reason, by, at, until: end, count } };
}

function wordOf(text: string) {
  const fields = jsonOf(text);
  if (!isObject(fields) || typeof fields['at'] !== 'number' || typeof fields['by'] !== 'string') return undefined;
  const counted = fields['count'];
  const isCount = typeof counted === 'number' && Number.isSafeInteger(counted) && counted > 0 && counted <= countMax;
  const count = isCount ? counted : 0;
  // Anybody may have written it: what is no date is taken for the nearest.
  const at = Math.trunc(Math.min(Math.max(fields['at'], 0), timeMsMax));
  return { at, by: fields['by'], count, fields };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
