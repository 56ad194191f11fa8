import { holdBackAt } from '../../../../controllers/app/manual-holds.ts';
import { appsCalled } from '../../../../controllers/fleet/asked-for.ts';
import { orphanCalled } from '../../../../controllers/fleet/spoken-of.ts';
import { syncPass } from '../../../../controllers/fleet/sync.ts';
import { Fault } from '../../../model/base/fault.ts';
import { shellWord } from '../../../model/base/shell.ts';
import { syncJson, syncMarkdown, syncText } from '../../../render/sync.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
import { exitOfRollback } from '../../shell/verdict.ts';
import { openSync } from './sync-pass.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';

export interface RollbackOptions extends Omit<CommonOptions, 'app'> {
  readonly to?: number;
}

/** Holds an app at an earlier version, image and config together, and takes it there in one pass. */
export function rollback(
  invocation: Invocation,
  name: string,
  config: string | undefined,
  options: RollbackOptions,
): Promise<ExitCode> {
  const { io } = invocation;
  return composed(invocation, config, options, async (composition) => {
    const { context, fleet } = await openSync(composition, [name]);
    const [app] = appsCalled({ ...fleet, apps: fleet.apps.filter((one) => one.name === name) }, name);
    if (app === undefined) throw unnamed((await orphanCalled(context, fleet, name)).name);
    await holdBackAt(context, fleet, { app, run: options.to });
    const { plan, runs = [] } = await syncPass(context, fleet, { ...plainPass, apps: [name] }, 'rollback');
    answer(invocation, options.output, { plan, runs }, { text: syncText, json: syncJson, markdown: syncMarkdown });
    return io.signal.aborted ? exitCodes.interrupted : exitOfRollback(plan, runs);
  });
}

/** What a version has is laid over what git says of the app today. */
function unnamed(app: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `git no longer names ${app}, so it has no version to go back to`,
    next: `bring its app.yaml back; flycd why ${shellWord(app)} says what becomes of it until then`,
    where: app,
  });
}
