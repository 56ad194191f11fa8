import { Fault } from '../model/fault.ts';
import type { ExitCode } from './exit.ts';
import type { CommonOptions, Invocation } from './invocation.ts';
import { createTerminalLog } from './log.ts';
import { onePass, plainPass } from './pass.ts';

export interface SyncOptions extends CommonOptions {
  readonly once?: boolean;
  readonly accept?: boolean;
  readonly now?: boolean;
  readonly force?: boolean;
}

/** One pass with --once, else the loop in the foreground, without a server. */
export async function sync(
  invocation: Invocation,
  config: string | undefined,
  options: SyncOptions,
): Promise<ExitCode> {
  const { app: apps, accept = false, now = false, force = false } = options;
  if (options.once === true) return onePass(invocation, config, options, { ...plainPass, apps, accept, now, force });
  if (accept || now || force) {
    throw new Fault({
      kind: 'stalled',
      what: '--accept, --now and --force need --once',
      why: 'each is a word for one pass; a loop would take it for every pass to come',
      next: 'add --once',
    });
  }
  const { keepFleet } = await import('./service.ts');
  const log = createTerminalLog(invocation.io, invocation.redactor, 'info');
  return keepFleet({ ...invocation, log }, config, { ...options, listenOn: undefined });
}
