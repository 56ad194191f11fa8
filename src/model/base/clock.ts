/**
 * One Clock drives controller, client timeouts and simulator. In production it is the machine's; in tests and in
 * `demo --once` it is an IdleClock, which jumps to the next timer as soon as no work is in flight.
 */
export interface Clock {
  /** Milliseconds since the epoch: for dates. Somebody may set it, in either direction and by any time. */
  now(): number;
  /** Milliseconds since a moment that only this process knows, by a clock that nobody sets: for how long something takes. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; the function returned cancels. */
  timer(ms: number, callback: () => void): () => void;
  /** Work outside the clock's sight (a request with its body, a git child, a file read): time stands still meanwhile. */
  busy<T>(work: () => Promise<T>): Promise<T>;
  /**
   * A server's wait on behalf of a request that somebody else holds as busy: hands that token back while waiting. When
   * the sender gives up (the signal), it hands its token back itself, so the wait ends and takes none.
   */
  park(ms: number, gone?: AbortSignal): Promise<void>;
}

/** The end of the year 9999: what is later than that is no date that anybody meant. Milliseconds since the epoch. */
export const timeMsMax = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** `2026-01-31 12:00:00Z`: times are UTC, so that a team and its machines read the same. What lies beyond is shown as the end. */
export function formatTime(at: number): string {
  return `${new Date(Math.min(Math.max(at, 0), timeMsMax)).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

function sleepOn(clock: Pick<Clock, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Math.floor(performance.now()),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
  timer(ms, callback) {
    const handle = setTimeout(callback, ms);
    return () => {
      clearTimeout(handle);
    };
  },
  busy: (work) => work(),
  park: (ms, gone) => sleepOn(systemClock, ms, gone).catch(() => undefined),
};

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Virtual time. It stands still while anything is busy; when nothing is, and still is not two turns of the event loop
 * later, it jumps to the earliest timer. Timers due at one instant fire in the order they were set.
 */
export class IdleClock implements Clock {
  #now: number;
  /** Milliseconds by which it was set. */
  #setBy = 0;
  #busy = 0;
  #order = 0;
  #checking = false;
  readonly #timers = new Set<Timer>();

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now + this.#setBy;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Somebody sets the clock by so many milliseconds; below 0: back. Nothing takes longer or shorter by that. */
  set(byMs: number): void {
    this.#setBy += byMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  timer(ms: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    this.#check();
    return () => {
      this.#timers.delete(timer);
    };
  }

  async busy<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      this.#check();
    }
  }

  async park(ms: number, gone?: AbortSignal): Promise<void> {
    this.#busy -= 1;
    this.#check();
    await new Promise<void>((resolve) => {
      const takeBack = (): void => {
        cancel();
        gone?.removeEventListener('abort', takeBack);
        this.#busy += 1;
        resolve();
      };
      const cancel = this.timer(ms, takeBack);
      if (gone?.aborted === true) takeBack();
      else gone?.addEventListener('abort', takeBack, { once: true });
    });
  }

  /** Timers not yet fired: a test asserts that none is left. */
  get pending(): number {
    return this.#timers.size;
  }

  #check(): void {
    if (this.#checking || this.#timers.size === 0) return;
    this.#checking = true;
    setImmediate(() => setImmediate(() => this.#jumpIfIdle()));
  }

  #jumpIfIdle(): void {
    this.#checking = false;
    if (this.#busy > 0) return;
    const next = [...this.#timers].toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
    if (next === undefined) return;
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.callback();
    this.#check();
  }
}
