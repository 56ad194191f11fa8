import { describe, expect, test } from 'vitest';
import { formatTime, IdleClock, timeMsMax } from '../../../src/model/base/clock.ts';
import { longAgo, momentOf, msSince } from '../../../src/model/base/moment.ts';

describe('the idle clock', () => {
  test('jumps to the next timer, in order of time and then of setting', async () => {
    const clock = new IdleClock(0);
    const fired: string[] = [];
    await Promise.all([
      clock.sleep(2000).then(() => fired.push(`late ${clock.now()}`)),
      clock.sleep(1000).then(() => fired.push(`first ${clock.now()}`)),
      clock.sleep(1000).then(() => fired.push(`second ${clock.now()}`)),
    ]);
    expect(fired).toEqual(['first 1000', 'second 1000', 'late 2000']);
    expect(clock.pending).toBe(0);
  });

  test('stands still while something is busy', async () => {
    const clock = new IdleClock(0);
    const work = Promise.withResolvers<number>();
    const busy = clock.busy(() => work.promise);
    const slept = clock.sleep(10).then(() => clock.now());
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(0);
    work.resolve(1);
    await busy;
    expect(await slept).toBe(10);
  });

  test('moves for a server that waits on behalf of a busy request', async () => {
    const clock = new IdleClock(0);
    const waited = await clock.busy(async () => {
      await clock.park(60_000);
      return clock.now();
    });
    expect(waited).toBe(60_000);
  });

  test('takes the token back at once when the sender of a parked request is gone', async () => {
    const clock = new IdleClock(0);
    const gone = new AbortController();
    await clock.busy(async () => {
      const parked = clock.park(60_000, gone.signal);
      gone.abort();
      await parked;
    });
    expect(clock.now()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('an aborted sleep ends with the reason and leaves no timer', async () => {
    const clock = new IdleClock(0);
    const stop = new AbortController();
    const slept = clock.sleep(1000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(slept).rejects.toThrow('enough');
    expect(clock.pending).toBe(0);
  });
});

describe('how long ago something was', () => {
  const then = { now: 10_000, monotonic: 10_000 };
  test.each([
    ['both clocks went on', 5000, 0, 5000],
    ['the machine slept, and the clock that measures stood still', 0, 3_600_000, 3_600_000],
    ['somebody set the clock back', 5000, -3_600_000, 5000],
    ['somebody set it forward', 5000, 60_000, 65_000],
  ])('where %s', async (_what, ms, setBy, wanted) => {
    const clock = new IdleClock(10_000);
    await clock.sleep(ms);
    clock.set(setBy);
    expect(msSince(clock, then)).toBe(wanted);
    expect(msSince(clock, momentOf(clock))).toBe(0);
    expect(msSince(clock, longAgo)).toBe(Infinity);
  });
});

test.each([
  [0, '1970-01-01 00:00:00Z'],
  [-1, '1970-01-01 00:00:00Z'],
  [timeMsMax, '9999-12-31 23:59:59Z'],
  [timeMsMax + 1, '9999-12-31 23:59:59Z'],
  [Infinity, '9999-12-31 23:59:59Z'],
])('a time of %s is shown within the years that anybody means', (at, shown) => {
  expect(formatTime(at)).toBe(shown);
});
