import { placeOf, type Problem } from '../model/base/problem.ts';
import { markdownTable } from './text/table.ts';
import { plural } from '../model/base/text.ts';
import { plain } from '../model/base/plain.ts';
import { createPaint } from './text/tone.ts';
import { problemsText, sortProblems, problemJson } from './problems.ts';

/** What `validate` says of a tree. */
export interface Validation {
  readonly fleet: string;
  /** Of the repo, as `flycd adopt --all --from` takes it; undefined where nothing tells it from others. */
  readonly origin?: string | undefined;
  readonly revision: string;
  /** Folder of the repo that files are named from; '' = its top. */
  readonly root: string;
  readonly apps: readonly { readonly app: string; readonly file: string }[];
  readonly invalid: readonly { readonly app: string | undefined; readonly file: string }[];
  readonly problems: readonly Problem[];
}

/** `2 apps valid, 1 invalid, 1 error.` */
export function validationSummary(validation: Validation): string {
  const { problems } = validation;
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  const parts = [`${plural(validation.apps.length, 'app')} valid`];
  if (validation.invalid.length > 0) parts.push(`${validation.invalid.length} invalid`);
  if (errors > 0) parts.push(plural(errors, 'error'));
  if (warnings > 0) parts.push(plural(warnings, 'warning'));
  return `${parts.join(', ')}.`;
}

export function validationText(validation: Validation, colour: boolean): string {
  const { problems } = validation;
  const body = problemsText(problems, colour);
  const tone = problems.some((problem) => problem.severity === 'error') ? 'red' : 'green';
  return `${body}${body === '' ? '' : '\n'}${createPaint(colour)(tone, validationSummary(validation))}\n`;
}

export function validationJson(validation: Validation): object {
  return {
    fleet: validation.fleet,
    origin: validation.origin ?? null,
    revision: validation.revision,
    valid: !validation.problems.some((problem) => problem.severity === 'error'),
    apps: validation.apps.map(({ app, file }) => ({ app, file })),
    invalid: validation.invalid.map(({ app, file }) => ({ app: app ?? null, file })),
    problems: sortProblems(validation.problems).map(problemJson),
  };
}

export function validationMarkdown(validation: Validation): string {
  const summary = validationText({ ...validation, problems: [] }, false).trim();
  const errors = validation.problems.filter((problem) => problem.severity === 'error').length;
  const head = `### FlyCD: ${errors > 0 ? `${plural(errors, 'error')}, ` : ''}${summary}\n`;
  if (validation.problems.length === 0) return head;
  const rows = sortProblems(validation.problems).map((problem) => [
    problem.severity,
    plain(placeOf(problem)),
    plain(problem.path),
    plain(problem.message),
    plain(problem.hint ?? ''),
  ]);
  return `${head}\n${markdownTable({ columns: ['', 'where', 'path', 'what', 'hint'], rows })}\n`;
}
