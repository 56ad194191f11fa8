/** Long enough for a blip of Fly or git to pass, short enough that a push still feels prompt. */
export const firstRetryMs = 5_000;
/** A person who mends the cause sees FlyCD take it up within five minutes, and Fly is asked no more often. */
export const lastRetryMs = 5 * 60_000;
/**
 * What Fly refused it refuses again until somebody mends it: pays, widens the token, frees a name, pushes an image. Mended while
 * somebody watches it is taken up within minutes; an hour later at most in any case, and Fly is asked no more than 24 times a day.
 */
const lastRefusedMs = 60 * 60_000;
/** Lists of Fly's lag by seconds: so many looks come when they are asked for. What they all show alike stays for longer. */
const askedFreely = 3;
/** Part of a delay that chance takes off: apps that failed together do not come back together. */
const retryJitter = 0.2;
/** Either way, so that many FlyCDs that were started at once drift apart. */
const intervalJitter = 0.1;

/** Milliseconds until the next try after `failures` in a row (from 1): 5 s, doubling to 5 min, less up to a fifth. */
export function retryDelay(failures: number, random: () => number): number {
  const delay = Math.min(firstRetryMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30), lastRetryMs);
  return Math.round(delay * (1 - retryJitter * random()));
}

/**
 * Milliseconds until an app at least that has been looked at `times` times (from 0) because it asked for that: none the first
 * three times, then as after failures.
 */
export function askedDelay(times: number, random: () => number): number {
  return times < askedFreely ? 0 : retryDelay(times - askedFreely + 1, random);
}

/** Milliseconds until Fly is asked again for what it refused `times` times in a row (from 1): 5 min, doubling to an hour. */
export function refusedDelay(times: number): number {
  return Math.min(lastRetryMs * 2 ** Math.min(Math.max(times, 1) - 1, 30), lastRefusedMs);
}

/** Milliseconds until the next pass over all apps: the interval, up to a tenth more or less. */
export function passDelay(intervalMs: number, random: () => number): number {
  return Math.round(intervalMs * (1 - intervalJitter + 2 * intervalJitter * random()));
}
