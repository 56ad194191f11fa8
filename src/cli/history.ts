import { selectApps } from '../controllers/pass.ts';
import { Fault } from '../model/fault.ts';
import type { Run } from '../model/run.ts';
import type { Store } from '../record/store.ts';
import { oneRunJson, oneRunMarkdown, oneRunText, runsJson, runsMarkdown, runsText } from '../render/history.ts';
import { composed } from './composition.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { fleetName } from './fleet-name.ts';
import { answer, type CommonOptions, type Invocation } from './invocation.ts';

export interface HistoryOptions extends CommonOptions {
  readonly fleet?: string;
  readonly config?: string;
  readonly limit: number;
  /** Passes that found nothing to do, too. */
  readonly all?: boolean;
}

/** Runs read to find those of some apps: about a day of a busy fleet. */
const runsSearchedMax = 10_000;

/** The newest runs, or one of them with the results of its steps. */
export function history(invocation: Invocation, id: number | undefined, options: HistoryOptions): Promise<ExitCode> {
  return composed(invocation, options.config, options, async (composition) => {
    const fleet = await fleetName(composition, options.fleet);
    const store = await composition.store(fleet, 'read');
    if (id === undefined) {
      const runs = await newestRuns(store, options);
      answer(invocation, options.output, runs, { text: runsText, json: runsJson, markdown: runsMarkdown });
    } else {
      const run = await oneRun(store, id);
      answer(invocation, options.output, run, { text: oneRunText, json: oneRunJson, markdown: oneRunMarkdown });
    }
    return exitCodes.done;
  });
}

async function newestRuns(store: Store, { app: globs, limit, all }: HistoryOptions): Promise<readonly Run[]> {
  if (globs.length === 0) return store.runs({ limit, all });
  const runs = await store.runs({ limit: runsSearchedMax, all });
  return runs.filter((run) => selectApps([{ name: run.app }], globs).length > 0).slice(0, limit);
}

async function oneRun(store: Store, id: number): Promise<Run> {
  const run = await store.run(id);
  if (run !== undefined) return run;
  throw new Fault({
    kind: 'stalled',
    what: `there is no run ${id}`,
    next: '`flycd history` lists the runs that are known here',
  });
}
