import { describe, expect, test } from 'vitest';
import { changedFleet, walkFleet } from '../arena.ts';
import { walk, walkKills } from '../kill-walk.ts';

const store = '    processes: [store]\nchecks';
const mounted = changedFleet(
  store,
  '    processes: [store]\n  - source: cache\n    destination: /cache\n    processes: [web]\nchecks',
);

describe('kill -9 at each API call, then sync --once: each machine is made anew once, with one volume', () => {
  test('of a mount more', async () => {
    expect(await walkKills([walkFleet], mounted)).toBeGreaterThan(30);
  }, 120_000);

  test('of a mount more, by one that has lost the database', async () => {
    expect(await walkKills([walkFleet], mounted, 'another-state')).toBeGreaterThan(30);
  }, 120_000);

  test('of a mount less that a person accepts', async () => {
    const argv = ['sync', '--once', '--accept'];
    expect(await walk({ before: [walkFleet, mounted], files: walkFleet, argv, next: argv })).toBeGreaterThan(30);
  }, 120_000);
});
