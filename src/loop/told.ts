import type { Clock } from '../model/base/clock.ts';
import { isFleetWide, type Fault } from '../model/base/fault.ts';

/** Two answers that tell of one pause differ by what the clock was read at. */
const sameMs = 2_000;

/**
 * What passes were thrown out by, and what of it the log has: what fails every app alike is news once, and so is what is waited
 * for until a stated time, whichever apps meet it how often before that.
 */
export class ToldFaults {
  readonly #clock: Pick<Clock, 'now'>;
  /** What the newest pass failed with, where each app's would. */
  #fleetWide: string | undefined;
  /** Until when, by what is waited for; milliseconds since the epoch. */
  readonly #waits = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** true: it is no news. */
  isTold(fault: Fault): boolean {
    const { what, state } = fault;
    if (state.kind !== 'waiting') {
      const isTold = isFleetWide(fault) && this.#fleetWide === what;
      this.#fleetWide = isFleetWide(fault) ? what : undefined;
      return isTold;
    }
    const until = this.#waits.get(what);
    this.#waits.set(what, state.retryAt);
    return until !== undefined && until > this.#clock.now() && Math.abs(until - state.retryAt) <= sameMs;
  }

  /** A pass was thrown out by nothing. Answers what is waited for no more. */
  passed(): readonly string[] {
    this.#fleetWide = undefined;
    const over = [...this.#waits].filter(([, until]) => until <= this.#clock.now()).map(([what]) => what);
    for (const what of over) this.#waits.delete(what);
    return over;
  }
}
