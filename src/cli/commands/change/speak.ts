import type { Subject, Told } from '../../../../controllers/app/manual-holds.ts';
import { eachTold } from '../../../../controllers/fleet/spoken-of.ts';
import { Fault, toFault } from '../../../model/base/fault.ts';
import { toldJson, toldMarkdown, toldText } from '../../../render/told.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type Invocation, type OutputForm } from '../../shell/invocation.ts';

interface Speech {
  readonly subjects: readonly Subject[];
  readonly output: OutputForm;
  /** Apps at once. */
  readonly concurrency: number;
  readonly speak: (subject: Subject) => Promise<Told>;
}

/** Apps that an error names; the rest are counted. */
const namedMax = 5;

/** Says something of each app, and tells of what was said also where that failed of others. Throws a Fault of those. */
export async function speakOf(
  invocation: Invocation,
  { subjects, output, concurrency, speak }: Speech,
): Promise<ExitCode> {
  const { told, failed } = await eachTold(subjects, concurrency, speak);
  if (told.length > 0) answer(invocation, output, told, { text: toldText, json: toldJson, markdown: toldMarkdown });
  const [first] = failed;
  if (first === undefined) return exitCodes.done;
  if (subjects.length === 1) throw first.error;
  const { kind, what, why, next } = toFault(first.error, `nothing could be said of ${first.app}`);
  const names = failed.slice(0, namedMax).map(({ app }) => app);
  const more = failed.length > namedMax ? ` and ${failed.length - namedMax} more` : '';
  throw new Fault({
    kind: kind === 'waiting' ? 'transient' : kind,
    what: `it failed or may not last for ${failed.length} of ${subjects.length} apps: ${names.join(', ')}${more}`,
    why: why === undefined ? what : `${what}: ${why}`,
    next,
  });
}
