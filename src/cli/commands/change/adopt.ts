import { takeOver } from '../../../../controllers/fleet/take-over.ts';
import { Fault } from '../../../model/base/fault.ts';
import { syncJson, syncMarkdown, syncText } from '../../../render/sync.ts';
import { predecessorOf } from '../../../sources/tree/predecessor.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
import { exitOfTakeOver } from '../../shell/verdict.ts';
import { onePass, openSync } from './sync-pass.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';

export interface AdoptOptions extends Omit<CommonOptions, 'app'> {
  /** Takes over all apps of an earlier owner; needs `from`. */
  readonly all?: boolean;
  readonly from?: string;
}

/** What `flycd adopt` was given before its options: an app and a config, or with `--all` a config alone. */
export type AdoptWords = readonly [string | undefined, string | undefined];

export function adopt(invocation: Invocation, words: AdoptWords, options: AdoptOptions): Promise<ExitCode> {
  const [first, second] = words;
  const { all = false, from, ...common } = options;
  if (all && from !== undefined && second === undefined) return adoptAll(invocation, first, from, common);
  if (!all && from === undefined && first !== undefined) return adoptOne(invocation, first, second, common);
  throw new Fault({
    kind: 'stalled',
    what: 'adopt takes over one app, or all apps of one earlier owner',
    why: wrongIn(words, options),
    next: 'flycd adopt APP [CONFIG], or flycd adopt --all --from OLD [CONFIG]',
  });
}

function wrongIn([first, second]: AdoptWords, { all = false, from }: AdoptOptions): string {
  if (all && from !== undefined) return `with --all only a config is expected, got ${first} and ${second}`;
  if (all) return '--all needs --from OLD';
  return from === undefined ? 'name an app' : '--from needs --all; it takes over every app of OLD';
}

/** One pass over one app with its adoption hold lifted: whoever types its name has decided. */
function adoptOne(
  invocation: Invocation,
  app: string,
  config: string | undefined,
  options: Omit<CommonOptions, 'app'>,
): Promise<ExitCode> {
  const apps = [app];
  return onePass(invocation, config, { ...options, app: apps }, { ...plainPass, apps, adopt: true });
}

/**
 * Every app whose machines carry the earlier owner gets this fleet's labels, and nothing else: what git wants of it besides is
 * for the next sync. One that carries another owner stays held.
 */
function adoptAll(
  invocation: Invocation,
  config: string | undefined,
  old: string,
  options: Omit<CommonOptions, 'app'>,
): Promise<ExitCode> {
  const from = predecessorOf(old);
  const { io, log } = invocation;
  return composed(invocation, config, options, async (composition) => {
    const { context, fleet } = await openSync(composition, [], from);
    const done = await takeOver(context, fleet);
    if (done.runs.length === 0) {
      log.warn({}, `none of this config's apps has a machine with the owner "${from.text}" that could be taken over`);
    }
    answer(
      invocation,
      options.output,
      { ...done, takenFrom: from.text },
      { text: syncText, json: syncJson, markdown: syncMarkdown },
    );
    return io.signal.aborted ? exitCodes.interrupted : exitOfTakeOver(done.plan, done.runs);
  });
}
