import type { ExitCode } from '../../shell/exit.ts';
import type { CommonOptions, Invocation } from '../../shell/invocation.ts';
import { onePass } from './sync-pass.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';

export interface DeployOptions extends CommonOptions {
  readonly force?: boolean;
  readonly abortEarly?: boolean;
}

/** flycd 0.x's name for one pass. */
export function deploy(invocation: Invocation, path: string, options: DeployOptions): Promise<ExitCode> {
  const { app: apps, force = false, abortEarly = false } = options;
  return onePass(invocation, path, options, { ...plainPass, apps, force, abortEarly });
}
