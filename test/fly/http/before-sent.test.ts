/** What its caller has to know of a write is asked right before it is sent, behind all that the client waits for. */
import { describe, expect, test } from 'vitest';
import type { IdleClock } from '../../../src/model/base/clock.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { machine, speakTo, thrownBy, type Reply } from '../fake-fly.ts';

const made: Reply = { status: 200, body: machine };
const later: Reply = { status: 429, body: { error: 'later' }, headers: { 'retry-after': '40' } };
const request = { config: { image: 'shop:1' } };

test('each time that it is sent, at that moment', async () => {
  await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later : made));
  const { fly, server, clock } = bench;
  const began = clock.now();
  const asked: number[] = [];
  await fly.createMachine('shop', request, async () => void asked.push(clock.now() - began));
  expect(asked).toEqual(server.arrivals.map(({ at }) => at));
  expect(asked).toEqual([0, 40_000]);
});

test('behind what Fly asked for with another call, and behind its limits', async () => {
  await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later : made));
  const { fly, server, clock } = bench;
  const began = clock.now();
  const asked: number[] = [];
  const create = () => fly.createMachine('shop', request, async () => void asked.push(clock.now() - began));
  const first = create();
  await clock.sleep(1000);
  await Promise.all([first, create(), create(), create(), create()]);
  expect(asked).toEqual(server.arrivals.map(({ at }) => at));
  expect(asked.at(-1)).toBeGreaterThan(41_000);
});

test('what it throws ends the call, which is not sent, and nobody waits for its place', async () => {
  await using bench = await speakTo((_arrival, nth) => (nth === 1 ? later : made));
  const { fly, server } = bench;
  const lost = new Fault({ kind: 'transient', what: 'lost the lease' });
  let times = 0;
  const error = await thrownBy(
    fly.createMachine('shop', request, async () => {
      if ((times += 1) > 1) throw lost;
    }),
  );
  expect(error).toBe(lost);
  expect(server.arrivals).toHaveLength(1);
  await Promise.all(Array.from({ length: 12 }, (_unused, index) => fly.createMachine(`shop-${index}`, request)));
  expect(server.arrivals).toHaveLength(13);
});

/** What Fly makes of it takes so long. */
const slow = async (clock: IdleClock, ms: number): Promise<Reply> => {
  await clock.park(ms);
  return made;
};
const numbered = <T>(count: number, work: (nth: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_unused, nth) => work(nth)));

describe('a question whose answer does not come', () => {
  test('stands in the way of no other write', async () => {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    const hanging = numbered(8, (nth) =>
      thrownBy(fly.createMachine(`hangs-${nth}`, request, () => clock.sleep(120_000))),
    );
    await clock.sleep(10);
    await fly.createMachine('shop', request, async () => undefined);
    expect(server.arrivals.map(({ path }) => path)).toEqual(['/v1/apps/shop/machines']);
    expect(server.arrivals[0]?.at).toBeLessThan(1000);
    await hanging;
    expect(server.arrivals).toHaveLength(1);
  });

  test('uses up nothing that all apps share', async () => {
    await using bench = await speakTo(() => ({ status: 202 }));
    const { fly, server, clock } = bench;
    const hanging = numbered(10, (nth) => thrownBy(fly.deleteApp(`hangs-${nth}`, () => clock.sleep(120_000))));
    await clock.sleep(10);
    await fly.deleteApp('shop');
    expect(server.arrivals[0]).toMatchObject({ path: '/v1/apps/shop' });
    expect(server.arrivals[0]?.at).toBeLessThan(3000);
    await hanging;
    expect(server.arrivals).toHaveLength(1);
  });

  test('keeps a write from being sent on what was true long ago: it fails, and says so', async () => {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    const error = await thrownBy(fly.createMachine('shop', request, () => clock.sleep(20_000)));
    const why = expect.stringContaining('more than 10 s');
    expect(error).toMatchObject({ state: { kind: 'transient' }, why, where: 'app shop' });
    expect(server.arrivals).toEqual([]);
  });

  test('is waited for in place where it has come late before: what is sent is no older than it takes', async () => {
    await using bench = await speakTo(() => made);
    const { fly, server, clock } = bench;
    const began = clock.now();
    let askedAt = -Infinity;
    await fly.createMachine('shop', request, () => {
      askedAt = clock.now() - began;
      return clock.sleep(8000);
    });
    expect((server.arrivals[0]?.at ?? Infinity) - askedAt).toBe(8000);
  });
});

describe('an answer from before it waited for its place', () => {
  test('is asked for again', async () => {
    await using bench = await speakTo((_arrival, nth, clock) => (nth <= 8 ? slow(clock, 20_000) : made));
    const { fly, server, clock } = bench;
    const began = clock.now();
    const others = numbered(8, (nth) => fly.createMachine(`slow-${nth}`, request));
    await clock.sleep(10);
    const asked: number[] = [];
    await fly.createMachine('shop', request, async () => void asked.push(clock.now() - began));
    await others;
    expect(server.arrivals.at(-1)?.at).toBeGreaterThan(19_000);
    expect(asked.at(-1)).toBe(server.arrivals.at(-1)?.at);
  });

  test('is asked for again where the machine slept meanwhile', async () => {
    await using bench = await speakTo((_arrival, nth, clock) => (nth <= 8 ? slow(clock, 1000) : made));
    const { fly, clock } = bench;
    const others = numbered(8, (nth) => fly.createMachine(`slow-${nth}`, request));
    await clock.sleep(10);
    let asked = 0;
    const one = fly.createMachine('shop', request, async () => void (asked += 1));
    await clock.sleep(500);
    clock.set(3_600_000);
    await Promise.all([one, others]);
    expect(asked).toBe(2);
  });

  test('ends the call where it is another one now', async () => {
    await using bench = await speakTo((_arrival, nth, clock) => (nth <= 8 ? slow(clock, 20_000) : made));
    const { fly, server, clock } = bench;
    const began = clock.now();
    const others = numbered(8, (nth) => fly.createMachine(`slow-${nth}`, request));
    await clock.sleep(10);
    const said = new Fault({ kind: 'waiting', what: 'a person said something', retryAt: 0 });
    const beforeSent = async (): Promise<void> => {
      if (clock.now() - began > 10_000) throw said;
    };
    expect(await thrownBy(fly.createMachine('shop', request, beforeSent))).toBe(said);
    await others;
    expect(server.arrivals).toHaveLength(8);
  });

  test('is never long over, however slow Fly is and however many wait, and all of them are sent', async () => {
    await using bench = await speakTo((_arrival, _nth, clock) => slow(clock, 9000));
    const { fly, server, clock } = bench;
    const began = clock.now();
    const asked = new Map<string, number>();
    await numbered(40, (nth) =>
      fly.createMachine(`shop-${nth}`, request, async () => {
        await clock.sleep(2500);
        asked.set(`/v1/apps/shop-${nth}/machines`, clock.now() - began);
      }),
    );
    expect(server.arrivals).toHaveLength(40);
    for (const { path, at } of server.arrivals) expect(at - (asked.get(path) ?? -Infinity)).toBeLessThanOrEqual(3000);
    // As long as they take eight at once, and the questions between.
    expect(clock.now() - began).toBeLessThan(5 * (9000 + 3 * 2500));
  });
});

test.each([
  [64, 2500, 3500],
  [48, 1500, 3500],
  [64, 2500, 9000],
])(
  '%i writes at once that ask for %i ms and take %i ms keep nobody waiting for ever',
  async (count, askMs, sendMs) => {
    await using bench = await speakTo((_arrival, _nth, clock) => slow(clock, sendMs));
    const { fly, server, clock } = bench;
    const began = clock.now();
    const all = numbered(count, (nth) => fly.createMachine(`shop-${nth}`, request, () => clock.sleep(askMs)));
    await clock.sleep(5000);
    await Promise.all([all, fly.patchMetadata('other', 'm1', { a: '1' })]);
    expect(server.arrivals).toHaveLength(count + 1);
    // Eight at once, each with its question in place.
    expect(clock.now() - began).toBeLessThan((count / 8 + 2) * (sendMs + askMs + 1000));
  },
  60_000,
);

test('it is told how many tries before may have been done: not one that was refused', async () => {
  await using bench = await speakTo((_arrival, nth, clock) => {
    if (nth <= 8) return slow(clock, 20_000);
    if (nth === 9) return later;
    return nth === 10 ? { status: 503, body: { error: 'perhaps' } } : made;
  });
  const { fly, clock } = bench;
  const others = numbered(8, (nth) => fly.createMachine(`slow-${nth}`, request));
  await clock.sleep(10);
  const told: number[] = [];
  await fly.deleteApp('shop', async (timesUnclear) => void told.push(timesUnclear));
  await others;
  // Twice before the first: it waits for its place.
  expect(told).toEqual([0, 0, 0, 1]);
});
