import { expect, test } from 'vitest';
import { createLoop, type Loop, type Reconciled } from '../../src/loop/loop.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { silentLog } from '../../src/model/base/log.ts';
import type { Trigger } from '../../src/model/run.ts';
import * as fc from '../property.ts';
import { testStore } from '../record/stores.ts';

const minute = 60_000;
const intervalMs = 10 * minute;
/** The longest that anything but a time that somebody gave keeps an app waiting: an interval and its jitter, and a backoff. */
const lookedAtWithinMs = 1.1 * intervalMs + 6 * minute;

type End =
  | 'done'
  | 'failed'
  | 'soon'
  | 'past'
  | 'in a year'
  | 'failed, in a year'
  | 'transient'
  | 'waiting'
  | 'stalled';

const apps = ['api', 'web'];
const year = 365 * 24 * 60 * minute;

function endOf(end: End, now: number): Reconciled {
  switch (end) {
    case 'done':
      return { nextWakeAt: undefined, failed: false };
    case 'failed':
      return { nextWakeAt: undefined, failed: true };
    case 'soon':
      return { nextWakeAt: now + 30_000, failed: false };
    case 'past':
      return { nextWakeAt: 1, failed: false };
    case 'in a year':
      return { nextWakeAt: now + year, failed: false };
    case 'failed, in a year':
      return { nextWakeAt: now + year, failed: true };
    case 'transient':
      throw new Fault({ kind: 'transient', what: 'no answer', retryAfterMs: year });
    case 'waiting':
      throw new Fault({ kind: 'waiting', what: 'another', retryAt: now + year });
    case 'stalled':
      throw new Fault({ kind: 'stalled', what: 'refused' });
  }
}

const ends: readonly End[] = [
  'done',
  'failed',
  'soon',
  'past',
  'in a year',
  'failed, in a year',
  'transient',
  'waiting',
  'stalled',
];
const storeCalls = [
  'pendingDeliveries',
  'finishDeliveries',
  'markDirty',
  'dirtyApps',
  'clearDirty',
  'setNextWake',
] as const;

const happening = fc.oneof(
  fc.record({ kind: fc.constant('ends' as const), end: fc.constantFrom(...ends) }),
  fc.record({ kind: fc.constant('push' as const), repo: fc.constantFrom('fleet', 'other') }),
  fc.record({ kind: fc.constant('wake' as const), trigger: fc.constantFrom<Trigger>('command', 'timer', 'webhook') }),
  fc.record({ kind: fc.constant('git' as const), named: fc.subarray(apps), reads: fc.boolean() }),
  fc.record({
    kind: fc.constant('database' as const),
    fails: fc.constantFrom(...storeCalls),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(0, 700, 6_000, 4 * minute, 12 * minute) }),
);

test('whatever happens, an app that git names is looked at again within an interval and a backoff', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 20 }), async (happenings) => {
      const clock = new IdleClock();
      const store = testStore({ clock, synchronous: 'off' });
      const failing = new Map<string, number>();
      const flaky = new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return (...parameters: unknown[]): unknown => {
            const left = failing.get(String(name)) ?? 0;
            failing.set(String(name), left - 1);
            if (left > 0) return Promise.reject(new Error(`${String(name)}: the database is locked`));
            return Reflect.apply(value, target, parameters);
          };
        },
      });
      let git = { named: apps, reads: true };
      let end: End = 'done';
      const looked = new Map<string, number>();
      const loop: Loop = createLoop({
        clock,
        log: silentLog,
        store: flaky,
        concurrency: 1,
        intervalMs,
        random: () => 0.5,
        refresh() {
          const { named, reads } = git;
          if (!reads) return Promise.reject(new Fault({ kind: 'stalled', what: 'git cannot be read' }));
          return Promise.resolve({ apps: named, affectedBy: ({ repo }) => (repo === 'fleet' ? named : []) });
        },
        async reconcile(app) {
          looked.set(app, clock.now());
          await clock.sleep(500);
          return endOf(end, clock.now());
        },
      });
      loop.start();
      let pushes = 0;
      for (const event of happenings) {
        if (event.kind === 'ends') end = event.end;
        if (event.kind === 'git') git = event;
        if (event.kind === 'database') failing.set(event.fails, event.times);
        if (event.kind === 'wake') loop.wake(event.trigger);
        if (event.kind === 'time') await clock.sleep(event.ms);
        if (event.kind !== 'push') continue;
        pushes += 1;
        await store.storeDelivery({ id: `${pushes}`, repo: event.repo, ref: 'refs/heads/main', receivedAt: 1 });
        loop.wake('webhook');
      }
      git = { named: apps, reads: true };
      failing.clear();
      const calmSince = clock.now();
      await clock.sleep(lookedAtWithinMs);
      for (const app of apps) expect(looked.get(app) ?? 0, app).toBeGreaterThanOrEqual(calmSince);
      expect(await store.pendingDeliveries()).toEqual([]);
      await loop.stop();
    }),
    { numRuns: 60 },
  );
}, 60_000);
