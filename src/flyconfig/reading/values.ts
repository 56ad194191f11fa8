import type { JsonObject, JsonValue } from '../../model/base/json.ts';
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

export function wrongKind(table: Table, key: string, expected: Kind): undefined {
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
