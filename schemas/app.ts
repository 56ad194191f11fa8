/** app.yaml: Fly's own config plus FlyCD's fields. FlyCD's are strict; Fly's are kept as they are (fly-config.ts). */
import { z } from 'zod';
import { FlyConfig } from './fly-config.ts';
import { MachineWritten } from './machine.ts';
import { SyncWritten } from './policy.ts';
import { Source } from './source.ts';
import { flag, label, listOf, plainName, regionCode, wholeNumber } from './written.ts';

/** More machines than this in one place is a slip of the finger: Fly's own default limit for an organization is lower. */
const countMax = 1000;
const count = () => wholeNumber({ min: 0, max: countMax });
const guestFields = {
  ram_mb: wholeNumber({ min: 256, max: 1_048_576 }).optional().describe('Memory in MB, in steps of 256.'),
  cpu_cores: wholeNumber({ min: 1, max: 128 }).optional().describe('Number of CPUs.'),
  cpu_type: z.enum(['shared', 'performance']).optional().describe('Kind of CPU. Default: shared.'),
};

export const MachineGroup = z.strictObject({
  count: count().optional().describe('Machines of this group in each region; exact.'),
  count_per_region: z.record(z.string(), count()).optional().describe('Machines by region; wins over count.'),
  ...guestFields,
});
export type MachineGroup = z.infer<typeof MachineGroup>;

const Machines = z.strictObject({
  count: count()
    .optional()
    .describe(
      'Machines in each region, for the default process group; exact. Not given: Fly’s defaults, then what is there.',
    ),
  count_per_region: z
    .record(z.string(), count())
    .optional()
    .describe('Machines by region, for the default process group; wins over count.'),
  ...guestFields,
  groups: z.record(z.string(), MachineGroup).optional().describe('The same for each process group, by its name.'),
  autoscaled: flag()
    .optional()
    .describe(
      'true: another controller decides how many there are, FlyCD makes none, not even the first. Default: false.',
    ),
});
type Machines = z.infer<typeof Machines>;

const VolumeEntry = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9_]{1,30}$/, {
      error: 'expected small letters, digits and underscores, at most 30',
    })
    .describe('Name of the volume: what `mounts[].source` says.'),
  size_gb: wholeNumber({ min: 1, max: 500 })
    .optional()
    .describe('Size in GB; grows, never shrinks. Default: mounts[].initial_size, else 1.'),
  count: count().optional().describe('Volumes by region, where that is more than the machines need.'),
});
type VolumeEntry = z.infer<typeof VolumeEntry>;

const scalarText = z.preprocess(
  (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value),
  z.string(),
);

const SecretEntry = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'expected letters, digits and underscores' })
      .describe('Name of the secret: the variable the app sees.'),
    type: z.enum(['env', 'raw']).describe('env: from FlyCD’s own environment; raw: written here.'),
    env: z
      .string()
      .regex(/^[^*=]+$/, { error: 'expected the name of a variable' })
      .optional()
      .describe('Variable to read, for type env. Default: the secret’s name.'),
    raw: scalarText.optional().describe('The value, for type raw. Everybody who reads the repo reads it.'),
  })
  .refine((secret) => secret.type !== 'raw' || secret.raw !== undefined, {
    path: ['raw'],
    error: 'expected the value for type raw, found nothing',
  });
type SecretEntry = z.infer<typeof SecretEntry>;

const IpEntry = z
  .strictObject({
    v: z.enum(['v4', 'v6']).describe('Kind of address.'),
    shared: flag().optional().describe('A shared v4, free of charge. Default: false, a dedicated one.'),
    private: flag().optional().describe('A private v6 (Flycast). Default: false.'),
    network: plainName().optional().describe('Private network, for a private v6.'),
    org: plainName().optional().describe('Organization of that network.'),
    region: regionCode().optional().describe('Region of a v6. Default: everywhere.'),
  })
  .superRefine((ip, context) => {
    const refuse = (key: keyof typeof ip, why: string): void => {
      if (ip[key] === undefined || ip[key] === false) return;
      context.addIssue({ code: 'custom', path: [key], message: why });
    };
    if (ip.v === 'v6') return refuse('shared', 'expected no `shared` for v6: only v4 addresses are shared');
    refuse('private', 'expected no `private` for v4: only v6 addresses are private');
    for (const key of ['network', 'org', 'region'] as const)
      refuse(key, `expected no \`${key}\` for v4: it is for v6 only`);
  });
type IpEntry = z.infer<typeof IpEntry>;

/** FlyCD's own top-level keys, built and checked. */
export const ownedFields = {
  org: plainName().optional().describe('Organization of the app. Default: FLY_ORG, else the token’s only one.'),
  source: Source.optional().describe('What runs. Not needed where build.image names an image.'),
  merge_cfg: z
    .strictObject({
      all: flag().optional().describe('Lay this whole folder over the source before a build. Default: false.'),
      include: listOf(z.string().min(1))
        .optional()
        .describe('Files and folders of this folder to lay over the source; `*`, `?` and `**` stand for several.'),
      exclude: listOf(z.string().min(1))
        .optional()
        .describe('What stays out although `all` or `include` names it, written in the same way.'),
    })
    .optional()
    .describe('Which config files go into the build.'),
  fly_config: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A fly.toml (or YAML, JSON) in the source, by its path from there: the base of this file, whose lists replace its lists.',
    ),
  extra_regions: listOf(regionCode())
    .optional()
    .describe(
      'Regions beside primary_region. Without machines.count, only new groups get machines there. A running group gets min_machines_running machines in a newly added region.',
    ),
  machines: Machines.optional().describe('How many machines, and how large.'),
  machine: MachineWritten.optional().describe(
    'What no fly config can say of a machine, for the default process group. What is named is exact, all else is kept.',
  ),
  volumes: listOf(VolumeEntry)
    .optional()
    .describe('Sizes and spare numbers of volumes. A mount makes its own volumes.'),
  secrets: listOf(SecretEntry).optional().describe('Secrets to set.'),
  network: z
    .strictObject({
      ips: listOf(IpEntry).optional().describe('Addresses the app has. Not given: Fly’s defaults, once.'),
      auto_prune_ips: flag()
        .optional()
        .describe('Release every address that `ips` does not list, whatever the brake says. Default: false.'),
    })
    .optional()
    .describe('Public and private addresses.'),
  launch_params: listOf(z.string())
    .optional()
    .describe(
      'Flags of `fly launch`: --org, --region, --ha, --strategy, --max-unavailable, --wait-timeout and --vm-… count where neither deploy_params nor the file says it.',
    ),
  deploy_params: listOf(z.string())
    .optional()
    .describe(
      'Flags of `fly deploy`. Over what the file says: --strategy, --max-unavailable, --wait-timeout, --region, --org, --ha, --env. For new machines without a size: --vm-size, --vm-memory, --vm-cpus, --vm-cpu-kind.',
    ),
  depends_on: listOf(label())
    .optional()
    .describe('Apps of this fleet that have to run what git says, and be healthy, before this one is released.'),
  sync: SyncWritten.optional().describe('Policy for this app, over its projects’.'),
} as const;

export const Owned = z.object(ownedFields);
export type Owned = z.infer<typeof Owned>;

/** Keys that belong to FlyCD and are not built yet: refused. */
export const ownedNotYet: readonly string[] = ['certificates', 'postgres', 'redis'];
export const ownedKeys: readonly string[] = [...Object.keys(ownedFields), ...ownedNotYet];

/** The whole of app.yaml, for editors: at run time Fly's part is read by its own mapper. */
export const App = z.looseObject({
  app: label().describe('Name of the app on Fly: small letters, digits, inner hyphens, at most 63.'),
  primary_region: regionCode().optional().describe('First region of the app. Needed, here or in a project’s defaults.'),
  ...FlyConfig.omit({ app: true, primary_region: true }).shape,
  ...ownedFields,
});
