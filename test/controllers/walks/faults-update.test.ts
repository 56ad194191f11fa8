import { expect, test } from 'vitest';
import { changedFleet, walkFleet } from '../arena.ts';
import { walkFaults } from '../fault-walk.ts';

test('each writing call of an update struck by each fault: the end state of an undisturbed one', async () => {
  const walked = await walkFaults([walkFleet], changedFleet('GREETING: hello', 'GREETING: goodbye'));
  expect(walked.calls).toBeGreaterThan(10);
  // A single fault is no reason to leave a person with half a sync.
  expect(walked.struck - walked.atOnce).toBeLessThanOrEqual(5);
}, 120_000);

test('each writing call of a volume that grows struck by each fault: its filesystem has grown, too', async () => {
  const files = changedFleet('destination: /data\n', 'destination: /data\n    initial_size: 2GB\n');
  const walked = await walkFaults([walkFleet], files);
  expect(walked.calls).toBeGreaterThan(4);
  expect(walked.struck - walked.atOnce).toBeLessThanOrEqual(5);
}, 120_000);

test('each writing call of a mount more struck by each fault: each machine is made anew once, with one volume', async () => {
  const mount = '    processes: [store]\n  - source: cache\n    destination: /cache\n    processes: [web]\nchecks';
  const walked = await walkFaults([walkFleet], changedFleet('    processes: [store]\nchecks', mount));
  expect(walked.calls).toBeGreaterThan(10);
  expect(walked.struck - walked.atOnce).toBeLessThanOrEqual(5);
}, 120_000);
