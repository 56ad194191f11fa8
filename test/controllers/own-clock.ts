import type { Clock } from '../../src/model/base/clock.ts';

/** FlyCD's clock where it is not Fly's: off by so much, which somebody may set anew at any time. Both go at one pace. */
export class OwnClock implements Clock {
  readonly #clock: Clock;
  /** Milliseconds that it is ahead of the other; below 0: behind. */
  aheadMs: number;

  constructor(clock: Clock, aheadMs = 0) {
    this.#clock = clock;
    this.aheadMs = aheadMs;
  }

  now(): number {
    return this.#clock.now() + this.aheadMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }

  timer(ms: number, callback: () => void): () => void {
    return this.#clock.timer(ms, callback);
  }

  busy<T>(work: () => Promise<T>): Promise<T> {
    return this.#clock.busy(work);
  }

  park(ms: number, gone?: AbortSignal): Promise<void> {
    return this.#clock.park(ms, gone);
  }
}
