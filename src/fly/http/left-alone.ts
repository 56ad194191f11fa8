import type { Clock } from '../../model/base/clock.ts';

/** What Fly answered when it asked to be left alone. */
export interface LeftAlone {
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly status: number;
  /** Fly's words. */
  readonly words: string | undefined;
  readonly code: string | undefined;
}

/** Above this, those whose time has come are forgotten: each is kept for an hour at most. */
const keptMax = 1_000;

/**
 * Until when Fly asked to be left alone (Retry-After), by endpoint: what Fly limits is an action on one app, machine or volume,
 * and a refusal of one says nothing of others. The one place that knows it: whoever asks the same before then is answered
 * from here.
 */
export class LeftAlones {
  readonly #clock: Clock;
  readonly #byEndpoint = new Map<string, LeftAlone>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** undefined: Fly may be asked. */
  of(endpoint: string): LeftAlone | undefined {
    const known = this.#byEndpoint.get(endpoint);
    if (known === undefined || known.until > this.#clock.now()) return known;
    this.#byEndpoint.delete(endpoint);
    return undefined;
  }

  asked(endpoint: string, said: LeftAlone): void {
    this.#byEndpoint.set(endpoint, said);
    if (this.#byEndpoint.size > keptMax) for (const key of this.#byEndpoint.keys()) this.of(key);
  }
}
