import type { Machine } from '../../schemas/fly/machine.ts';
import { shownMachine, Unshown } from '../../src/observed/presence.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { giveWay } from '../pass/basis.ts';
import { lookAtMachine } from '../pass/before-sent.ts';

/**
 * As `lookAtMachine`, for those who go by what it does not show: words that it may carry, or that it is gone. undefined: it is gone.
 * Gives way where nobody can tell: by the next plan Fly's list has caught up.
 */
export async function lookUntilShown(pass: AppPass, machineId: string): Promise<Machine | undefined> {
  const seen = await lookAtMachine(pass, machineId);
  if (seen !== undefined) return seen;
  const shown = await givingWay(pass, shownMachine(pass.services, pass.app.name, machineId));
  return shown && ((await lookAtMachine(pass, machineId)) ?? shown);
}

/** What is asked of a machine that may have gone a moment ago. */
export async function givingWay<T>(pass: AppPass, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw error instanceof Unshown ? giveWay(pass, error.what) : error;
  }
}
