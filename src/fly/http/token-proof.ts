import type { Clock } from '../../model/base/clock.ts';
import { longAgo, momentOf, msSince } from '../../model/base/moment.ts';
import type { Sent } from './left-alone.ts';

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

type Send = () => Promise<Sent>;

interface Sending {
  readonly isRead: boolean;
  readonly call: Send;
  /** A call that needs no more than a token. */
  readonly ask: Send;
}

interface Asking {
  readonly since: number;
  /** Whose answer nobody has yet. */
  count: number;
  /** Resolved, and another one, each time that one of them has its answer. */
  next: PromiseWithResolvers<void>;
}

interface Proven {
  /** undefined: nothing was sent, for Fly had refused the token just before. */
  readonly answer: Sent | undefined;
  readonly isRefused: boolean;
}

/**
 * Whether Fly takes the token. Where it does not, a handful of calls find that out, not five for each app of the fleet: after
 * a pause the first few reads go ahead, and one that is answered 401 asks whether the token is refused elsewhere as well, twice
 * with a pause between.
 */
export class TokenProof {
  readonly #clock: Clock;
  #provenAt = longAgo;
  /** Monotonic: it is waited out, and nothing rests on it. */
  #refusedAt = -Infinity;
  /** Reads that nobody knows the token of to be taken; the first answer that tells ends it. */
  #asking: Asking | undefined;
  /** Calls that are refused together are one question. */
  #check: Promise<Verdict> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get #isProven(): boolean {
    return msSince(this.#clock, this.#provenAt) < provenMs;
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
    const asking = (this.#asking ??= { since: this.#clock.monotonic(), count: 0, next: Promise.withResolvers() });
    asking.count += 1;
    try {
      return await this.#judged(await call(), ask);
    } finally {
      asking.count -= 1;
      // An answer that tells nothing of the token makes room for one more question, not for all of them.
      const isOver = asking.count === 0 || this.#isProven || this.isRefused;
      if (this.#asking === asking && isOver) this.#asking = undefined;
      asking.next.resolve();
      asking.next = Promise.withResolvers();
    }
  }

  /** undefined: its turn is now. */
  #waitOf(isRead: boolean): Promise<void> | undefined {
    if (!isRead || this.#isProven || this.isRefused || this.#asking === undefined) return undefined;
    const nextAt = nextAskedAt(this.#asking);
    return nextAt <= this.#clock.monotonic() ? undefined : this.#wait(this.#asking.next, nextAt);
  }

  async #judged(answer: Sent, ask: Send): Promise<Proven> {
    if (verdictOf(answer) === 'refused') {
      this.#provenAt = longAgo;
      // That the token is taken may be over with the next call.
      this.#check ??= this.#checked(ask).finally(() => (this.#check = undefined));
      const verdict = await this.#check;
      if (verdict === 'refused') return { answer, isRefused: true };
      if (verdict === 'taken') this.#provenAt = momentOf(this.#clock);
    } else if (verdictOf(answer) === 'taken') this.#provenAt = momentOf(this.#clock);
    return { answer, isRefused: false };
  }

  async #checked(ask: Send): Promise<Verdict> {
    const first = verdictOf(await ask());
    if (first !== 'refused') return first;
    await this.#clock.sleep(confirmMs);
    const second = verdictOf(await ask());
    if (second === 'refused') this.#refusedAt = this.#clock.monotonic();
    return second;
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

/** What an answer says of the token it was asked with. Proxies fail and limit before anybody has looked at that: then nothing. */
type Verdict = 'taken' | 'refused' | 'unknown';

function verdictOf(answer: Sent): Verdict {
  if (answer.kind !== 'answer' || answer.status === 429 || answer.status >= 500) return 'unknown';
  return answer.status === 401 ? 'refused' : 'taken';
}
