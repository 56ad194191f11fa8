import { describe, expect, test } from 'vitest';
import { changedFleet, walkFleet } from '../arena.ts';
import { walkKills } from '../kill-walk.ts';

describe('kill -9 at each API call, then sync --once: the end state of an undisturbed run', () => {
  test('of an update of every machine', async () => {
    const files = changedFleet('GREETING: hello', 'GREETING: goodbye');
    expect(await walkKills([walkFleet], files)).toBeGreaterThan(20);
  }, 120_000);

  test('of a rotated secret', async () => {
    const files = changedFleet('raw: correct-horse', 'raw: battery-staple');
    expect(await walkKills([walkFleet], files)).toBeGreaterThan(10);
  }, 120_000);

  test('of a rotated secret, by one that has lost the database', async () => {
    const files = changedFleet('raw: correct-horse', 'raw: battery-staple');
    expect(await walkKills([walkFleet], files, 'another-state')).toBeGreaterThan(10);
  }, 120_000);

  test('of a scale down', async () => {
    expect(await walkKills([walkFleet], changedFleet('count: 2', 'count: 1'))).toBeGreaterThan(5);
  }, 120_000);
});
