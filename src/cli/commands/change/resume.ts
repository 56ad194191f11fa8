import { resumeApp, type Told } from '../../../../controllers/app/manual-holds.ts';
import { subjectsCalled } from '../../../../controllers/fleet/spoken-of.ts';
import { toldJson, toldMarkdown, toldText } from '../../../render/told.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
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
    const told: Told[] = [];
    for (const app of await subjectsCalled(context, fleet, name)) told.push(await resumeApp(context, fleet, app));
    answer(invocation, options.output, told, { text: toldText, json: toldJson, markdown: toldMarkdown });
    return exitCodes.done;
  });
}
