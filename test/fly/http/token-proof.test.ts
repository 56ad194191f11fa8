/** How much is asked of Fly until it is known that it refuses the token. */
import { describe, expect, it } from 'vitest';
import { observeApp } from '../../../src/observed/app.ts';
import { speakTo, thrownBy, type Arrival, type Bench, type Reply } from '../fake-fly.ts';

const unauthorized: Reply = { status: 401, body: { error: 'unauthorized' } };
const isAsked = ({ path }: Arrival): boolean => path === '/v1/tokens/current';
const names = Array.from({ length: 40 }, (_none, number) => `shop-${number}`);

const looks = ({ fly, clock }: Bench) => names.map((app) => observeApp({ fly, app, clock }));
const refusedByAll = { state: { kind: 'stalled', scope: 'fleet' }, what: 'Fly refused the token' };

describe('a token that Fly refuses', () => {
  it('is found out with a handful of calls, however many apps are looked at side by side', async () => {
    await using bench = await speakTo(() => unauthorized);
    for (const error of await Promise.all(looks(bench).map(thrownBy))) expect(error).toMatchObject(refusedByAll);
    expect(bench.server.arrivals.length).toBeLessThan(20);
    expect(bench.server.arrivals.filter(isAsked)).toHaveLength(2);
    expect(bench.clock.pending).toBe(0);
  });

  it.each<[string, Reply]>([
    ['a proxy that fails', { status: 502, body: { error: 'bad gateway' } }],
    ['a limit', { status: 429, body: { error: 'rate limit exceeded' } }],
    ['silence', 'reset'],
  ])('is found out with as many where the first answer is %s, which says nothing of it', async (_what, first) => {
    let asked = 0;
    await using bench = await speakTo(async () => {
      asked += 1;
      const isFirst = asked === 1;
      await bench.clock.park(isFirst ? 5 : 50);
      return isFirst ? first : unauthorized;
    });
    const many = Array.from({ length: 200 }, (_none, number) => bench.fly.machines(`shop-${number}`));
    for (const error of await Promise.all(many.map(thrownBy))) expect(error).toMatchObject(refusedByAll);
    expect(asked).toBeLessThan(20);
  });

  it('is not proven by a question that nobody answers: no more ask at once than before', async () => {
    let underway = 0;
    let most = 0;
    await using bench = await speakTo(async (arrival) => {
      underway += 1;
      most = Math.max(most, underway);
      await bench.clock.park(50);
      underway -= 1;
      return isAsked(arrival) ? { status: 502, body: {} } : unauthorized;
    });
    const many = Array.from({ length: 60 }, (_none, number) => bench.fly.machines(`shop-${number}`));
    await Promise.all(many.map(thrownBy));
    expect(most).toBeLessThan(20);
  });

  it('is asked for anew half a minute later, and not before', async () => {
    let isTaken = false;
    await using bench = await speakTo(() => (isTaken ? { status: 200, body: [] } : unauthorized));
    const { fly, clock, server } = bench;
    await thrownBy(fly.volumes('shop'));
    isTaken = true;
    const before = server.arrivals.length;
    expect(await thrownBy(fly.volumes('shop'))).toMatchObject(refusedByAll);
    expect(await thrownBy(fly.startMachine('shop', '148e1', 'nonce'))).toMatchObject({
      ...refusedByAll,
      outcome: 'refused',
    });
    await clock.sleep(29_999);
    expect(await thrownBy(fly.volumes('shop'))).toMatchObject(refusedByAll);
    expect(server.arrivals).toHaveLength(before);
    await clock.sleep(1);
    expect(await fly.volumes('shop')).toEqual([]);
  });

  it('is found out after a pause as at first, though it was taken before', async () => {
    let isTaken = true;
    await using bench = await speakTo(() => (isTaken ? { status: 200, body: [] } : unauthorized));
    await bench.fly.volumes('shop');
    await bench.clock.sleep(30_000);
    isTaken = false;
    const before = bench.server.arrivals.length;
    await Promise.all(looks(bench).map(thrownBy));
    expect(bench.server.arrivals.length - before).toBeLessThan(20);
  });

  it('is found out as at first where the machine slept since it was taken', async () => {
    let isTaken = true;
    await using bench = await speakTo(() => (isTaken ? { status: 200, body: [] } : unauthorized));
    await bench.fly.volumes('shop');
    bench.clock.set(3_600_000);
    isTaken = false;
    const before = bench.server.arrivals.length;
    await Promise.all(looks(bench).map(thrownBy));
    expect(bench.server.arrivals.length - before).toBeLessThan(20);
  });

  it.each(['taken', 'refused'])('counts as %s for half a minute, though the clock was set back', async (first) => {
    let isTaken = first === 'taken';
    await using bench = await speakTo(() => (isTaken ? { status: 200, body: [] } : unauthorized));
    await bench.fly.volumes('shop').catch(() => undefined);
    bench.clock.set(-3_600_000);
    await bench.clock.sleep(30_000);
    isTaken = !isTaken;
    const before = bench.server.arrivals.length;
    const looked = await Promise.allSettled(looks(bench));
    expect(looked.every(({ status }) => status === (isTaken ? 'fulfilled' : 'rejected'))).toBe(true);
    if (!isTaken) expect(bench.server.arrivals.length - before).toBeLessThan(20);
  });

  it('is found out though it was taken elsewhere a moment ago', async () => {
    let isTaken = true;
    await using bench = await speakTo((arrival) => {
      if (!isTaken) return unauthorized;
      return isAsked(arrival) ? { status: 200, body: { tokens: [] } } : unauthorized;
    });
    expect(await thrownBy(bench.fly.volumes('shop'))).toMatchObject({ kind: 'transient' });
    isTaken = false;
    await bench.clock.sleep(1_000);
    for (const name of names) expect(await thrownBy(bench.fly.volumes(name))).toMatchObject(refusedByAll);
    expect(bench.server.arrivals).toHaveLength(5);
  });

  it.each([1_000, 3_000, 10_000])('is found out with as few calls where each refusal takes %i ms', async (ms) => {
    await using bench = await speakTo(async (_arrival, _nth, clock) => {
      await clock.park(ms);
      return unauthorized;
    });
    for (const error of await Promise.all(looks(bench).map(thrownBy))) expect(error).toMatchObject(refusedByAll);
    expect(bench.server.arrivals.length).toBeLessThan(20);
    expect(bench.clock.pending).toBe(0);
  });

  it('lets few calls go once one was refused, though it was taken a moment ago', async () => {
    let isTaken = true;
    await using bench = await speakTo(async (_arrival, _nth, clock) => {
      if (isTaken) return { status: 200, body: [] };
      await clock.park(3_000);
      return unauthorized;
    });
    const { fly, clock, server } = bench;
    await fly.volumes('shop');
    isTaken = false;
    const first = thrownBy(fly.volumes('shop'));
    await clock.sleep(3_001);
    const before = server.arrivals.length;
    for (const error of await Promise.all(looks(bench).map(thrownBy))) expect(error).toMatchObject(refusedByAll);
    expect(await first).toMatchObject(refusedByAll);
    expect(server.arrivals.length - before).toBeLessThan(20);
  });

  it('is refused for what is written, too', async () => {
    await using bench = await speakTo(() => unauthorized);
    expect(await thrownBy(bench.fly.createMachine('shop', { config: {} }))).toMatchObject(refusedByAll);
  });
});

describe('a token that Fly takes', () => {
  it.each<readonly [string, Reply]>([
    ['is taken elsewhere', { status: 200, body: { tokens: [] } }],
    ['may not be asked about', { status: 403, body: {} }],
    ['is not known to be taken', { status: 503, body: {} }],
    ['nobody answers about', 'reset'],
  ])('for other calls and %s fails the one call, which passes by itself', async (_what, reply) => {
    await using bench = await speakTo((arrival) => (isAsked(arrival) ? reply : unauthorized));
    expect(await thrownBy(bench.fly.volumes('shop'))).toMatchObject({
      kind: 'transient',
      status: 401,
      outcome: 'refused',
      where: 'app shop',
    });
    expect(bench.server.arrivals).toHaveLength(2);
  });

  it('is refused in one moment, and fails what was asked in it alone', async () => {
    await using bench = await speakTo(({ at }) => (at === 0 ? unauthorized : { status: 200, body: [] }));
    const { fly } = bench;
    const transient = { kind: 'transient', status: 401 };
    const seen = await Promise.all([thrownBy(fly.volumes('shop')), thrownBy(fly.machines('cart'))]);
    expect(seen).toMatchObject([transient, transient]);
    expect(await fly.volumes('shop')).toEqual([]);
  });

  it('is asked about by eight reads and no more, then by one more every two seconds', async () => {
    await using bench = await speakTo(async (_arrival, _nth, clock) => {
      await clock.park(5_000);
      return { status: 200, body: [] };
    });
    const { fly, server } = bench;
    await Promise.all(names.map((name) => fly.volumes(name)));
    const times = Map.groupBy(server.arrivals, ({ at }) => at);
    expect([...times].map(([at, { length }]) => [at, length])).toEqual([
      [0, 8],
      [2_000, 1],
      [4_000, 1],
      [5_000, 30],
    ]);
  });

  it('lets all go that comes within half a minute after it was taken', async () => {
    await using bench = await speakTo(async (_arrival, _nth, clock) => {
      await clock.park(100);
      return { status: 200, body: [] };
    });
    const { fly, clock, server } = bench;
    await fly.volumes('shop');
    await clock.sleep(29_999);
    await Promise.all(names.map((name) => fly.volumes(name)));
    expect(server.arrivals.filter(({ at }) => at === 100 + 29_999)).toHaveLength(names.length);
  });

  it('keeps what is written, held open or urgent waiting for no read', async () => {
    await using bench = await speakTo(async ({ method, path, query }, _nth, clock) => {
      if (method === 'GET' && !path.endsWith('/wait')) await clock.park(1_500);
      return { status: 200, body: query.size > 0 ? { ok: true } : { status: 'success', data: {} } };
    });
    const { fly, clock, server } = bench;
    const reads = names.map((name) => thrownBy(fly.volumes(name)));
    await clock.sleep(1);
    const { length } = server.arrivals;
    await Promise.allSettled([
      fly.startMachine('shop', '148e1', 'nonce'),
      fly.wait('shop', '148e1', { states: ['started'], timeoutSeconds: 1 }),
      fly.acquireLease('shop', '148e1', { ttlSeconds: 30, description: 'd' }),
    ]);
    expect(server.arrivals.slice(length).map(({ at }) => at)).toEqual([1, 1, 1]);
    await Promise.all(reads);
  });

  it('fails one new app among many, and asks once for it', async () => {
    await using bench = await speakTo((arrival) => {
      if (isAsked(arrival)) return { status: 200, body: { tokens: [] } };
      return arrival.path.includes('/shop-7/') ? unauthorized : { status: 200, body: [] };
    });
    const { fly } = bench;
    const seen = await Promise.allSettled(names.map((name) => fly.volumes(name)));
    expect(seen.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(bench.server.arrivals).toHaveLength(names.length + 1);
  });

  it('keeps nobody waiting for an answer that does not come', async () => {
    await using bench = await speakTo(async ({ path }, _nth, clock) => {
      if (/shop-[0-7]\//.test(path)) await clock.park(25_000);
      return { status: 200, body: [] };
    });
    const { fly, clock } = bench;
    const start = clock.now();
    const all = names.map((name) => fly.volumes(name).then(() => clock.now() - start));
    const times = await Promise.all(all);
    expect(times.slice(8).every((time) => time <= 2_000)).toBe(true);
  });

  it('costs one app no more time than its own reads', async () => {
    await using bench = await speakTo(async (_arrival, _nth, clock) => {
      await clock.park(50);
      return { status: 200, body: [] };
    });
    const { fly, clock } = bench;
    const start = clock.now();
    await observeApp({ fly, app: 'shop', clock });
    expect(clock.now() - start).toBe(50);
  });
});

describe('what the web API says of a token', () => {
  it('is no news of the Machines API’s, nor the other way round', async () => {
    let isTaken = true;
    await using bench = await speakTo(({ path }) => {
      if (path.startsWith('/api/')) return unauthorized;
      return isTaken ? { status: 200, body: [] } : unauthorized;
    });
    const { fly, clock, server } = bench;
    expect(await thrownBy(fly.releases('shop'))).toMatchObject({ kind: 'transient', status: 401 });
    expect(server.arrivals.filter(isAsked)).toEqual([]);
    expect(await fly.volumes('shop')).toEqual([]);
    await clock.sleep(60_000);
    isTaken = false;
    expect(await thrownBy(fly.volumes('shop'))).toMatchObject(refusedByAll);
    const before = server.arrivals.length;
    expect(await thrownBy(fly.releases('shop'))).toMatchObject({ kind: 'transient', status: 401 });
    expect(server.arrivals.slice(before).map(({ path }) => path.startsWith('/api/'))).toEqual([true]);
  });
});

it('what is only told of a release does not say that Fly takes the token elsewhere, where it has just refused it', async () => {
  await using bench = await speakTo(() => ({ status: 401, body: { error: 'unauthorized' } }));
  await thrownBy(bench.fly.volumes('shop'));
  expect(await thrownBy(bench.fly.updateRelease('shop', 'r1', 'failed'))).toMatchObject({
    what: 'Fly refused the token when asked to take note that a release is failed',
  });
});

it('a token that only the web API refuses is taken elsewhere', async () => {
  await using bench = await speakTo(({ path }) => {
    const isWeb = path.startsWith('/api/');
    return isWeb ? { status: 401, body: { error: 'unauthorized' } } : { status: 200, body: [] };
  });
  await bench.fly.volumes('shop');
  expect(await thrownBy(bench.fly.updateRelease('shop', 'r1', 'failed'))).toMatchObject({
    what: expect.stringContaining('takes it elsewhere') as string,
  });
});
