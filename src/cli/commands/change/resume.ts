import { resumeApp, type Subject, type Told } from '../../../../controllers/app/manual-holds.ts';
import { subjectsCalled } from '../../../../controllers/fleet/spoken-of.ts';
import { composed } from '../../composition/composition.ts';
import type { ExitCode } from '../../shell/exit.ts';
import type { CommonOptions, Invocation } from '../../shell/invocation.ts';
import { speakOf } from './speak.ts';
import { openSync } from './sync-pass.ts';

export type ResumeOptions = Omit<CommonOptions, 'app'>;

/** Lifts whatever keeps an app, or the apps of a project, from following git. The next sync does what git says. */
export function resume(
  invocation: Invocation,
  name: string,
  config: string | undefined,
  options: ResumeOptions,
): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    const { context, fleet } = await openSync(composition, []);
    const subjects = await subjectsCalled(context, fleet, name);
    const { concurrency } = context;
    const speak = (app: Subject): Promise<Told> => resumeApp(context, fleet, app);
    return speakOf(invocation, { subjects, output: options.output, concurrency, speak });
  });
}
