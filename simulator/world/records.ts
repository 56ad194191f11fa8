/** The nouns of the simulated platform as it holds them; what goes over the wire is rendered from these. */
import type { CheckStatus, ImageRef, MachineConfig, MachineEvent } from '../../schemas/fly/machine.ts';
import type { MachineState } from './machine-states.ts';
import type { Chance } from './chance.ts';

/** Milliseconds since the epoch. */
export type Instant = number;

export interface Organization {
  readonly slug: string;
  readonly name: string;
  readonly number: number;
  readonly apps: Map<string, App>;
  /** Every machine of the organization by id in order of creation: what its org-wide list walks. */
  readonly machines: Map<string, Machine>;
  readonly volumes: Map<string, Volume>;
}

/** What a token may reach. */
export interface TokenGrant {
  readonly id: string;
  /** Slugs. */
  readonly organizations: readonly string[];
  /** Name that stands on leases. */
  readonly owner: string;
  readonly readOnly: boolean;
  /** Id of the only app a deploy token reaches; undefined: every app of its organizations. */
  readonly app?: string | undefined;
  /** Answered 401 from then on. */
  expiresAt?: Instant;
}

export interface App {
  readonly id: string;
  readonly name: string;
  readonly number: number;
  organization: Organization;
  readonly network: string;
  readonly createdAt: Instant;
  status: 'pending' | 'deployed' | 'suspended';
  role: string;
  readonly machines: Map<string, Machine>;
  /** Id by name, of machines that are not destroyed. */
  readonly machineNames: Map<string, string>;
  readonly volumes: Map<string, Volume>;
  readonly secrets: AppSecrets;
  readonly addresses: Map<string, Address>;
  /** By hostname. */
  readonly certificates: Map<string, Certificate>;
  /** Newest first. */
  readonly releases: Release[];
  lock: AppLock | undefined;
  /** Ids of the machines that pausing the app stopped. */
  readonly paused: Set<string>;
  /** How many ids of each operation were drawn. */
  readonly drawn: Map<string, number>;
}

/** What a deploy writes down about itself. */
export interface Release {
  readonly id: string;
  readonly app: App;
  readonly version: number;
  /** The whole fly.toml as JSON. */
  readonly definition: unknown;
  readonly image: string;
  readonly strategy: string;
  readonly description: string;
  /** E-mail of who made it. */
  readonly user: string;
  readonly createdAt: Instant;
  updatedAt: Instant;
  status: ReleaseStatus;
  metadata: unknown;
}
export type ReleaseStatus = 'pending' | 'running' | 'complete' | 'failed' | 'interrupted';

/** A note that somebody works on the app; it stops nobody. */
export interface AppLock {
  readonly id: string;
  readonly expiresAt: Instant;
}

/** A token somebody made, as lists of tokens show it. */
export interface LimitedToken {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly organization: Organization;
  readonly profile: string;
  readonly profileParams: unknown;
  /** E-mail of who made it. */
  readonly user: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  revokedAt: Instant | undefined;
  /** Id of the app it is bound to. */
  readonly app: string | undefined;
}

interface AppSecrets {
  /** Counts writes. */
  version: number;
  readonly byName: Map<string, Secret>;
}

export interface Secret {
  readonly name: string;
  value: string;
  digest: string;
  readonly createdAt: Instant;
  updatedAt: Instant;
}

export interface Address {
  readonly ip: string;
  readonly kind: AddressKind;
  readonly region: string;
  readonly serviceName: string;
  readonly network: { readonly name: string; readonly org_slug: string } | null;
  readonly createdAt: Instant;
}
export type AddressKind = 'v4' | 'v6' | 'shared_v4' | 'private_v6' | 'egress_v4' | 'egress_v6';

/** A hostname of an app with what was asked for it. DNS is the world's, not the app's. */
export interface Certificate {
  readonly hostname: string;
  readonly createdAt: Instant;
  updatedAt: Instant;
  /** A certificate of Let's Encrypt is wanted. */
  acmeRequested: boolean;
  /** Issued by Let's Encrypt: since when. */
  issuedAt: Instant | undefined;
  /** A certificate the customer brought: since when. */
  customSince: Instant | undefined;
  /** The validation that is due. */
  validating: (() => void) | undefined;
}

/** How a machine's checks end, whatever its image says. */
export type CheckRule = 'pass' | 'fail' | 'flap';

export interface Volume {
  readonly id: string;
  readonly app: App;
  readonly sequence: number;
  readonly name: string;
  readonly region: string;
  readonly host: string;
  readonly zone: string;
  readonly encrypted: boolean;
  readonly fstype: string;
  readonly createdAt: Instant;
  updatedAt: Instant;
  state: string;
  sizeGb: number;
  /** Of the filesystem on it, which follows its size when a machine boots on it. */
  filesystemGb: number;
  attachedMachine: string | undefined;
  snapshotRetention: number;
  scheduledSnapshots: boolean;
  /** When it became pending_destroy; it stays readable for a day. */
  deletedAt: Instant | undefined;
  readonly snapshots: Snapshot[];
}

export interface Snapshot {
  readonly id: string;
  readonly createdAt: Instant;
  readonly volumeSizeGb: number;
  readonly retentionDays: number;
  status: 'running' | 'created';
}

export interface Lease {
  readonly nonce: string;
  expiresAt: Instant;
  readonly owner: string;
  readonly description: string;
}

/** What a machine saw when it booted. */
interface BootSnapshot {
  readonly secretsVersion: number;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface Machine {
  readonly id: string;
  readonly app: App;
  readonly sequence: number;
  readonly name: string;
  readonly region: string;
  /** Another one after a migration, as its address. */
  host: string;
  privateIp: string;
  readonly createdAt: Instant;
  updatedAt: Instant;
  state: MachineState;
  /** ULID of the version that runs. */
  instanceId: string;
  /** Time within instanceId: the next version's is later even in the same millisecond. */
  instanceTime: Instant;
  config: MachineConfig;
  /** What its image meant when the config was written: a tag that moves later moves no machine. */
  imageRef: ImageRef;
  /** Newest first, as sent. */
  readonly versions: { readonly version: string; readonly userConfig: MachineConfig }[];
  cordoned: boolean;
  hostStatus: 'ok' | 'unknown' | 'unreachable';
  /** Newest first. */
  readonly events: MachineEvent[];
  checks: CheckStatus[];
  /** undefined: as its image says. */
  checkRule: CheckRule | undefined;
  lease: Lease | undefined;
  skipSecrets: boolean;
  booted: BootSnapshot | undefined;
  /** Restarts after exits since a person or an update last started it. */
  restartCount: number;
  /** MB that its process may use now; undefined: all of its guest. */
  memoryLimitMb: number | undefined;
  /** The next change of state that is under way by itself. */
  pending: { readonly at: Instant; readonly cancel: () => void } | undefined;
  /** When what ran before its newest update has stopped. */
  stopsAt: Instant | undefined;
  /** The next run of its checks. */
  checking: (() => void) | undefined;
  destroyedAt: Instant | undefined;
}

/** The process group that flyctl and FlyCD write. */
export function groupOf(machine: Machine): string {
  return machine.config.metadata?.['fly_process_group'] ?? '';
}

/** Hosts of a region, each a zone of its own: volumes of one name want different ones. */
export const hostsPerRegion = 12;

export function hostIn(region: string, number: number): string {
  return `${region}-${String(number % hostsPerRegion).padStart(2, '0')}`;
}

/** Four hexadecimal digits, as the platform writes zones. */
export function zoneOf(chance: Chance, host: string): string {
  return chance.hex(['zone', host], 4);
}

/** What the name servers of the world answer: values by name. `A`, `AAAA`, `CNAME` and `TXT` stand side by side. */
export type Dns = Map<string, readonly string[]>;

/** Values of a name, lower case; none where nobody answers. */
export function answersOf(dns: Dns, name: string): readonly string[] {
  return dns.get(name.toLowerCase()) ?? [];
}
