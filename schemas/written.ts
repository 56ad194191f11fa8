/**
 * Building blocks for what people write. Loose in form where Go's v0 was (numbers and booleans as text, one item instead of
 * a list), strict in meaning. No transforms: editors get the plain form as JSON Schema.
 */
import { z } from 'zod';
import { regions } from './fly/presets.ts';

/** A whole number, also written as text ("3"): substitutions and TOML conversions give text. */
export function wholeNumber(range: { readonly min: number; readonly max: number }) {
  return z.preprocess(numberFromText, z.int().min(range.min).max(range.max));
}

function numberFromText(value: unknown): unknown {
  return typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value) ? Number(value) : value;
}

/** true or false, also as text. */
export function flag() {
  return z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean());
}

/** A list; one item written without a list counts as a list of one. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.preprocess(
    (value) => (value === undefined || value === null || Array.isArray(value) ? value : [value]),
    z.array(item),
  );
}

/** Letters, digits and inner hyphens, at most 63: what a host name's label may hold. */
const dnsLabel = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

export function label() {
  return z.string().regex(dnsLabel, {
    error: 'expected letters, digits and inner hyphens, at most 63 characters',
  });
}

/** The name of an organization or a private network, which stands in URLs: wider than what Fly gives, and never a path or a query. */
export function plainName() {
  return z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, {
    error: 'expected a letter or digit, and then at most 62 letters, digits, dots, dashes and underscores',
  });
}

/** Fly's region codes: three letters today; longer ones are let through. */
export function regionCode() {
  return z
    .string()
    .regex(/^[a-z]{2,8}$/, { error: 'expected a region code such as arn, in small letters' })
    .meta({ examples: Object.keys(regions) });
}

const durationPattern = /^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/;
const secondsOfUnit: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** "90s", "3m", "1h30m", or a number of seconds. `durationSeconds` reads it. */
export function duration() {
  return z.union([z.string().regex(durationPattern), z.number().nonnegative()], {
    error: 'expected a duration such as 30s, 3m or 1h30m, or a number of seconds',
  });
}

/** Seconds of a written duration; a bare number, also as text, is seconds. undefined: not a duration. */
export function durationSeconds(written: string | number): number | undefined {
  if (typeof written === 'number') return Number.isFinite(written) && written >= 0 ? written : undefined;
  if (/^[0-9]+(?:\.[0-9]+)?$/.test(written)) return Number(written);
  if (!durationPattern.test(written)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of written.matchAll(/([0-9.]+)(ms|s|m|h)/g)) {
    seconds += Number(amount) * (secondsOfUnit[unit ?? ''] ?? 0);
  }
  return seconds;
}
