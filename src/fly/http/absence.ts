import { FlyError } from './error.ts';

export function isStatus(error: unknown, ...statuses: readonly number[]): error is FlyError {
  return error instanceof FlyError && error.status !== undefined && statuses.includes(error.status);
}

/** For removals: what is not there any more is what was wanted. false: Fly answers that there is none. */
export async function unlessGone(removal: Promise<void>): Promise<boolean> {
  return (await orUndefined(removal.then(() => true))) ?? false;
}

/** undefined where Fly does not know it. */
export async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isStatus(error, 404, 410)) return undefined;
    throw error;
  }
}
