import type { Machine } from '../../schemas/fly/machine.ts';
import { shownMachine } from '../../src/observed/presence.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { givingWay, lookAtMachine } from '../pass/before-sent.ts';

/**
 * As `lookAtMachine`, for those who go by what it does not show: words that it may carry, or that it is gone. undefined: it is gone.
 * Gives way where nobody can tell.
 */
export async function lookUntilShown(pass: AppPass, machineId: string): Promise<Machine | undefined> {
  const seen = await lookAtMachine(pass, machineId);
  if (seen !== undefined) return seen;
  const { app, services } = pass;
  const shown = await givingWay(pass, machineId, () => shownMachine(services, app.name, machineId));
  return shown && ((await lookAtMachine(pass, machineId)) ?? shown);
}
