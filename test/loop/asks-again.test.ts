/** An app that wants to be looked at again within seconds, for a reason that does not go away. */
import { describe, expect, test } from 'vitest';
import type { Reconciled } from '../../src/loop/loop.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import * as fc from '../property.ts';
import { testStore } from '../record/stores.ts';
import { done, fails, minute, scripted } from './scripted.ts';

const hour = 60 * minute;
const moved = (nextWakeAt: number, because = 'it has moved on'): Reconciled => ({
  nextWakeAt,
  failed: false,
  because,
});
const secondsOf = (passes: readonly { readonly from: number }[]) => passes.map(({ from }) => Math.round(from / 1000));

/** Passes over one app that take no time and end as it says, for so long; at which seconds they began. */
async function passesOf(end: (clock: IdleClock, nth: number) => Reconciled, forMs: number) {
  const clock = new IdleClock();
  let nth = 0;
  const { loop, after, passes } = scripted({
    clock,
    apps: ['web'],
    random: () => 0,
    reconcile: async () => end(clock, (nth += 1)),
  });
  loop.start();
  await after(forMs);
  return secondsOf(passes);
}

describe('asked again for one reason', () => {
  test('three times as it wants, then after 5 s doubling to 5 min', async () => {
    const at = await passesOf((clock) => moved(clock.now() + 2000), 20 * minute);
    expect(at).toEqual([0, 2, 4, 6, 11, 21, 41, 81, 161, 321, 621, 921]);
  });

  test('a time that is further off is kept', async () => {
    const at = await passesOf((clock) => moved(clock.now() + minute), 9 * minute);
    expect(at).toEqual([0, 60, 120, 180, 240, 300, 360, 420, 500]);
  });

  test('one that comes nearer with each pass is no new one', async () => {
    const opensAt = 2 * hour;
    const clock = new IdleClock();
    const { loop, after, passes, start } = scripted({
      clock,
      apps: ['web'],
      intervalMs: 3 * minute,
      reconcile: async () => (clock.now() < start + opensAt ? moved(start + opensAt, 'window') : done),
    });
    loop.start();
    await after(opensAt + 1000);
    expect(passes.at(-1)?.from).toBe(opensAt);
  });

  test('another reason begins anew', async () => {
    const at = await passesOf((clock, nth) => moved(clock.now(), nth < 8 ? 'one' : 'two'), 3 * minute);
    const gaps = at.map((second, index) => second - (at[index - 1] ?? 0));
    expect(gaps.slice(1, 11)).toEqual([1, 1, 1, 5, 10, 20, 40, 1, 1, 1]);
  });

  test('a pass that gets through begins anew', async () => {
    const clock = new IdleClock();
    let nth = 0;
    const { loop, after, passes } = scripted({
      clock,
      apps: ['web'],
      random: () => 0,
      reconcile: async () => ((nth += 1) === 8 ? done : moved(clock.now())),
    });
    loop.start();
    await after(100_000);
    loop.wake('command');
    await after(103_500);
    expect(secondsOf(passes).slice(6)).toEqual([38, 78, 100, 101, 102, 103]);
  });

  test('reasons that alternate are spaced out all the same, and so are failures between them', async () => {
    const alternating = await passesOf((clock, nth) => moved(clock.now(), nth % 2 === 0 ? 'one' : 'two'), hour);
    expect(alternating.length).toBeLessThan(30);
    const failing = await passesOf((clock, nth) => (nth % 2 === 0 ? fails : moved(clock.now())), hour);
    expect(failing.length).toBeLessThan(40);
  });

  test('a push for it begins anew', async () => {
    const clock = new IdleClock();
    const { loop, after, passes, push } = scripted({
      clock,
      apps: ['web'],
      random: () => 0,
      reconcile: async () => moved(clock.now() + 2000),
    });
    loop.start();
    await after(200_000);
    await push('d1');
    loop.wake('webhook');
    await after(207_000);
    expect(secondsOf(passes).slice(-4)).toEqual([200, 202, 204, 206]);
  });

  test('what a pass throws is spaced out alike', async () => {
    const at = await passesOf((clock) => {
      throw new Fault({ kind: 'waiting', what: 'limited', retryAt: clock.now() });
    }, hour);
    expect(at.length).toBeLessThan(25);
  });

  test('its own interval is kept', async () => {
    const at = await passesOf((clock) => ({ ...moved(clock.now()), intervalMs: 30_000 }), 10 * minute);
    expect(at.map((second, index) => second - (at[index - 1] ?? 0)).slice(-3)).toEqual([30, 30, 30]);
    const quiet = await passesOf(() => ({ ...done, intervalMs: 30_000 }), 2 * minute + 1);
    expect(quiet).toEqual([0, 30, 60, 90, 120]);
  });

  test('whoever asks when it comes next is told', async () => {
    const clock = new IdleClock();
    const told: number[] = [];
    const store = testStore({ clock, synchronous: 'off' });
    const { loop, after, start } = scripted({
      clock,
      apps: ['web'],
      random: () => 0,
      store: {
        ...store,
        setNextWake(app, at) {
          told.push((at - start) / 1000);
          return store.setNextWake(app, at);
        },
      },
      reconcile: async () => moved(clock.now() + 2000),
    });
    loop.start();
    await after(minute);
    expect(told).toEqual([11, 21, 41, 81]);
  });
});

/** An end that says the same each time. */
const constant = fc.oneof(
  fc.record({
    nextWakeAt: fc.option(fc.integer({ min: -hour, max: 20_000 }), { nil: undefined }),
    failed: fc.boolean(),
    because: fc.constantFrom('one', 'two', 'three'),
  }),
  fc.constant('thrown' as const),
);

test('whatever its passes say over and over, an app is passed over no more than 60 times in an hour', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(constant, { minLength: 1, maxLength: 4 }), async (ends) => {
      const clock = new IdleClock();
      let nth = -1;
      const { loop, after, passes } = scripted({
        clock,
        apps: ['web'],
        intervalMs: 3 * minute,
        async reconcile() {
          const end = ends[(nth += 1) % ends.length];
          if (end === 'thrown') throw new Fault({ kind: 'waiting', what: 'thrown', retryAt: clock.now() });
          if (end === undefined) return done;
          const { nextWakeAt, ...more } = end;
          // Passes that get through between them are the world's to bring about: it stands still here.
          return { ...more, nextWakeAt: clock.now() + (nextWakeAt ?? 0) };
        },
      });
      loop.start();
      await after(hour);
      await loop.stop();
      expect(passes.length).toBeLessThanOrEqual(60);
    }),
    { numRuns: 40 },
  );
}, 60_000);
