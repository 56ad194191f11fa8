import { join } from 'node:path';
import * as fc from '../property.ts';
import { describe, expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { temporaryFolder, testStore } from '../record/stores.ts';
import { done, fails, minute, scripted } from './scripted.ts';

describe('passes', () => {
  test('a start reads git once and looks at every app, side by side; then the fleet is ready', async () => {
    const { loop, after, story, refreshes, store } = scripted({});
    expect(loop.ready).toBe(false);
    loop.start();
    loop.start();
    await after(1_500);
    expect(refreshes).toEqual([{ trigger: 'start', at: 0 }]);
    expect(story()).toEqual(['0 api start', '0 web start']);
    expect(loop.ready).toBe(true);
    expect(await store.dirtyApps()).toEqual([]);
    expect(loop.status()).toMatchObject({ running: [], queued: [], retries: [], refreshFault: undefined });
  });

  test('the timer passes over all apps by the interval', async () => {
    const { loop, after, story } = scripted({ apps: ['web'], intervalMs: 3 * minute });
    loop.start();
    await after(7 * minute);
    expect(story()).toEqual(['0 web start', `${3 * minute} web timer`, `${6 * minute} web timer`]);
  });

  test('no more than `concurrency` apps at once, and all of them in the end', async () => {
    const apps = Array.from({ length: 20 }, (_unused, index) => `app-${index}`);
    const { loop, after, passes } = scripted({ apps, concurrency: 3 });
    loop.start();
    await after(minute);
    expect(passes.map(({ app }) => app)).toEqual(apps);
    for (const { from } of passes) {
      expect(passes.filter((pass) => pass.from <= from && (pass.to ?? Infinity) > from).length).toBeLessThanOrEqual(3);
    }
  });

  test('an app that failed stops no other', async () => {
    const { loop, after, story, clock } = scripted({
      concurrency: 1,
      async reconcile(app) {
        await clock.sleep(1_000);
        if (app === 'api') throw new Error('boom');
        return done;
      },
    });
    loop.start();
    await after(3_000);
    expect(story()).toEqual(['0 api start', '1000 web start']);
  });
});

describe('wakes', () => {
  test('the first wake runs at once, those that come meanwhile are one next run', async () => {
    const { loop, after, push, refreshes, story, clock } = scripted({
      apps: ['web'],
      async refresh() {
        await clock.sleep(1_000);
        return { apps: ['web'], affectedBy: () => ['web'] };
      },
    });
    loop.start();
    await after(10_000);
    for (let number = 0; number < 50; number += 1) {
      await push(`d${number}`);
      loop.wake('webhook');
    }
    await after(20_000);
    expect(refreshes).toEqual([
      { trigger: 'start', at: 0 },
      { trigger: 'webhook', at: 10_000 },
      { trigger: 'webhook', at: 11_000 },
    ]);
    expect(story()).toEqual(['1000 web start', '11000 web webhook', '12000 web webhook']);
  });

  test('a stream of pushes asks git once a second, and a person’s command at once', async () => {
    const { loop, after, push, refreshes } = scripted({ apps: ['web'] });
    loop.start();
    for (let number = 0; number < 5; number += 1) {
      await after(10_000 + number * 400);
      await push(`d${number}`);
      loop.wake('webhook');
    }
    await after(12_100);
    loop.wake('command');
    await after(20_000);
    expect(refreshes).toEqual([
      { trigger: 'start', at: 0 },
      { trigger: 'webhook', at: 10_000 },
      { trigger: 'webhook', at: 11_000 },
      { trigger: 'webhook', at: 12_000 },
      { trigger: 'command', at: 12_100 },
    ]);
  });

  test('a mark set during a run runs the app again, and never twice at once', async () => {
    const { loop, after, push, passes, clock } = scripted({
      apps: ['web'],
      async reconcile() {
        await clock.sleep(10_000);
        return done;
      },
    });
    loop.start();
    for (const at of [1_000, 2_000, 3_000]) {
      await after(at);
      await push(`d${at}`);
      loop.wake('webhook');
    }
    await after(60_000);
    expect(passes.map(({ from, to, trigger }) => [from, to, trigger])).toEqual([
      [0, 10_000, 'start'],
      [10_000, 20_000, 'webhook'],
    ]);
  });

  test('a push looks at what it concerns, before what only the clock brings', async () => {
    const apps = Array.from({ length: 10 }, (_unused, index) => `app-${index}`);
    const { loop, after, push, story } = scripted({
      apps,
      concurrency: 1,
      async refresh() {
        return { apps, affectedBy: ({ repo }) => (repo === 'nine' ? ['app-9', 'gone'] : []) };
      },
    });
    loop.start();
    await after(1_500);
    await push('d1', 'nine');
    await push('d2', 'nobody');
    loop.wake('webhook');
    await after(20_000);
    expect(story().slice(0, 4)).toEqual([
      '0 app-0 start',
      '1000 app-1 start',
      '2000 app-9 webhook',
      '3000 app-2 start',
    ]);
    expect(story()).toHaveLength(10);
  });

  test('a webhook without a pending delivery asks nobody anything', async () => {
    const { loop, after, refreshes } = scripted({});
    loop.start();
    await after(5_000);
    loop.wake('webhook');
    await after(10_000);
    expect(refreshes).toHaveLength(1);
  });

  test('a command looks at every app', async () => {
    const { loop, after, story } = scripted({});
    loop.start();
    await after(5_000);
    loop.wake('command');
    await after(10_000);
    expect(story().slice(2)).toEqual(['5000 api command', '5000 web command']);
  });

  test('a wake before the start waits for it', async () => {
    const { loop, after, refreshes } = scripted({});
    loop.wake('timer');
    await after(5_000);
    expect(refreshes).toEqual([]);
    loop.start();
    await after(6_000);
    expect(refreshes).toEqual([{ trigger: 'start', at: 5_000 }]);
  });
});

describe('crashes', () => {
  test('a delivery stored before a kill acts at the next start, and is done then', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const died = testStore({ path });
    await died.storeDelivery({ id: 'd1', repo: 'fleet', ref: 'refs/heads/main', receivedAt: 1 });
    const store = testStore({ path });
    const { loop, after, story } = scripted({
      store,
      async refresh() {
        return { apps: ['api', 'web'], affectedBy: ({ id }) => (id === 'd1' ? ['web'] : []) };
      },
    });
    loop.start();
    await after(5_000);
    expect(story()).toEqual(['0 web webhook', '0 api start']);
    expect(await store.pendingDeliveries()).toEqual([]);
  });

  test('a source that answers again brings git to be read: only what is read otherwise by now has a pass', async () => {
    let moved: string[] = [];
    const { loop, after, refreshes, story, push } = scripted({
      async refresh() {
        return { apps: ['api', 'web', 'shop'], moved, affectedBy: ({ repo }) => [repo] };
      },
    });
    loop.start();
    await after(5_000);
    const before = story().length;
    moved = ['shop'];
    loop.wake('retry');
    // As many as answer at once are one: git is asked once a second for them.
    for (let more = 0; more < 20; more += 1) loop.wake('retry');
    await after(10_000);
    expect(story().slice(before)).toEqual(['5000 shop retry', '6000 shop retry']);
    expect(refreshes.map(({ trigger }) => trigger)).toEqual(['start', 'retry', 'retry']);
    moved = [];
    await push('d1', 'api');
    loop.wake('retry');
    await after(15_000);
    expect(story().at(-1)).toBe('10000 api webhook');
  });

  test('killed between fetch and marks: the delivery is still pending', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const dying = testStore({ path });
    const { loop, after, clock } = scripted({
      store: { ...dying, finishDeliveries: () => clock.sleep(1_000 * minute) },
    });
    await dying.storeDelivery({ id: 'd1', repo: 'fleet', ref: 'refs/heads/main', receivedAt: 1 });
    loop.start();
    await after(5_000);
    expect((await testStore({ path }).pendingDeliveries()).map(({ id }) => id)).toEqual(['d1']);
  });

  test('a delivery that arrives while git is read waits for the next reading', async () => {
    const { loop, after, store, push, refreshes, clock } = scripted({
      apps: ['web'],
      async refresh() {
        await clock.sleep(2_000);
        return { apps: ['web'], affectedBy: () => ['web'] };
      },
    });
    loop.start();
    await after(1_000);
    await push('late');
    loop.wake('webhook');
    await after(3_000);
    expect(await store.pendingDeliveries()).toHaveLength(1);
    await after(5_000);
    expect(await store.pendingDeliveries()).toEqual([]);
    expect(refreshes.map(({ at }) => at)).toEqual([0, 2_000]);
  });

  test('marks of a process before are taken up with those of today; those of gone apps are forgotten', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    await testStore({ path }).markDirty(['gone', 'web']);
    const store = testStore({ path });
    const { loop, after, story } = scripted({ store, apps: ['web'] });
    loop.start();
    await after(5_000);
    expect(story()).toEqual(['0 web start']);
    expect(await store.dirtyApps()).toEqual([]);
  });

  test('a mark is gone from the record while its app runs, so that a new one is another', async () => {
    const seen: number[] = [];
    const { loop, after, store, clock } = scripted({
      apps: ['web'],
      async reconcile() {
        seen.push((await store.dirtyApps()).length);
        await clock.sleep(1_000);
        return done;
      },
    });
    loop.start();
    await after(5_000);
    expect(seen).toEqual([0]);
  });
});

test('a mark that is being cleared is not taken up once more with that of another app', async () => {
  const clock = new IdleClock();
  const store = testStore({ clock, synchronous: 'off' });
  const slow: typeof store = {
    ...store,
    clearDirty: async (app, generation) => {
      if (app === 'web') await clock.sleep(2_000);
      await store.clearDirty(app, generation);
    },
  };
  const { loop, after, push, story } = scripted({
    clock,
    store: slow,
    refresh: () => Promise.resolve({ apps: ['api', 'web'], affectedBy: ({ repo }) => [repo] }),
  });
  loop.start();
  for (const [at, app] of [
    [10_000, 'web'],
    [11_000, 'api'],
  ] as const) {
    await after(at);
    await push(app, app);
    loop.wake('webhook');
  }
  await after(60_000);
  expect(story()).toEqual(['0 api start', '2000 web start', '11000 api webhook', '12000 web webhook']);
});

describe('stop', () => {
  test('what runs finishes, nothing new starts, and its marks stay for the next process', async () => {
    let signalled = 0;
    const { loop, after, store, story, passes, clock } = scripted({
      apps: ['a', 'b', 'c'],
      concurrency: 2,
      async reconcile(_app, _trigger, signal) {
        signal.addEventListener('abort', () => (signalled += 1));
        await clock.sleep(10_000);
        return fails;
      },
    });
    loop.start();
    await after(1_000);
    let stopped = false;
    const stopping = Promise.all([loop.stop(), loop.stop()]).then(() => (stopped = true));
    loop.wake('command');
    await after(9_000);
    expect([stopped, signalled]).toEqual([false, 2]);
    await stopping;
    expect(story()).toEqual(['0 a start', '0 b start']);
    expect(passes.map(({ to }) => to)).toEqual([10_000, 10_000]);
    expect((await store.dirtyApps()).map(({ app }) => app)).toEqual(['c']);
    expect(clock.pending).toBe(0);
  });

  test('a stop while git is read waits for the reading, which is told', async () => {
    const { loop, after, clock, story, start } = scripted({
      async refresh(_trigger, signal) {
        await clock.sleep(60_000, signal);
        return { apps: ['web'], affectedBy: () => [] };
      },
    });
    loop.start();
    await after(1_000);
    await loop.stop();
    expect(clock.now() - start).toBe(1_000);
    expect(story()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('stopping a loop that never started is fine', async () => {
    const { loop, clock } = scripted({});
    await loop.stop();
    loop.start();
    expect(clock.pending).toBe(0);
  });
});

test('property: whatever wakes come, no app runs twice at once and each push is followed by a pass', async () => {
  const event = fc.record({
    at: fc.integer({ min: 0, max: 60_000 }),
    kind: fc.constantFrom('push', 'timer', 'command'),
    app: fc.constantFrom('a', 'b', 'c'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 25 }),
      fc.array(fc.integer({ min: 0, max: 9_000 })),
      async (events, lengths) => {
        const clock = new IdleClock();
        let nth = 0;
        const { loop, after, passes, push, store, start } = scripted({
          clock,
          store: testStore({ clock, path: ':memory:' }),
          concurrency: 2,
          async refresh() {
            await clock.sleep(700);
            return { apps: ['a', 'b', 'c'], affectedBy: ({ repo }) => [repo] };
          },
          async reconcile() {
            await clock.sleep(lengths[nth++ % Math.max(lengths.length, 1)] ?? 1_000);
            return nth % 3 === 0 ? fails : done;
          },
        });
        loop.start();
        const pushed: { app: string; at: number }[] = [];
        for (const [index, { at, kind, app }] of events.toSorted((one, two) => one.at - two.at).entries()) {
          await after(at);
          if (kind === 'push') {
            pushed.push({ app, at: clock.now() - start });
            await push(`d${index}`, app);
          }
          loop.wake(kind === 'push' ? 'webhook' : kind);
        }
        await after(10 * minute);
        for (const app of ['a', 'b', 'c']) {
          const own = passes.filter((pass) => pass.app === app);
          for (const [index, pass] of own.slice(1).entries())
            expect(pass.from).toBeGreaterThanOrEqual(own[index]?.to ?? Infinity);
        }
        for (const { app, at } of pushed) expect(passes.some((pass) => pass.app === app && pass.from >= at)).toBe(true);
        expect(await store.pendingDeliveries()).toEqual([]);
        await loop.stop();
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 30 },
  );
});
