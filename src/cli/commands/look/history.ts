import { selectApps } from '../../../../controllers/fleet/asked-for.ts';
import { Fault } from '../../../model/base/fault.ts';
import type { Run } from '../../../model/run.ts';
import type { StoreReader } from '../../../record/store.ts';
import { runsJson, runsMarkdown, runsText } from '../../../render/history.ts';
import { oneRunJson, oneRunMarkdown, oneRunText } from '../../../render/run.ts';
import { composed, historyAsked } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';

export interface HistoryOptions extends CommonOptions {
  readonly fleet?: string;
  readonly config?: string;
  readonly limit: number;
  /** Passes that found nothing to do, too. */
  readonly all?: boolean;
}

/** Runs read to find those of some apps: about a day of a busy fleet. */
const runsSearchedMax = 10_000;

/** What `flycd history` was given before its options: a run, a config, both or neither. */
export type HistoryWords = readonly [string | undefined, string | undefined];

/** The newest runs, or one of them with the results of its steps. */
export function history(invocation: Invocation, words: HistoryWords, options: HistoryOptions): Promise<ExitCode> {
  const { id, config } = meant(words);
  return composed(invocation, config ?? options.config, options, async (composition) => {
    const { store } = await historyAsked(composition, options.fleet);
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

/** A number is a run, and any other word the config: `./17` is a folder. */
function meant([first, second]: HistoryWords): { readonly id?: number; readonly config?: string | undefined } {
  const isRun = (word: string | undefined): boolean => /^[0-9]{1,10}$/.test(word ?? '');
  if (isRun(first)) return { id: Number(first), config: second };
  if (second === undefined) return { config: first };
  if (isRun(second)) return { id: Number(second), config: first };
  throw new Fault({
    kind: 'stalled',
    what: `${first} is no number of a run`,
    next: 'flycd history [run] [config], such as `flycd history 17 ./config`',
  });
}

async function newestRuns(store: StoreReader, { app: globs, limit, all }: HistoryOptions): Promise<readonly Run[]> {
  if (globs.length === 0) return store.runs({ limit, all });
  const runs = await store.runs({ limit: runsSearchedMax, all });
  return runs.filter((run) => selectApps([{ name: run.app }], globs).length > 0).slice(0, limit);
}

async function oneRun(store: StoreReader, id: number): Promise<Run> {
  const run = await store.run(id);
  if (run !== undefined) return run;
  throw new Fault({
    kind: 'stalled',
    what: `there is no run ${id}`,
    next: '`flycd history` lists the runs that are known here',
  });
}
