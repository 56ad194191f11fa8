/** Somebody sets the machine's clock: what waits does so for as long as before, and dates are those of the new time. */
import { describe, expect, test } from 'vitest';
import type { AppPass } from '../../controllers/pass/app-pass.ts';
import { holdLease } from '../../controllers/pass/lease.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import { createRateLimiter } from '../../src/fly/http/rate-limit.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { desiredApp } from '../plan/builders.ts';
import { speakTo, thrownBy, volume } from '../fly/fake-fly.ts';
import { done, fails, minute, scripted } from './scripted.ts';

const hour = 60 * minute;

describe.each([
  ['back', -2 * hour],
  ['forward', 2 * hour],
])('a clock that is set %s by two hours', (_way, byMs) => {
  test('keeps the passes of all apps at their pace', async () => {
    const clock = new IdleClock();
    const { loop, refreshes } = scripted({ clock, intervalMs: 3 * minute });
    loop.start();
    await clock.sleep(7 * minute);
    const before = refreshes.length;
    clock.set(byMs);
    await clock.sleep(30 * minute);
    expect(refreshes.length - before).toBe(10);
    const { nextPassAt = 0 } = loop.status();
    expect(nextPassAt - clock.now()).toBeGreaterThan(0);
    expect(nextPassAt - clock.now()).toBeLessThanOrEqual(3.3 * minute);
  });

  test('keeps what failed at its backoff, and tells when it is tried again', async () => {
    const clock = new IdleClock();
    const { loop, passes } = scripted({ clock, apps: ['api'], reconcile: () => Promise.resolve(fails) });
    loop.start();
    await clock.sleep(1000);
    clock.set(byMs);
    const [retry] = loop.status().retries;
    expect((retry?.at ?? 0) - clock.now()).toBeGreaterThan(0);
    expect((retry?.at ?? 0) - clock.now()).toBeLessThanOrEqual(5000);
    const before = passes.length;
    await clock.sleep(30 * minute);
    expect(passes.length - before).toBeGreaterThan(8);
    expect(passes.length - before).toBeLessThan(20);
  });

  test('keeps the date that an app asked for as far off as it was', async () => {
    const clock = new IdleClock();
    const { loop, passes } = scripted({
      clock,
      apps: ['api'],
      reconcile: () =>
        Promise.resolve(passes.length > 1 ? done : { ...done, nextWakeAt: clock.now() + 20 * minute, because: 'it' }),
    });
    loop.start();
    await clock.sleep(1000);
    clock.set(byMs);
    await clock.sleep(19 * minute);
    expect(passes).toHaveLength(1);
    await clock.sleep(minute);
    expect(passes).toHaveLength(2);
  });

  test('keeps a refresh that failed at its backoff', async () => {
    const clock = new IdleClock();
    let isBroken = true;
    const { loop } = scripted({
      clock,
      refresh: () =>
        isBroken
          ? Promise.reject(new Fault({ kind: 'transient', what: 'git does not answer' }))
          : Promise.resolve({ apps: ['api'], affectedBy: () => [] }),
    });
    loop.start();
    await clock.sleep(1000);
    clock.set(byMs);
    const { refreshRetryAt = 0 } = loop.status();
    expect(refreshRetryAt - clock.now()).toBeGreaterThan(0);
    expect(refreshRetryAt - clock.now()).toBeLessThanOrEqual(5000);
    isBroken = false;
    await clock.sleep(10_000);
    expect(loop.ready).toBe(true);
  });

  test('keeps Fly left alone for as long as it asked', async () => {
    await using bench = await speakTo((_arrival, nth) =>
      nth === 1 ? { status: 503, body: {}, headers: { 'retry-after': '1200' } } : { status: 200, body: [volume] },
    );
    const { clock, fly, server } = bench;
    await thrownBy(fly.volumes('shop'));
    clock.set(byMs);
    await clock.sleep(10 * minute);
    expect(await thrownBy(fly.volumes('shop'))).toMatchObject({ leftAloneUntil: clock.now() + 10 * minute });
    expect(server.arrivals).toHaveLength(1);
    await clock.sleep(10 * minute);
    expect(await fly.volumes('shop')).toHaveLength(1);
  });

  test('keeps a refused token refused for half a minute', async () => {
    let isTaken = false;
    await using bench = await speakTo(() =>
      isTaken ? { status: 200, body: [] } : { status: 401, body: { error: 'unauthorized' } },
    );
    const { clock, fly, server } = bench;
    await thrownBy(fly.volumes('shop'));
    isTaken = true;
    const before = server.arrivals.length;
    clock.set(byMs);
    await clock.sleep(29_000);
    await thrownBy(fly.volumes('shop'));
    expect(server.arrivals).toHaveLength(before);
    await clock.sleep(1000);
    expect(await fly.volumes('shop')).toEqual([]);
  });

  test('keeps the pace of requests', async () => {
    const clock = new IdleClock();
    const limiter = createRateLimiter(clock);
    const ask = async (): Promise<number> => {
      (await limiter.admit('list shop', { perSecond: 1, burst: 1 })).done();
      return clock.monotonic();
    };
    await ask();
    clock.set(byMs);
    const at = clock.monotonic();
    const waited = (await ask()) - at;
    expect(waited).toBeGreaterThanOrEqual(1000);
    expect(waited).toBeLessThan(1100);
  });

  test('ends a lease that is not renewed after its half minute, and none before; set forward, it is renewed once', async () => {
    const clock = new IdleClock();
    const begunAt = clock.monotonic();
    let renewals = 0;
    const fly = {
      acquireLease: () => Promise.resolve('nonce'),
      // Each later one hangs.
      refreshLease: async (...[, , , { patienceMs }]: Parameters<FlyWriter['refreshLease']>) => {
        renewals += 1;
        if (clock.monotonic() === begunAt) return;
        await clock.sleep(patienceMs);
        throw new Fault({ kind: 'transient', what: 'no answer' });
      },
      releaseLease: () => Promise.resolve(),
    };
    const services = { clock, fly, log: silentLog, instance: 'test', signal: new AbortController().signal };
    const parts = { services, app: desiredApp({ name: 'shop' }), fleet: { name: 'acme' }, leases: new Map() };
    const pass = parts as unknown as AppPass;
    const lease = await holdLease(pass, 'm1');
    clock.set(byMs);
    await lease.check();
    expect(renewals).toBe(byMs > 0 ? 1 : 0);
    await clock.sleep(29_000);
    await lease.check();
    await clock.sleep(1000);
    await expect(lease.check()).rejects.toThrow('lost the lease on a machine');
  });
});
