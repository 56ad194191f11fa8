import type { ExitCode } from '../../shell/exit.ts';
import type { ConfigOptions, Invocation } from '../../shell/invocation.ts';
import { resolveListen, type ListenFlags } from '../../composition/listen.ts';
import { createServiceLog, createTerminalLog } from '../../shell/log.ts';
import { keepFleet } from './service.ts';

export interface ServeOptions extends ConfigOptions, ListenFlags {
  /** Globs of app names; empty = all. */
  readonly app: readonly string[];
  /** Of flycd 0.x: a pass at start is what always happens. */
  readonly syncOnStartup?: boolean;
}

/** The loop with its HTTP face. Logs JSON lines, or plain ones where a person looks on. */
export async function serve(
  invocation: Invocation,
  config: string | undefined,
  options: ServeOptions,
): Promise<ExitCode> {
  const { io, redactor } = invocation;
  const log = io.stderr.isTTY ? createTerminalLog(io, redactor, 'info') : await createServiceLog(io, redactor);
  return keepFleet({ ...invocation, log }, config, {
    ...options,
    listenOn: (written) => resolveListen(io, options, written),
  });
}
