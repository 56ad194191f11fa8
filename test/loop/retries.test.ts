import { describe, expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { testStore } from '../record/stores.ts';
import { done, fails, minute, scripted } from './scripted.ts';

describe('retries', () => {
  test('5 s doubling to 5 min, reset by success', async () => {
    let healthy = false;
    const { loop, after, passes } = scripted({
      apps: ['web'],
      random: () => 0,
      reconcile: async () => (healthy ? done : fails),
    });
    loop.start();
    await after(20 * minute);
    const times = passes.map(({ from }) => from / 1_000);
    expect(times).toEqual([0, 5, 15, 35, 75, 155, 315, 615, 915]);
    expect(passes.slice(1).every(({ trigger }) => trigger === 'retry')).toBe(true);
    healthy = true;
    await after(20.5 * minute);
    expect(passes).toHaveLength(10);
    healthy = false;
    loop.wake('command');
    await after(21 * minute);
    expect(passes.slice(10).map(({ from }) => from / 1_000)).toEqual([1230, 1235, 1245]);
  });

  test('a push for the app starts the backoff over', async () => {
    const { loop, after, passes, push } = scripted({ apps: ['web'], random: () => 0, reconcile: async () => fails });
    loop.start();
    await after(100_000);
    await push('d1');
    loop.wake('webhook');
    await after(120_000);
    expect(passes.map(({ from }) => from / 1_000)).toEqual([0, 5, 15, 35, 75, 100, 105, 115]);
  });

  test('an app is asked again when it said so, not before and not twice', async () => {
    let asked = 0;
    const { loop, after, passes, start } = scripted({
      apps: ['web'],
      reconcile: async () => ({ failed: false, nextWakeAt: (asked += 1) === 1 ? start + minute : undefined }),
    });
    loop.start();
    await after(minute - 1);
    expect(passes).toHaveLength(1);
    expect(loop.status().retries).toEqual([{ app: 'web', at: start + minute, failures: 0 }]);
    await after(30 * minute);
    expect(passes.map(({ from }) => from)).toEqual([0, minute]);
  });

  test('a wake in the past does not spin, one in months does not come at once', async () => {
    const past = scripted({ apps: ['web'], reconcile: async () => ({ failed: false, nextWakeAt: 0 }) });
    past.loop.start();
    await past.after(10_000);
    // After the third one it is spaced out.
    expect(past.passes.map(({ from }) => Math.round(from / 1000))).toEqual([0, 1, 2, 3, 8]);
    const clock = new IdleClock();
    const far = scripted({
      clock,
      apps: ['web'],
      intervalMs: 1e12,
      reconcile: async () => ({ failed: false, nextWakeAt: clock.now() + 60 * 24 * 60 * minute }),
    });
    far.loop.start();
    await far.after(59 * 24 * 60 * minute);
    expect(far.passes).toHaveLength(1);
  });

  test('what a pass throws says when it is tried again', async () => {
    const clock = new IdleClock();
    const thrown: Record<string, Fault> = {
      busy: new Fault({ kind: 'waiting', what: 'leased', retryAt: clock.now() + 30_000 }),
      broken: new Fault({ kind: 'stalled', what: 'no such image' }),
      flaky: new Fault({ kind: 'transient', what: 'reset' }),
    };
    const { loop, after, story } = scripted({
      clock,
      apps: Object.keys(thrown),
      random: () => 0,
      intervalMs: (40_000 * 10) / 9,
      async reconcile(app, trigger) {
        const fault = thrown[app];
        if (trigger === 'retry' || fault === undefined) return done;
        throw fault;
      },
    });
    loop.start();
    await after(39_000);
    expect(story()).toEqual([
      '0 busy start',
      '0 broken start',
      '0 flaky start',
      '5000 flaky retry',
      '30000 busy retry',
    ]);
    await after(41_000);
    expect(story().slice(5)).toEqual(['40000 busy timer', '40000 broken timer', '40000 flaky timer']);
  });

  test('what Fly said of when to come back counts, and what fails every app is told once', async () => {
    const clock = new IdleClock();
    const told: string[] = [];
    const refused = new Fault({ kind: 'stalled', scope: 'fleet', what: 'Fly refused the token' });
    const { loop, after, story } = scripted({
      clock,
      apps: ['limited', 'one', 'other'],
      random: () => 0,
      log: { ...silentLog, warn: ({ app, what }: { app?: string; what?: string }) => void told.push(`${app} ${what}`) },
      async reconcile(app, trigger) {
        if (trigger === 'retry') return done;
        throw app === 'limited' ? new Fault({ kind: 'transient', what: 'busy', retryAfterMs: 50_000 }) : refused;
      },
    });
    loop.start();
    await after(minute);
    expect(story()).toEqual(['0 limited start', '0 one start', '0 other start', '50000 limited retry']);
    expect(told).toEqual(['limited busy', 'one Fly refused the token']);
    // All went well in between: it is news again.
    loop.wake('command');
    await after(2 * minute);
    expect(told).toEqual(['limited busy', 'one Fly refused the token', 'limited busy', 'one Fly refused the token']);
  });

  test('what is waited for until a stated time is told once, when it changes, and when it is over', async () => {
    const clock = new IdleClock();
    const lines: string[] = [];
    const line = ({ app, what }: { app?: string; what?: string }, text: string) =>
      void lines.push([app, what, text].filter((one) => one !== undefined).join(', '));
    const apps = Array.from({ length: 12 }, (_none, number) => `shop${number}`);
    const what = 'Fly limits the rate of requests';
    let until = clock.now() + 30 * minute;
    const { loop, after, passes } = scripted({
      clock,
      apps,
      random: () => 0,
      intervalMs: 3 * minute,
      log: { ...silentLog, warn: line, info: line },
      async reconcile() {
        // As a pause is answered from what Fly said once: to the millisecond it differs.
        if (clock.now() >= until) return done;
        throw new Fault({ kind: 'waiting', what, retryAt: until + (passes.length % 3) });
      },
    });
    loop.start();
    await after(29 * minute);
    expect(passes.length).toBeGreaterThan(100);
    expect(lines).toEqual([`shop0, ${what}, pass failed`]);
    until += 20 * minute;
    await after(49 * minute);
    expect(lines.slice(1)).toEqual([`shop0, ${what}, pass failed`]);
    await after(60 * minute);
    expect(lines.slice(2)).toEqual([`${what}, no longer waited for`]);
    // Anew it is news.
    until = clock.now() + 10 * minute;
    await after(69 * minute);
    expect(lines.slice(3)).toEqual([`shop0, ${what}, pass failed`]);
  });

  test('git that cannot be read is asked again with backoff; the pass it owes is made then', async () => {
    let reachable = false;
    const { loop, after, refreshes, story, store, push } = scripted({
      apps: ['web'],
      random: () => 0,
      async refresh() {
        if (!reachable) throw new Fault({ kind: 'transient', what: 'no route to git' });
        return { apps: ['web'], affectedBy: () => [] };
      },
    });
    loop.start();
    await push('d1');
    await after(36_000);
    expect(refreshes.map(({ at }) => at / 1_000)).toEqual([0, 5, 15, 35]);
    expect(loop.ready).toBe(false);
    expect(loop.status().refreshFault?.what).toBe('no route to git');
    expect(await store.pendingDeliveries()).toHaveLength(1);
    reachable = true;
    loop.wake('webhook');
    await after(60_000);
    expect(refreshes.slice(4)).toEqual([{ trigger: 'start', at: 40_000 }]);
    expect(story()).toEqual(['40000 web start']);
    expect(loop.status().refreshFault).toBeUndefined();
    expect(await store.pendingDeliveries()).toEqual([]);
  });

  test('pushes do not hammer a git that is down; a person is not made to wait', async () => {
    const { loop, after, refreshes, push } = scripted({
      random: () => 0,
      async refresh() {
        throw new Fault({ kind: 'transient', what: 'no route to git' });
      },
    });
    loop.start();
    for (let second = 1; second <= 20; second += 1) {
      await after(second * 1_000);
      await push(`d${second}`);
      loop.wake('webhook');
    }
    expect(refreshes.map(({ at }) => at / 1_000)).toEqual([0, 5, 10, 15, 20]);
    await after(21_000);
    loop.wake('command');
    await after(21_001);
    expect(refreshes.at(-1)).toEqual({ trigger: 'command', at: 21_000 });
  });

  test('a database that fails for a while loses no mark', async () => {
    const clock = new IdleClock();
    const store = testStore({ clock, synchronous: 'off' });
    let full = false;
    const guard = <T>(work: () => Promise<T>): Promise<T> => (full ? Promise.reject(new Error('disk full')) : work());
    const failing = {
      ...store,
      markDirty: (apps: readonly string[]) => guard(() => store.markDirty(apps)),
      finishDeliveries: (ids: readonly string[], apps: readonly string[]) =>
        guard(() => store.finishDeliveries(ids, apps)),
    };
    const { loop, after, story, push } = scripted({
      clock,
      store: failing,
      apps: ['web'],
      random: () => 0,
      reconcile: async (_app, trigger) => (trigger === 'start' ? fails : done),
    });
    loop.start();
    await after(1_000);
    full = true;
    await push('d1');
    loop.wake('webhook');
    await after(12_000);
    full = false;
    await after(60_000);
    expect(story()).toEqual(['0 web start', '15000 web retry', '16000 web webhook']);
    expect(await store.pendingDeliveries()).toEqual([]);
    expect(await store.dirtyApps()).toEqual([]);
  });

  test('a mark that could be neither cleared nor read again is taken up with the next one that is', async () => {
    const clock = new IdleClock();
    const store = testStore({ clock, synchronous: 'off' });
    let clears = 0;
    let isUnread = false;
    const failing = {
      ...store,
      clearDirty: (app: string, generation: number) =>
        app === 'web' && (clears += 1) <= 2
          ? Promise.reject(new Error('disk full'))
          : store.clearDirty(app, generation),
      dirtyApps: () => (isUnread ? Promise.reject(new Error('disk full')) : store.dirtyApps()),
    };
    const { loop, after, story, start } = scripted({
      clock,
      store: failing,
      apps: ['api', 'web'],
      random: () => 0,
      reconcile: async (app, trigger) =>
        app === 'api' && trigger === 'start' ? { nextWakeAt: start + 6_000, failed: false } : done,
    });
    loop.start();
    await after(5_500);
    isUnread = true;
    await after(6_500);
    isUnread = false;
    await after(minute);
    expect(story().toSorted()).toEqual(['0 api start', '11000 api retry', '11000 web start']);
    expect(await store.dirtyApps()).toEqual([]);
  });

  test('who is woken is woken also where the time of the next try cannot be written', async () => {
    const clock = new IdleClock();
    const store = testStore({ clock, synchronous: 'off' });
    let isDone = false;
    const failing = { ...store, setNextWake: () => Promise.reject(new Error('disk full')) };
    const { loop, after, start, story } = scripted({
      clock,
      store: failing,
      apps: ['api', 'db'],
      random: () => 0,
      async reconcile(app) {
        // What time brings it is far off: nothing but db's pass does sooner.
        if (app === 'api') return { nextWakeAt: isDone ? undefined : start + 20 * minute, failed: false };
        await clock.sleep(minute);
        isDone = true;
        return { nextWakeAt: undefined, failed: true, wakes: ['api'] };
      },
    });
    loop.start();
    await after(minute + 1000);
    expect(story()).toEqual(['0 api start', '0 db start', '60000 api retry']);
  });
});
