import { takeOver } from '../../../../controllers/fleet/take-over.ts';
import { Fault } from '../../../model/base/fault.ts';
import { syncJson, syncMarkdown, syncText } from '../../../render/sync.ts';
import { isUnseen } from '../../../plan/steps/status.ts';
import { predecessorOf } from '../../../sources/tree/predecessor.ts';
import { composed } from '../../composition/composition.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import { answer, type CommonOptions, type Invocation } from '../../shell/invocation.ts';
import { exitOfTakeOver } from '../../shell/verdict.ts';
import { chooser } from '../../shell/selection.ts';
import { onePass, openSync } from './sync-pass.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';

export interface AdoptOptions extends Omit<CommonOptions, 'app'> {
  /** Takes over all apps of an earlier owner; needs `from`. */
  readonly all?: boolean;
  /** Takes over all that the earlier owner has in the app, or with `all` in any, and does nothing else. */
  readonly from?: string;
}

/** What `flycd adopt` was given before its options: an app and a config, or with `--all` a config alone. */
export type AdoptWords = readonly [string | undefined, string | undefined];

export function adopt(invocation: Invocation, words: AdoptWords, options: AdoptOptions): Promise<ExitCode> {
  const [first, second] = words;
  const { all = false, from, ...common } = options;
  if (all && from !== undefined && second === undefined)
    return adoptFrom(invocation, [], { config: first, from }, common);
  // A config where the app was forgotten.
  const isApp = from === undefined || /^[a-z0-9-]+$/.test(first ?? '');
  if (!all && first !== undefined && isApp) {
    return from === undefined
      ? adoptOne(invocation, first, second, common)
      : adoptFrom(invocation, [first], { config: second, from }, common);
  }
  throw new Fault({
    kind: 'stalled',
    what: 'adopt takes over one app, or all apps of one earlier owner',
    why: wrongIn(words, options),
    next: 'flycd adopt APP [CONFIG], flycd adopt APP --from OLD [CONFIG], or flycd adopt --all --from OLD [CONFIG]',
  });
}

function wrongIn([first, second]: AdoptWords, { all = false, from }: AdoptOptions): string {
  if (all && from !== undefined) return `with --all only a config is expected, got ${first} and ${second}`;
  if (all) return '--all needs --from OLD';
  return from === undefined ? 'name an app' : 'name an app, or give --all';
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
 * Every app, or those that are named, whose machines carry the earlier owner gets this fleet's labels, and nothing else: what
 * git wants of it besides is for the next sync. One that carries another owner stays held.
 */
function adoptFrom(
  invocation: Invocation,
  apps: readonly string[],
  { config, from: old }: { readonly config: string | undefined; readonly from: string },
  options: Omit<CommonOptions, 'app'>,
): Promise<ExitCode> {
  const from = predecessorOf(old);
  const { io, log } = invocation;
  return composed(invocation, config, options, async (composition) => {
    const { context, fleet } = await openSync(composition, apps, from);
    // Whatever the fleet: of an app that git does not name nothing is taken over.
    chooser(fleet, apps);
    const done = await takeOver(context, fleet, apps);
    if (done.runs.length === 0 && !done.plan.apps.some(isUnseen)) {
      const whose =
        apps.length === 0 ? `none of this config's apps has a machine` : `${apps.join(', ')} has no machine`;
      log.warn({}, `${whose} with the owner "${from.text}" that could be taken over`);
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
