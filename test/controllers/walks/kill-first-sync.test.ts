import { expect, test } from 'vitest';
import { walkFleet } from '../arena.ts';
import { walkKills } from '../kill-walk.ts';

test('kill -9 at each API call of a first sync, then sync --once: nothing doubled, nothing missing', async () => {
  expect(await walkKills([], walkFleet)).toBeGreaterThan(30);
}, 120_000);
