/**
 * Problems as workflow commands of GitHub Actions: each shows beside its line in a pull request. The runner reads a
 * command from any line that begins with `::`, so no text may begin a line or end a command early.
 */
import type { Problem } from '../model/base/problem.ts';
import { sortProblems } from './problems.ts';
import { validationSummary, type Validation } from './validation.ts';
import { plain } from '../model/base/plain.ts';

/** Errors first: GitHub shows only the first ten of a step. */
export function validationAnnotations(validation: Validation): string {
  const lines = sortProblems(validation.problems).map((problem) => `${annotation(problem, validation.root)}\n`);
  return `${lines.join('')}${validationSummary(validation)}\n`;
}

/** `root` is the folder of the repo that the problem's file is named from. */
export function annotation(problem: Problem, root: string): string {
  const { severity, line, column, app } = problem;
  const file = fileInRepo(problem.file, root);
  const properties = Object.entries({
    file,
    ...(file !== undefined && line > 0 ? { line: String(line), col: String(column) } : {}),
    title: app === undefined ? 'FlyCD' : `FlyCD: ${plain(app)}`,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escapedProperty(value)}`]));
  return `::${severity} ${properties.join(',')}::${escaped(messageOf(problem, file === undefined))}`;
}

function messageOf(problem: Problem, elsewhere: boolean): string {
  const { file, path, message, hint } = problem;
  const parts = [...(elsewhere ? [file] : []), ...(path === '' ? [] : [path]), message].map(plain).join(': ');
  return hint === undefined ? parts : `${parts}\n${plain(hint)}`;
}

/** From the repo's top, which is where GitHub looks. undefined: a file of another repo, which GitHub cannot show. */
function fileInRepo(file: string, root: string): string | undefined {
  if (file.includes('//')) return undefined;
  const steps: string[] = [];
  for (const step of [...root.split('/'), ...file.split('/')]) {
    if (step === '..' && steps.pop() === undefined) return undefined;
    if (step !== '' && step !== '.' && step !== '..') steps.push(step);
  }
  return steps.length === 0 ? undefined : plain(steps.join('/'));
}

/** As the runner takes it apart again: only these, and `%` first. */
function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapedProperty(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
