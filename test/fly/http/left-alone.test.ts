/** Fly asks to be left alone, by Retry-After: one place knows until when, and nobody asks the same before. */
import { describe, expect, test } from 'vitest';
import { FlyError } from '../../../src/fly/http/error.ts';
import { machine, speakTo, thrownBy, volume, type Arrival, type Reply } from '../fake-fly.ts';

const begun = Date.parse('2026-01-01T00:00:00Z');
const later = (status: number, seconds: number): Reply => ({
  status,
  body: { error: 'later' },
  headers: { 'retry-after': String(seconds) },
});
const times = (arrivals: readonly Arrival[]): readonly number[] => arrivals.map(({ at }) => at);

describe('for longer than a pass waits', () => {
  test.each([429, 503, 500])('%i: the same is not sent again before, and its error says until when', async (status) => {
    await using bench = await speakTo((_arrival, nth) =>
      nth === 1 ? later(status, 1200) : { status: 200, body: [volume] },
    );
    const { clock, fly, server } = bench;
    const first = await thrownBy(fly.volumes('shop'));
    expect(first).toMatchObject({ state: { kind: 'waiting', retryAt: begun + 1_200_000 } });
    await clock.sleep(600_000);
    const second = await thrownBy(fly.volumes('shop'));
    expect(second).toMatchObject({
      state: { kind: 'waiting', retryAt: begun + 1_200_000 },
      status,
      outcome: 'refused',
      why: 'later',
      leftAloneUntil: begun + 1_200_000,
      next: expect.stringContaining('2026-01-01 00:20:00Z') as string,
    });
    expect(server.arrivals).toHaveLength(1);
    await clock.sleep(600_000);
    expect(await fly.volumes('shop')).toHaveLength(1);
    expect(times(server.arrivals)).toEqual([0, 1_200_000]);
  });

  test('an hour at most, and then it is asked', async () => {
    await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later(503, 86_400) : { status: 200, body: [] }));
    await thrownBy(bench.fly.volumes('shop'));
    await bench.clock.sleep(3_600_000);
    expect(await bench.fly.volumes('shop')).toEqual([]);
  });

  test('what was refused so was not done: a write that is left out is none whose answer was lost', async () => {
    await using bench = await speakTo(() => later(503, 1200));
    const { fly, server } = bench;
    const sent = await thrownBy(fly.createMachine('shop', { config: { image: 'shop:1' } }));
    expect(sent).toMatchObject({ outcome: 'unknown', kind: 'waiting' });
    const left = await thrownBy(fly.createMachine('shop', { config: { image: 'shop:1' } }));
    expect(left).toMatchObject({ outcome: 'refused', kind: 'waiting' });
    expect(server.arrivals).toHaveLength(1);
  });

  test('another action, machine or app is asked', async () => {
    await using bench = await speakTo(({ path }) => {
      if (path === '/v1/apps/shop/machines/a') return later(429, 1200);
      return { status: 200, body: path.endsWith('volumes') ? [] : { ...machine, ok: true } };
    });
    const { fly, server } = bench;
    await thrownBy(fly.machine('shop', 'a'));
    await fly.machine('shop', 'b');
    await fly.startMachine('shop', 'a');
    await fly.volumes('cart');
    expect(await thrownBy(fly.machine('shop', 'a'))).toBeInstanceOf(FlyError);
    expect(server.arrivals).toHaveLength(4);
  });
});

describe('for as long as a pass may wait', () => {
  test('the next one waits for the rest of it', async () => {
    await using bench = await speakTo((_arrival, nth) =>
      nth === 1 ? later(503, 20) : { status: 200, body: { ...machine } },
    );
    const { clock, fly, server } = bench;
    const request = { config: { image: 'shop:1' } };
    expect(await thrownBy(fly.updateMachine('shop', 'a', request))).toMatchObject({ leftAloneUntil: begun + 20_000 });
    await clock.sleep(500);
    await fly.updateMachine('shop', 'a', request);
    expect(times(server.arrivals)).toEqual([0, 20_000]);
  });

  test('not a lease’s call, which would be over by then, nor one that Fly holds open', async () => {
    await using bench = await speakTo(() => later(503, 20));
    const { clock, fly, server } = bench;
    const lease = { ttlSeconds: 30, description: 'flycd' };
    for (let nth = 0; nth < 2; nth += 1) {
      expect(await thrownBy(fly.acquireLease('shop', 'a', lease))).toMatchObject({ leftAloneUntil: begun + 20_000 });
      const wait = { states: ['started'], version: undefined, timeoutSeconds: 60 };
      expect(await thrownBy(fly.wait('shop', 'a', wait))).toMatchObject({ leftAloneUntil: begun + 20_000 });
      expect(clock.now() - begun).toBeLessThan(1000);
    }
    expect(server.arrivals).toHaveLength(2);
  });

  test('not one that FlyCD can do without', async () => {
    await using bench = await speakTo(() => later(503, 20));
    const { clock, fly, server } = bench;
    await thrownBy(fly.releases('shop'));
    await thrownBy(fly.releases('shop'));
    expect(clock.now()).toBe(begun);
    expect(server.arrivals).toHaveLength(1);
  });

  test('not the question whether Fly takes the token, which is left open', async () => {
    await using bench = await speakTo(({ path }) =>
      path === '/v1/tokens/current' ? later(429, 20) : { status: 401, body: { error: 'unauthorized' } },
    );
    const { fly, server, clock } = bench;
    await thrownBy(fly.volumes('shop'));
    await clock.sleep(5000);
    expect(await thrownBy(fly.volumes('shop'))).toMatchObject({ status: 401 });
    expect(server.arrivals.filter(({ path }) => path === '/v1/tokens/current')).toHaveLength(1);
    await clock.sleep(20_000);
    await thrownBy(fly.volumes('shop'));
    expect(server.arrivals.filter(({ path }) => path === '/v1/tokens/current')).toHaveLength(2);
  });
});
