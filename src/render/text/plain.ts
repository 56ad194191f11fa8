import { shortRevision } from '../../model/base/text.ts';
import type { JsonValue } from '../../model/base/json.ts';
import { plain } from '../../model/base/plain.ts';

/** A value longer than this is cut: an image with tag and digest still fits, a file's content does not flood a plan. */
const valueCharactersMax = 200;
/** Characters of common text left before the first difference of two long values. */
const contextCharacters = 40;

/** As `plain`, for text of several lines: line breaks stay. */
export function plainLines(text: string): readonly string[] {
  return text.split(/\r?\n/).map(plain);
}

export function truncate(text: string, charactersMax = valueCharactersMax): string {
  if (text.length <= charactersMax) return text;
  return `${text.slice(0, charactersMax)}… (${text.length - charactersMax} more)`;
}

function valueText(value: JsonValue): string {
  return value === undefined ? '(none)' : plain(JSON.stringify(value));
}

/** A field's value on one line. */
export function formatValue(value: JsonValue): string {
  return truncate(valueText(value));
}

/** Both values of a change. Of long ones the part where they differ is shown. */
export function formatChange(from: JsonValue, to: JsonValue): string {
  const before = valueText(from);
  const after = valueText(to);
  const start = Math.max(0, firstDifference(before, after) - contextCharacters);
  const long = before.length > valueCharactersMax || after.length > valueCharactersMax;
  if (!long || start === 0) return `${truncate(before)} -> ${truncate(after)}`;
  return `…${truncate(before.slice(start))} -> …${truncate(after.slice(start))}`;
}

function firstDifference(one: string, other: string): number {
  let index = 0;
  while (index < one.length && one[index] === other[index]) index += 1;
  return index;
}

/** A length of time in its largest fitting unit: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** A revision as people say it: twelve digits of a commit, its `-dirty` or `content:` kept. */
export function revisionText(revision: string): string {
  return plain(shortRevision(revision));
}
