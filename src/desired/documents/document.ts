/** A file of the config repo as read: its text, what it says, and where in it everything stands. */
import { isObject, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import { isPointer } from '../../sources/tree/lfs-pointer.ts';
import { substitute, type Substitution } from './substitution.ts';
import { parseToml } from './toml.ts';
import type { InexactNumber, TextProblem } from './text-problem.ts';
import { parseYaml } from './yaml.ts';

export type Format = 'yaml' | 'toml' | 'json';

export interface SourceDocument {
  /** For people: the path from the config root, or a repo's name and the path in it. */
  readonly file: string;
  readonly format: Format;
  /** As written. */
  readonly text: string;
  /** What the file says; undefined: it could not be read. */
  readonly fields: JsonObject | undefined;
  readonly problems: readonly TextProblem[];
  readonly inexact: readonly InexactNumber[];
  readonly substitutions: readonly Substitution[];
}

export function formatOf(path: string): Format {
  if (path.endsWith('.toml')) return 'toml';
  return path.endsWith('.json') ? 'json' : 'yaml';
}

interface ReadRequest {
  readonly file: string;
  readonly format: Format;
  readonly bytes: Uint8Array;
  readonly substitutions: readonly Substitution[];
}

export function readDocument(request: ReadRequest): SourceDocument {
  const { file, format, substitutions } = request;
  const text = textOf(request.bytes);
  const base = { file, format, text: text ?? '', substitutions };
  if (isPointer(request.bytes)) {
    const hint = 'FlyCD does not ask a large file store: keep config files out of Git LFS';
    return unreadDocument(base, 'this is a pointer of Git LFS, not the file itself', hint);
  }
  if (text === undefined) return unreadDocument(base, 'expected text in UTF-8, found other bytes');
  const substituted = substitute(text, substitutions);
  if (substituted.over !== undefined) return unreadDocument(base, substituted.over);
  const parsed = format === 'toml' ? parseToml(substituted.text) : parseYaml(readable(substituted.text, format));
  const problems = [...parsed.problems, ...rootProblems(parsed.value, parsed.problems.length > 0)];
  return { ...base, fields: fieldsOf(parsed.value), problems, inexact: parsed.inexact };
}

/** A file of which only one thing can be said, at its start. */
export function unreadDocument(
  base: Pick<SourceDocument, 'file' | 'format' | 'text' | 'substitutions'>,
  message: string,
  hint?: string,
): SourceDocument {
  const problem = { offset: 0, path: [], message, ...(hint === undefined ? {} : { hint }) };
  return { ...base, fields: undefined, problems: [problem], inexact: [] };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** JSON is YAML but for tabs as indentation; a tab becomes one space, so that columns stay. */
export function readable(text: string, format: Format): string {
  return format === 'json' ? text.replaceAll(/^\t+/gm, (tabs) => ' '.repeat(tabs.length)) : text;
}

function rootProblems(value: JsonValue, broken: boolean): readonly TextProblem[] {
  if (isObject(value) || broken) return [];
  const found = value === null || value === undefined ? 'an empty file' : Array.isArray(value) ? 'a list' : 'one value';
  return [{ offset: 0, path: [], message: `expected fields, found ${found}` }];
}

function fieldsOf(value: JsonValue): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

/** After a mistake in the syntax, or past a cap, all that its fields seem to say is guesswork. */
export function hasBrokenSyntax(document: SourceDocument): boolean {
  return document.fields === undefined || document.problems.some(({ path }) => path.length === 0);
}

/**
 * false: it says more, or other, than its fields: a second document, a key twice, a half of a merge. What stands in it of
 * other apps nobody knows.
 */
export function isReadWhole(document: SourceDocument): boolean {
  return document.fields !== undefined && document.problems.length === 0;
}
