import type { FlyReader } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';

/**
 * Now by Fly's clock, in milliseconds since the epoch. What stands about an app is dated by it: FlyCDs on other machines compare
 * that, and with what Fly dates. Known once Fly has answered; until then ours.
 */
export function flyNow({ clock, fly }: { readonly clock: Clock; readonly fly: Pick<FlyReader, 'aheadMs'> }): number {
  return clock.now() + fly.aheadMs();
}
