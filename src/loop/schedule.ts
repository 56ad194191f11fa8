import type { Clock } from '../model/base/clock.ts';
import { askedDelay, lastRetryMs, passDelay, retryDelay } from './backoff.ts';

/** A wake in the past or at once would spin: whoever asks for "now" is asked again after a second. */
const soonestWakeMs = 1_000;
/** Reasons that bring an app's looks back to their first pace, until one gets through: words that differ each time would for ever. */
const reasonsMax = 8;

/** What an app asks for at the end of a pass that did not fail. */
export interface Ask {
  /** To be looked at again then, before its next pass; milliseconds since the epoch. */
  readonly nextWakeAt: number | undefined;
  /** Why, in words that stay the same as long as the reason does. */
  readonly because?: string | undefined;
  /** Its own interval, where that is shorter than the loop's; milliseconds. */
  readonly intervalMs?: number | undefined;
}

export interface Retry {
  readonly app: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Failures in a row; 0: it waits for something, nothing failed. */
  readonly failures: number;
}

/** Looks that an app has asked for since a pass over it last got through. */
interface Asked {
  readonly reasons: Set<string>;
  /** Looks for the newest reason. */
  times: number;
}

/**
 * When what is due. What waits does so by the monotonic clock, whatever somebody sets the other one to: dates are turned into it
 * when they are told, and back for whoever asks.
 */
export class Schedule {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #intervalMs: number;
  readonly #due = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #asked = new Map<string, Asked>();
  /** Apps that are due because they failed. */
  readonly #failing = new Set<string>();
  #nextPassAt: number | undefined;

  constructor(options: { readonly clock: Clock; readonly random: () => number; readonly intervalMs: number }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#intervalMs = options.intervalMs;
  }

  /** Milliseconds since the epoch. */
  get nextPassAt(): number | undefined {
    return this.#nextPassAt === undefined ? undefined : this.#dateOf(this.#nextPassAt);
  }

  planPass(): void {
    this.#nextPassAt = this.#clock.monotonic() + passDelay(this.#intervalMs, this.#random);
  }

  /** true once a pass: the next one is then planned. */
  takePass(): boolean {
    if (this.#nextPassAt === undefined || this.#nextPassAt > this.#clock.monotonic()) return false;
    this.planPass();
    return true;
  }

  /** Apps whose time has come. Each is given once. */
  takeDue(): readonly string[] {
    const now = this.#clock.monotonic();
    const apps = [...this.#due].filter(([, at]) => at <= now).map(([app]) => app);
    for (const app of apps) {
      this.#due.delete(app);
      const asked = this.#asked.get(app);
      if (asked !== undefined && !this.#failing.has(app)) asked.times += 1;
    }
    return apps;
  }

  /** The app runs now: whatever it waited for is taken up. */
  begin(app: string): void {
    this.#due.delete(app);
  }

  /**
   * It did not fail. Where it asks again and again for the same reason it is looked at less and less often: who gives way to
   * what never goes away would otherwise come back within seconds for ever. Returns when, where that is later than it asked for.
   */
  succeeded(app: string, { nextWakeAt, because = '', intervalMs }: Ask): number | undefined {
    const now = this.#clock.monotonic();
    this.#failing.delete(app);
    const wantedAt = nextWakeAt === undefined ? undefined : this.#timeOf(nextWakeAt);
    // One that soon asks again has not got through: failures that come in turns with that are failures in a row.
    if (wantedAt === undefined || wantedAt - now > lastRetryMs) this.#failures.delete(app);
    if (nextWakeAt === undefined) this.#asked.delete(app);
    const ownAt = intervalMs === undefined ? Infinity : now + intervalMs;
    const askedAt = wantedAt === undefined ? Infinity : Math.max(wantedAt, now + this.#spaceOf(app, because));
    const at = Math.min(ownAt, askedAt);
    if (at === Infinity) this.#due.delete(app);
    else this.#due.set(app, at);
    return wantedAt !== undefined && at > wantedAt ? this.#dateOf(at) : undefined;
  }

  /** Milliseconds that have to lie before its next look at least. */
  #spaceOf(app: string, because: string): number {
    const asked = this.#asked.get(app) ?? { reasons: new Set(), times: 0 };
    if (!asked.reasons.has(because) && asked.reasons.size < reasonsMax) {
      asked.reasons.add(because);
      asked.times = 0;
    }
    this.#asked.set(app, asked);
    return Math.max(soonestWakeMs, askedDelay(asked.times, this.#random));
  }

  /** It failed: tried again after the backoff, and not before `nextWakeAt`. Returns when. */
  failed(app: string, nextWakeAt: number | undefined): number {
    const failures = (this.#failures.get(app) ?? 0) + 1;
    const soonest = nextWakeAt === undefined ? -Infinity : this.#timeOf(nextWakeAt);
    const at = Math.max(this.#clock.monotonic() + retryDelay(failures, this.#random), soonest);
    this.#failures.set(app, failures);
    this.#failing.add(app);
    this.#due.set(app, at);
    return this.#dateOf(at);
  }

  /** Something changed for it: the next failure counts as the first, and so does what it asks for. */
  forgive(app: string): void {
    this.#failures.delete(app);
    this.#asked.delete(app);
  }

  keepOnly(apps: ReadonlySet<string>): void {
    for (const app of this.#due.keys()) if (!apps.has(app)) this.#due.delete(app);
    for (const known of [this.#failures, this.#asked, this.#failing])
      for (const app of known.keys()) if (!apps.has(app)) known.delete(app);
  }

  /** Milliseconds until the earliest time anything is due; below 0: it is. */
  get nextInMs(): number {
    let earliest = this.#nextPassAt ?? Infinity;
    for (const at of this.#due.values()) earliest = Math.min(earliest, at);
    return earliest - this.#clock.monotonic();
  }

  get retries(): readonly Retry[] {
    return [...this.#due]
      .map(([app, at]) => ({
        app,
        at: this.#dateOf(at),
        failures: this.#failing.has(app) ? (this.#failures.get(app) ?? 0) : 0,
      }))
      .toSorted((a, b) => a.at - b.at);
  }
  #dateOf(at: number): number {
    return this.#clock.now() + at - this.#clock.monotonic();
  }

  #timeOf(date: number): number {
    return this.#clock.monotonic() + date - this.#clock.now();
  }
}
