/** What an app gives way to and what never goes away: the loop comes back for it less and less often, and tells of it once. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../../../simulator/simulator.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { silentLog } from '../../../../src/model/base/log.ts';
import { createLoop } from '../../../../src/loop/loop.ts';
import type { DesiredApp } from '../../../../src/model/desired.ts';
import * as fc from '../../../property.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import type { Store } from '../../../../src/record/store.ts';
import { temporaryFolder, testStore } from '../../../record/stores.ts';
import { fleetOf, reconcilerOf } from '../../reconcilers.ts';

let simulator: Simulator;
afterEach(() => simulator.close());

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** 20 by the timer, and what asks for more: three times at once, then after 5 s doubling to 5 min. */
const passesMax = 45;

type Answer = (call: { readonly method: string; readonly path: string; readonly body: unknown }) => unknown;

interface Shop {
  readonly version?: string;
  readonly count?: number;
  readonly parts?: Partial<DesiredApp>;
}

const shop = ({ version = 'a', count = 2, parts = {} }: Shop = {}) =>
  desiredApp({
    name: 'shop',
    inputs: `${version}${count}`,
    groups: [group({ counts: { arn: count }, configVersion: version.repeat(32), config: { env: { V: version } } })],
    ...parts,
  });

/** A fleet that is in sync, and the loop that keeps it. `path`: of its database, which other processes may use. */
async function kept(
  apps: readonly DesiredApp[] = [shop()],
  { path, beside = (store) => store }: { readonly path?: string; readonly beside?: (store: Store) => Store } = {},
) {
  const clock = new IdleClock();
  simulator = await startSimulator({ clock });
  const { url, token } = simulator;
  const store = beside(testStore({ clock, synchronous: 'off', ...(path === undefined ? {} : { path }) }));
  let answer: Answer = ({ body }) => body;
  const changed: typeof fetch = async (input, init) => {
    const { pathname: path } = new URL(input instanceof Request ? input.url : String(input));
    const response = await fetch(input, init);
    if (!response.ok || init?.method !== 'GET') return response;
    const text = await response.text();
    const body = text === '' ? undefined : (JSON.parse(text) as unknown);
    const { status, headers } = response;
    return new Response(JSON.stringify(answer({ method: 'GET', path, body })), { status, headers });
  };
  let wanted = fleetOf({ apps });
  const reconciler = reconcilerOf(
    { wanted: () => wanted, url, token, fetch: changed, clock, store },
    { configRepo: undefined, reporter: undefined },
  );
  const passes: string[] = [];
  const loop = createLoop({
    clock,
    log: silentLog,
    store,
    concurrency: 8,
    intervalMs: 3 * minuteMs,
    random: () => 0.5,
    refresh: (trigger, signal) => reconciler.refresh(signal, trigger),
    reconcile(app, trigger, signal, aside) {
      passes.push(app);
      return reconciler.reconcile(app, trigger, signal, aside);
    },
  });
  loop.start();
  await clock.sleep(3 * minuteMs);
  return {
    clock,
    store,
    world: simulator.world,
    machines: () => [...(simulator.world.apps.get('shop')?.machines.values() ?? [])],
    /** From now on Fly's reads answer so, and git says that. Passes over each app in the hour after. */
    hourOf: async (next: readonly DesiredApp[], answers: Answer): Promise<ReadonlyMap<string, number>> => {
      answer = answers;
      wanted = fleetOf({ apps: next, revision: 'b'.repeat(40) });
      passes.length = 0;
      await clock.sleep(hourMs);
      await loop.stop();
      return new Map([...Map.groupBy(passes, (app) => app)].map(([app, all]) => [app, all.length]));
    },
    runs: (app = 'shop') => store.runs({ app, all: true, limit: 10_000 }),
  };
}

type Listed = Record<string, unknown>;
const isList = (path: string): boolean => path.endsWith('/apps/shop/machines');
const isOne = (path: string): boolean => /\/apps\/shop\/machines\/[^/]+$/.test(path);

/** By its id a machine tells of another version than lists do, or of a word. */
const byId =
  (change: (machine: Listed) => Listed): Answer =>
  ({ path, body }) =>
    isOne(path) ? change(body as Listed) : body;

const updated = (machine: Listed): Listed => ({ ...machine, instance_id: '01UPDATEDBYSOMEBODYELSE0000' });
let times = 0;
const updatedEachTime = (machine: Listed): Listed => ({ ...machine, instance_id: `01UPDATED${(times += 1)}` });
const told = (machine: Listed): Listed => {
  const config = (machine['config'] ?? {}) as Listed;
  const metadata = {
    ...(config['metadata'] as Listed),
    flycd_suspend: '{"reason":"incident","by":"bob","at":1,"count":9}',
  };
  return { ...machine, config: { ...config, metadata } };
};

describe('an hour of what never goes away', () => {
  test.each<[string, Shop, Answer]>([
    ['lists never show an update that is seen by id; a machine is to be made', { count: 3 }, byId(updated)],
    ['lists never show an update that is seen by id; machines are to be updated', { version: 'b' }, byId(updated)],
    ['each look by id shows another update', { version: 'b' }, byId(updatedEachTime)],
    ['a word on a machine that lists never show', { version: 'b' }, byId(told)],
  ])('%s', async (_what, next, answers) => {
    const { hourOf, runs, world } = await kept();
    const before = (await runs()).length;
    const requests = world.requests.length;
    const passes = await hourOf([shop(next)], answers);
    expect(passes.get('shop')).toBeGreaterThan(3);
    expect(passes.get('shop')).toBeLessThanOrEqual(passesMax);
    // It is told of once.
    const newer = (await runs()).slice(0, -before);
    expect(newer.map(({ outcome, status }) => [outcome, status])).toEqual([['held', expect.any(String)]]);
    expect(newer[0]?.nextWakeAt).toBeGreaterThan(Date.UTC(2026, 0, 1, 1));
    expect(world.requests.length - requests).toBeLessThan(1000);
  });

  test('a machine that Fly lists and does not show is said to be the trouble', async () => {
    const { hourOf, runs, world } = await kept([shop({ count: 1 })]);
    const before = (await runs()).length;
    const fault = { status: 404, body: { error: 'machine not found' } };
    for (const template of ['GET /apps/{app}/machines/{machine}', 'POST /apps/{app}/machines/{machine}/lease'])
      world.faults.add({ template, times: 1e9, fault });
    const passes = await hourOf([shop({ count: 1, version: 'b' })], ({ body }) => body);
    expect(passes.get('shop')).toBeLessThanOrEqual(passesMax);
    const newer = (await runs()).slice(0, -before);
    const outcomes = newer.map(({ outcome }) => outcome);
    // While lists may lag it gives way, and is told of once.
    expect(outcomes.at(-1)).toBe('held');
    expect([...new Set(outcomes.slice(0, -1))]).toEqual(['failed']);
    const [machine] = world.apps.get('shop')?.machines.keys() ?? [];
    for (const { results } of newer) expect(results.map(({ message }) => message).join()).toContain(machine);
  });

  test('somebody who renews a lease without end', async () => {
    const { hourOf, machines, clock } = await kept();
    const passes = await hourOf([shop({ version: 'b' })], ({ path, body }) => {
      for (const machine of machines())
        machine.lease = { nonce: 'x', owner: 'bob', description: 'mine', expiresAt: clock.now() + 5000 };
      const lease = { nonce: 'x', owner: 'bob', description: 'mine', expires_at: clock.now() / 1000 + 5 };
      return isList(path) ? (body as Listed[]).map((machine) => ({ ...machine, lease })) : body;
    });
    expect(passes.get('shop')).toBeLessThanOrEqual(passesMax);
  });

  test('an app that another one waits for', async () => {
    const cart = (version: string) => ({ ...shop({ version, parts: { dependsOn: ['shop'] } }), name: 'cart' });
    const { hourOf, machines, runs } = await kept([shop(), cart('a')]);
    for (const machine of machines())
      machine.lease = { nonce: 'x', owner: 'bob', description: 'mine', expiresAt: 1e15 };
    const passes = await hourOf([shop({ version: 'b' }), cart('b')], ({ body }) => body);
    expect(passes.get('cart')).toBeLessThanOrEqual(passesMax);
    expect((await runs('cart')).length).toBeLessThan(5);
  });
});

describe('what brings it back to its first pace', () => {
  test('once lists show it, it is done, and history tells of both', async () => {
    const { clock, hourOf, runs, machines } = await kept();
    const before = (await runs()).length;
    const shownAt = clock.now() + 30 * minuteMs;
    await hourOf([shop({ count: 3 })], (call) => (clock.now() < shownAt ? byId(updated)(call) : call.body));
    expect(machines()).toHaveLength(3);
    const newer = (await runs()).slice(0, -before);
    expect(newer.map(({ outcome }) => outcome)).toEqual(['no-change', 'updated', 'held']);
  });
});

describe('what gave way is told, once and whole', () => {
  test('where another process records a run of the app at the same moment', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const other = testStore({ path, fleet: { name: 'test' } });
    const ends: number[] = [];
    const { hourOf, runs } = await kept([shop()], {
      path,
      beside: (store) => ({
        ...store,
        async finishRun(id, end) {
          const run = await store.finishRun(id, end);
          if (end.outcome !== 'held') return run;
          ends.push(id);
          if (ends.length > 1) return run;
          const { trigger, actor, revision, plan } = run;
          const word = await other.startRun({ app: 'shop', trigger, actor, revision, plan });
          await other.finishRun(word, { outcome: 'no-change', status: 'synced', nextWakeAt: undefined });
          return run;
        },
      }),
    });
    await hourOf([shop({ version: 'b' })], byId(updatedEachTime));
    expect((await runs()).map(({ id }) => id)).toContain(ends[0]);
  });

  test('where the disk is full when the one that repeats it is to go', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const { hourOf, runs } = await kept([shop()], { path });
    const disk = new Sqlite(path);
    disk.exec(`CREATE TRIGGER full BEFORE DELETE ON run BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
    disk.close();
    await hourOf([shop({ version: 'b' })], byId(updatedEachTime));
    const held = (await runs()).filter(({ outcome }) => outcome === 'held');
    expect(held.length).toBeGreaterThan(1);
    expect(held.filter(({ results }) => results.length === 0)).toEqual([]);
  });
});

/** Answers that stay the same all the time: what each kind of read is given in place of what is so. */
const lasting = fc.record({
  machine: fc.constantFrom<(machine: Listed) => Listed>((machine) => machine, updated, updatedEachTime, told),
  list: fc.constantFrom<(machines: Listed[]) => Listed[]>(
    (machines) => machines,
    (machines) => machines.slice(1),
    (machines) => machines.map(updated),
    (machines) => machines.map(told),
  ),
});
const refusal = fc.option(
  fc.record({
    template: fc.constantFrom(
      'GET /apps/{app}/machines',
      'POST /apps/{app}/machines',
      'POST /apps/{app}/machines/{machine}',
      'POST /apps/{app}/machines/{machine}/lease',
      'GET /apps/{app}/machines/{machine}',
      'GET /apps/{app}/secrets',
    ),
    status: fc.constantFrom(404, 409, 412, 422, 429, 503),
  }),
);

test('whatever Fly answers, as long as it stays the same, no app is passed over more often than that', async () => {
  await fc.assert(
    fc.asyncProperty(
      lasting,
      refusal,
      fc.constantFrom<Shop>({ version: 'b' }, { count: 3 }, { count: 1 }),
      async ({ machine, list }, refused, next) => {
        const { hourOf, world } = await kept();
        try {
          const rule = refused ?? undefined;
          if (rule !== undefined)
            world.faults.add({
              template: rule.template,
              times: 1e9,
              fault: { status: rule.status, body: { error: 'no' } },
            });
          const passes = await hourOf([shop(next)], ({ path, body }) => {
            if (isList(path)) return list(body as Listed[]);
            return isOne(path) ? machine(body as Listed) : body;
          });
          expect(passes.get('shop')).toBeLessThanOrEqual(passesMax);
        } finally {
          await simulator.close();
        }
      },
    ),
    { numRuns: 5 },
  );
}, 120_000);
