/** Fly's clock, as the Date headers of its answers tell of it. */
import { describe, expect, test } from 'vitest';
import { FlyTime } from '../../../src/fly/http/fly-time.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';

const minute = 60_000;

function world(): { time: FlyTime; said: string[]; hear: (aheadMs: number, tookMs?: number) => Promise<number> } {
  const clock = new IdleClock();
  const said: string[] = [];
  const time = new FlyTime({ clock, log: { ...silentLog, warn: (_fields, message) => void said.push(message) } });
  return {
    time,
    said,
    /** An answer of a Fly that is so far ahead, written halfway between sending and hearing. */
    hear: async (aheadMs, tookMs = 100) => {
      const sentAt = clock.now();
      await clock.sleep(tookMs);
      const at = sentAt + tookMs / 2 + aheadMs;
      time.heard(new Headers({ date: new Date(at).toUTCString() }), sentAt);
      return time.aheadMs;
    },
  };
}

describe('how far Fly’s clock is ahead', () => {
  test('not at all, as long as no answer says otherwise', async () => {
    const { time, said, hear } = world();
    expect(time.aheadMs).toBe(0);
    time.heard(new Headers(), 0);
    time.heard(new Headers({ date: 'yesterday' }), 0);
    for (const ms of [0, 300, -300, 40]) expect(await hear(ms)).toBe(0);
    expect(said).toEqual([]);
  });

  test.each([6, 10, 45, 24 * 60, -6, -10, -45, -24 * 60])('%i minutes, to a second, and said once', async (minutes) => {
    const { said, hear } = world();
    for (let answers = 0; answers < 20; answers += 1) {
      const ahead = await hear(minutes * minute, 137 + answers * 61);
      expect(Math.abs(ahead - minutes * minute)).toBeLessThan(1000);
    }
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(minutes > 0 ? "behind Fly's" : "ahead of Fly's");
  });

  test('more exactly with each answer, and an answer that took a minute takes nothing away', async () => {
    const { hear } = world();
    await hear(6 * minute, minute);
    const rough = Math.abs((await hear(6 * minute, 30_000)) - 6 * minute);
    for (const took of [333, 271, 517, 190, 60_000]) await hear(6 * minute, took);
    const exact = Math.abs((await hear(6 * minute, minute)) - 6 * minute);
    expect(exact).toBeLessThanOrEqual(rough);
    expect(exact).toBeLessThan(500);
  });

  test('one answer alone that contradicts all others changes nothing; a clock that was set does', async () => {
    const { hear } = world();
    for (let answers = 0; answers < 3; answers += 1) await hear(0);
    expect(await hear(45 * minute)).toBe(0);
    expect(await hear(0)).toBe(0);
    expect(await hear(10 * minute)).toBe(0);
    expect(Math.abs((await hear(10 * minute)) - 10 * minute)).toBeLessThan(1000);
  });
});
