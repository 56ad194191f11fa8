import { placeOf, type Problem } from '../model/base/problem.ts';
import { markdownTable } from './table.ts';
import { createPaint, plain, plural } from './text.ts';

/** Errors before warnings, then by place: the order does not depend on who read what first. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted(
    (a, b) =>
      Number(a.severity === 'warning') - Number(b.severity === 'warning') ||
      compare(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compare(a.message, b.message),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** `file:line:column: error: at path: message`, the hint below: the form editors and CI know how to follow. */
export function problemLines(problem: Problem): readonly string[] {
  const path = problem.path === '' ? '' : `${plain(problem.path)}: `;
  const head = `${plain(placeOf(problem))}: ${problem.severity}: ${path}${plain(problem.message)}`;
  return problem.hint === undefined ? [head] : [head, `  hint: ${plain(problem.hint)}`];
}

export function problemsText(problems: readonly Problem[], colour: boolean): string {
  const paint = createPaint(colour);
  return sortProblems(problems)
    .flatMap((problem) => {
      const [head, ...rest] = problemLines(problem);
      return [paint(problem.severity === 'error' ? 'red' : 'yellow', head ?? ''), ...rest];
    })
    .map((line) => `${line}\n`)
    .join('');
}

export interface ProblemJson {
  readonly severity: Problem['severity'];
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly hint: string | null;
  readonly app: string | null;
}

export function problemJson(problem: Problem): ProblemJson {
  const { severity, file, line, column, path, message } = problem;
  return { severity, file, line, column, path, message, hint: problem.hint ?? null, app: problem.app ?? null };
}

/** What `validate` says of a tree. */
export interface Validation {
  readonly fleet: string;
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
