import { basename, dirname, join, resolve } from 'node:path';
import { findConversions, type Conversion, type ConversionTarget } from '../../../desired/convert.ts';
import { Fault } from '../../../model/base/fault.ts';
import { configText } from '../../../render/config.ts';
import { problemsText } from '../../../render/problems.ts';
import { plural } from '../../../model/base/text.ts';
import { plain } from '../../../model/base/plain.ts';
import { openFolder } from '../../../sources/folder/folder.ts';
import { writeWhole, type WriteOutcome } from '../../../sources/folder/written-file.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import type { Invocation } from '../../shell/invocation.ts';
import { hasColour } from '../../shell/io.ts';

export interface ConvertOptions {
  readonly to: ConversionTarget;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/**
 * Each fly.toml to app.yaml, or back. One that cannot be read is told, and the others are converted all the same; what has
 * no effect in its new form is a warning.
 */
export async function convert(
  { io, redactor }: Invocation,
  path: string,
  { to, force = false, dryRun = false }: ConvertOptions,
): Promise<ExitCode> {
  const { clock, env: environment } = io;
  const given = resolve(io.cwd, path);
  const { tree, path: inTree } = await openFolder({ path: given, clock, environment });
  const conversions = await clock.busy(() => findConversions(tree, inTree, to));
  if (conversions.length === 0) {
    const wanted = to === 'yaml' ? 'fly.toml' : 'app.yaml';
    throw new Fault({
      kind: 'stalled',
      what: `there is no ${wanted} in ${path}`,
      next: 'name a folder with one, or a file',
    });
  }
  const isFile = conversions.length === 1 && conversions[0]?.from === inTree;
  // As the person named it: a file by that name, those of a folder from there.
  const shown = (file: string): string =>
    isFile ? join(dirname(path), basename(file)) : file.slice(inTree === '' ? 0 : inTree.length + 1);
  const outcomes: WriteOutcome[] = [];
  for (const { from, to: target, fields } of conversions) {
    if (fields === undefined) continue;
    const file = isFile ? join(dirname(given), basename(target)) : join(given, shown(target));
    const outcome = writeWhole({ path: file, text: configText(fields, to), overwrite: force, dryRun });
    outcomes.push(outcome);
    io.stdout.write(`${plain(shown(from))} -> ${plain(shown(target))}: ${words(outcome, dryRun)}\n`);
  }
  const problems = conversions.flatMap((conversion) => problemsOf(conversion, shown));
  io.stderr.write(redactor.redact(problemsText(problems, hasColour(io.stderr, io.env))));
  io.stdout.write(`${summary(conversions, outcomes, dryRun)}\n`);
  if (conversions.some(({ fields }) => fields === undefined)) return exitCodes.invalid;
  return outcomes.includes('kept') ? exitCodes.blocked : exitCodes.done;
}

function problemsOf({ problems, from }: Conversion, shown: (file: string) => string) {
  return problems.map((problem) => ({ ...problem, file: shown(from) }));
}

function words(outcome: WriteOutcome, dryRun: boolean): string {
  switch (outcome) {
    case 'written':
      return dryRun ? 'would be written' : 'written';
    case 'unchanged':
      return 'says that already';
    case 'kept':
      return 'left as it is: it says something else, and --force replaces it';
    default:
      return outcome satisfies never;
  }
}

function summary(conversions: readonly Conversion[], outcomes: readonly WriteOutcome[], dryRun: boolean): string {
  const count = (outcome: WriteOutcome): number => outcomes.filter((one) => one === outcome).length;
  const unread = conversions.filter(({ fields }) => fields === undefined).length;
  const parts = [
    `${plural(count('written'), 'file')} ${dryRun ? 'would be written' : 'written'}`,
    ...(count('unchanged') > 0 ? [`${count('unchanged')} unchanged`] : []),
    ...(count('kept') > 0 ? [`${count('kept')} left as they are`] : []),
    ...(unread > 0 ? [`${unread} not converted`] : []),
  ];
  return `${parts.join(', ')}.`;
}
