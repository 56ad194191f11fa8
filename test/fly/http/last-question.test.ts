/** A question before a write takes time, and asks Fly by itself: whatever happens meanwhile, and however it ends. */
import { describe, expect, test } from 'vitest';
import type { FlyWriter } from '../../../src/fly/api.ts';
import { FlyError } from '../../../src/fly/http/error.ts';
import type { IdleClock } from '../../../src/model/base/clock.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { machine, speakTo, thrownBy, volume, type Arrival, type Reply } from '../fake-fly.ts';

const made: Reply = { status: 200, body: { ...machine, ...volume } };
const request = { config: { image: 'shop:1' } };
const disk = { name: 'data', region: 'arn', size_gb: 1 };
const numbered = <T>(count: number, work: (nth: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_unused, nth) => work(nth)));
const slowly = async (clock: IdleClock, ms: number, reply: Reply = made): Promise<Reply> => {
  await clock.park(ms);
  return reply;
};

describe('what a question asks of Fly waits for no place that its own call holds', () => {
  test.each([8, 9, 12, 16, 24, 64])('%i creates that label the lock first, behind slow creates', async (count) => {
    await using bench = await speakTo(({ path }, _nth, clock) =>
      slowly(clock, path.endsWith('/machines') ? 4000 : 100),
    );
    const { fly, server, clock } = bench;
    const began = clock.now();
    const others = numbered(8, (nth) => fly.createMachine(`slow-${nth}`, request));
    await clock.sleep(10);
    const label = (nth: number) => () => fly.patchMetadata(`shop-${nth}`, `m${nth}`, { a: '1' });
    await numbered(count, (nth) => fly.createVolume(`shop-${nth}`, disk, label(nth)));
    await others;
    expect(server.arrivals.filter(({ path }) => path.endsWith('/volumes'))).toHaveLength(count);
    // The slow ones, and then eight at once, each with its question in place.
    expect(clock.now() - began).toBeLessThan(4000 + (count / 8 + 1) * 500);
  });

  const lease = { ttlSeconds: 30, description: 'flycd' };
  const release = { definition: {}, image: 'shop:1', strategy: 'rolling' } as const;
  const asking: ReadonlyArray<readonly [string, (fly: FlyWriter, app: string, id: string) => Promise<unknown>]> = [
    ['a label', (fly, app, id) => fly.patchMetadata(app, id, { a: '1' })],
    ['a lease', (fly, app, id) => fly.acquireLease(app, id, lease)],
    ['the renewal of a lease', (fly, app, id) => fly.refreshLease(app, id, 'n', { ...lease, patienceMs: 5000 })],
    ['the end of a lease', (fly, app, id) => fly.releaseLease(app, id, 'n')],
    ['a record', (fly, app) => fly.createRelease(app, release)],
    ['what became of a record', (fly, app, id) => fly.updateRelease(app, id, 'complete')],
    ['a list', (fly, app) => fly.volumes(app)],
    ['one machine', (fly, app, id) => fly.machine(app, id)],
  ];
  test.each(asking)('%s', async (_what, ask) => {
    const answers: Readonly<Record<string, unknown>> = {
      lease: { status: 'success', data: { nonce: 'n', expires_at: 0 } },
      releases: { release: { id: '1', version: 1 } },
    };
    await using bench = await speakTo(({ method, path }) => {
      if (method === 'GET' && path.endsWith('/volumes')) return { status: 200, body: [] };
      const body = answers[path.split('/').at(-1) ?? ''];
      return body === undefined ? made : { status: 200, body };
    });
    const { fly, server, clock } = bench;
    await numbered(8, (nth) =>
      fly.createVolume(`shop-${nth}`, disk, async () => {
        // For longer than a place is held at first: the second time all eight ask in place.
        await clock.sleep(4000);
        await ask(fly, `shop-${nth}`, `m${nth}`);
      }),
    );
    const creates = server.arrivals.filter(({ method, path }) => method === 'POST' && path.endsWith('/volumes'));
    expect(creates).toHaveLength(8);
    expect(clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(10_000);
  });
});

describe('a call that gives up', () => {
  test('fails when its question has come to its end: nothing goes on behind it', async () => {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    let underWay = 0;
    const ask = async (): Promise<void> => {
      underWay += 1;
      await clock.sleep(12_000);
      await fly.patchMetadata('shop', 'm1', { a: '1' });
      underWay -= 1;
    };
    const error = await thrownBy(fly.createMachine('shop', request, ask));
    expect(error).toMatchObject({ why: expect.stringContaining('more than 10 s') as string });
    expect(underWay).toBe(0);
    const sent = server.arrivals.length;
    await clock.sleep(60_000);
    expect(server.arrivals).toHaveLength(sent);
    expect(server.arrivals.every(({ method }) => method === 'PATCH')).toBe(true);
  });

  test('fails with what the question says in the end', async () => {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    const said = new Fault({ kind: 'held', what: 'a person said something' });
    let times = 0;
    const ask = async (): Promise<void> => {
      await clock.sleep(12_000);
      if ((times += 1) === 3) throw said;
    };
    expect(await thrownBy(fly.createMachine('shop', request, ask))).toBe(said);
    expect(server.arrivals).toEqual([]);
  });

  test('holds no place meanwhile', async () => {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    const hanging = numbered(8, (nth) =>
      thrownBy(fly.createMachine(`hangs-${nth}`, request, () => clock.sleep(20_000))),
    );
    // All of them have had their third place, and given it back.
    await clock.sleep(51_000);
    const sentFrom = clock.now();
    await fly.createMachine('shop', request);
    expect(clock.now() - sentFrom).toBeLessThan(1000);
    await hanging;
    expect(server.arrivals).toHaveLength(1);
  });
});

describe('a machine that slept while it asked', () => {
  const hour = 3_600_000;
  /** The clock that measures stands still meanwhile; answers when the question was asked that the write was sent on. */
  async function sleeping(askMs: number, sleepsIn: number) {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    const asked: number[] = [];
    const began = clock.now();
    await fly.createMachine('shop', request, async () => {
      asked.push(clock.now() - began);
      await clock.sleep(askMs);
      if (asked.length === sleepsIn) clock.set(hour);
    });
    expect(server.arrivals).toHaveLength(1);
    return { asked: asked.length, ageMs: (server.arrivals[0]?.at ?? Infinity) - (asked.at(-1) ?? 0) };
  }

  test.each([
    ['at first', 100, 1, 2],
    ['in the place that it keeps', 4000, 2, 3],
    ['in that place, for as long as it may take', 9000, 2, 3],
  ])('%s asks again before it sends', async (_when, askMs, sleepsIn, asked) => {
    expect(await sleeping(askMs, sleepsIn)).toEqual({ asked, ageMs: askMs });
  });
});

describe('Fly asks to be left alone', () => {
  /** The first call hears it; whoever comes before that is over hears it again, as of Fly's limits. */
  function silent(seconds: number): (arrival: Arrival, nth: number) => Reply {
    let until = -Infinity;
    return ({ at }, nth) => {
      if (nth === 1) until = at + seconds * 1000;
      if (at >= until) return made;
      return { status: 429, body: { error: 'later' }, headers: { 'retry-after': String((until - at) / 1000) } };
    };
  }
  const times = (arrivals: readonly Arrival[]): readonly number[] => arrivals.map(({ at }) => at);

  test.each([500, 2500])('while a question of %i ms is under way: its call waits, and asks again', async (askMs) => {
    await using bench = await speakTo(silent(40));
    const { fly, server, clock } = bench;
    const began = clock.now();
    const asked: number[] = [];
    const one = fly.createMachine('shop', request, () => {
      asked.push(clock.now() - began);
      return clock.sleep(askMs);
    });
    await clock.sleep(askMs - 100);
    await Promise.all([one, fly.createMachine('shop', request)]);
    expect(times(server.arrivals).filter((at) => at < askMs + 39_900)).toEqual([askMs - 100]);
    expect(server.arrivals).toHaveLength(3);
    expect(asked.at(-1)).toBeGreaterThanOrEqual(askMs + 39_900);
  });

  test('while a call without one waits for the limit of its action', async () => {
    await using bench = await speakTo(silent(40));
    const { fly, server } = bench;
    await numbered(5, () => fly.createMachine('shop', request));
    expect(times(server.arrivals).filter((at) => at > 0 && at < 40_000)).toEqual([]);
    expect(server.arrivals).toHaveLength(8);
  });

  test('while a call waits for the place of the one that hears it: another one has it', async () => {
    const answer = silent(40);
    let heard = 0;
    await using bench = await speakTo((arrival, _nth, clock) =>
      arrival.path.includes('slow') ? slowly(clock, 5000) : answer(arrival, (heard += 1)),
    );
    const { fly, server, clock } = bench;
    const slow = numbered(7, (nth) => fly.createMachine(`slow-${nth}`, request));
    await clock.sleep(10);
    const calls = numbered(3, () => fly.createMachine('shop', request));
    await clock.sleep(10);
    await fly.createMachine('slow-other', request);
    expect(clock.now() - Date.UTC(2026, 0, 1)).toBeLessThan(5100);
    await Promise.all([slow, calls]);
    const arrived = times(server.arrivals.filter(({ path }) => path.includes('shop')));
    expect(arrived.filter((at) => at < 40_010)).toEqual([10]);
    expect(arrived).toHaveLength(4);
  });

  test('for longer than a pass waits: the call fails unsent, and its place is free', async () => {
    await using bench = await speakTo((arrival, nth) =>
      arrival.path.includes('/shop/') ? answer(arrival, nth) : made,
    );
    const answer = silent(1200);
    const { fly, server, clock } = bench;
    const waiting = numbered(8, () => thrownBy(fly.createMachine('shop', request, () => clock.sleep(2500))));
    await clock.sleep(1500);
    await thrownBy(fly.createMachine('shop', request));
    for (const error of await waiting) {
      expect(error).toBeInstanceOf(FlyError);
      expect(error).toMatchObject({ outcome: 'refused', status: 429, state: { kind: 'waiting' } });
    }
    expect(server.arrivals).toHaveLength(1);
    await numbered(8, (nth) => fly.createMachine(`other-${nth}`, request));
    expect(server.arrivals).toHaveLength(9);
  });
});
