import { shortRevision } from '../../model/base/text.ts';
import type { JsonValue } from '../../model/base/json.ts';

/** Control, format (bidirectional, zero-width), lone surrogate and separator characters: what moves a cursor, hides or reorders text. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const namedEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A value longer than this is cut: an image with tag and digest still fits, a file's content does not flood a plan. */
const valueCharactersMax = 200;
/** Characters of common text left before the first difference of two long values. */
const contextCharacters = 40;

function escapeCharacter(character: string): string {
  const named = namedEscapes[character];
  if (named !== undefined) return named;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** One line of text from config, Fly or git that a terminal can show without being steered by it. */
export function plain(text: string): string {
  return text.replaceAll(unsafe, escapeCharacter);
}

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
