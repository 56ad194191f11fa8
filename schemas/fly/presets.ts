/** Fly's tables: machine sizes and regions. Source: Fly's docs and flyctl's machine presets, August 2026. */

export interface GuestPreset {
  readonly cpu_kind: 'shared' | 'performance';
  readonly cpus: number;
  readonly memory_mb: number;
  readonly gpus?: number;
  readonly gpu_kind?: string;
}

const shared = (cpus: number): GuestPreset => ({ cpu_kind: 'shared', cpus, memory_mb: cpus * 256 });
const performance = (cpus: number): GuestPreset => ({ cpu_kind: 'performance', cpus, memory_mb: cpus * 2048 });
/** What flyctl gives a machine with a GPU besides. Fly is retiring them. */
const graphics = (kind: string): GuestPreset => ({ ...performance(8), memory_mb: 32_768, gpus: 1, gpu_kind: kind });

export const guestPresets: Readonly<Record<string, GuestPreset>> = {
  'shared-cpu-1x': shared(1),
  'shared-cpu-2x': shared(2),
  'shared-cpu-4x': shared(4),
  'shared-cpu-6x': shared(6),
  'shared-cpu-8x': shared(8),
  'performance-1x': performance(1),
  'performance-2x': performance(2),
  'performance-4x': performance(4),
  'performance-6x': performance(6),
  'performance-8x': performance(8),
  'performance-10x': performance(10),
  'performance-12x': performance(12),
  'performance-14x': performance(14),
  'performance-16x': performance(16),
  a10: graphics('a10'),
  l40s: graphics('l40s'),
  'a100-40gb': graphics('a100-pcie-40gb'),
  'a100-80gb': graphics('a100-sxm4-80gb'),
};

/** Fly's rule for a machine's memory, by kind of CPU: a multiple of `step`, within `min` and `max` per CPU. In MB. */
export const memoryRules = {
  shared: { step: 256, min: 256, max: 2048 },
  performance: { step: 1024, min: 2048, max: 8192 },
} as const;

/** CPUs that a machine may have, by kind. The larger performance ones have no preset of their own. */
export const cpuCounts = {
  shared: [1, 2, 4, 6, 8],
  performance: [1, 2, 4, 6, 8, 10, 12, 14, 16, 32, 64, 128],
} as const;

/** What flyctl gives to a `vm` section that names a GPU and no size. */
export const defaultGpuSize = 'performance-8x';

/** What a new machine gets where nothing names a size. */
export const defaultGuest: GuestPreset = shared(1);

export const regions: Readonly<Record<string, string>> = {
  ams: 'Amsterdam, Netherlands',
  arn: 'Stockholm, Sweden',
  bom: 'Mumbai, India',
  cdg: 'Paris, France',
  dfw: 'Dallas, Texas (US)',
  ewr: 'Secaucus, NJ (US)',
  fra: 'Frankfurt, Germany',
  gru: 'Sao Paulo, Brazil',
  iad: 'Ashburn, Virginia (US)',
  jnb: 'Johannesburg, South Africa',
  lax: 'Los Angeles, California (US)',
  lhr: 'London, United Kingdom',
  nrt: 'Tokyo, Japan',
  ord: 'Chicago, Illinois (US)',
  sin: 'Singapore, Singapore',
  sjc: 'San Jose, California (US)',
  syd: 'Sydney, Australia',
  yyz: 'Toronto, Canada',
};

/** Machines in these groups are flyctl's own helpers and never part of an app's count. */
export const reservedGroups = ['fly_app_release_command', 'fly_app_test_machine_command', 'fly_app_console'] as const;
/** Of machines that run a release command, flyctl's and FlyCD's. */
export const [releaseCommandGroup] = reservedGroups;
