import type { Clock } from '../../model/base/clock.ts';
import { longAgo, momentOf, msSince, type Moment } from '../../model/base/moment.ts';
import { Fault } from '../../model/base/fault.ts';
import { endsWithin } from '../../model/base/ending.ts';
import { whereOf, type Call } from './call.ts';
import { FlyError } from './error.ts';

/** A look at Fly takes a few hundred milliseconds: whoever has just got a place holds it no longer for one that takes more. */
const heldMsFirst = 1000;
/**
 * Whose answer came late before keeps its place for it, so that it is sent however many others wait. It is also how old what a
 * write rests on may be: a look that takes longer tells nothing of now.
 */
const heldMsMax = 10_000;
/** Times that a call may get a place and give it back: with the last one it fails, and whoever made it looks anew. */
const placesMax = 3;
/** From the question to the sending, where the call has waited for its place in between. */
const goodForMs = 3000;

/**
 * What is asked before one try of a call is sent. An answer does not come while Fly hangs, so no place is held for it at first,
 * and does not stay true, so it is asked for again where the call has waited for its place since, or the machine slept. A call
 * is sent at most 10 s after its question was asked. What the question asks of Fly has a lane of its own: it would wait for
 * places that are held for it.
 */
export class LastQuestion {
  readonly #clock: Clock;
  readonly #call: Call;
  readonly #ask: (() => Promise<void>) | undefined;
  /** Until somebody has taken its answer. */
  #asking: Promise<void> | undefined;
  /** When the last one was asked that has its answer. */
  #askedAt: Moment = longAgo;
  #places = 1;

  /** `timesUnclear`: tries of the call before this one that may have been done. */
  constructor(clock: Clock, call: Call, timesUnclear: number) {
    const { beforeSent } = call;
    this.#clock = clock;
    this.#call = call;
    this.#ask = beforeSent === undefined ? undefined : () => beforeSent(timesUnclear);
  }

  /** Has given its place back before, and comes before those that have not. */
  get isBack(): boolean {
    return this.#places > 1;
  }

  /** true: it may be sent now. false: the answer takes long, and whoever holds a place gives it back. Throws what forbids it. */
  async isAnswered(): Promise<boolean> {
    if (this.#ask === undefined) return true;
    for (let goodMs = goodForMs; !this.#isFrom(goodMs); goodMs = this.isBack ? heldMsMax : goodForMs) {
      const asking = (this.#asking ??= this.#asked(this.#ask));
      if (!(await endsWithin(this.#clock, asking, { ms: this.isBack ? heldMsMax : heldMsFirst }))) return false;
      await this.#answered();
      // No timer tells that the machine slept while it was asked: what is old by either clock is asked for again.
    }
    return true;
  }

  /**
   * Resolves with the answer that took long, when it comes. Throws a transient Fault where none has come in time too often, and
   * then, too, only when it has come: it may write, and nothing goes on behind whoever made the call.
   */
  async comesBack(): Promise<void> {
    this.#places += 1;
    await this.#answered();
    if (this.#places > placesMax) throw this.#tooSlow();
  }

  /** Its answer is of a question of this many milliseconds ago, at most. */
  #isFrom(ms: number): boolean {
    return msSince(this.#clock, this.#askedAt) <= ms;
  }

  async #answered(): Promise<void> {
    const asking = this.#asking;
    this.#asking = undefined;
    await asking;
  }

  #tooSlow(): Fault {
    const seconds = heldMsMax / 1000;
    return new Fault({
      kind: 'transient',
      what: `could not ${this.#call.purpose}: nothing was sent`,
      why: `Fly took more than ${seconds} s each time to show how things are right before`,
      next: 'FlyCD tries again',
      where: whereOf(this.#call),
    });
  }

  /** What Fly answers to a question is none to the call: not found there does not mean that what is to go is gone. */
  async #asked(ask: () => Promise<void>): Promise<void> {
    const askedAt = momentOf(this.#clock);
    try {
      await ask();
      this.#askedAt = askedAt;
    } catch (error) {
      if (!(error instanceof FlyError)) throw error;
      const { state, what, why, next, where, blames } = error;
      throw new Fault({ ...state, what, why, next, where, blames, cause: error });
    }
  }
}
