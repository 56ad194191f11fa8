import type { Clock } from '../../model/base/clock.ts';
import type { Log } from '../../model/base/log.ts';

/** A Date header says whole seconds, cut off: Fly's time lies within one of them. */
const wholeMs = 1000;
/** Off by more than this, people's own times (windows, how long something is suspended) go wrong by as much as anybody notices. */
const saidMs = 60_000;

/** How far Fly's clock is ahead of ours at least and at most, in milliseconds. */
interface Bounds {
  readonly least: number;
  readonly most: number;
}

/**
 * Fly's clock, learnt from the Date header of its answers. Each answer bounds how far the two clocks are apart: it was written
 * between sending and hearing. Bounds of many answers together get narrower; where they contradict each other (one of the
 * clocks was set), two answers in a row that agree count anew. As long as our own clock may be right it is taken for right,
 * also where no answer had a Date.
 */
export class FlyTime {
  readonly #clock: Clock;
  readonly #log: Log;
  #known: Bounds = { least: -Infinity, most: Infinity };
  /** Of an answer that contradicts what is known. */
  #doubt: Bounds | undefined;
  #isSaid = false;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Milliseconds that Fly's clock is ahead of ours; below 0: behind. */
  get aheadMs(): number {
    const { least, most } = this.#known;
    return least <= 0 && most >= 0 ? 0 : Math.round((least + most) / 2);
  }

  /** An answer to what was sent at this time by our clock, heard just now. */
  heard(headers: Headers, sentAt: number): void {
    const date = Date.parse(headers.get('date') ?? '');
    if (Number.isNaN(date)) return;
    const bounds = { least: date - this.#clock.now(), most: date + wholeMs - sentAt };
    const both = within(this.#known, bounds);
    const anew = this.#doubt === undefined ? undefined : within(this.#doubt, bounds);
    if (both === undefined && anew === undefined) {
      this.#doubt = bounds;
      return;
    }
    this.#known = both ?? anew ?? bounds;
    this.#doubt = undefined;
    this.#sayOnce();
  }

  #sayOnce(): void {
    const { least, most } = this.#known;
    if (this.#isSaid || (least <= saidMs && most >= -saidMs)) return;
    this.#isSaid = true;
    const seconds = Math.round(Math.abs(this.aheadMs) / 1000);
    const side = this.aheadMs > 0 ? 'behind' : 'ahead of';
    this.#log.warn(
      {},
      `the clock of this machine is ${seconds} s ${side} Fly's: what Fly dates is compared with Fly's, but windows and the times shown here are off; set it (NTP)`,
    );
  }
}

/** What is true by both. undefined: they contradict each other. */
function within(one: Bounds, other: Bounds): Bounds | undefined {
  const both = { least: Math.max(one.least, other.least), most: Math.min(one.most, other.most) };
  return both.least <= both.most ? both : undefined;
}
