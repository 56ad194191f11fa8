import type { Clock } from '../../model/base/clock.ts';
import { longAgo, momentOf, msSince, type Moment } from '../../model/base/moment.ts';
import { Fault } from '../../model/base/fault.ts';
import { endsWithin } from '../../model/base/ending.ts';
import type { Call } from './call.ts';
import { FlyError } from './error.ts';

/** A look at Fly takes a few hundred milliseconds: whoever holds a place holds it no longer for one that takes more. */
const heldMsMax = 1000;
/** Between an answer and the sending: as long as whoever comes back may stand behind another one's question, and some more. */
const goodForMs = 3000;

/**
 * What is asked before one try of a call is sent. An answer does not come while Fly hangs, so no place is held for it, and does
 * not stay true, so it is asked for again where the call has waited for its place since.
 */
export class LastQuestion {
  readonly #clock: Clock;
  readonly #ask: (() => Promise<void>) | undefined;
  /** Until somebody has taken its answer. */
  #asking: Promise<void> | undefined;
  #answeredAt: Moment = longAgo;

  /** `timesUnclear`: as `BeforeSent` is told. */
  constructor(clock: Clock, { beforeSent }: Call, timesUnclear: number) {
    this.#clock = clock;
    this.#ask = beforeSent === undefined ? undefined : () => beforeSent(timesUnclear);
  }

  /** true: it may be sent now. false: the answer takes long, and whoever holds a place gives it back. Throws what forbids it. */
  async isAnswered(): Promise<boolean> {
    if (this.#ask === undefined || msSince(this.#clock, this.#answeredAt) <= goodForMs) return true;
    const asking = (this.#asking ??= this.#asked(this.#ask));
    if (!(await endsWithin(this.#clock, asking, { ms: heldMsMax }))) return false;
    await this.answered();
    return true;
  }

  /** Resolves with the answer, however long it takes. */
  async answered(): Promise<void> {
    const asking = this.#asking;
    this.#asking = undefined;
    await asking;
  }

  /** What Fly answers to a question is none to the call: not found there does not mean that what is to go is gone. */
  async #asked(ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
      this.#answeredAt = momentOf(this.#clock);
    } catch (error) {
      if (!(error instanceof FlyError)) throw error;
      const { state, what, why, next, where, blames } = error;
      throw new Fault({ ...state, what, why, next, where, blames, cause: error });
    }
  }
}
