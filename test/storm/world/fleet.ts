import { hashOf } from '../../../src/model/base/json.ts';
import type { Dice } from './dice.ts';

/** What a storm's git says, kept apart from FlyCD's own reading of it: the invariants compare Fly with this. */
export interface FleetIdea {
  readonly apps: readonly AppIdea[];
}

export interface AppIdea {
  readonly name: string;
  readonly region: string;
  /** Its tag tells the simulator how it behaves. */
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  /** undefined: git names no size. */
  readonly memoryMb: number | undefined;
  readonly secret: string | undefined;
  /** undefined: git lists none. */
  readonly ips: readonly AddressIdea[] | undefined;
  readonly groups: Readonly<Record<string, GroupIdea>>;
  readonly strategy: 'rolling' | 'immediate';
  /** undefined: flyctl's default. */
  readonly maxUnavailable: number | undefined;
  /** A comment at the top of the file: changes nothing. */
  readonly comment: string;
  /** true: the file is no document at all. */
  readonly broken: boolean;
  /** Its second region; not given: there is none. */
  readonly otherRegion?: string;
  /** Not given: FlyCD's default, which heals. */
  readonly drift?: 'heal' | 'heal_all' | 'report' | 'off';
  readonly prune?: readonly ('addresses' | 'secrets')[];
  readonly releaseCommand?: string;
  /** Not given: FlyCD's default, which goes back. */
  readonly onFailure?: 'stop';
}

export type AddressIdea = 'v6' | 'shared_v4' | 'v4';

export interface GroupIdea {
  /** Machines in the app's region; undefined: git gives no count. */
  readonly count: number | undefined;
  readonly serves: boolean;
  /** The proxy may stop it. */
  readonly rests: boolean;
  readonly checks: boolean;
  /** undefined: no volume. */
  readonly volumeGb: number | undefined;
  /** Machines in the app's second region where git gives a count at all. Not given: none. */
  readonly elsewhere?: number;
  /** Not given: it runs all the time. */
  readonly schedule?: 'daily';
}

/** So long without progress is a failure: a storm has no five minutes for each broken commit. */
const waitTimeoutSeconds = 15;
const maxUnavailableDefault = 0.33;
/** Of an image that takes all the time it gets to stop: longer than the wait for what comes after it. */
const drainSeconds = 25;

/**
 * Machines of a group by region; where git gives no count flyctl's defaults: two that serve, or one with its standby; and
 * one in a second region.
 */
export function firstCounts(app: AppIdea, group: GroupIdea): Readonly<Record<string, number>> {
  const { region, otherRegion } = app;
  const elsewhere = otherRegion === undefined ? {} : { [otherRegion]: 1 };
  return countsOf(app, group) ?? { [region]: group.volumeGb === undefined ? 2 : 1, ...elsewhere };
}

/** The same in all regions together. */
export function firstCount(app: AppIdea, group: GroupIdea): number {
  return Object.values(firstCounts(app, group)).reduce((sum, count) => sum + count, 0);
}

/** Machines that git wants in all regions together. undefined: it gives no count. */
export function countOf(group: GroupIdea): number | undefined {
  return group.count === undefined ? undefined : group.count + (group.elsewhere ?? 0);
}

/** The same by region. */
export function countsOf(app: AppIdea, group: GroupIdea): Readonly<Record<string, number>> | undefined {
  if (group.count === undefined) return undefined;
  return {
    [app.region]: group.count,
    ...(app.otherRegion === undefined ? {} : { [app.otherRegion]: group.elsewhere ?? 0 }),
  };
}

/** Machines of the group that may be down at once for FlyCD's work. */
export function mayBeDown(app: AppIdea, machines: number): number {
  if (app.strategy === 'immediate' || machines <= 1) return machines;
  const most = app.maxUnavailable ?? maxUnavailableDefault;
  return Math.max(1, most < 1 ? Math.ceil(machines * most) : most);
}

/** All that a machine of the group gets from git: the same text, the same machine. */
export function wishOf(app: AppIdea, name: string): string {
  const group = app.groups[name];
  const { count: _count, elsewhere: _elsewhere, volumeGb, ...config } = group ?? {};
  return hashOf([
    app.image,
    // As PRIMARY_REGION.
    app.region,
    { ...app.env },
    app.memoryMb ?? null,
    app.secret ?? null,
    { ...config },
    volumeGb !== undefined,
  ]);
}

/** Where the apps stand in the config; not given: each in a folder at the top. */
export interface Tree {
  /** Of a project, which has a word for each of its apps. */
  readonly folder: string;
  readonly isWorkTree: boolean;
}

/** What machines are stamped with: the name that git gives the fleet, or what every fleet is called that has none. */
export type FleetName = 'storm' | 'flycd';

export function filesOf(fleet: FleetIdea, tree?: Tree, name: FleetName = 'storm'): Record<string, string> {
  const files: Record<string, string> =
    tree === undefined
      ? wordOf(name)
      : {
          'flycd.yaml': 'fleet: storm\nsync: { prune: [app] }\n',
          [`${tree.folder}/project.yaml`]:
            'project: team\nsource: { type: local }\ncommon: { app_defaults: { env: { TEAM: ours } } }\n',
        };
  for (const app of fleet.apps) files[`${folderOf(app.name, tree)}/app.yaml`] = appFile(app);
  return files;
}

function wordOf(name: FleetName): Record<string, string> {
  return name === 'storm' ? { 'flycd.yaml': 'fleet: storm\n' } : {};
}

/** An app's folder in the config. */
export function folderOf(app: string, tree?: Tree): string {
  return tree === undefined ? app : `${tree.folder}/${app}`;
}

function appFile(app: AppIdea): string {
  if (app.broken) return `app: ${app.name}\nbuild: [\n`;
  return `# ${app.comment}\n${JSON.stringify(document(app), undefined, 2)}\n`;
}

const addresses: Readonly<Record<AddressIdea, object>> = {
  v6: { v: 'v6' },
  shared_v4: { v: 'v4', shared: true },
  v4: { v: 'v4' },
};

function document(app: AppIdea): object {
  const groups = Object.entries(app.groups);
  const mounted = groups.filter(([, group]) => group.volumeGb !== undefined);
  const services = groups.filter(([, group]) => group.serves);
  const scheduled = groups.filter(([, group]) => group.schedule !== undefined);
  const checked = groups.filter(([, group]) => group.checks && !group.serves);
  return {
    app: app.name,
    primary_region: app.region,
    build: { image: app.image },
    ...(app.image.includes('slow-stop') ? { kill_timeout: drainSeconds } : {}),
    env: app.env,
    processes: Object.fromEntries(groups.map(([name]) => [name, `run ${name}`])),
    ...(services.length === 0 ? {} : { services: services.map(([name, group]) => service(name, group)) }),
    ...(checked.length === 0
      ? {}
      : {
          checks: Object.fromEntries(
            checked.map(([name]) => [
              `${name}_alive`,
              { type: 'tcp', port: 6379, interval: '5s', timeout: '2s', processes: [name] },
            ]),
          ),
        }),
    ...(mounted.length === 0
      ? {}
      : {
          mounts: mounted.map(([name]) => ({ source: `${name}_data`, destination: '/data', processes: [name] })),
          volumes: mounted.map(([name, group]) => ({ name: `${name}_data`, size_gb: group.volumeGb })),
        }),
    machines: {
      groups: Object.fromEntries(
        groups.flatMap(([name, group]) => {
          if (group.count === undefined) return [];
          const isAlone = app.otherRegion === undefined;
          return [[name, isAlone ? { count: group.count } : { count_per_region: countsOf(app, group) }]];
        }),
      ),
    },
    ...(app.memoryMb === undefined ? {} : { vm: [{ size: 'shared-cpu-1x', memory: `${app.memoryMb}mb` }] }),
    ...(app.secret === undefined ? {} : { secrets: [{ name: 'PASSWORD', type: 'raw', raw: app.secret }] }),
    ...(app.ips === undefined ? {} : { network: { ips: app.ips.map((kind) => addresses[kind]) } }),
    ...(app.otherRegion === undefined ? {} : { extra_regions: [app.otherRegion] }),
    ...(scheduled.length === 0
      ? {}
      : { machine: { groups: Object.fromEntries(scheduled.map(([name, { schedule }]) => [name, { schedule }])) } }),
    ...([app.drift, app.prune, app.onFailure].every((one) => one === undefined)
      ? {}
      : { sync: { drift: app.drift, prune: app.prune, on_failure: app.onFailure } }),
    deploy: {
      strategy: app.strategy,
      ...(app.releaseCommand === undefined ? {} : { release_command: app.releaseCommand }),
      wait_timeout: `${waitTimeoutSeconds}s`,
      ...(app.maxUnavailable === undefined ? {} : { max_unavailable: app.maxUnavailable }),
    },
  };
}

function service(name: string, group: GroupIdea): object {
  return {
    internal_port: 8080,
    protocol: 'tcp',
    processes: [name],
    auto_stop_machines: group.rests ? 'stop' : 'off',
    auto_start_machines: true,
    ports: [{ port: 80, handlers: ['http'] }],
    ...(group.checks ? { http_checks: [{ path: '/health', interval: '5s', timeout: '2s' }] } : {}),
  };
}

export const goodImage = 'docker.io/library/app:1.0';

/** One to three apps, at most ten machines with room for a copy or two. */
export function firstFleet(dice: Dice): FleetIdea {
  const apps = Array.from({ length: dice.pick([1, 1, 2, 2, 3]) }, (_unused, index) => newApp(dice, `app-${index + 1}`));
  return { apps };
}

export function newApp(dice: Dice, name: string): AppIdea {
  const groups: Record<string, GroupIdea> = { web: newGroup(dice, true) };
  if (dice.hit(0.3)) groups['worker'] = newGroup(dice, false);
  return {
    name,
    region: dice.pick(['arn', 'ams']),
    image: goodImage,
    env: { GREETING: 'hello' },
    memoryMb: dice.hit(0.4) ? 512 : undefined,
    secret: dice.hit(0.5) ? secretValue(dice) : undefined,
    ips: dice.hit(0.4) ? ['v6'] : undefined,
    groups,
    strategy: dice.hit(0.15) ? 'immediate' : 'rolling',
    maxUnavailable: dice.hit(0.2) ? 1 : undefined,
    comment: 'first',
    broken: false,
  };
}

/** Long and odd enough to be told from everything else that is printed. */
export function secretValue(dice: Dice): string {
  return `hush-${dice.below(1_000_000_000)}-hush`;
}

/** Of a group in a region. */
export const machinesMax = 3;

export function newGroup(dice: Dice, serves: boolean): GroupIdea {
  return {
    count: dice.hit(0.25) ? undefined : dice.between(1, machinesMax),
    serves,
    rests: serves && dice.hit(0.2),
    checks: dice.hit(0.85),
    volumeGb: dice.hit(0.25) ? 1 : undefined,
  };
}
