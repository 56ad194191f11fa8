import { selectApps } from '../../../../controllers/fleet/asked-for.ts';
import { isOver } from '../../../model/run.ts';
import { statusJson, statusMarkdown, statusText } from '../../../render/status.ts';
import { composed, historyAsked } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';

export interface StatusOptions extends CommonOptions {
  readonly fleet?: string;
}

/** From the database alone: fast, and as old as it says. `diff` asks Fly. */
export function status(invocation: Invocation, config: string | undefined, options: StatusOptions): Promise<ExitCode> {
  return composed(invocation, config, options, async (composition) => {
    const { fleet, store } = await historyAsked(composition, options.fleet);
    const runs = (await store.latestRuns()).filter((run) => !isOver(run));
    const chosen = runs.filter((run) => selectApps([{ name: run.app }], options.app).length > 0);
    const due = selectApps(
      (await store.dirtyApps()).map(({ app }) => ({ name: app })),
      options.app,
    ).map(({ name }) => name);
    const deliveries = await store.pendingDeliveries();
    const value = { fleet, runs: chosen, deliveries, due, now: invocation.io.clock.now() };
    answer(invocation, options.output, value, { text: statusText, json: statusJson, markdown: statusMarkdown });
    return exitCodes.done;
  });
}
