import type { Machine } from '../../schemas/fly/machine.ts';
import { shownMachine } from '../../src/observed/presence.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { lookAtMachine } from '../pass/before-sent.ts';

/**
 * As `lookAtMachine`, for those who go by what it does not show: words that it may carry, or that it is gone. undefined: it is gone.
 * Throws a transient Fault where nobody can tell.
 */
export async function lookUntilShown(pass: AppPass, machineId: string): Promise<Machine | undefined> {
  const seen = await lookAtMachine(pass, machineId);
  if (seen !== undefined) return seen;
  const shown = await shownMachine(pass.services, pass.app.name, machineId);
  return shown && ((await lookAtMachine(pass, machineId)) ?? shown);
}
