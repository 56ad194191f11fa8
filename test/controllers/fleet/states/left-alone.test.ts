/** Fly asks to be left alone for twenty minutes: the loop does not come back to the same before. */
import { describe, expect, test } from 'vitest';
import { toFault, retryAtOf } from '../../../../src/model/base/fault.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { OwnClock } from '../../own-clock.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();

type Sent = (method: string, path: string) => boolean;
const list: Sent = (method, path) => method === 'GET' && path.endsWith('/apps/shop/machines');
const create: Sent = (method, path) => method === 'POST' && path.endsWith('/apps/shop/machines');
const update: Sent = (method, path) => method === 'POST' && /\/machines\/[^/]+$/.test(path);
const lease: Sent = (method, path) => method === 'POST' && path.endsWith('/lease');

const minuteMs = 60_000;
const shop = (version: string) =>
  desiredApp({
    name: 'shop',
    inputs: version,
    groups: [group({ configVersion: version.repeat(32), config: { env: { V: version } } })],
  });

/** A fleet of one app whose Fly answers these calls so for a while, and passes over it as the loop makes them. */
async function keeping(hit: Sent, status: number) {
  const clock = new OwnClock(fly.clock);
  const store = testStore({ clock });
  const asked: number[] = [];
  let from = Infinity;
  const answered: typeof fetch = (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    const isHit = hit(init?.method ?? 'GET', pathname) && clock.monotonic() >= from;
    if (!isHit) return fetch(input, init);
    asked.push(Math.round((clock.monotonic() - from) / 1000));
    if (clock.monotonic() >= from + 20 * minuteMs) return fetch(input, init);
    return Promise.resolve(Response.json({ error: 'later' }, { status, headers: { 'retry-after': '1200' } }));
  };
  let wanted = fleetOf({ apps: [shop('a')] });
  const reconciler = fly.reconciler(() => wanted, { fetch: answered, clock, store });
  const { signal } = new AbortController();
  const pass = async (trigger: 'timer' | 'command' = 'timer'): Promise<number> => {
    await reconciler.refresh(signal);
    try {
      const { nextWakeAt, failed } = await reconciler.reconcile('shop', trigger, signal);
      return nextWakeAt ?? clock.now() + (failed ? 5000 : Infinity);
    } catch (error) {
      return retryAtOf(toFault(error, ''), clock.now()) ?? clock.now() + 5000;
    }
  };
  return {
    clock,
    store,
    asked,
    pass,
    refuse: () => void (from = clock.monotonic()),
    wants: (version: string, revision: string) =>
      void (wanted = fleetOf({ apps: [shop(version)], revision: revision.repeat(40) })),
    /** Each three minutes, and when the app wants it. */
    passesFor: async (minutes: number): Promise<void> => {
      const end = clock.monotonic() + minutes * minuteMs;
      while (clock.monotonic() < end) {
        const next = await pass();
        await clock.sleep(Math.max(1000, Math.min(3 * minuteMs, next - clock.now(), end - clock.monotonic())));
      }
    },
  };
}

const versions = () => fly.simulator.world.snapshot()[0]?.machines.map(({ config }) => config.env?.['V']);
const requests = () => fly.simulator.world.requests.length;

describe.each([429, 503])('by %i', (status) => {
  test.each<[string, Sent]>([
    ['a list', list],
    ['an update', update],
    ['a lease', lease],
  ])('%s: asked once, and again when the time has come', async (_what, hit) => {
    const { clock, store, asked, passesFor, refuse, wants, pass } = await keeping(hit, status);
    await passesFor(6);
    expect(versions()).toEqual(['a', 'a']);
    wants('b', 'b');
    refuse();
    const at = clock.now();
    await passesFor(19);
    expect(asked).toEqual([0]);
    const [run] = await store.runs({ app: 'shop', all: true, limit: 1 });
    expect(Math.round(((run?.nextWakeAt ?? 0) - at) / 1000)).toBeCloseTo(1200, -1);
    await passesFor(3);
    expect(asked[1]).toBeGreaterThanOrEqual(1200);
    await pass();
    expect(versions()).toEqual(['b', 'b']);
  });

  test('a create', async () => {
    const { asked, passesFor, refuse, pass } = await keeping(create, status);
    refuse();
    await passesFor(19);
    expect(asked.length).toBe(1);
    await passesFor(4);
    await pass();
    expect(versions()).toEqual(['a', 'a']);
  });
});

test('while an app waits for that, nothing of it is sent; a newer commit is looked at at once', async () => {
  const { asked, passesFor, refuse, wants, pass } = await keeping(update, 503);
  await passesFor(6);
  wants('b', 'b');
  refuse();
  await pass();
  const before = fly.simulator.world.writes().length;
  await passesFor(9);
  expect(fly.simulator.world.writes()).toHaveLength(before);
  expect(requests()).toBeGreaterThan(0);
  wants('c', 'c');
  await pass();
  // Its lease is taken, and the update itself is left out: Fly was heard.
  expect(fly.simulator.world.writes().length).toBeGreaterThan(before);
  expect(asked).toEqual([0]);
  await passesFor(14);
  expect(versions()).toEqual(['c', 'c']);
});

describe.each([
  ['back', -60 * minuteMs],
  ['forward', 60 * minuteMs],
])('a clock that is set %s by an hour meanwhile', (_way, byMs) => {
  test.each<[string, number, number]>([
    ['Fly asked for twenty minutes', 503, 20],
    ['Fly refused it, and is asked again after five minutes', 422, 5],
  ])('%s', async (_what, status, minutes) => {
    const { clock, asked, passesFor, refuse, wants } = await keeping(update, status);
    await passesFor(6);
    wants('b', 'b');
    refuse();
    await passesFor(1);
    clock.aheadMs = byMs;
    await passesFor(minutes - 2);
    expect(asked).toEqual([0]);
    await passesFor(4);
    expect(asked.length).toBeGreaterThan(1);
    expect(asked[1]).toBeGreaterThanOrEqual(minutes * 60);
  });
});
