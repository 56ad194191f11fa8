import type { Clock } from './clock.ts';
import { momentOf, msSince, type Moment } from './moment.ts';

/** One that is under way for longer may hang: whoever comes then asks anew, and may have an answer first. */
const joinedMsMax = 5000;
/** Whoever waited for an answer takes it up to this age: what always takes seconds would never count otherwise. */
const countsMsMax = 10_000;

interface Look<T> {
  readonly askedAt: Moment;
  readonly answer: Promise<T>;
  isUnderWay: boolean;
}

/**
 * One look for all who ask side by side, or soon after each other. An answer tells how it was when it was asked for, so it grows
 * old from then on, also while it is under way.
 */
export class SharedLook<T> {
  readonly #clock: Clock;
  readonly #look: () => Promise<T>;
  #newest: Look<T> | undefined;

  constructor(clock: Clock, look: () => Promise<T>) {
    this.#clock = clock;
    this.#look = look;
  }

  /** An answer that is there and was asked for no longer than `ms` milliseconds ago, the one that is under way, or one of now. */
  async within(ms: number): Promise<T> {
    for (;;) {
      const newest = this.#newest;
      const ageMsMax = newest?.isUnderWay === true ? joinedMsMax : ms;
      if (newest === undefined || msSince(this.#clock, newest.askedAt) > ageMsMax) return this.#begin();
      const answer = await newest.answer;
      if (msSince(this.#clock, newest.askedAt) <= countsMsMax) return answer;
    }
  }

  #begin(): Promise<T> {
    const begun: Look<T> = { askedAt: momentOf(this.#clock), answer: this.#look(), isUnderWay: true };
    this.#newest = begun;
    begun.answer.then(
      () => (begun.isUnderWay = false),
      () => {
        if (this.#newest === begun) this.#newest = undefined;
      },
    );
    return begun.answer;
  }
}
