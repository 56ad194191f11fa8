import { expect, test } from 'vitest';
import { walkFleet } from '../arena.ts';
import { walkFaults } from '../fault-walk.ts';

test('each writing call of a first sync struck by each fault: nothing doubled, nothing missing', async () => {
  const walked = await walkFaults([], walkFleet);
  expect(walked.calls).toBeGreaterThan(10);
  // A single fault is no reason to leave a person with half a sync.
  expect(walked.struck - walked.atOnce).toBeLessThanOrEqual(5);
}, 120_000);
