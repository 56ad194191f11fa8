import type { Exchange } from '../../http/exchange.ts';
import type { Clock } from '../../model/base/clock.ts';

/** Fly may refuse a token from one moment to the next: after a pause the first few reads ask for all. */
const provenMs = 30_000;
/** A slow answer is not a refused token: whoever waits for one goes on without. */
const patienceMs = 2_000;
/** The reads of one app, with a few to spare: nobody waits for what one app needs. */
const askingMax = 8;
/** A refused token stays so until somebody starts FlyCD with another one, or Fly takes it again. */
const refusedMs = 30_000;

type Send = () => Promise<Exchange>;

interface Sending {
  readonly isRead: boolean;
  readonly call: Send;
  /** A call that needs no more than a token. */
  readonly ask: Send;
}

interface Proven {
  /** undefined: nothing was sent, for Fly had refused the token just before. */
  readonly answer: Exchange | undefined;
  readonly isRefused: boolean;
}

/**
 * Whether Fly takes the token. Where it does not, a handful of calls find that out, not five for each app of the fleet: after
 * a pause the first few reads go ahead, and one that is answered 401 asks whether the token is refused elsewhere as well.
 */
export class TokenProof {
  readonly #clock: Clock;
  #provenAt = -Infinity;
  #refusedAt = -Infinity;
  /** Reads that nobody knows the token of to be taken; the first answer resolves. */
  #asking: { count: number; readonly first: PromiseWithResolvers<void> } | undefined;
  /** Calls that are refused together are one question. */
  #check: Promise<boolean> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a call; a read over the first few waits for what Fly says to those. */
  async send({ isRead, call, ask }: Sending): Promise<Proven> {
    const isAsking = isRead && this.#clock.now() - this.#provenAt >= provenMs;
    if (isAsking && this.#asking !== undefined && this.#asking.count >= askingMax) await this.#wait(this.#asking.first);
    if (this.#clock.now() - this.#refusedAt < refusedMs) return { answer: undefined, isRefused: true };
    if (!isAsking) return this.#judged(await call(), ask);
    const asking = (this.#asking ??= { count: 0, first: Promise.withResolvers() });
    asking.count += 1;
    try {
      return await this.#judged(await call(), ask);
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
      asking.first.resolve();
    }
  }

  async #judged(answer: Exchange, ask: Send): Promise<Proven> {
    const isRefused = isUnauthorized(answer) && (await this.#isRefused(ask));
    if (isRefused) this.#refusedAt = this.#clock.now();
    else this.#provenAt = this.#clock.now();
    return { answer, isRefused };
  }

  #isRefused(ask: Send): Promise<boolean> {
    // That the token is taken may be over with the next call.
    this.#check ??= ask()
      .then(isUnauthorized)
      .finally(() => (this.#check = undefined));
    return this.#check;
  }

  async #wait({ promise: first }: PromiseWithResolvers<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.timer(patienceMs, resolve);
    await Promise.race([first, promise]);
    cancel();
  }
}

function isUnauthorized(answer: Exchange): boolean {
  return answer.kind === 'answer' && answer.status === 401;
}
