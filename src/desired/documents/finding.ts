/** Something wrong at a path of a document, before it has a line and a column; and how zod's issues become such. */
import type { z } from 'zod';
import { orList, shortened } from '../../model/base/text.ts';
import { kindOf } from '../../flyconfig/reading/values.ts';
import { moreOf, notesMax } from '../../flyconfig/reading/notes.ts';
import { nearest } from '../../flyconfig/reading/spelling.ts';
import type { JsonValue } from '../../model/base/json.ts';
import type { DocumentPath } from './path.ts';

export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly path: DocumentPath;
  /** Whether a field's name or its value is at fault. */
  readonly part: 'key' | 'value';
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Where findings are gathered; one place for the two severities. Of each only so many are kept as notes are. */
export interface FindingList {
  readonly all: readonly Finding[];
  readonly hasError: boolean;
  error(path: DocumentPath, message: string, hint?: string): void;
  warning(path: DocumentPath, message: string, hint?: string): void;
  add(findings: readonly Finding[]): void;
}

export function findingList(): FindingList {
  const all: Finding[] = [];
  const counts = { error: 0, warning: 0 };
  const add = (finding: Finding): void => {
    const { severity } = finding;
    counts[severity] += 1;
    if (counts[severity] <= notesMax) all.push(finding);
    else if (counts[severity] === notesMax + 1) {
      all.push({ severity, path: [], part: 'value', message: moreOf(severity) });
    }
  };
  return {
    all,
    get hasError() {
      return counts.error > 0;
    },
    error: (path, message, hint) => add({ severity: 'error', path, part: 'value', message, hint }),
    warning: (path, message, hint) => add({ severity: 'warning', path, part: 'value', message, hint }),
    add: (findings) => findings.forEach(add),
  };
}

export interface CheckRequest<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  readonly value: JsonValue;
  /** Names said elsewhere, with where; counted only where the value's own fields stand, or a group's. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Field the value stands in: findings carry it as the first step of their path. */
  readonly within?: string;
}

/** Checks a value and says everything that is wrong with it. Values within `secrets` are never repeated. */
export function check<Schema extends z.ZodType>(
  request: CheckRequest<Schema>,
): { readonly data: z.output<Schema> | undefined; readonly findings: readonly Finding[] } {
  const result = request.schema.safeParse(request.value);
  if (result.success) return { data: result.data, findings: [] };
  const issues = result.error.issues as readonly z.core.$ZodIssue[];
  const findings: Finding[] = [];
  for (const issue of issues) {
    if (findings.length > notesMax) break; // a list of findings says that there are more
    for (const finding of findingsOf(issue, request)) findings.push(finding);
  }
  const { within } = request;
  if (within === undefined) return { data: undefined, findings };
  return { data: undefined, findings: findings.map((finding) => ({ ...finding, path: [within, ...finding.path] })) };
}

function findingsOf(issue: z.core.$ZodIssue, request: CheckRequest): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, notesMax + 1).map((key) => unknownField(key, path, request));
  const value = valueAt(request.value, path);
  const found = request.within === 'secrets' ? kindOf(value) : shown(value);
  const error = (message: string, hint?: string): readonly Finding[] => [
    { severity: 'error', path, part: 'value', message, hint },
  ];
  switch (issue.code) {
    case 'invalid_type':
      return error(
        `expected ${expectedKind(issue.expected)}, found ${kindOf(value)}`,
        quoteHint(issue.expected, value),
      );
    case 'invalid_value': {
      const words = issue.values.map(String);
      const meant = typeof value === 'string' ? nearest(value, words) : undefined;
      return error(
        `expected ${orList(words)}, found ${found}`,
        meant === undefined ? undefined : `did you mean ${meant}?`,
      );
    }
    case 'too_small':
      return error(value === '' ? 'expected text, found none' : `expected at least ${issue.minimum}, found ${found}`);
    case 'too_big':
      return error(`expected at most ${issue.maximum}, found ${found}`);
    case 'invalid_key': {
      const why = issue.issues[0]?.message ?? 'expected another name';
      return [{ severity: 'error', path, part: 'key', message: why }];
    }
    case 'custom':
      return error(
        issue.message.includes('found') || issue.message.includes(':')
          ? issue.message
          : `${issue.message}, found ${found}`,
      );
    default:
      return error(issue.message.startsWith('expected') ? `${issue.message}, found ${found}` : issue.message);
  }
}

function unknownField(key: string, path: DocumentPath, request: CheckRequest): Finding {
  const at = { severity: 'error', path: [...path, key], part: 'key' } as const;
  const elsewhere = path.length === 0 || (path.length === 2 && path[0] === 'groups') ? request.elsewhere : undefined;
  if (elsewhere !== undefined && Object.hasOwn(elsewhere, key)) {
    return { ...at, message: `${request.within ?? 'this'} does not say ${key}`, hint: elsewhere[key] };
  }
  const known = fieldsAt(request.schema, path);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `the fields here are ${orList(known)}` : `did you mean ${meant}?`;
  return { ...at, message: `FlyCD has no field ${JSON.stringify(shortened(key))} here`, hint };
}

export function notYetWords(key: string): { readonly message: string; readonly hint: string } {
  return {
    message: `${key} is not built yet, and is not ignored either`,
    hint: `remove ${key} until FlyCD knows it`,
  };
}

function valueAt(root: JsonValue, path: DocumentPath): JsonValue {
  let value: unknown = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value as JsonValue;
}

function shown(value: JsonValue): string {
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  return typeof value === 'number' ? String(value) : kindOf(value);
}

function expectedKind(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a table',
    record: 'a table',
  };
  return words[expected] ?? expected;
}

function quoteHint(expected: string, value: JsonValue): string | undefined {
  const plain = typeof value === 'number' || typeof value === 'boolean';
  return expected === 'string' && plain ? 'put it in quotes' : undefined;
}

/** Names of the fields a schema has at a path: for did-you-mean. */
function fieldsAt(schema: z.ZodType, path: DocumentPath): readonly string[] {
  let current: z.core.$ZodType = unwrapped(schema);
  for (const step of path) {
    const definition = current._zod.def as {
      shape?: Record<string, z.core.$ZodType>;
      element?: z.core.$ZodType;
      valueType?: z.core.$ZodType;
    };
    const inner = definition.shape?.[step] ?? definition.element ?? definition.valueType;
    if (inner === undefined) return [];
    current = unwrapped(inner);
  }
  return Object.keys((current._zod.def as { shape?: Record<string, unknown> }).shape ?? {});
}

/** Behind `optional` and the readers of loose forms. */
function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const definition = schema._zod.def as { innerType?: z.core.$ZodType; out?: z.core.$ZodType };
  const inner = definition.innerType ?? definition.out;
  return inner === undefined ? schema : unwrapped(inner);
}
