/**
 * Reads a document's fields with the type they must have. A field of another type is noted as an error and reads as
 * absent, so that one mistake hides no other. Null reads as absent, as in flyctl.
 */
import type { JsonObject, JsonValue } from '../../model/base/json.ts';
import { parseDuration } from './duration.ts';
import type { NoteList } from './notes.ts';

/** One table of the document and where it stands. */
export interface Table {
  readonly path: string;
  readonly values: JsonObject;
  readonly notes: NoteList;
}

export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isTable(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own fields only: a document may well have a key called `constructor`. */
export function fieldOf(values: JsonObject, key: string): JsonValue {
  return Object.hasOwn(values, key) ? (values[key] ?? undefined) : undefined;
}

export function keyPath(path: string, key: string): string {
  const step = /^[\w-]+$/.test(key) ? key : `[${JSON.stringify(key)}]`;
  return path === '' || step.startsWith('[') ? `${path}${step}` : `${path}.${step}`;
}

export function itemPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** What a value is, for a person. */
export function kindOf(value: JsonValue): string {
  if (value === null || value === undefined) return 'nothing';
  if (isList(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number';
  if (typeof value === 'boolean') return String(value);
  return 'a table';
}

type Kind = 'text' | 'true or false' | 'a whole number' | 'a list of texts' | 'a list of tables' | 'a table';

function wrongKind(table: Table, key: string, expected: Kind): undefined {
  const value = fieldOf(table.values, key);
  table.notes.error(
    keyPath(table.path, key),
    `expected ${expected}, found ${kindOf(value)}`,
    formHint(expected, value),
  );
  return undefined;
}

/** Where the value is right and only its form is not. */
function formHint(expected: Kind, value: JsonValue): string | undefined {
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  switch (expected) {
    case 'text':
      return isPlain ? 'put it in quotes' : undefined;
    case 'true or false':
      return value === 'true' || value === 'false' ? 'write it without quotes' : undefined;
    case 'a whole number':
      return typeof value === 'string' && /^\d+$/.test(value) ? 'write it without quotes' : undefined;
    case 'a list of texts':
      return typeof value === 'string' ? 'put it in brackets' : undefined;
    case 'a list of tables':
      return isTable(value) ? 'a list of one, in TOML by double brackets' : undefined;
    case 'a table':
      return undefined;
    default:
      return expected satisfies never;
  }
}

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

/** One of a few words. */
export function wordOf(table: Table, key: string, words: readonly string[]): string | undefined {
  const value = textOf(table, key);
  if (value === undefined || words.includes(value)) return value;
  table.notes.error(keyPath(table.path, key), `expected ${orList(words)}, found "${shortened(value)}"`);
  return undefined;
}

/** As wordOf, where an empty text is as good as none. */
export function optionalWordOf(table: Table, key: string, words: readonly string[]): string | undefined {
  return fieldOf(table.values, key) === '' ? undefined : wordOf(table, key, words);
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

export function tableOf(table: Table, key: string): Table | undefined {
  const value = fieldOf(table.values, key);
  if (value === undefined) return undefined;
  if (!isTable(value)) return wrongKind(table, key, 'a table');
  return { path: keyPath(table.path, key), values: value, notes: table.notes };
}

/** More than any section has; keeps the work of mapping a hostile document small. */
const tablesMax = 1000;

/** A list of tables; items of another type are noted and left out. */
export function tablesOf(table: Table, key: string): readonly Table[] {
  const value = fieldOf(table.values, key);
  if (value === undefined) return [];
  if (!isList(value)) return wrongKind(table, key, 'a list of tables') ?? [];
  if (value.length > tablesMax) {
    table.notes.error(keyPath(table.path, key), `expected at most ${tablesMax} tables, found ${value.length}`);
  }
  const tables: Table[] = [];
  for (const [index, item] of value.slice(0, tablesMax).entries()) {
    const path = itemPath(keyPath(table.path, key), index);
    if (isTable(item)) tables.push({ path, values: item, notes: table.notes });
    else table.notes.error(path, `expected a table, found ${kindOf(item)}`);
  }
  return tables;
}

/** Tables by name, such as `checks`. */
export function namedTablesOf(table: Table, key: string): readonly (readonly [string, Table])[] {
  const section = tableOf(table, key);
  if (section === undefined) return [];
  const names = Object.keys(section.values);
  if (names.length > tablesMax) {
    table.notes.error(section.path, `expected at most ${tablesMax} tables, found ${names.length}`);
  }
  return names.slice(0, tablesMax).flatMap((name) => {
    const named = tableOf(section, name);
    return named === undefined ? [] : [[name, named] as const];
  });
}

/** Longest piece of a wrong value that a message repeats. */
const shownCharactersMax = 40;

export function shortened(text: string): string {
  return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)}…`;
}

/** "a, b or c". */
export function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The object without its undefined fields: what is absent is not sent. */
export function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
