import { expect, test } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { allEnded, endsWithin } from '../../../src/model/base/ending.ts';

test('what fails among others is thrown once all of them have come to an end', async () => {
  const clock = new IdleClock();
  let isDone = false;
  const slow = clock.sleep(1000).then(() => (isDone = true));
  await expect(allEnded([Promise.reject(new Error('first')), slow])).rejects.toThrow('first');
  expect(isDone).toBe(true);
  expect(await allEnded([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
});

test.each([
  ['ends in time', 500, true],
  ['does not', 1500, false],
])('work that %s', async (_how, ms, ended) => {
  const clock = new IdleClock();
  expect(await endsWithin(clock, clock.sleep(ms), { ms: 1000 })).toBe(ended);
  expect(clock.now()).toBe(Date.UTC(2026, 0, 1) + Math.min(ms, 1000));
});

test('work that fails has ended, and an abort ends the wait', async () => {
  const clock = new IdleClock();
  expect(await endsWithin(clock, Promise.reject(new Error('no')), {})).toBe(true);
  const stop = new AbortController();
  const waiting = endsWithin(clock, clock.sleep(9000), { signal: stop.signal });
  stop.abort();
  expect(await waiting).toBe(false);
  expect(await endsWithin(clock, clock.sleep(9000), { signal: stop.signal })).toBe(false);
});
