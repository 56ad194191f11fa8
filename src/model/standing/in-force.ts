import { readStanding } from './standing-text.ts';
import type { Standing, StandingRow } from './standing.ts';

/** undefined: the app is not suspended, or not any more. `now`: milliseconds since the epoch by Fly's clock, which dates words. */
export function suspensionOf({ suspension }: Pick<Standing, 'suspension'>, now: number): Standing['suspension'] {
  return suspension?.until !== undefined && suspension.until <= now ? undefined : suspension;
}

/** true: what a person said is neither lifted nor over. `now` as of `suspensionOf`. */
export function isInForce({ key, text }: Pick<StandingRow, 'key' | 'text'>, now: number): boolean {
  const standing = readStanding([{ [key]: text }]);
  return standing.hold !== undefined || suspensionOf(standing, now) !== undefined;
}
