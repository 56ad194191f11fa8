/** Fly's tables: machine sizes and regions. Source: Fly's docs and flyctl's machine presets, August 2026. */

export interface GuestPreset {
  readonly cpu_kind: 'shared' | 'performance';
  readonly cpus: number;
  readonly memory_mb: number;
}

const shared = (cpus: number): GuestPreset => ({ cpu_kind: 'shared', cpus, memory_mb: cpus * 256 });
const performance = (cpus: number): GuestPreset => ({ cpu_kind: 'performance', cpus, memory_mb: cpus * 2048 });

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
};

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
