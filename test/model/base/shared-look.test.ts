import { beforeEach, expect, it } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { SharedLook } from '../../../src/model/base/shared-look.ts';

let clock: IdleClock;
let looks: number;
beforeEach(() => {
  clock = new IdleClock();
  looks = 0;
});

/** The nth look answers n, after as many milliseconds as the nth of these says; one that fails says so. */
const look = (tookMs: readonly number[], fails?: number) =>
  new SharedLook(clock, async () => {
    looks += 1;
    const nth = looks;
    await clock.park(tookMs[nth - 1] ?? 0);
    if (nth === fails) throw new Error(`look ${nth}`);
    return nth;
  });

async function later<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  await clock.sleep(ms);
  return ask();
}

it.each([
  ['side by side', 500, 0, 1],
  ['while it is under way', 500, 300, 1],
  ['while it is under way, though it is older than what is there may be', 4000, 3000, 1],
  ['soon after', 500, 900, 1],
  ['a second after it was asked for, and not after its answer', 500, 1100, 2],
  ['while one is under way that may hang', 20_000, 6000, 2],
])('who asks %s', async (_when, tookMs, afterMs, answer) => {
  const shared = look([tookMs]);
  const [first, second] = await Promise.all([shared.within(1000), later(afterMs, () => shared.within(1000))]);
  expect([first, second]).toEqual([1, answer]);
});

it('an answer that came too late is its own asker’s alone', async () => {
  const shared = look([11_000]);
  expect(await Promise.all([shared.within(1000), later(3000, () => shared.within(1000))])).toEqual([1, 2]);
});

it('one that failed is all theirs who waited for it, and nobody’s after that', async () => {
  const shared = look([500, 0], 1);
  const both = [shared.within(1000), later(300, () => shared.within(1000))];
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await shared.within(1000)).toBe(2);
});

it('one that is late takes nothing from the newer one', async () => {
  const shared = look([7000, 0], 1);
  const late = shared.within(1000).catch(() => 'failed');
  expect(await later(6000, () => shared.within(1000))).toBe(2);
  expect(await late).toBe('failed');
  expect(await shared.within(2000)).toBe(2);
});
