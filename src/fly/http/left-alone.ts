import type { Exchange } from '../../http/exchange.ts';
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

/** What came of a call whose turn it was: it is left out where Fly has asked for that since it was made. */
export type Sent = Exchange | { readonly kind: 'left alone'; readonly said: LeftAlone };

/** Above this, those whose time has come are forgotten: each is kept for an hour at most. */
const keptMax = 1_000;

/**
 * Until when Fly asked to be left alone (Retry-After), by endpoint: what Fly limits is an action on one app, machine or volume,
 * and a refusal of one says nothing of others. The one place that knows it: whoever asks the same before then is answered
 * from here.
 */
export class LeftAlones {
  readonly #clock: Clock;
  /** `endsAt`: by the monotonic clock. */
  readonly #byEndpoint = new Map<string, { readonly said: LeftAlone; readonly endsAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** undefined: Fly may be asked. */
  of(endpoint: string): LeftAlone | undefined {
    const known = this.#byEndpoint.get(endpoint);
    const leftMs = known === undefined ? 0 : known.endsAt - this.#clock.monotonic();
    if (known !== undefined && leftMs > 0) return { ...known.said, until: this.#clock.now() + leftMs };
    this.#byEndpoint.delete(endpoint);
    return undefined;
  }

  asked(endpoint: string, said: LeftAlone): void {
    const endsAt = this.#clock.monotonic() + said.until - this.#clock.now();
    this.#byEndpoint.set(endpoint, { said, endsAt });
    if (this.#byEndpoint.size > keptMax) for (const key of this.#byEndpoint.keys()) this.of(key);
  }
}
