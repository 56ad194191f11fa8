import type { ExitCode } from '../../shell/exit.ts';
import type { CommonOptions, Invocation } from '../../shell/invocation.ts';
import { onePass } from './sync-pass.ts';
import { plainPass } from '../../../../controllers/fleet/plan.ts';

export type AdoptOptions = Omit<CommonOptions, 'app'>;

/** One pass over one app with its adoption hold lifted: whoever types its name has decided. */
export function adopt(
  invocation: Invocation,
  app: string,
  config: string | undefined,
  options: AdoptOptions,
): Promise<ExitCode> {
  const apps = [app];
  return onePass(invocation, config, { ...options, app: apps }, { ...plainPass, apps, adopt: true });
}
