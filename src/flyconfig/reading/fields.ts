/**
 * Reads a document's fields with the type they must have. A field of another type is noted as an error and reads as
 * absent, so that one mistake hides no other. Null reads as absent, as in flyctl.
 */
import { parseDuration } from './duration.ts';
import { fieldOf, wrongKind, keyPath, isList, itemPath, kindOf, type Table } from './values.ts';
import { orList, shortened } from '../../model/base/text.ts';

export function textOf(table: Table, key: string): string | undefined {
  const value = fieldOf(table.values, key);
  if (value === undefined || typeof value === 'string') return value;
  return wrongKind(table, key, 'text');
}

/** Text where an empty one is as good as none. */
export function nonEmptyTextOf(table: Table, key: string): string | undefined {
  const value = textOf(table, key);
  return value === '' ? undefined : value;
}

export function flagOf(table: Table, key: string): boolean | undefined {
  const value = fieldOf(table.values, key);
  if (value === undefined || typeof value === 'boolean') return value;
  return wrongKind(table, key, 'true or false');
}

/** A whole number within bounds. */
export function integerOf(
  table: Table,
  key: string,
  bounds: { readonly min: number; readonly max?: number },
): number | undefined {
  const value = fieldOf(table.values, key);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) return wrongKind(table, key, 'a whole number');
  const max = bounds.max ?? Number.MAX_SAFE_INTEGER;
  if (value >= bounds.min && value <= max) return value;
  const range = bounds.max === undefined ? `${bounds.min} or more` : `${bounds.min} to ${bounds.max}`;
  table.notes.error(keyPath(table.path, key), `expected ${range}, found ${value}`);
  return undefined;
}

export function textsOf(table: Table, key: string): readonly string[] | undefined {
  const value = fieldOf(table.values, key);
  if (value === undefined) return undefined;
  if (!isList(value)) return wrongKind(table, key, 'a list of texts');
  const texts: string[] = [];
  for (const [index, item] of value.entries()) {
    if (typeof item === 'string') texts.push(item);
    else table.notes.error(itemPath(keyPath(table.path, key), index), `expected text, found ${kindOf(item)}`);
  }
  return texts;
}

/** One of a few words. `told`: those that an error offers. */
export function wordOf(
  table: Table,
  key: string,
  words: readonly string[],
  told: readonly string[] = words,
): string | undefined {
  const value = textOf(table, key);
  if (value === undefined || words.includes(value)) return value;
  table.notes.error(keyPath(table.path, key), `expected ${orList(told)}, found "${shortened(value)}"`);
  return undefined;
}

/** As wordOf, where an empty text is as good as none. */
export function optionalWordOf(
  table: Table,
  key: string,
  words: readonly string[],
  told?: readonly string[],
): string | undefined {
  return fieldOf(table.values, key) === '' ? undefined : wordOf(table, key, words, told);
}

/**
 * A Go duration as nanoseconds. Whole numbers are legacy forms, which the repair has turned into texts; elsewhere flyctl
 * takes them for nanoseconds, which nobody means.
 */
export function durationOf(table: Table, key: string): number | undefined {
  const number = fieldOf(table.values, key);
  if (typeof number === 'number') {
    const message = `flyctl reads a number here as nanoseconds, found ${number}`;
    table.notes.error(keyPath(table.path, key), message, `write "${number}s" for seconds`);
    return undefined;
  }
  const value = textOf(table, key);
  if (value === undefined) return undefined;
  const duration = parseDuration(value);
  if (duration !== undefined && duration >= 0) return duration;
  const message = `expected a duration such as 10s or 1m30s, found "${shortened(value)}"`;
  table.notes.error(keyPath(table.path, key), message);
  return undefined;
}
