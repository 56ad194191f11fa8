/**
 * Fly's documented limits: per action and machine, or app where no machine is named, one request a second with a burst
 * of three; getting one machine five a second, burst ten; deleting apps 100 a minute in all. What is not documented
 * (lists across an organization, regions, tokens) is not limited.
 */
interface Limit {
  /** Milliseconds that one request costs. */
  readonly everyMs: number;
  readonly burst: number;
}

const common: Limit = { everyMs: 1000, burst: 3 };
const exceptions: Readonly<Record<string, Limit>> = {
  'GET /apps/{app}/machines/{machine}': { everyMs: 200, burst: 10 },
  'DELETE /apps/{app}': { everyMs: 600, burst: 100 },
};
/** What is not the Machines API has no documented limits. */
const webPrefixes = [' /api/', ' /v2/'];
/** One bucket for all apps. */
const shared: ReadonlySet<string> = new Set(['DELETE /apps/{app}']);
/** Buckets kept before full ones are dropped: a few for each of 3,000 machines. */
const bucketsKept = 50_000;

export interface RateLimits {
  /** false: one too many. Takes from the bucket otherwise. */
  take(operation: string, params: Readonly<Record<string, string>>, now: number): boolean;
}

/** Token buckets in whole milliseconds (the time at which a bucket is full again), so that exactly one a second fits. */
export function documentedRateLimits(): RateLimits {
  const fullAt = new Map<string, number>();
  return {
    take(operation, params, now) {
      if (params['app'] === undefined || webPrefixes.some((prefix) => operation.includes(prefix))) return true;
      const limit = exceptions[operation] ?? common;
      const id = shared.has(operation) ? '' : (params['machine'] ?? params['volume'] ?? '');
      const key = `${operation} ${shared.has(operation) ? '' : params['app']} ${id}`;
      const full = Math.max(fullAt.get(key) ?? 0, now);
      if (full - now > (limit.burst - 1) * limit.everyMs) return false;
      fullAt.set(key, full + limit.everyMs);
      if (fullAt.size > bucketsKept) dropFull(fullAt, now);
      return true;
    },
  };
}

function dropFull(fullAt: Map<string, number>, now: number): void {
  for (const [key, at] of fullAt) if (at <= now) fullAt.delete(key);
}
