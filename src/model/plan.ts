import type { IpAssignmentRequest, VolumeRequest } from '../../schemas/fly/app.ts';
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { DesiredSource, SecretOrigin } from './desired.ts';
import type { JsonValue } from './base/json.ts';
import type { Problem } from './base/problem.ts';
import type { Sent } from './stamps/stamps.ts';
import type { Slot } from './stamps/slot.ts';

/** safe: nobody notices; restart: a machine restarts; costs: money each month; destructive: cannot be undone. */
export type Risk = 'safe' | 'restart' | 'costs' | 'destructive';

export interface FieldChange {
  /** Wire names with keyed items: `services[tcp/8080].ports[443].handlers`. */
  readonly path: string;
  /** undefined: not there before. */
  readonly from: JsonValue;
  /** undefined: goes away. */
  readonly to: JsonValue;
}

interface StepBase {
  /** `app`, `app/web/arn/1`, `app/SECRET`, `app/data/arn`. */
  readonly target: string;
  readonly app: string;
  /** Why, for a person: "git names it, Fly lacks it". Outside the plan's id. */
  readonly because: string;
  readonly risk: Risk;
  readonly changes: readonly FieldChange[];
}

/** Of what Fly has no key for: how many are there when the step's turn comes. More of them: somebody else was faster. */
interface Keyless {
  readonly there: number;
}

export type AppStep =
  | (StepBase & { readonly kind: 'app.create'; readonly org: string | undefined; readonly network: string | undefined })
  | (StepBase & { readonly kind: 'app.adopt' })
  | (StepBase & { readonly kind: 'app.destroy' });

export interface ImageStep extends StepBase {
  readonly kind: 'image.build';
  readonly source: DesiredSource;
  /** undefined: nobody knows yet what to build. */
  readonly key: string | undefined;
  /** `registry/app:label`: what it is called until its digest is known. */
  readonly ref: string | undefined;
  /** The app in whose repository the image lies already. */
  readonly from: string | undefined;
}

export type AddressStep =
  | (StepBase & { readonly kind: 'address.allocate'; readonly request: IpAssignmentRequest } & Keyless)
  | (StepBase & {
      readonly kind: 'address.release';
      readonly address: string;
      /** Addresses that git's list has found on Fly: where one of them is gone, this one may be what takes its place. */
      readonly staying: readonly string[];
    });

export type SecretStep =
  | (StepBase & { readonly kind: 'secret.set'; readonly name: string; readonly origin: SecretOrigin })
  | (StepBase & { readonly kind: 'secret.unset'; readonly name: string });

export type VolumeStep =
  | (StepBase & {
      readonly kind: 'volume.create';
      readonly request: VolumeRequest;
      readonly group: string | undefined;
    } & Keyless)
  | (StepBase & { readonly kind: 'volume.extend'; readonly volumeId: string; readonly sizeGb: number })
  | (StepBase & {
      readonly kind: 'volume.configure';
      readonly volumeId: string;
      readonly snapshotRetentionDays: number | undefined;
      readonly scheduledSnapshots: boolean | undefined;
    });

/** A machine of a slot: one that is there, or, without an id, the one that the same plan makes. */
export interface SlotMachine {
  readonly slot: Slot;
  readonly machineId: string | undefined;
}

export interface MachineCreate extends StepBase {
  readonly kind: 'machine.create';
  readonly slot: Slot;
  /** Whole config to send, without a volume's id and without flycd_launch: both are known only when it is sent. */
  readonly config: MachineConfig;
  readonly sent: Sent;
  /** Volume name to mount, taken from the free ones of that name in the region. */
  readonly mount: { readonly volume: string; readonly path: string } | undefined;
  /** Waits as in flyctl: services and checks decide how long. */
  readonly group: string;
  readonly skipLaunch: boolean;
  /** Only of a standby: whose place it takes when its host fails. */
  readonly standsInFor?: SlotMachine | undefined;
  /** Ids of machines whose place it takes: they hold the slot and do not keep it. */
  readonly replaces?: readonly string[] | undefined;
}

export interface MachineUpdate extends StepBase {
  readonly kind: 'machine.update';
  readonly machineId: string;
  readonly slot: Slot;
  readonly group: string;
  /** Whole config to send: desired laid over live, with stamps. */
  readonly config: MachineConfig;
  readonly sent: Sent;
  /** instance_id this was computed from; Fly refuses the update when it moved. */
  readonly currentVersion: string | undefined;
  /** A machine that is not running stays so. */
  readonly skipLaunch: boolean;
  /** drift: healing what a human changed; change: git moved; secrets: newer secrets; */
  readonly reason: 'change' | 'drift' | 'secrets';
  /** true: git's inputs are those of the last update, and what we would send differs: this FlyCD maps them differently. */
  readonly remapped?: boolean | undefined;
  /** true: of those inputs nobody knows; an earlier FlyCD wrote them down in another way. */
  readonly unknownInputs?: boolean | undefined;
  /** Only of a standby whose machine is gone: the one whose place it takes from now on. */
  readonly standsInFor?: SlotMachine | undefined;
}

export interface MachineLabel extends StepBase {
  readonly kind: 'machine.label';
  readonly machineId: string;
  /** Metadata patch; null removes a key. */
  readonly metadata: Readonly<Record<string, string | null>>;
  readonly group?: string | undefined;
  /** true: first of all the machine has to be healthy, which it was not when it was changed last. */
  readonly proves?: boolean | undefined;
}

export interface MachineAction extends StepBase {
  readonly kind: 'machine.destroy' | 'machine.start' | 'machine.cordon' | 'machine.uncordon';
  readonly machineId: string;
  readonly group: string;
  /**
   * Of a destroy: not while another machine of the group (of any, where git no longer names this one) was not seen healthy,
   * for this one may be what serves.
   */
  readonly onceHealthy?: boolean | undefined;
  /** Of a destroy: the machine that takes its place, where the same plan makes it or has yet to see it healthy. */
  readonly successor?: SlotMachine | undefined;
}

/** So that the filesystem on a volume grows with it. Done only where Fly says that the extend needs it. */
export interface MachineRestart extends StepBase {
  readonly kind: 'machine.restart';
  readonly machineId: string;
  readonly group: string;
  readonly volumeId: string;
  /** What the machine runs. */
  readonly sent: Sent | undefined;
  /** true: the proxy stops and starts it, so it may boot before its turn comes. */
  readonly stopsByItself: boolean;
}

/** What gives a machine another config. */
export type MachineChange = MachineCreate | MachineUpdate;

/** What is rolled out, a few machines at a time. */
export type RolloutStep = MachineChange | MachineRestart;

type MachineStep = MachineChange | MachineLabel | MachineRestart | MachineAction;

/** A new (digest, config version) reaching the machines: one step an app, listing all its machine changes. */
export interface ReleaseStep extends StepBase {
  readonly kind: 'release';
  readonly machines: readonly MachineChange[];
  /** Run first, on a machine of its own; where it fails none of the machines is touched. */
  readonly command?: ReleaseCommandRun | undefined;
}

export interface ReleaseCommandRun {
  /** As written. */
  readonly command: string;
  /** hash of the command, without the image it runs on. */
  readonly version: string;
  /** Whole config to send. */
  readonly config: MachineConfig;
  readonly region: string;
  readonly timeoutSeconds: number;
}

type CertificateStep =
  | (StepBase & { readonly kind: 'certificate.add'; readonly hostname: string })
  | (StepBase & { readonly kind: 'certificate.remove'; readonly hostname: string });

/** Closed: the one value that terminal, JSON, Markdown, history and apply share. */
export type Step =
  | AppStep
  | ImageStep
  | AddressStep
  | SecretStep
  | VolumeStep
  | ReleaseStep
  | MachineStep
  | CertificateStep;
export type StepKind = Step['kind'];

export type HoldReason =
  | 'build' // needs a build that failed, or that nobody can make here
  | 'image' // its registry gives the image to nobody without credentials
  | 'busy' // someone else is at work: a lease, a release machine, a running release
  | 'flyctl' // changed by a hand-made `fly deploy`
  | 'adoption' // the app was not ours and would restart
  | 'drift' // policy reports drift, or a path was healed three times in an hour
  | 'brake' // more removals or restarts than the brake allows
  | 'secret' // a secret has no value here and is not on Fly
  | 'permission' // a repo that a project brings in asks for what the operator has not allowed it
  | 'dependency' // an app it depends on is not at its newest version, or not well
  | 'window' // outside of the windows in which releases may begin
  | 'unread' // a kind could not be read
  | 'unreachable' // a machine's host does not answer: FlyCD goes on once it does, or makes the machine anew
  | 'intent' // an earlier call's answer is unclear; waiting for two lists 60 s apart to agree
  | 'owner' // another fleet, or another organization, owns it
  | 'volume' // a mounted group leaving a region, or swapping a volume
  | 'destructive' // destructive and not covered by prune
  | 'manual' // `auto: false`
  | 'failed' // its release failed; the same is not tried again
  | 'rollback' // a person went back to an earlier version
  | 'suspended'; // a person wants it left alone

/** What FlyCD would do but may not, and why. */
export interface Hold {
  readonly app: string;
  readonly reason: HoldReason;
  /** For a person, a whole sentence without full stop. */
  readonly because: string;
  /** What lifts it: a command, a commit, time. */
  readonly next: string;
  readonly steps: readonly Step[];
  /** Only a person who names the app lifts it: neither `--accept` nor a reason. Outside the plan's id. */
  readonly byName?: boolean | undefined;
  /** For what time alone lifts: milliseconds since the epoch. Outside the plan's id. */
  readonly retryAt?: number | undefined;
  /** Of `unreachable`. true: the machine does not run what git says, or was not seen healthy since. Outside the plan's id. */
  readonly isBehind?: boolean | undefined;
  /** For what a person did: since when, milliseconds since the epoch. Outside the plan's id. */
  readonly since?: number | undefined;
}

/** `orphaned` is said of apps git no longer names. No other words. */
export type AppStatus =
  | 'synced'
  | 'drifted'
  | 'pending'
  | 'applying'
  | 'blocked'
  | 'held'
  | 'suspended'
  | 'orphaned'
  | 'invalid'
  | 'failed';

export interface AppPlan {
  readonly app: string;
  readonly file: string;
  /** The organization it is in on Fly; where it is not there, or Fly does not say, git's. */
  readonly org: string | undefined;
  readonly status: AppStatus;
  /** In order of apply. */
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
  /**
   * Stamps that nothing but FlyCD reads, and an app that is taken over by them alone: written with the steps, and outside of
   * all that is shown, counted and identified. Default: none.
   */
  readonly bookkeeping?: readonly Step[] | undefined;
  /**
   * Machines that run what git says, or would, and do not run: each ended by itself, and nothing that is planned, Fly or its proxy
   * begins it again. For a person, one sentence a machine; beside the status and outside of the plan's id. Default: none is known.
   */
  readonly degraded?: readonly string[] | undefined;
  /** Said once, for a person: "the platform keeps X", "3 machines of others are left alone". */
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
  /** hash of steps and holds without times, states, instance ids and `because`. */
  readonly planId: string;
}

export interface Plan {
  readonly fleet: string;
  readonly revision: string;
  readonly apps: readonly AppPlan[];
  readonly planId: string;
  readonly summary: PlanSummary;
  /** Problems of files that belong to no app. */
  readonly problems: readonly Problem[];
  readonly whole: boolean;
  /** false: Fly did not show all apps that the policy would destroy, if there are any: the plan may lack their steps. */
  readonly isListed?: boolean | undefined;
}

export interface PlanSummary {
  readonly apps: number;
  readonly synced: number;
  readonly changed: number;
  readonly invalid: number;
  readonly failed: number;
  readonly held: number;
}
