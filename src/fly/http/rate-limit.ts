import type { Clock } from '../../model/base/clock.ts';

/** A bucket of `burst` requests that refills at `perSecond`. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** Fly's documented limit: each action (create, start, list …) on one machine, or on one app where it names no machine. */
export const actionLimit: RateLimit = { perSecond: 1, burst: 3 };
/** Fly's documented exception for Get Machine. */
export const getMachineLimit: RateLimit = { perSecond: 5, burst: 10 };
/**
 * Fly documents 100 app deletions a minute, without saying how the minute is counted. 10 at once and 1.5 a second keep
 * every 60 seconds under 100, whether Fly counts a sliding window, a fixed one or a bucket.
 */
export const deleteAppLimit: RateLimit = { perSecond: 1.5, burst: 10 };

/** Leave to send one request. Exactly one of them is called once, when its answer is there or given up. */
interface Admission {
  /** It was not sent after all. */
  unused(): void;
  done(): void;
  /** Fly said 429: somebody else drinks from the same bucket, so ours counts as empty. */
  exhausted(): void;
}

interface Asking {
  readonly signal?: AbortSignal | undefined;
  /** true: it was admitted before and has not used it, and comes before those that were not. */
  readonly isBack?: boolean;
}

export interface RateLimiter {
  /** Waits on the clock until the request may go, in order of asking; rejects with the signal's reason when aborted first. */
  admit(key: string, limit: RateLimit, asking?: Asking): Promise<Admission>;
  /** Buckets held in memory. */
  readonly size: number;
}

interface Waiter {
  readonly grant: () => void;
}

/**
 * Fly counts a request when it arrives, which is some unknown moment between our send and its answer. Its bucket is at
 * its lowest when every request arrives as late as it can: a token used early refills, one used late does not. So a
 * request in flight counts as not yet arrived (`inFlight`, taken off what is left), and as arrived at the moment of its
 * answer (`tokens`, from which refilling goes on). Fly's bucket never holds less than ours, whatever the network does.
 */
interface Bucket {
  readonly limit: RateLimit;
  tokens: number;
  /** When `tokens` was right, by the monotonic clock. */
  at: number;
  inFlight: number;
  readonly waiters: Set<Waiter>;
  /** They come before the others. */
  readonly back: Set<Waiter>;
  cancelTimer: (() => void) | undefined;
}

/** Timers may fire a millisecond early and two clocks do not tick alike: wait this much longer than the sum says. */
const marginMs = 5;
/** Sums of fractions of a second: a token short of 1 by this is a whole one. */
const tokenSlack = 1e-9;
/** Buckets that are full again say no more than new ones: they are swept out each time this many requests were admitted. */
const admissionsBetweenSweeps = 1_000;

/** Memory is bounded by the requests of the last few seconds plus `admissionsBetweenSweeps`. */
export function createRateLimiter(clock: Clock): RateLimiter {
  const buckets = new Map<string, Bucket>();
  let admissions = 0;

  const sweep = (): void => {
    for (const [key, bucket] of buckets) if (isIdle(bucket, clock.monotonic())) buckets.delete(key);
  };

  return {
    get size() {
      return buckets.size;
    },
    async admit(key, limit, asking = {}) {
      asking.signal?.throwIfAborted();
      admissions += 1;
      if (admissions % admissionsBetweenSweeps === 0) sweep();
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        bucket = {
          limit,
          tokens: limit.burst,
          at: clock.monotonic(),
          inFlight: 0,
          waiters: new Set(),
          back: new Set(),
          cancelTimer: undefined,
        };
        buckets.set(key, bucket);
      }
      await turn(bucket, clock, asking);
      return admission(bucket, clock);
    },
  };
}

function admission(bucket: Bucket, clock: Clock): Admission {
  const finish = (): void => {
    refill(bucket, clock.monotonic());
    bucket.inFlight -= 1;
    bucket.tokens -= 1;
  };
  return {
    unused() {
      bucket.inFlight -= 1;
      serve(bucket, clock);
    },
    done() {
      finish();
      serve(bucket, clock);
    },
    exhausted() {
      finish();
      bucket.tokens = Math.min(bucket.tokens, bucket.inFlight);
      serve(bucket, clock);
    },
  };
}

/** Resolves when the bucket has a token for this caller, already taken. */
function turn(bucket: Bucket, clock: Clock, { signal, isBack = false }: Asking): Promise<void> {
  const waiters = isBack ? bucket.back : bucket.waiters;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      waiters.delete(waiter);
      serve(bucket, clock);
      reject(signal?.reason as Error);
    };
    const waiter: Waiter = {
      grant: () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    waiters.add(waiter);
    serve(bucket, clock);
  });
}

/** Lets through whoever may go, then sets one timer for the next, or none when only an answer can help. */
function serve(bucket: Bucket, clock: Clock): void {
  bucket.cancelTimer?.();
  bucket.cancelTimer = undefined;
  refill(bucket, clock.monotonic());
  for (const waiters of [bucket.back, bucket.waiters])
    for (const waiter of waiters) {
      if (bucket.tokens - bucket.inFlight < 1 - tokenSlack) break;
      bucket.inFlight += 1;
      waiters.delete(waiter);
      waiter.grant();
    }
  const wanted = 1 + bucket.inFlight;
  if (!isAwaited(bucket) || wanted > bucket.limit.burst) return;
  const waitMs = Math.ceil(((wanted - bucket.tokens) / bucket.limit.perSecond) * 1000) + marginMs;
  bucket.cancelTimer = clock.timer(waitMs, () => {
    serve(bucket, clock);
  });
}

function refill(bucket: Bucket, now: number): void {
  const seconds = Math.max(0, now - bucket.at) / 1000;
  bucket.tokens = Math.min(bucket.limit.burst, bucket.tokens + seconds * bucket.limit.perSecond);
  bucket.at = now;
}

function isAwaited({ waiters, back }: Bucket): boolean {
  return waiters.size + back.size > 0;
}

function isIdle(bucket: Bucket, now: number): boolean {
  if (bucket.inFlight > 0 || isAwaited(bucket)) return false;
  refill(bucket, now);
  return bucket.tokens >= bucket.limit.burst;
}
