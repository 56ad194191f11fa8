import type { Exchange } from '../../http/exchange.ts';
import type { Clock } from '../../model/base/clock.ts';

/** Fly may refuse a token from one moment to the next: after a pause the first few reads ask for all. */
const provenMs = 30_000;
/** A slow answer is not a refused token: somebody else asks then, and another one each time that it has taken twice as long. */
const patienceMs = 2_000;
/** What Fly refuses in one moment it may take in the next. */
const confirmMs = 1_000;
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

interface Asking {
  readonly since: number;
  count: number;
  readonly first: PromiseWithResolvers<void>;
}

interface Proven {
  /** undefined: nothing was sent, for Fly had refused the token just before. */
  readonly answer: Exchange | undefined;
  readonly isRefused: boolean;
}

/**
 * Whether Fly takes the token. Where it does not, a handful of calls find that out, not five for each app of the fleet: after
 * a pause the first few reads go ahead, and one that is answered 401 asks whether the token is refused elsewhere as well, twice
 * with a pause between.
 */
export class TokenProof {
  readonly #clock: Clock;
  #provenAt = -Infinity;
  #refusedAt = -Infinity;
  /** Reads that nobody knows the token of to be taken; the first answer resolves. */
  #asking: Asking | undefined;
  /** Calls that are refused together are one question. */
  #check: Promise<boolean> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get #isProven(): boolean {
    return this.#clock.monotonic() - this.#provenAt < provenMs;
  }

  /** Fly has refused it for all calls a moment ago. */
  get isRefused(): boolean {
    return this.#clock.monotonic() - this.#refusedAt < refusedMs;
  }

  /** Sends a call; a read over the first few waits for what Fly says to those. */
  async send({ isRead, call, ask }: Sending): Promise<Proven> {
    for (let wait = this.#waitOf(isRead); wait !== undefined; wait = this.#waitOf(isRead)) await wait;
    if (this.isRefused) return { answer: undefined, isRefused: true };
    if (!isRead || this.#isProven) return this.#judged(await call(), ask);
    const asking = (this.#asking ??= { since: this.#clock.monotonic(), count: 0, first: Promise.withResolvers() });
    asking.count += 1;
    try {
      return await this.#judged(await call(), ask);
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
      asking.first.resolve();
    }
  }

  /** undefined: its turn is now. */
  #waitOf(isRead: boolean): Promise<void> | undefined {
    if (!isRead || this.#isProven || this.isRefused || this.#asking === undefined) return undefined;
    const nextAt = nextAskedAt(this.#asking);
    return nextAt <= this.#clock.monotonic() ? undefined : this.#wait(this.#asking.first, nextAt);
  }

  async #judged(answer: Exchange, ask: Send): Promise<Proven> {
    if (isUnauthorized(answer)) {
      this.#provenAt = -Infinity;
      // That the token is taken may be over with the next call.
      this.#check ??= this.#checked(ask).finally(() => (this.#check = undefined));
      if (await this.#check) return { answer, isRefused: true };
    }
    this.#provenAt = this.#clock.monotonic();
    return { answer, isRefused: false };
  }

  async #checked(ask: Send): Promise<boolean> {
    if (!isUnauthorized(await ask())) return false;
    await this.#clock.sleep(confirmMs);
    const isRefused = isUnauthorized(await ask());
    if (isRefused) this.#refusedAt = this.#clock.monotonic();
    return isRefused;
  }

  async #wait({ promise: first }: PromiseWithResolvers<void>, until: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.timer(until - this.#clock.monotonic(), resolve);
    await Promise.race([first, promise]);
    cancel();
  }
}

/** From when on one more read asks. */
function nextAskedAt({ since, count }: Asking): number {
  return count < askingMax ? since : since + patienceMs * 2 ** (count - askingMax);
}

function isUnauthorized(answer: Exchange): boolean {
  return answer.kind === 'answer' && answer.status === 401;
}
