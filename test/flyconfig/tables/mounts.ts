import type { Row } from './row.ts';

/** Volumes mounted in machines, section by section: internal/appconfig/config.go, patches.go, validation.go. */
const mount = { source: 'a', destination: '/a' };
const growing = { ...mount, auto_extend_size_threshold: 80, auto_extend_size_increment: '1gb' };
const plain = { mounts: [{ name: 'data', path: '/data' }] };

export const mounts: readonly Row[] = [
  {
    row: '3.1 mounts',
    says: 'name a volume and its place',
    input: { mounts: [{ source: 'data', destination: '/data' }] },
    machine: plain,
  },
  {
    row: '3.2 mounts',
    flyctl: 'config.go Mount',
    says: 'growth is the machine’s; size and snapshots are the volume’s',
    input: {
      mounts: [
        {
          source: 'data',
          destination: '/data',
          initial_size: '10gb',
          snapshot_retention: 7,
          scheduled_snapshots: false,
          auto_extend_size_threshold: 80,
          auto_extend_size_increment: '1GB',
          auto_extend_size_limit: '5gb',
          processes: ['app'],
        },
      ],
    },
    machine: {
      mounts: [{ name: 'data', path: '/data', extend_threshold_percent: 80, add_size_gb: 1, size_gb_limit: 5 }],
    },
    volume: { volume: 'data', path: '/data', initialSizeGb: 10, snapshotRetentionDays: 7, scheduledSnapshots: false },
  },
  {
    row: '3.3 mount',
    flyctl: 'patches.go patchMounts',
    says: 'mount is mounts',
    input: { mount: { source: 'data', destination: '/data' } },
    machine: plain,
  },
  {
    row: '3.3 mount',
    says: 'mounts may be a single table',
    input: { mounts: { source: 'data', destination: '/data' } },
    machine: plain,
  },
  {
    row: '3.3 mount',
    flyctl: 'patches.go patchMounts',
    says: 'mount may be a list, and comes before mounts',
    input: { processes: { app: '', db: '' }, mount: [{ ...mount, processes: ['db'] }], mounts: [mount] },
    groups: { app: { mounts: [{ name: 'a', path: '/a' }] }, db: { mounts: [{ name: 'a', path: '/a' }] } },
  },
  { row: '3.3 mount', says: 'mounts = []', input: { mounts: [] }, machine: {} },
  {
    row: '3.3 initial_size',
    flyctl: 'patches.go patchMounts',
    says: 'a number is GB, for the volume and not the machine',
    input: { mounts: [{ source: 'data', destination: '/data', initial_size: 20 }] },
    machine: plain,
    volume: { initialSizeGb: 20 },
  },
  {
    row: '3.3 initial_size',
    flyctl: 'helpers/units.go ParseSize',
    says: 'a number in a text is GB, too; units are decimal',
    input: {
      processes: { app: '', b: '', c: '' },
      mounts: [
        { ...mount, initial_size: '20' },
        { ...mount, initial_size: '1500MB', processes: ['b'] },
        { ...mount, initial_size: '0.5tb', processes: ['c'] },
      ],
    },
    groups: {
      app: { mounts: [{ name: 'a', path: '/a' }] },
      b: { mounts: [{ name: 'a', path: '/a' }] },
      c: { mounts: [{ name: 'a', path: '/a' }] },
    },
    volumes: { app: { initialSizeGb: 20 }, b: { initialSizeGb: 1 }, c: { initialSizeGb: 500 } },
  },
  {
    row: '3.4 mounts',
    flyctl: 'validation.go validateMounts',
    says: 'one for each group',
    input: {
      processes: { app: '', db: '' },
      mounts: [
        { source: 'a', destination: '/a' },
        { source: 'b', destination: '/b', processes: ['db'] },
      ],
    },
    groups: { app: { mounts: [{ name: 'a', path: '/a' }] }, db: { mounts: [{ name: 'b', path: '/b' }] } },
  },
  {
    row: '3.4 mounts',
    flyctl: 'validation.go validateMounts',
    says: 'a second one of a group is refused',
    input: {
      mounts: [
        { source: 'a', destination: '/a' },
        { source: 'b', destination: '/b' },
      ],
    },
    errors: [['mounts[1]', /a machine mounts one volume: the process group app has 2/]],
  },
  {
    row: '3.5 mounts',
    flyctl: 'machines.go updateMachineConfig',
    says: 'the volume’s id comes at deploy',
    input: { mounts: { source: 'data', destination: '/data' } },
    machine: plain,
  },
  {
    row: '3.8 volume size',
    flyctl: 'deploy_first.go provisionVolumesOnFirstDeploy',
    says: 'is each group’s own, where two mount volumes of one name',
    input: {
      processes: { app: '', db: '' },
      mounts: [
        { ...mount, initial_size: '2gb' },
        { ...mount, initial_size: '5gb', processes: ['db'] },
      ],
    },
    groups: { app: { mounts: [{ name: 'a', path: '/a' }] }, db: { mounts: [{ name: 'a', path: '/a' }] } },
    volumes: { app: { initialSizeGb: 2 }, db: { initialSizeGb: 5 } },
  },
  {
    row: '3.8 volume size',
    says: 'is not the machine’s',
    input: { mounts: [{ ...mount, initial_size: '3gb' }] },
    machine: { mounts: [{ name: 'a', path: '/a' }] },
    volume: { initialSizeGb: 3 },
  },
  {
    row: '3.7 values',
    says: 'a mount without destination',
    input: { mounts: [{ source: 'a' }] },
    errors: [['mounts[0]', /destination is required/]],
  },
  {
    row: '3.7 snapshot_retention',
    flyctl: 'validation.go validateMounts',
    says: 'under 1 and over 60 days',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...mount, snapshot_retention: 0 },
        { ...mount, snapshot_retention: 61, processes: ['b'] },
      ],
    },
    errors: [
      ['mounts[0].snapshot_retention', /1 to 60, found 0/],
      ['mounts[1].snapshot_retention', /1 to 60, found 61/],
    ],
  },
  {
    row: '3.7 snapshot_retention',
    flyctl: 'validation.go validateMounts',
    says: '1 and 60 days are taken',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...mount, snapshot_retention: 1 },
        { ...mount, snapshot_retention: 60, processes: ['b'] },
      ],
    },
    groups: { app: { mounts: [{ name: 'a', path: '/a' }] }, b: { mounts: [{ name: 'a', path: '/a' }] } },
    volumes: { app: { snapshotRetentionDays: 1 }, b: { snapshotRetentionDays: 60 } },
  },
  {
    row: '3.7 values',
    flyctl: 'validation.go validateMounts; the upper bound is Fly’s',
    says: 'a volume under 1 GB and over 500',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...mount, initial_size: '500mb' },
        { ...mount, initial_size: '501gb', processes: ['b'] },
      ],
    },
    errors: [
      ['mounts[0].initial_size', /1 to 500 GB, such as 3gb, found 0 GB/],
      ['mounts[1].initial_size', /1 to 500 GB, such as 3gb, found 501 GB/],
    ],
  },
  {
    row: '3.7 values',
    says: 'a volume that Fly would not make is still mounted by its name, should it be there',
    input: { mounts: [{ source: 'my-data', destination: '/a' }] },
    machine: { mounts: [{ name: 'my-data', path: '/a' }] },
    warnings: [['mounts[0].source', /Fly makes no volume called "my-data"/]],
    isRefusedByFly: true,
  },
  ...['../x', 'a/b', 'y?z', 'a b', '%2e%2e', 'ö'].map((source) => ({
    row: '3.7 values',
    says: `${source} is no name of a volume`,
    input: { mounts: [{ source, destination: '/a' }] },
    errors: [['mounts[0].source', /^Fly makes no volume called/]] as const,
    isRefusedByFly: true,
  })),
  {
    row: '3.7 extend settings',
    flyctl: 'validation.go validateMounts',
    says: 'a threshold under 50 and over 99',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...growing, auto_extend_size_threshold: 49 },
        { ...growing, auto_extend_size_threshold: 100, processes: ['b'] },
      ],
    },
    errors: [
      ['mounts[0].auto_extend_size_threshold', /50 to 99 percent, found 49/],
      ['mounts[1].auto_extend_size_threshold', /50 to 99 percent, found 100/],
    ],
  },
  {
    row: '3.7 extend settings',
    flyctl: 'validation.go validateMounts',
    says: 'an increment under 1 GB and over 100',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...growing, auto_extend_size_increment: '500mb' },
        { ...growing, auto_extend_size_increment: '101gb', processes: ['b'] },
      ],
    },
    errors: [
      ['mounts[0].auto_extend_size_increment', /1 to 100 GB.*found 0 GB/],
      ['mounts[1].auto_extend_size_increment', /1 to 100 GB.*found 101 GB/],
    ],
  },
  {
    row: '3.7 extend settings',
    flyctl: 'validation.go validateMounts',
    says: 'a limit under 1 GB and over 500',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...growing, auto_extend_size_limit: '0' },
        { ...growing, auto_extend_size_limit: '501gb', processes: ['b'] },
      ],
    },
    errors: [
      ['mounts[0].auto_extend_size_limit', /1 to 500 GB.*found 0 GB/],
      ['mounts[1].auto_extend_size_limit', /1 to 500 GB.*found 501 GB/],
    ],
  },
  {
    row: '3.7 extend settings',
    flyctl: 'validation.go validateMounts',
    says: 'the bounds themselves are taken; a limit is not needed',
    input: {
      processes: { app: '', b: '' },
      mounts: [
        { ...mount, auto_extend_size_threshold: 50, auto_extend_size_increment: '1gb' },
        {
          ...mount,
          auto_extend_size_threshold: 99,
          auto_extend_size_increment: '100gb',
          auto_extend_size_limit: '500gb',
          processes: ['b'],
        },
      ],
    },
    groups: {
      app: { mounts: [{ name: 'a', path: '/a', extend_threshold_percent: 50, add_size_gb: 1 }] },
      b: { mounts: [{ name: 'a', path: '/a', extend_threshold_percent: 99, add_size_gb: 100, size_gb_limit: 500 }] },
    },
  },
  {
    row: '3.7 extend settings',
    flyctl: 'validation.go validateMounts',
    says: 'a threshold, an increment or a limit alone',
    input: {
      processes: { app: '', b: '', c: '' },
      mounts: [
        { ...mount, auto_extend_size_threshold: 80 },
        { ...mount, auto_extend_size_increment: '1gb', processes: ['b'] },
        { ...mount, auto_extend_size_limit: '5gb', processes: ['c'] },
      ],
    },
    errors: [
      ['mounts[0].auto_extend_size_threshold', /both/],
      ['mounts[1].auto_extend_size_increment', /both/],
      ['mounts[2].auto_extend_size_limit', /both/],
    ],
  },
  {
    row: '3.7 extend settings',
    flyctl: 'config.go Mount: sizes of growth are text',
    says: 'a number as an increment',
    input: { mounts: [{ ...growing, auto_extend_size_increment: 1 }] },
    errors: [['mounts[0].auto_extend_size_increment', /expected text, found a whole number/]],
  },
];
