/** `fly deploy` by hand: flyctl's groups, high availability, standbys, release stamps and leases. */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { isObject } from '../wire/body.ts';
import { HandError, launchMachines, pathOf, type Hands } from './api-client.ts';
import { healthy, make, running, settled, until } from './launch.ts';
import { leased } from './leases.ts';
import { replaceAll, tryCanaries } from './strategies.ts';
import { nearestRegion } from '../machines/regions.ts';
import { groupOf, type App, type Machine, type ReleaseStatus, type Volume } from '../world/records.ts';
import { createRelease, updateRelease } from '../web/releases.ts';

export const strategies = ['rolling', 'immediate', 'canary', 'bluegreen'] as const;
export type Strategy = (typeof strategies)[number];

export interface HandDeploy {
  /** Default: the image of the configs, or that each machine has. */
  readonly image?: string;
  /** What flyctl makes of a fly.toml, by process group; default: the live configs. */
  readonly configs?: Readonly<Record<string, MachineConfig>>;
  /** initial_size of its mount, by process group, for volumes that a first deploy makes. Default: 1 GB. */
  readonly initialSizesGb?: Readonly<Record<string, number>>;
  /** --ha=false makes one machine in a new group. Default true. */
  readonly highAvailability?: boolean;
  /** Default: the one its machines know, else ams. */
  readonly primaryRegion?: string;
  /** Run before anything is touched, in a machine of its own. */
  readonly releaseCommand?: string;
  /** Default rolling. */
  readonly strategy?: Strategy;
  /** Milliseconds for which the release runs before any machine is touched or leased. Default 0. */
  readonly slowMs?: number;
  /** So it does until this is settled, too. */
  readonly waitsFor?: Promise<unknown>;
  /** After that it goes no further: Ctrl-C makes the release `interrupted`, a killed process leaves it `running`. */
  readonly stops?: 'interrupted' | 'killed';
  /** In a bluegreen deployment: once the blue ones are to go. Default: before any machine is touched. */
  readonly stopsAt?: 'replacing';
}

/** It was ended from outside, in the middle. */
class Stopped extends HandError {
  readonly how: 'interrupted' | 'killed';

  constructor(how: 'interrupted' | 'killed') {
    super(how);
    this.how = how;
  }
}

function stopped({ stops }: HandDeploy): void {
  if (stops !== undefined) throw new Stopped(stops);
}

/** What flyctl writes on each machine of a release. */
interface Stamp {
  readonly fly_platform_version: 'v2';
  readonly fly_flyctl_version: string;
  readonly fly_release_id: string;
  readonly fly_release_version: string;
}

const flyctlVersion = '0.3.200';
const leaseSeconds = 13;
const newVolumeGb = 1;

export async function deploy(hands: Hands, app: App, wanted: HandDeploy): Promise<void> {
  const machines = launchMachines(app);
  const primary = wanted.primaryRegion ?? machines[0]?.config.env?.['PRIMARY_REGION'] ?? nearestRegion;
  const isFirst = app.status === 'pending' && app.machines.size === 0;
  if (isFirst) await giveAddresses(hands, app, wanted);
  await released(hands, app, { ...wanted, machines }, async (stamp) => {
    if (wanted.slowMs !== undefined) await hands.sleep(wanted.slowMs);
    await wanted.waitsFor;
    if (wanted.stopsAt === undefined) stopped(wanted);
    if (wanted.releaseCommand !== undefined) await runReleaseCommand(hands, app, { wanted, primary, stamp, machines });
    await rollOut(hands, app, { wanted, primary, stamp, machines, isFirst });
  });
}

interface Rollout {
  readonly wanted: HandDeploy;
  readonly primary: string;
  readonly stamp: Stamp;
  readonly machines: readonly Machine[];
  readonly isFirst: boolean;
}

/** Groups that fly.toml no longer names go, new ones start, the rest is updated one by one. */
async function rollOut(hands: Hands, app: App, { wanted, primary, stamp, machines, isFirst }: Rollout): Promise<void> {
  const configs = wanted.configs ?? {};
  const isKept = (machine: Machine): boolean => wanted.configs === undefined || groupOf(machine) in configs;
  for (const machine of machines.filter((machine) => !isKept(machine))) {
    await hands.ask('DELETE', `${pathOf(machine)}?force=true`);
  }
  const kept = machines.filter(isKept);
  for (const [group, config] of Object.entries(configs)) {
    if (kept.some((machine) => groupOf(machine) === group)) continue;
    const image = wanted.image ?? config.image;
    const full = { ...config, image, ...stamped(config, { group, primary, stamp }) };
    const sizeGb = wanted.initialSizesGb?.[group] ?? newVolumeGb;
    await startGroup(hands, app, { config: full, primary, wanted, isFirst, sizeGb });
  }
  const configOf = (machine: Machine): MachineConfig =>
    overlaid(machine, wanted, { group: groupOf(machine), primary, stamp });
  if (wanted.strategy === 'bluegreen') {
    return replaceAll(hands, app, { machines: kept, configOf, onReplacing: () => stopped(wanted) });
  }
  if (wanted.strategy === 'canary') await tryCanaries(hands, app, { machines: kept, configOf });
  await leased(hands, kept, leaseSeconds, async (nonces) => {
    for (const machine of kept) {
      const config = configOf(machine);
      await change(hands, machine, { config, nonce: nonces.get(machine.id), waits: wanted.strategy !== 'immediate' });
    }
  });
}

/** v6 and a shared v4 where something serves, and no address is there yet. */
async function giveAddresses(hands: Hands, app: App, wanted: HandDeploy): Promise<void> {
  const serves = Object.values(wanted.configs ?? {}).some((config) => (config.services ?? []).length > 0);
  if (!serves || app.addresses.size > 0) return;
  for (const type of ['v6', 'shared_v4']) await hands.ask('POST', `/apps/${app.name}/ip_assignments`, { type });
}

interface ReleaseOf {
  readonly image?: string;
  readonly strategy?: Strategy;
  readonly configs?: Readonly<Record<string, MachineConfig>>;
  readonly machines: readonly Machine[];
}

/** Carries out one release, which is `running` meanwhile: `complete` where the work ends well, `failed` where it does not. */
export async function released(
  hands: Hands,
  app: App,
  { image, strategy = 'rolling', configs, machines }: ReleaseOf,
  work: (stamp: Stamp) => Promise<void>,
): Promise<void> {
  const known = image ?? Object.values(configs ?? {})[0]?.image ?? machines[0]?.config.image ?? '';
  // flyctl sends its whole fly.toml; here only machine configs are known.
  const definition = app.releases[0]?.definition ?? { app: app.name };
  const release = createRelease(hands.call(), app, { definition, image: known, strategy: strategy.toUpperCase() });
  const becomes = (status: ReleaseStatus): void => {
    updateRelease(hands.call(), release, { status, metadata: undefined });
  };
  becomes('running');
  try {
    await work({
      fly_platform_version: 'v2',
      fly_flyctl_version: flyctlVersion,
      fly_release_id: release.id,
      fly_release_version: String(release.version),
    });
    becomes('complete');
  } catch (error) {
    // A killed process tells nobody.
    if (!(error instanceof Stopped)) becomes('failed');
    else if (error.how === 'interrupted') becomes('interrupted');
    throw error;
  }
}

interface Place {
  readonly group: string;
  readonly primary: string;
  readonly stamp: Stamp;
}

function stamped(config: MachineConfig, { group, primary, stamp }: Place): Pick<MachineConfig, 'env' | 'metadata'> {
  return {
    env: { ...config.env, FLY_PROCESS_GROUP: group, PRIMARY_REGION: primary },
    metadata: { ...config.metadata, ...stamp, fly_process_group: group },
  };
}

const keptByFlyctl = ['guest', 'schedule', 'standbys', 'dns', 'auto_destroy', 'processes', 'rootfs', 'containers'];

/** flyctl copies the live config and lays over it what fly.toml says; metadata is merged, mounts keep their volume. */
function overlaid(machine: Machine, wanted: HandDeploy, place: Place): MachineConfig {
  const live = machine.config;
  const mapped = wanted.configs?.[place.group];
  const image = wanted.image ?? mapped?.image ?? live.image ?? '';
  if (mapped === undefined) return { ...live, image, metadata: stamped(live, place).metadata };
  const kept = Object.fromEntries(Object.entries(live).filter(([key]) => keptByFlyctl.includes(key)));
  const both = { ...mapped, metadata: { ...live.metadata, ...mapped.metadata } };
  const config: MachineConfig = { ...kept, ...mapped, image, ...stamped(both, place), mounts: live.mounts };
  if (live.mounts === undefined) delete config.mounts;
  if ((config.services ?? []).length > 0) delete config.standbys;
  const standbyFor = live.env?.['FLY_STANDBY_FOR'];
  if ((config.standbys ?? []).length > 0 && standbyFor !== undefined) {
    config.env = { ...config.env, FLY_STANDBY_FOR: standbyFor };
  }
  return config;
}

interface Change {
  readonly config: MachineConfig;
  readonly nonce: string | undefined;
  /** Until it runs and its checks pass. */
  readonly waits: boolean;
  readonly minSecretsVersion?: number;
}

/** One machine to another config; what does not run stays so. */
export async function change(hands: Hands, machine: Machine, to: Change): Promise<void> {
  const skips = (to.config.standbys ?? []).length > 0 || !running.has(machine.state);
  const body = {
    config: to.config,
    current_version: machine.instanceId,
    skip_launch: skips,
    min_secrets_version: to.minSecretsVersion,
  };
  await hands.ask('POST', pathOf(machine), body, to.nonce);
  if (!to.waits) return;
  if (skips) await settled(hands, machine);
  else await healthy(hands, machine);
}

interface NewGroup {
  readonly config: MachineConfig;
  readonly primary: string;
  readonly wanted: HandDeploy;
  readonly isFirst: boolean;
  /** Of a volume that has to be made. */
  readonly sizeGb: number;
}

/** One machine; two where it serves; a standby where it does not; one only with a mount. */
async function startGroup(hands: Hands, app: App, group: NewGroup): Promise<void> {
  const { config, primary, wanted } = group;
  const [mount] = config.mounts ?? [];
  const volume = mount === undefined ? undefined : await volumeFor(hands, app, { ...group, name: mount.name });
  const mounts = volume === undefined ? {} : { mounts: [{ ...mount, volume: volume.id }] };
  const first = await make(hands, app, { region: primary, config: { ...config, ...mounts } });
  await healthy(hands, first);
  if (wanted.highAvailability === false || volume !== undefined) return;
  if ((config.services ?? []).length > 0) {
    await healthy(hands, await make(hands, app, { region: primary, config }));
    return;
  }
  const env = { ...config.env, FLY_STANDBY_FOR: first.id };
  const standby = { ...config, env, standbys: [first.id] };
  await settled(hands, await make(hands, app, { region: primary, config: standby, skip_launch: true }));
}

/** A free one; flyctl makes one on the first deploy only. */
async function volumeFor(
  hands: Hands,
  app: App,
  { name = '', primary, isFirst, sizeGb }: NewGroup & { readonly name: string | undefined },
): Promise<Volume> {
  const free = [...app.volumes.values()].find(
    (volume) =>
      volume.name === name &&
      volume.region === primary &&
      volume.attachedMachine === undefined &&
      volume.deletedAt === undefined,
  );
  if (free !== undefined) return free;
  if (!isFirst) throw new HandError(`no unattached volume named ${name} in ${primary}`);
  return makeVolume(hands, app, { name, region: primary, size_gb: sizeGb });
}

export async function makeVolume(
  hands: Hands,
  app: App,
  request: { readonly name: string; readonly region: string; readonly size_gb: number },
): Promise<Volume> {
  const made = await hands.ask('POST', `/apps/${app.name}/volumes`, request);
  const volume = isObject(made) ? app.volumes.get(String(made['id'])) : undefined;
  if (volume === undefined) throw new HandError('the platform made no volume');
  return volume;
}

interface ReleaseRun {
  readonly wanted: HandDeploy;
  readonly primary: string;
  readonly stamp: Stamp;
  readonly machines: readonly Machine[];
}

/** A machine that runs once and is gone; its exit code stops the deploy or lets it go on. */
async function runReleaseCommand(hands: Hands, app: App, { wanted, primary, stamp, machines }: ReleaseRun) {
  const image = wanted.image ?? Object.values(wanted.configs ?? {})[0]?.image ?? machines[0]?.config.image ?? '';
  const place = { group: 'fly_app_release_command', primary, stamp };
  const config: MachineConfig = {
    image,
    init: { cmd: (wanted.releaseCommand ?? '').split(' ') },
    auto_destroy: true,
    restart: { policy: 'no' },
    dns: { skip_registration: true },
    guest: { cpu_kind: 'shared', cpus: 2, memory_mb: 512 },
    ...stamped({ env: { RELEASE_COMMAND: '1' } }, place),
  };
  const machine = await make(hands, app, { region: primary, config, skip_launch: true });
  await until(hands, machine, () => machine.state === 'stopped');
  await hands.ask('POST', `${pathOf(machine)}/start`);
  await until(hands, machine, () => machine.state === 'destroyed');
  const exit = machine.events.find((event) => event.type === 'exit')?.request?.['exit_event'];
  const code = isObject(exit) ? exit['exit_code'] : undefined;
  if (code !== 0) throw new HandError(`release_command failed with exit code ${String(code)}`);
}
