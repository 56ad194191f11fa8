import { getTasks } from 'node-cron';
import { afterEach, expect, test, vi } from 'vitest';
import { startBeat, startTick } from '../../src/loop/tick.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { silentLog } from '../../src/model/base/log.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('the heartbeat looks at the clock every 15 seconds until it is stopped, and says nothing by itself', async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 12, 0, 1) });
  const said: string[] = [];
  let ticks = 0;
  const log = { ...silentLog, warn: (_fields: object, message: string) => said.push(message) };
  const stop = startTick({ tick: () => (ticks += 1), log });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ticks).toBe(4);
  expect(getTasks().size).toBe(1);
  // The machine slept for an hour: timers stood still, the wall clock did not.
  vi.setSystemTime(Date.UTC(2026, 0, 1, 13, 2, 0));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(ticks).toBeGreaterThanOrEqual(6);
  stop();
  const before = ticks;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(ticks).toBe(before);
  expect(said).toEqual([]);
  // Not by timers: those of whatever else this process does are among them.
  expect([...getTasks().keys()]).toEqual([]);
});

test('the beat for whoever watches goes on though somebody sets the wall clock back', async () => {
  const clock = new IdleClock();
  let beats = 0;
  const stop = startBeat(clock, () => (beats += 1));
  await clock.sleep(60_000);
  clock.set(-600_000);
  await clock.sleep(60_000);
  expect(beats).toBeGreaterThanOrEqual(8);
  stop();
  const before = beats;
  await clock.sleep(60_000);
  expect(beats).toBe(before);
});
