import type { FlyReader } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';

/** Lists lag: seconds later they show more of what was seen by its id. */
export const listedMs = 2000;

/** Between two looks at the same within a pass: Fly answers one list of an app a second, and five times for a machine. */
export const betweenLooksMs = 1000;

/** Lists lag by seconds; one that does not show by then what was made shows nothing that could be waited for. */
export const listedMsMax = 60_000;

/** Fly answers one list of an app a second: what was looked at a moment ago is not looked at again for a value. */
export const recentMs = 5000;

/**
 * Now by Fly's clock, in milliseconds since the epoch. What stands about an app is dated by it: FlyCDs on other machines compare
 * that, and with what Fly dates. Known once Fly has answered; until then ours.
 */
export function flyNow({ clock, fly }: { readonly clock: Clock; readonly fly: Pick<FlyReader, 'aheadMs'> }): number {
  return clock.now() + fly.aheadMs();
}
