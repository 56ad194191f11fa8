import type { Clock } from '../model/base/clock.ts';
import { passDelay, retryDelay } from './backoff.ts';

/** A wake in the past or at once would spin: whoever asks for "now" is asked again after a second. */
const soonestWakeMs = 1_000;

export interface Retry {
  readonly app: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Failures in a row; 0: it waits for something, nothing failed. */
  readonly failures: number;
}

/** When what is due, computed from the clock's time alone. */
export class Schedule {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #intervalMs: number;
  readonly #due = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  #nextPassAt: number | undefined;

  constructor(options: { readonly clock: Clock; readonly random: () => number; readonly intervalMs: number }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#intervalMs = options.intervalMs;
  }

  get nextPassAt(): number | undefined {
    return this.#nextPassAt;
  }

  planPass(): void {
    this.#nextPassAt = this.#clock.now() + passDelay(this.#intervalMs, this.#random);
  }

  /** true once a pass: the next one is then planned. */
  takePass(): boolean {
    if (this.#nextPassAt === undefined || this.#nextPassAt > this.#clock.now()) return false;
    this.planPass();
    return true;
  }

  /** Apps whose time has come. Each is given once. */
  takeDue(): readonly string[] {
    const now = this.#clock.now();
    const apps = [...this.#due].filter(([, at]) => at <= now).map(([app]) => app);
    for (const app of apps) this.#due.delete(app);
    return apps;
  }

  /** The app runs now: whatever it waited for is taken up. */
  begin(app: string): void {
    this.#due.delete(app);
  }

  /** It went well; `nextWakeAt` where it wants to be asked again earlier than by the next pass. */
  succeeded(app: string, nextWakeAt: number | undefined): void {
    this.#failures.delete(app);
    if (nextWakeAt === undefined) this.#due.delete(app);
    else this.#due.set(app, Math.max(nextWakeAt, this.#clock.now() + soonestWakeMs));
  }

  /** It failed: tried again after the backoff, and not before `nextWakeAt`. Returns when. */
  failed(app: string, nextWakeAt: number | undefined): number {
    const failures = (this.#failures.get(app) ?? 0) + 1;
    const at = Math.max(this.#clock.now() + retryDelay(failures, this.#random), nextWakeAt ?? 0);
    this.#failures.set(app, failures);
    this.#due.set(app, at);
    return at;
  }

  /** Something changed for it: the next failure counts as the first. */
  forgive(app: string): void {
    this.#failures.delete(app);
  }

  keepOnly(apps: ReadonlySet<string>): void {
    for (const app of this.#due.keys()) if (!apps.has(app)) this.#due.delete(app);
    for (const app of this.#failures.keys()) if (!apps.has(app)) this.#failures.delete(app);
  }

  /** The earliest time anything is due. */
  get next(): number {
    let earliest = this.#nextPassAt ?? Infinity;
    for (const at of this.#due.values()) earliest = Math.min(earliest, at);
    return earliest;
  }

  get retries(): readonly Retry[] {
    return [...this.#due]
      .map(([app, at]) => ({ app, at, failures: this.#failures.get(app) ?? 0 }))
      .toSorted((a, b) => a.at - b.at);
  }
}
