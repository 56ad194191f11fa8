import * as fc from '../../property.ts';
import { describe, expect, it } from 'vitest';
import {
  actionLimit,
  createRateLimiter,
  deleteAppLimit,
  getMachineLimit,
  type RateLimit,
} from '../../../src/fly/http/rate-limit.ts';
import { createFlyWriter } from '../../../src/fly/client.ts';
import { createTransport } from '../../../src/fly/http/transport.ts';
import { IdleClock, type Clock } from '../../../src/model/base/clock.ts';
import { machine, optionsFor } from '../fake-fly.ts';

/** Fly's side: counts at arrival and says no when the bucket is empty. */
function flysBuckets(limitOf: (key: string) => RateLimit) {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take(key: string, now: number): boolean {
      const { perSecond, burst } = limitOf(key);
      const bucket = buckets.get(key) ?? { tokens: burst, at: now };
      const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
      // Sums of fractions: a hair short of a whole token is a whole one.
      const allowed = tokens >= 1 - 1e-6;
      buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at: now });
      return allowed;
    },
  };
}

const documented = { action: { perSecond: 1, burst: 3 }, getMachine: { perSecond: 5, burst: 10 } };

/** A network that takes its time both ways, on the virtual clock, and a Fly that counts in between. */
function slowFetch(clock: Clock, latencies: readonly number[]) {
  const buckets = flysBuckets((key) =>
    /^GET .*\/machines\/[^/]+$/.test(key) ? documented.getMachine : documented.action,
  );
  const seen = { refused: 0, arrived: 0 };
  let nth = 0;
  const fake = async (input: unknown, init?: { method?: string }): Promise<Response> => {
    const there = latencies[nth++ % latencies.length] ?? 0;
    const back = latencies[nth++ % latencies.length] ?? 0;
    await clock.park(there);
    seen.arrived += 1;
    const url = new URL(String(input));
    const allowed = buckets.take(`${init?.method ?? 'GET'} ${url.pathname}`, clock.now());
    if (!allowed) seen.refused += 1;
    await clock.park(back);
    return new Response(allowed ? JSON.stringify(machine) : '{}', { status: allowed ? 200 : 429 });
  };
  return { fetch: fake as typeof fetch, seen };
}

const call = fc.record({
  // Few keys and many calls, so that buckets do run dry.
  action: fc.constantFrom('read', 'start', 'update', 'create', 'label'),
  app: fc.constantFrom('shop', 'shop', 'blog'),
  id: fc.constantFrom('m1', 'm1', 'm2'),
  after: fc.integer({ min: 0, max: 6000 }),
});

describe('a client on a network of any speed', () => {
  it('never has more requests arrive at Fly than it documents', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 10, maxLength: 60 }),
        fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4000 })), { minLength: 1, maxLength: 7 }),
        async (calls, latencies) => {
          const clock = new IdleClock();
          const { fetch, seen } = slowFetch(clock, latencies);
          const fly = createFlyWriter(createTransport(optionsFor('http://fly.test', clock, { fetch })));
          const run = async ({ action, app, id, after }: (typeof calls)[number]): Promise<void> => {
            await clock.sleep(after);
            if (action === 'read') await fly.machine(app, `${app}${id}`);
            if (action === 'start') await fly.startMachine(app, `${app}${id}`);
            if (action === 'update') await fly.updateMachine(app, `${app}${id}`, { config: {} });
            if (action === 'create') await fly.createMachine(app, { config: {} });
            if (action === 'label') await fly.patchMetadata(app, `${app}${id}`, {});
          };
          await Promise.all(calls.map(run));
          expect(seen).toEqual({ refused: 0, arrived: calls.length });
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the limiter', () => {
  const spend = async (limit: RateLimit, count: number, workMs = 0): Promise<number[]> => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    const start = clock.now();
    const at: number[] = [];
    const one = async (): Promise<void> => {
      const admission = await limiter.admit('k', limit);
      at.push(clock.now() - start);
      if (workMs > 0) await clock.sleep(workMs);
      admission.done();
    };
    await Promise.all(Array.from({ length: count }, one));
    return at;
  };

  it('lets the burst through at once and then no slower than one a second', async () => {
    const at = await spend(actionLimit, 6);
    expect(at.slice(0, 3)).toEqual([0, 0, 0]);
    expect(at[5]).toBeGreaterThanOrEqual(3000);
    expect(at[5]).toBeLessThan(3050);
  });

  it('loses no rate to slow answers', async () => {
    const at = await spend(actionLimit, 10, 50);
    expect(at[9]).toBeLessThan(7150);
  });

  it('keeps any minute of app deletions under 100', async () => {
    const at = await spend(deleteAppLimit, 300);
    for (const from of at)
      expect(at.filter((time) => time >= from && time < from + 60_000).length).toBeLessThanOrEqual(100);
  });

  it('keeps the order of asking', async () => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    const order: number[] = [];
    const one = async (index: number): Promise<void> => {
      const admission = await limiter.admit('k', actionLimit);
      order.push(index);
      admission.done();
    };
    await Promise.all([0, 1, 2, 3, 4, 5, 6].map(one));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('drops a waiter whose signal is aborted, and lets the next one go in its time', async () => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    for (let spent = 0; spent < 3; spent += 1) (await limiter.admit('k', actionLimit)).done();
    const stop = new AbortController();
    const refused = limiter.admit('k', actionLimit, { signal: stop.signal });
    const next = limiter.admit('k', actionLimit);
    stop.abort(new Error('enough'));
    await expect(refused).rejects.toThrow('enough');
    (await next).done();
    expect(clock.now() - new IdleClock().now()).toBeLessThan(1050);
    expect(clock.pending).toBe(0);
  });

  it('gives leave that was not used to the next one, and whoever is back comes first', async () => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    const start = clock.now();
    const admissions = [];
    for (let held = 0; held < 3; held += 1) admissions.push(await limiter.admit('k', actionLimit));
    const order: string[] = [];
    const one = async (name: string, isBack: boolean): Promise<void> => {
      const admission = await limiter.admit('k', actionLimit, { isBack });
      order.push(`${name} at ${clock.now() - start}`);
      admission.done();
    };
    const all = [one('new', false), one('back', true)];
    admissions[0]?.unused();
    admissions[1]?.unused();
    await Promise.all(all);
    expect(order).toEqual(['back at 0', 'new at 0']);
    admissions[2]?.done();
    expect(clock.pending).toBe(0);
  });

  it('treats its bucket as empty after a 429: somebody else drinks from it', async () => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    const start = clock.now();
    (await limiter.admit('k', getMachineLimit)).exhausted();
    (await limiter.admit('k', getMachineLimit)).done();
    expect(clock.now() - start).toBeGreaterThanOrEqual(200);
  });

  it('forgets buckets that are full again', async () => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    for (let app = 0; app < 20_000; app += 1) {
      (await limiter.admit(`GET /apps/{app} ${app}`, actionLimit)).done();
      if (app % 100 === 0) await clock.sleep(1000);
    }
    expect(limiter.size).toBeLessThan(2_000);
  });
});
