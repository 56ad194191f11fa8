import { byText } from '../model/base/text.ts';
import { placeOf, type Problem } from '../model/base/problem.ts';
import { plain } from '../model/base/plain.ts';
import { createPaint } from './text/tone.ts';

/** Errors before warnings, then by place: the order does not depend on who read what first. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted(
    (a, b) =>
      Number(a.severity === 'warning') - Number(b.severity === 'warning') ||
      byText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      byText(a.message, b.message),
  );
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
