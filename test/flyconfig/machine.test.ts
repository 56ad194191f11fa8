import { expect, test } from 'vitest';
import { mapped } from './mapping.ts';

test('what a group tells the planner', () => {
  const result = mapped({
    processes: { web: 'x', worker: 'y' },
    http_service: { internal_port: 1, min_machines_running: 2, processes: ['web'] },
    mounts: [
      {
        source: 'data',
        destination: '/data',
        initial_size: '10gb',
        snapshot_retention: 7,
        scheduled_snapshots: false,
        processes: ['worker'],
      },
    ],
  });
  expect(result.groups).toMatchObject([
    { name: 'web', hasServices: true, mount: undefined, minMachinesRunning: 2 },
    {
      name: 'worker',
      hasServices: false,
      mount: { volume: 'data', path: '/data', initialSizeGb: 10, snapshotRetentionDays: 7, scheduledSnapshots: false },
      minMachinesRunning: 0,
    },
  ]);
});
