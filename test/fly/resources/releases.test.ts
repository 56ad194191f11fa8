import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../../simulator/simulator.ts';
import { createFlyWriter } from '../../../src/fly/client.ts';
import { createTransport } from '../../../src/fly/http/transport.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { observeReleases } from '../../../src/observed/app.ts';
import { optionsFor, speakTo, startFakeFly, thrownBy, type Reply } from '../fake-fly.ts';

const release = { version: 7, status: 'running', user: 'alice@example.com', created_at: '2026-01-01T00:03:00.25Z' };

describe('releases', () => {
  it('are asked below /api/v1 of their own address, whose path is kept, with a few as the limit', async () => {
    const clock = new IdleClock();
    await using server = await startFakeFly(clock, () => ({ status: 200, body: { releases: [release] } }));
    const webBaseUrl = `${server.url}/by/way/of/`;
    const fly = createFlyWriter(createTransport(optionsFor('http://elsewhere.test', clock, { webBaseUrl })));
    expect(await fly.releases('shop')).toEqual([release]);
    expect(server.arrivals).toMatchObject([{ method: 'GET', path: '/by/way/of/api/v1/apps/shop/releases' }]);
    expect(Number(server.arrivals[0]?.query.get('limit'))).toBeGreaterThan(1);
  });

  it.each([
    ['fm2_aaaaaa', 'Bearer fm2_aaaaaa'],
    ['FlyV1 fo1_uuuuuu,fm2_aaaaaa', 'Bearer fm2_aaaaaa,fo1_uuuuuu'],
    ['fo1_uuuuuu', 'Bearer fo1_uuuuuu'],
  ])('carry the token %j as flyctl does there', async (token, header) => {
    await using bench = await speakTo(() => ({ status: 200, body: { releases: [] } }), { token });
    await bench.fly.releases('shop');
    expect(bench.server.arrivals[0]?.headers.authorization).toBe(header);
  });

  it('are not held back by the limits of the Machines API', async () => {
    await using bench = await speakTo(() => ({ status: 200, body: { releases: [] } }));
    const start = bench.clock.now();
    await Promise.all(Array.from({ length: 20 }, () => bench.fly.releases('shop')));
    expect(bench.clock.now()).toBe(start);
  });

  it('with a base URL that is none are refused at the start', () => {
    const wrong = optionsFor('http://fly.test', new IdleClock(), { webBaseUrl: 'api.fly.io' });
    expect(() => createTransport(wrong)).toThrow(/web API cannot be used/);
  });

  it('of a hand-made deploy are the simulator’s, with who and since when', async () => {
    const clock = new IdleClock();
    await using simulator = await startSimulator({ clock }).then((one) => ({
      ...one,
      [Symbol.asyncDispose]: () => one.close(),
    }));
    const { url, token, flyctl } = simulator;
    const fly = createFlyWriter(createTransport(optionsFor(url, clock, { token })));
    await fly.createApp({ name: 'shop', org: 'personal' });
    expect(await fly.releases('shop')).toEqual([]);
    const since = clock.now();
    const configs = { web: { image: 'shop:1' } };
    const deploying = flyctl.deploy('shop', { configs, slowMs: 10_000 });
    const [running] = await fly.releases('shop');
    expect(running).toMatchObject({ version: 1, status: 'running', in_progress: true, user: 'human@example.com' });
    expect(Date.parse(running?.created_at ?? '')).toBe(since);
    expect(await deploying).toEqual({ ok: true });
    expect(await fly.releases('shop')).toMatchObject([{ version: 1, status: 'complete', in_progress: false }]);
    expect(await thrownBy(fly.releases('nothing'))).toMatchObject({ status: 404 });
  });
});

describe('releases that cannot be read', () => {
  const html = '<html><body>Bad gateway</body></html>';
  it.each<[string, Reply]>([
    ['a refused token', { status: 401, body: { error: 'unauthorized' } }],
    ['a token that may not', { status: 403, body: { error: 'forbidden' } }],
    ['an address that is gone', { status: 404, body: html }],
    ['an outage', { status: 502, body: html }],
    ['a cut connection', 'reset'],
    ['an answer that breaks off', { truncate: { releases: [release] } }],
    ['a page instead of JSON', { status: 200, body: html }],
    ['another shape', { status: 200, body: [release] }],
    ['releases without a time', { status: 200, body: { releases: [{ ...release, created_at: 'yesterday' }] } }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }],
  ])('for %s are unread with a reason, within five seconds', async (_name, reply) => {
    await using bench = await speakTo(() => reply);
    const start = bench.clock.now();
    const reading = await observeReleases({ fly: bench.fly, app: 'shop' });
    expect(reading).toEqual({ status: 'unread', reason: expect.stringMatching(/^(Fly|The token)/) as string });
    expect(JSON.stringify(reading)).not.toMatch(/<html|fm2_/);
    expect(bench.clock.now() - start).toBeLessThanOrEqual(5_000);
  });

  it('for an interface that never answers are unread after five seconds, asked once', async () => {
    await using bench = await speakTo(async (_arrival, _nth, clock): Promise<Reply> => {
      await clock.park(300_000);
      return 'reset';
    });
    const start = bench.clock.now();
    expect(await observeReleases({ fly: bench.fly, app: 'shop' })).toMatchObject({ status: 'unread' });
    expect(bench.clock.now() - start).toBe(5_000);
    expect(bench.server.arrivals).toHaveLength(1);
  });

  it('for one that nobody answered are asked for again after a minute, or where the machine slept since', async () => {
    let isUp = false;
    await using bench = await speakTo(() => (isUp ? { status: 200, body: { releases: [release] } } : 'reset'));
    const { fly, clock, server } = bench;
    const status = async () => (await observeReleases({ fly, app: 'shop' })).status;
    for (const pass of [() => Promise.resolve(clock.set(3_600_000)), () => clock.sleep(60_000)]) {
      isUp = false;
      expect(await status()).toBe('unread');
      isUp = true;
      const { length } = server.arrivals;
      expect(await status()).toBe('unread');
      expect(server.arrivals).toHaveLength(length);
      await pass();
      expect(await status()).toBe('read');
    }
  });

  it('for one that asks to wait a minute are unread at once, and one slip is asked again', async () => {
    await using busy = await speakTo(() => ({ status: 503, headers: { 'retry-after': '60' }, body: {} }));
    const start = busy.clock.now();
    expect(await observeReleases({ fly: busy.fly, app: 'shop' })).toMatchObject({ status: 'unread' });
    expect(busy.clock.now()).toBe(start);
    const slip: Reply = { status: 503, body: {} };
    await using bench = await speakTo((_arrival, nth) =>
      nth === 1 ? slip : { status: 200, body: { releases: [release] } },
    );
    expect(await observeReleases({ fly: bench.fly, app: 'shop' })).toEqual({ status: 'read', value: [release] });
  });
});
