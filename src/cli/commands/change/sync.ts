import type { ExitCode } from '../../shell/exit.ts';
import type { CommonOptions, Invocation } from '../../shell/invocation.ts';
import { createTerminalLog } from '../../shell/log.ts';
import { onePass, plannedPass } from './sync-pass.ts';
import { Fault } from '../../../model/base/fault.ts';
import { orList } from '../../../model/base/text.ts';
import { acceptableReasons } from '../../../plan/guards/accept.ts';
import { statusByReason } from '../../../plan/steps/status.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';
import { shellWord } from '../../../model/base/shell.ts';

export interface SyncOptions extends CommonOptions {
  readonly once?: boolean;
  readonly accept?: boolean;
  readonly acceptOnly?: readonly string[];
  readonly now?: boolean;
  readonly force?: boolean;
  readonly plan?: string;
}

/**
 * One pass with --once, else the loop in the foreground, without a server. What a person insists on is a word for one
 * pass too: a loop would take it for every pass to come.
 */
export async function sync(
  invocation: Invocation,
  config: string | undefined,
  options: SyncOptions,
): Promise<ExitCode> {
  const { app: apps, accept = false, acceptOnly = [], now = false, force = false } = options;
  for (const word of acceptOnly) checkAcceptable(word);
  const pass = { ...plainPass, apps, accept, acceptOnly, now, force };
  if (options.plan !== undefined) return plannedPass(invocation, config, { ...options, plan: options.plan }, pass);
  if (options.once === true || accept || acceptOnly.length > 0 || now || force) {
    return onePass(invocation, config, options, pass);
  }
  const { keepFleet } = await invocation.io.clock.busy(() => import('../run/service.ts'));
  const log = createTerminalLog(invocation.io, invocation.redactor, 'info');
  return keepFleet({ ...invocation, log }, config, { ...options, listenOn: undefined });
}

/** A reason that no word lifts is a misunderstanding: nothing would come of it, without a word. */
function checkAcceptable(word: string): void {
  if (!Object.hasOwn(statusByReason, word) || acceptableReasons.some((reason) => reason === word)) return;
  throw new Fault({
    kind: 'stalled',
    what: `--accept-only ${shellWord(word)} lifts nothing`,
    why: `of the reasons of a hold it takes ${orList(acceptableReasons)}; for others, flycd why APP says what lifts them`,
    next: `name one of these, or an app (${shellWord(`app:${word}`)} where an app is called so)`,
  });
}
