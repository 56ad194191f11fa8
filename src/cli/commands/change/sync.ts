import type { ExitCode } from '../../shell/exit.ts';
import type { CommonOptions, Invocation } from '../../shell/invocation.ts';
import { createTerminalLog } from '../../shell/log.ts';
import { onePass, plannedPass } from './sync-pass.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';

export interface SyncOptions extends CommonOptions {
  readonly once?: boolean;
  readonly accept?: boolean;
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
  const { app: apps, accept = false, now = false, force = false } = options;
  const pass = { ...plainPass, apps, accept, now, force };
  if (options.plan !== undefined) return plannedPass(invocation, config, { ...options, plan: options.plan }, pass);
  if (options.once === true || accept || now || force) {
    return onePass(invocation, config, options, pass);
  }
  const { keepFleet } = await invocation.io.clock.busy(() => import('../run/service.ts'));
  const log = createTerminalLog(invocation.io, invocation.redactor, 'info');
  return keepFleet({ ...invocation, log }, config, { ...options, listenOn: undefined });
}
