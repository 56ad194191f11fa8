import type {
  App,
  AppSecret,
  IpAssignment,
  IpAssignmentRequest,
  Region,
  Volume,
  VolumeRequest,
} from '../../schemas/fly/app.ts';
import type { Certificate } from '../../schemas/fly/certificate.ts';
import type { Lease, Machine, MachineConfig, MachineRequest, OrgMachine } from '../../schemas/fly/machine.ts';
import type { Release } from '../../schemas/fly/release.ts';
import type { JsonObject } from '../model/base/json.ts';
import type { AppPresence } from '../model/observed.ts';
import type { SecretValue } from '../model/base/secret-value.ts';

interface WaitRequest {
  /** Any of these ends the wait. `stopped` needs `version`. */
  readonly states: readonly string[];
  /** instance_id the update answered with: without it a wait can match the old version. */
  readonly version?: string | undefined;
  /** 1 to 60: Fly's proxy cuts longer ones. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OrgMachines {
  readonly machines: readonly OrgMachine[];
  /** Regions that did not answer: absence means nothing while there is one. */
  readonly errorRegions: readonly string[];
}

/**
 * Right before a call is sent, behind all that the client waits for (a Retry-After, the rate limits, other calls), which may
 * take a minute: what it throws ends the call, and nothing was sent. Each further try asks it again, and so does one that has
 * waited for its place since; `timesUnclear`: how many tries before it may have been done, for their answers say nothing of that.
 * It may ask Fly itself, but for nothing that has a question of its own: its call may hold the last place for those. When the
 * call has failed, it has ended.
 */
export type BeforeSent = (timesUnclear: number) => Promise<void>;

/** Everything that only reads. Planning and `diff` hold nothing else, so a read-only token is enough. */
export interface FlyReader {
  /** Milliseconds that Fly's clock is ahead of ours, by its last answers; below 0: behind, 0: as far as is known they agree. */
  aheadMs(): number;
  app(name: string): Promise<AppPresence>;
  apps(org: string): Promise<readonly App[]>;
  /** With leases. Destroyed ones only with includeDeleted. */
  machines(app: string, query?: { readonly includeDeleted?: boolean }): Promise<readonly Machine[]>;
  /** undefined: Fly does not know it (404). Answers `destroyed` for a while after a destroy. */
  machine(app: string, id: string): Promise<Machine | undefined>;
  /** Configs that the machine was sent, as Fly remembers them. Empty where the machine is gone. */
  machineVersions(app: string, id: string): Promise<readonly MachineConfig[]>;
  /** One call of at most 60 s: reached, deadline (Fly's 408) or gone (404). Anything else throws. */
  wait(app: string, id: string, request: WaitRequest): Promise<'reached' | 'deadline' | 'gone'>;
  volumes(app: string): Promise<readonly Volume[]>;
  volume(app: string, id: string): Promise<Volume | undefined>;
  secrets(app: string): Promise<readonly AppSecret[]>;
  addresses(app: string): Promise<readonly IpAssignment[]>;
  /** Every page. */
  certificates(app: string): Promise<readonly Certificate[]>;
  /** The app's newest ones, newest first. From an interface of Fly's that may change or be gone: read it to know more, never to go on. */
  releases(app: string): Promise<readonly Release[]>;
  /** Every page of the org-wide list: a change detector, never a conclusion. */
  orgMachines(org: string): Promise<OrgMachines>;
  regions(): Promise<readonly Region[]>;
  /** Slugs of the organizations the token reaches. Throws a stalled Fault when the token is refused. */
  organizations(): Promise<readonly string[]>;
}

interface ReleaseRequest {
  /** The fly config it comes from: what `fly config show` prints. */
  readonly definition: JsonObject;
  readonly image: string;
  readonly strategy: 'rolling' | 'immediate';
}

/** A record of a release on Fly. */
export interface ReleaseMade {
  readonly id: string;
  /** 1, 2, … of its app. */
  readonly number: number;
}

export type ReleaseStatus = 'running' | 'complete' | 'failed' | 'interrupted';

interface SecretsWritten {
  /** Counts writes per app: goes into min_secrets_version. */
  readonly version: number | undefined;
  readonly secrets: readonly AppSecret[];
}

/** Reads and writes. Writes are sent once: an unclear answer throws a FlyError with outcome `unknown`, and the reconciler looks. */
export interface FlyWriter extends FlyReader {
  /** Waits until Fly shows it, a minute at most. */
  createApp(
    request: {
      readonly name: string;
      readonly org: string;
      readonly network?: string | undefined;
    },
    beforeSent?: BeforeSent,
  ): Promise<App>;
  /** Removes the app with its machines and volumes. false: Fly answered that there is none, as it may for a moment of one that stands. */
  deleteApp(name: string, beforeSent?: BeforeSent): Promise<boolean>;
  createMachine(app: string, request: MachineRequest, beforeSent?: BeforeSent): Promise<Machine>;
  updateMachine(
    app: string,
    id: string,
    request: MachineRequest,
    nonce?: string,
    beforeSent?: BeforeSent,
  ): Promise<Machine>;
  startMachine(app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<void>;
  stopMachine(app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<void>;
  restartMachine(app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<void>;
  /** Also a running one. false: Fly answered that there is none, as it may for a moment of one that stands. */
  destroyMachine(app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<boolean>;
  cordonMachine(app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<void>;
  uncordonMachine(app: string, id: string, nonce?: string, beforeSent?: BeforeSent): Promise<void>;
  /** No restart, no new version, no lease needed; null removes a key. */
  patchMetadata(app: string, id: string, metadata: Readonly<Record<string, string | null>>): Promise<void>;
  /** Its nonce. Throws a waiting Fault naming the holder when somebody else holds it. */
  acquireLease(
    app: string,
    id: string,
    request: { readonly ttlSeconds: number; readonly description: string },
  ): Promise<string>;
  /** Gives up after `patienceMs`, all tries together. */
  refreshLease(
    app: string,
    id: string,
    nonce: string,
    terms: { readonly ttlSeconds: number; readonly patienceMs: number },
  ): Promise<void>;
  /** A lease already gone is fine. */
  releaseLease(app: string, id: string, nonce: string): Promise<void>;
  lease(app: string, id: string): Promise<Lease | undefined>;
  /**
   * Tells Fly of a release, for `fly releases`, `fly config show` and the dashboard. Machines need none: whoever calls it
   * goes on without. Ends within seconds.
   */
  createRelease(app: string, request: ReleaseRequest): Promise<ReleaseMade>;
  updateRelease(app: string, id: string, status: ReleaseStatus): Promise<void>;
  createVolume(app: string, request: VolumeRequest, beforeSent?: BeforeSent): Promise<Volume>;
  extendVolume(
    app: string,
    id: string,
    sizeGb: number,
    beforeSent?: BeforeSent,
  ): Promise<{ readonly volume: Volume; readonly needsRestart: boolean }>;
  configureVolume(
    app: string,
    id: string,
    settings: {
      readonly snapshotRetentionDays?: number | undefined;
      readonly scheduledSnapshots?: boolean | undefined;
    },
    beforeSent?: BeforeSent,
  ): Promise<Volume>;
  /** Merges; null deletes. */
  setSecrets(
    app: string,
    values: Readonly<Record<string, SecretValue | null>>,
    beforeSent?: BeforeSent,
  ): Promise<SecretsWritten>;
  allocateAddress(app: string, request: IpAssignmentRequest, beforeSent?: BeforeSent): Promise<IpAssignment>;
  /** An address already gone is fine. */
  releaseAddress(app: string, address: string, beforeSent?: BeforeSent): Promise<void>;
}
