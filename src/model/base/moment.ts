import type { Clock } from './clock.ts';

/** A moment by both clocks, to tell later how long ago it was. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

export const longAgo: Moment = { now: -Infinity, monotonic: -Infinity };

export function momentOf(clock: Pick<Clock, 'now' | 'monotonic'>): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/**
 * Milliseconds since then, by the clock that says more: for whether something may still be relied upon. The monotonic clock
 * stands still while the machine sleeps (Linux, macOS), and the other one may be set back; where it is set forward, something
 * counts as old too early, which costs no more than another look.
 */
export function msSince(clock: Pick<Clock, 'now' | 'monotonic'>, then: Moment): number {
  return Math.max(clock.now() - then.now, clock.monotonic() - then.monotonic);
}
