import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { Address, App, Machine, Volume } from './records.ts';

export interface AppSnapshot {
  readonly name: string;
  readonly org: string;
  readonly status: string;
  readonly network: string;
  readonly machines: readonly MachineSnapshot[];
  readonly volumes: readonly VolumeSnapshot[];
  /** Values by name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly secretsVersion: number;
  readonly addresses: readonly AddressSnapshot[];
  readonly certificates: readonly CertificateSnapshot[];
}

export interface MachineSnapshot {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly region: string;
  readonly version: string;
  readonly cordoned: boolean;
  readonly leased: boolean;
  readonly config: MachineConfig;
  readonly metadata: Readonly<Record<string, string>>;
  /** What it saw at its last cold start. */
  readonly secrets: Readonly<Record<string, string>>;
}

interface VolumeSnapshot {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly region: string;
  readonly sizeGb: number;
  readonly filesystemGb: number;
  readonly encrypted: boolean;
  readonly snapshotRetention: number;
  readonly scheduledSnapshots: boolean;
  readonly attachedMachine: string | null;
}

interface CertificateSnapshot {
  readonly hostname: string;
  readonly acmeRequested: boolean;
  /** By Let's Encrypt. */
  readonly issued: boolean;
  readonly custom: boolean;
}

interface AddressSnapshot {
  readonly ip: string;
  readonly kind: string;
  readonly region: string;
  readonly network: string | null;
}

/** What a snapshot needs of the world. */
interface Holder {
  readonly apps: ReadonlyMap<string, App>;
  now(): number;
  isVolumeGone(volume: Volume): boolean;
}

const byText =
  <T>(text: (item: T) => string) =>
  (a: T, b: T): number =>
    text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0;

/** Apps by name, machines by name, volumes by name, region and age; destroyed machines and deleted volumes are left out. */
export function snapshotOf(world: Holder): readonly AppSnapshot[] {
  return [...world.apps.values()].toSorted(byText((app) => app.name)).map((app) => appSnapshot(world, app));
}

function appSnapshot(world: Holder, app: App): AppSnapshot {
  const machines = [...app.machines.values()].filter((machine) => machine.state !== 'destroyed');
  const volumes = [...app.volumes.values()].filter((volume) => volume.deletedAt === undefined);
  return {
    name: app.name,
    org: app.organization.slug,
    status: app.status,
    network: app.network,
    machines: machines.toSorted(byText((machine) => machine.name)).map((machine) => machineSnapshot(world, machine)),
    volumes: volumes.toSorted(byText((volume) => `${volume.name} ${volume.region}`)).map(volumeSnapshot),
    secrets: Object.fromEntries(
      [...app.secrets.byName.values()].toSorted(byText((s) => s.name)).map((secret) => [secret.name, secret.value]),
    ),
    secretsVersion: app.secrets.version,
    addresses: [...app.addresses.values()].toSorted(byText((a) => `${a.kind} ${a.ip}`)).map(addressSnapshot),
    certificates: [...app.certificates.values()].toSorted(byText((c) => c.hostname)).map((certificate) => ({
      hostname: certificate.hostname,
      acmeRequested: certificate.acmeRequested,
      issued: certificate.issuedAt !== undefined,
      custom: certificate.customSince !== undefined,
    })),
  };
}

function machineSnapshot(world: Holder, machine: Machine): MachineSnapshot {
  return {
    id: machine.id,
    name: machine.name,
    state: machine.state,
    region: machine.region,
    version: machine.instanceId,
    cordoned: machine.cordoned,
    leased: machine.lease !== undefined && machine.lease.expiresAt > world.now(),
    config: structuredClone(machine.config),
    metadata: { ...machine.config.metadata },
    secrets: { ...machine.booted?.secrets },
  };
}

function volumeSnapshot(volume: Volume): VolumeSnapshot {
  return {
    id: volume.id,
    name: volume.name,
    state: volume.state,
    region: volume.region,
    sizeGb: volume.sizeGb,
    filesystemGb: volume.filesystemGb,
    encrypted: volume.encrypted,
    snapshotRetention: volume.snapshotRetention,
    scheduledSnapshots: volume.scheduledSnapshots,
    attachedMachine: volume.attachedMachine ?? null,
  };
}

function addressSnapshot(address: Address): AddressSnapshot {
  return { ip: address.ip, kind: address.kind, region: address.region, network: address.network?.name ?? null };
}

/**
 * The snapshot without what differs between two runs that ended alike: ids become the names of what they name,
 * addresses, versions and the count of secret writes go. Of equal volumes it does not matter which machine has which.
 */
export function endStateOf(world: Holder): unknown {
  return snapshotOf(world).map(({ secretsVersion: _version, addresses, machines, volumes, ...app }) => {
    const names = new Map<string, string>();
    for (const machine of machines) names.set(machine.id, `machine ${machine.name}`);
    for (const volume of volumes) names.set(volume.id, `volume ${volume.name} in ${volume.region}`);
    return {
      ...app,
      machines: machines.map(({ version: _instance, ...machine }) => renamed(machine, names)),
      volumes: volumes.map((volume) => renamed(volume, names)).toSorted(byText((volume) => JSON.stringify(volume))),
      addresses: addresses.map(({ ip: _ip, ...address }) => address),
    };
  });
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return names.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renamed(item, names)]));
}
