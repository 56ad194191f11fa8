/** Requests that are refused: whoever sends many of them is no longer read, and they fill no log. */
import { isIPv6 } from 'node:net';
import type { Clock } from '../../model/base/clock.ts';
import type { Log } from '../../model/base/log.ts';

/** A wrong secret makes one in each delivery; a forge that sends sixty of those at once has somebody at work on it. */
const refusedMax = 60;
/** Who was over it is read again once so many are left: who mends a secret waits half a minute. */
const refusedAgain = 30;
const forgivenEachMs = 1_000;
/** About 1 MB; the one that was refused longest ago goes first. */
const addressesMax = 10_000;
/** Of each reason in a minute: enough to see who it is. */
const linesMax = 10;
const minuteMs = 60_000;

interface Spent {
  refused: number;
  /** It reached the most, and has not come down to where it is read again. */
  isOver: boolean;
  /** By the monotonic clock. */
  at: number;
}

/** Only refused requests count against an address: a forge that pushes in bursts is never told to wait. */
export class Refusals {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #spent = new Map<string, Spent>();
  readonly #lines = new Map<string, { readonly since: number; count: number }>();

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Seconds until the next request of this address is read; 0 = it is. */
  waitSeconds(address: string): number {
    const source = sourceOf(address);
    const spent = this.#spent.get(source);
    if (spent?.isOver !== true) return 0;
    const over = this.#now(source) - refusedAgain;
    if (over <= 0) spent.isOver = false;
    return Math.max(Math.ceil((over * forgivenEachMs) / 1000), 0);
  }

  /** One more of this address. */
  refuse(address: string, fields: object, message: string): void {
    const source = sourceOf(address);
    const refused = Math.min(Math.ceil(this.#now(source)) + 1, refusedMax);
    // Who is over it stays so until enough is forgiven, however few of its requests are refused meanwhile.
    const isOver = refused >= refusedMax || this.waitSeconds(address) > 0;
    // Deleted first: the map is in the order of the last refusal.
    this.#spent.delete(source);
    this.#spent.set(source, { refused, isOver, at: this.#clock.monotonic() });
    for (const oldest of this.#spent.keys()) {
      if (this.#spent.size <= addressesMax) break;
      this.#spent.delete(oldest);
    }
    this.tell('warn', { address, ...fields }, message);
  }

  /** A line in the log; beyond ten of one message in a minute the rest is counted, and told with the next one after it. */
  tell(level: 'info' | 'warn' | 'error', fields: object, message: string): void {
    const now = this.#clock.monotonic();
    const lines = this.#lines.get(message);
    if (lines === undefined || now - lines.since >= minuteMs) {
      const more = Math.max((lines?.count ?? 0) - linesMax, 0);
      this.#lines.set(message, { since: now, count: 1 });
      this.#log[level](more > 0 ? { ...fields, untold: more } : fields, message);
      return;
    }
    lines.count += 1;
    if (lines.count < linesMax) this.#log[level](fields, message);
    else if (lines.count === linesMax)
      this.#log[level]({ ...fields, next: 'more in this minute are counted' }, message);
  }

  #now(source: string): number {
    const spent = this.#spent.get(source);
    if (spent === undefined) return 0;
    return Math.max(spent.refused - (this.#clock.monotonic() - spent.at) / forgivenEachMs, 0);
  }
}

/** One sender has a whole /64 of IPv6 addresses. */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.toLowerCase().split('%', 1)[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : 8 - groups.length - rest.length - (rest.at(-1)?.includes('.') === true ? 1 : 0);
  const whole = [...groups, ...Array.from({ length: gap }, () => '0'), ...rest].slice(0, 4);
  return `${whole.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
