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

/** The date of a moment by the wall clock as it is set now: milliseconds since the epoch. */
export function datedNow(clock: Pick<Clock, 'now' | 'monotonic'>, { monotonic }: Pick<Moment, 'monotonic'>): number {
  return clock.now() - (clock.monotonic() - monotonic);
}

/** Far more than are waited for at once: the oldest are forgotten, and taken at their word again. */
const keptDatesMax = 10_000;

/**
 * Dates that other processes read, too, each as the wall clock would say it as it is set now. One that is met for the first time
 * is taken at its word, but is never in the future; from then on it grows older by the clock that nobody sets. So nothing dated
 * is waited for longer than it may take, and what this process dates or has met counts for old no sooner, whoever sets the clock.
 * That it was set forward between two processes nobody can tell.
 */
export class KeptDates {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #since = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock;
  }

  /** `key`: what is dated so. Milliseconds since the epoch. */
  dateOf(key: string, date: number): number {
    const known = `${key} ${date}`;
    const ageMs = Math.max(0, this.#clock.now() - date);
    const monotonic = this.#since.get(known) ?? this.#clock.monotonic() - ageMs;
    if (!this.#since.has(known)) this.#keep(known, monotonic);
    return datedNow(this.#clock, { monotonic });
  }

  #keep(known: string, monotonic: number): void {
    this.#since.set(known, monotonic);
    const [oldest] = this.#since.keys();
    if (this.#since.size > keptDatesMax && oldest !== undefined) this.#since.delete(oldest);
  }
}
