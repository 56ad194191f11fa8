import { describe, expect, test } from 'vitest';
import { changedFleet, walkFleet } from '../arena.ts';
import { walkKills } from '../kill-walk.ts';

const larger = changedFleet('destination: /data\n', 'destination: /data\n    initial_size: 2GB\n');

describe('kill -9 at each API call, then sync --once: the filesystem has grown, too', () => {
  test('of a volume that grows', async () => {
    expect(await walkKills([walkFleet], larger)).toBeGreaterThan(10);
  }, 120_000);

  test('of a volume that grows together with an update of its machine', async () => {
    const text = (larger['shop/app.yaml'] ?? '').replace('store: store', 'store: store --larger');
    expect(await walkKills([walkFleet], { 'shop/app.yaml': text })).toBeGreaterThan(10);
  }, 120_000);
});
