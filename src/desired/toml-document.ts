/** TOML (app.toml, fly.toml) as plain values, and where a path stands in the text: the library keeps no positions. */
import { parse, TomlDate, TomlError } from 'smol-toml';
import type { JsonValue } from '../model/json.ts';
import type { DocumentPath } from './document-path.ts';
import type { ParsedText, TextPlace, TextProblem } from './text-problem.ts';

/** As for YAML: nesting no config needs. */
const depthMax = 64;

export function parseToml(text: string): ParsedText {
  try {
    const problems: TextProblem[] = [];
    const table = parse(text, { integersAsBigInt: 'asNeeded', maxDepth: depthMax, useLegacyDate: true });
    return { value: plain(table, [], problems), problems, inexact: [] };
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

function plain(value: unknown, path: DocumentPath, problems: TextProblem[]): JsonValue {
  if (path.length > depthMax) return refuse(path, `nested more than ${depthMax} deep`, problems);
  if (Array.isArray(value)) return value.map((item, index) => plain(item, [...path, index], problems));
  if (value instanceof TomlDate) return value.toISOString();
  if (typeof value === 'bigint')
    return refuse(path, 'this number is too long to be read exactly', problems, 'put it in quotes');
  if (typeof value === 'number' && !Number.isFinite(value)) return refuse(path, 'expected a finite number', problems);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  const result: { [key: string]: JsonValue } = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') refuse(path, '__proto__ cannot be a field name', problems);
    else result[key] = plain(inner, [...path, key], problems);
  }
  return result;
}

function refuse(path: DocumentPath, message: string, problems: TextProblem[], hint?: string): undefined {
  problems.push({ offset: -1, path, message, ...(hint === undefined ? {} : { hint }) });
}

interface Header {
  readonly path: DocumentPath;
  readonly offset: number;
}

/**
 * Looks for the deepest step of the path that a line names: `[table]`, `[[list]]` or `key =`. Inline tables and lists
 * count as their line. Lines inside a text of several lines could be taken for keys: the place is then off, never the value.
 */
export function placeInToml(text: string, path: DocumentPath, part: 'key' | 'value'): TextPlace {
  const counts = new Map<string, number>();
  let table: DocumentPath = [];
  let best: Header = { path: [], offset: 0 };
  let offset = 0;
  const consider = (at: Header): void => {
    if (at.path.length > best.path.length && isPrefix(at.path, path)) best = at;
  };
  for (const line of text.split('\n')) {
    const start = offset + (line.length - line.trimStart().length);
    const header = /^\s*(\[\[?)([^\]]+)\]/.exec(line);
    const field = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)(\s*=\s*)/.exec(line);
    if (header !== null) {
      table = headerPath(stepsOf(header[2] ?? ''), header[1] === '[[', counts);
      consider({ path: table, offset: start });
    } else if (field !== null) {
      const here = [...table, ...stepsOf(field[1] ?? '')];
      const valueAt = offset + (field[0]?.length ?? 0);
      const whole = here.length === path.length;
      consider({ path: here, offset: part === 'value' && whole ? valueAt : start });
    }
    offset += line.length + 1;
  }
  return { offset: best.offset };
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

function isPrefix(prefix: DocumentPath, path: DocumentPath): boolean {
  return prefix.every((step, index) => step === path[index]);
}
