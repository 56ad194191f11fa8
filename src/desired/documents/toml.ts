/** TOML (app.toml, fly.toml) as plain values, and where a path stands in the text: the library keeps no positions. */
import { parse, TomlDate, TomlError } from 'smol-toml';
import type { JsonValue } from '../../model/base/json.ts';
import type { DocumentPath } from './path.ts';
import { depthMax, problemsMax, valuesMax, type ParsedText, type Places, type TextProblem } from './text-problem.ts';

export function parseToml(text: string): ParsedText {
  try {
    const reading: Reading = { problems: [], values: 0 };
    const table = parse(text, { integersAsBigInt: 'asNeeded', maxDepth: depthMax, useLegacyDate: true });
    const value = plain(table, [], reading);
    return { value: reading.values > valuesMax ? undefined : value, problems: reading.problems, inexact: [] };
  } catch (error) {
    if (!(error instanceof TomlError))
      return unreadable({ offset: 0, path: [], message: 'cannot be read: it is not TOML' });
    // The library repeats the line it stumbled over below its first line: that could be a secret.
    const [first = ''] = error.message.split('\n');
    const message = `not valid TOML: ${first.replace(/^Invalid TOML document: /, '').replace(/: ?["'`].*$/, '')}`;
    return unreadable({ offset: offsetOf(text, error.line, error.column), path: [], message });
  }
}

function unreadable(problem: TextProblem): ParsedText {
  return { value: undefined, problems: [problem], inexact: [] };
}

function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let current = 1; current < line; current += 1) {
    const end = text.indexOf('\n', start);
    if (end === -1) break;
    start = end + 1;
  }
  return Math.min(text.length, start + Math.max(0, column - 1));
}

interface Reading {
  readonly problems: TextProblem[];
  values: number;
}

function plain(value: unknown, path: DocumentPath, reading: Reading): JsonValue {
  if (reading.values > valuesMax) return undefined;
  reading.values += 1;
  if (reading.values > valuesMax) return refuse(path, `expected at most ${valuesMax} values, found more`, reading);
  if (path.length > depthMax) return refuse(path, `nested more than ${depthMax} deep`, reading);
  if (Array.isArray(value)) return value.map((item, index) => plain(item, [...path, index], reading));
  if (value instanceof TomlDate) return dateText(value);
  if (typeof value === 'bigint')
    return refuse(path, 'this number is too long to be read exactly', reading, 'put it in quotes');
  if (typeof value === 'number' && !Number.isFinite(value)) return refuse(path, 'expected a finite number', reading);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  const result: { [key: string]: JsonValue } = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') refuse(path, '__proto__ cannot be a field name', reading);
    else result[key] = plain(inner, [...path, key], reading);
  }
  return result;
}

/** The library always prints milliseconds. */
function dateText(date: TomlDate): string {
  return date
    .toISOString()
    .replace(/\.(\d*?)0*(?=$|Z|[+-])/, (_all, digits: string) => (digits === '' ? '' : `.${digits}`));
}

function refuse(path: DocumentPath, message: string, { problems }: Reading, hint?: string): undefined {
  if (problems.length >= problemsMax) return;
  problems.push({ offset: -1, path, message, ...(hint === undefined ? {} : { hint }) });
}

/**
 * Reads once where each `[table]`, `[[list]]` and `key =` stands; a path's place is that of its deepest step that a line
 * names. Inline tables and lists count as their line. Lines inside a text of several lines could be taken for keys: the
 * place is then off, never the value.
 */
export function placesInToml(text: string): Places {
  const counts = new Map<string, number>();
  const found = new Map<string, { readonly start: number; readonly value: number }>();
  let table: DocumentPath = [];
  let offset = 0;
  const note = (path: DocumentPath, start: number, value: number): void => {
    const key = JSON.stringify(path);
    if (!found.has(key)) found.set(key, { start, value });
  };
  for (const line of text.split('\n')) {
    const start = offset + (line.length - line.trimStart().length);
    const header = /^\s*(\[\[?)([^\]]+)\]/.exec(line);
    const field = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)(\s*=\s*)/.exec(line);
    if (header !== null) {
      table = headerPath(stepsOf(header[2] ?? ''), header[1] === '[[', counts);
      // The first that is in a table or a list says where that stands, too.
      for (const depth of table.keys()) note(table.slice(0, depth + 1), start, start);
    } else if (field !== null) {
      note([...table, ...stepsOf(field[1] ?? '')], start, offset + (field[0]?.length ?? 0));
    }
    offset += line.length + 1;
  }
  return (path, part) => {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const at = found.get(JSON.stringify(path.slice(0, depth)));
      if (at !== undefined) return { offset: part === 'value' && depth === path.length ? at.value : at.start };
    }
    return { offset: 0 };
  };
}

/** `[[a]]` opens a new item of a; `[a.b]` below it means b of the newest item. */
function headerPath(names: readonly string[], opens: boolean, counts: Map<string, number>): DocumentPath {
  const path: (string | number)[] = [];
  for (const [index, name] of names.entries()) {
    path.push(name);
    const key = JSON.stringify(path);
    if (index === names.length - 1 && opens) counts.set(key, (counts.get(key) ?? -1) + 1);
    const item = counts.get(key);
    if (item !== undefined) path.push(item);
  }
  return path;
}

function stepsOf(name: string): readonly string[] {
  return [...name.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
