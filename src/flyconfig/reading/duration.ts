/** Durations as Go writes and reads them, which is how Fly's API and flyctl do: "15s", "1m0s", "1.5h", "250ms". */

const microsecond = 1_000;
export const millisecond = 1_000_000;
export const second = 1_000_000_000;
export const minute = 60 * second;
const hour = 60 * minute;

const units: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

/** Longest text looked at: a duration of the largest size Go knows is shorter. */
const charactersMax = 64;

/** Nanoseconds of a Go duration. undefined: not one, or over 104 days, where whole nanoseconds end. */
export function parseDuration(text: string): number | undefined {
  if (text.length > charactersMax) return undefined;
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[-+]/, '');
  if (body === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let total = 0n;
  for (const part of body.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const [, whole = '', fraction = '', unit = ''] = part;
    // In whole numbers throughout: a binary fraction would lose a nanosecond now and then.
    const digits = BigInt(`${whole}${fraction}`);
    total += (digits * (units.get(unit) ?? 0n)) / 10n ** BigInt(fraction.length);
  }
  const nanoseconds = Number(total);
  if (!Number.isSafeInteger(nanoseconds)) return undefined;
  return nanoseconds === 0 ? 0 : sign * nanoseconds;
}

/** Nanoseconds as Go's canonical text: "1m0s", "1.5s", "0s". */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const sign = nanoseconds < 0 ? '-' : '';
  const size = Math.abs(nanoseconds);
  if (size < microsecond) return `${sign}${size}ns`;
  if (size < millisecond) return `${sign}${decimals(size, microsecond)}µs`;
  if (size < second) return `${sign}${decimals(size, millisecond)}ms`;
  const hours = Math.floor(size / hour);
  const minutes = Math.floor((size % hour) / minute);
  const seconds = `${decimals(size % minute, second)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** Exact: whole part and remainder apart, so that no binary fraction shows. */
function decimals(nanoseconds: number, unit: number): string {
  const whole = Math.floor(nanoseconds / unit);
  const width = String(unit).length - 1;
  const rest = String(nanoseconds % unit)
    .padStart(width, '0')
    .replace(/0+$/, '');
  return rest === '' ? String(whole) : `${whole}.${rest}`;
}

/** A duration in either wire form, a Go text or whole nanoseconds, as canonical text. What is neither stays as it is. */
export function canonicalDuration(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? formatDuration(value) : value;
  if (typeof value !== 'string') return value;
  const nanoseconds = parseDuration(value);
  return nanoseconds === undefined ? value : formatDuration(nanoseconds);
}
