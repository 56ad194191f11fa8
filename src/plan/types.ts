/** What planning starts from, and what its parts hand on to each other. */
import type { DesiredApp, DesiredGroup } from '../model/desired.ts';
import type { Memory } from '../model/standing/memory.ts';
import type { SecretEvidence } from '../model/stamps/secrets-stamp.ts';
import type { ObservedApp } from '../model/observed.ts';
import type {
  Hold,
  HoldReason,
  Step,
  ImageStep,
  SecretStep,
  VolumeStep,
  MachineAction,
  SlotMachine,
  MachineCreate,
  MachineUpdate,
  MachineLabel,
} from '../model/plan.ts';
import type { Problem } from '../model/base/problem.ts';
import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import type { Sent } from '../model/stamps/stamps.ts';
import type { Slot } from '../model/stamps/slot.ts';
import type { FleetOwner, OtherOwner } from '../model/stamps/owner.ts';
import type { RegionStamps } from '../model/stamps/region-stamps.ts';
import type { StandingTexts } from '../model/standing/standing.ts';
import type { StampedEvidence } from '../model/stamps/secrets-stamp.ts';

export interface PlanAppInput {
  readonly desired: DesiredApp;
  readonly observed: ObservedApp;
  readonly memory: Memory;
  /** The fleet that git is: whose stamps are ours. */
  readonly fleet: FleetOwner;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly options: PlanOptions;
  /** Warnings of this app, passed through. */
  readonly problems: readonly Problem[];
}

export interface PlanOptions {
  /** A person confirmed that FlyCD takes the app over. */
  readonly adopt: boolean;
  /** It was taken over from another owner in this command, and is planned again. */
  readonly adopted?: boolean | undefined;
  /** Apps that a person named. Empty or undefined: none, so that all are meant. */
  readonly apps?: readonly string[];
  /** A person confirmed what leaves data behind. */
  readonly accept?: boolean | undefined;
  /** v0's --force: an update for every machine, changes or not. */
  readonly force: boolean;
  /** A person insists (`sync --now`): drift and what flyctl changed are healed at once. */
  readonly now: boolean;
  /**
   * Who deals with a call whose answer was lost less than a minute ago. wait (the default): the step is planned, and
   * whoever applies it looks before it repeats the call. requeue: the step is held until time has told.
   */
  readonly patience?: 'wait' | 'requeue' | undefined;
}

/** A plan in the making. */
export interface PlanDraft {
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
}

export interface HoldParts {
  readonly reason: HoldReason;
  readonly because: string;
  readonly next: string;
  readonly steps?: readonly Step[];
  readonly retryAt?: number | undefined;
  readonly byName?: boolean;
}

/** What one kind of resource adds to an app's plan. */
export interface KindPlan {
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
  readonly notes: readonly string[];
}

/** A machine that counts for a group. */
export interface GroupMachine {
  readonly machine: Machine;
  readonly metadata: Readonly<Record<string, string>>;
  readonly group: string;
  /** false: flyctl's, in a group that git names. */
  readonly ours: boolean;
  /** undefined: its host does not answer; it counts, and nothing else is concluded. */
  readonly live: MachineConfig | undefined;
  readonly sent: Sent | undefined;
  /** The slot its stamp claims, in its own region. */
  readonly claim: Slot | undefined;
}

/**
 * What a deployment by hand left, and what it is: of a group that git does not name, a canary, or of a bluegreen one that died:
 * replaced, so that green ones are there for it, or a green one that replaced nothing.
 */
interface Leftover extends GroupMachine {
  readonly left: 'group' | 'canary' | 'replaced' | 'unfinished';
  /** Machines that are gone, which were not read, may tell that it was there when FlyCD came. */
  readonly isUncertain: boolean;
}

export interface MachineInventory {
  /** In groups that git names, in the order in which they may claim slots. */
  readonly members: readonly GroupMachine[];
  /** Ours, with another machine in their place. */
  readonly replaced: readonly GroupMachine[];
  /** Ours, in groups that git no longer names. */
  readonly removed: readonly GroupMachine[];
  /** Of a deployment by hand since FlyCD came, where git names none. */
  readonly leftovers: readonly Leftover[];
  /** Machines of others, by what they are. */
  readonly leftAlone: ReadonlyMap<LeftAloneKind, number>;
  /** Ids of all machines that are there, whoever they belong to. */
  readonly present: ReadonlySet<string>;
  /** Regions with a machine of which nothing can be read: it may be one that counts. */
  readonly obscuredRegions: ReadonlySet<string>;
  /** Another fleet that owns machines here. */
  readonly otherFleet: OtherOwner | undefined;
  /** Ids of the releases on Fly that are known for FlyCD's. */
  readonly ownReleases: ReadonlySet<string>;
  /** flyctl's machines are there in groups that git does not name, and nothing that was read tells whether FlyCD came before them. */
  readonly isUntold: boolean;
  readonly busy: OtherDeployment | undefined;
}

/** Machines that a plan does not touch. */
export type LeftAloneKind =
  | 'unreadable'
  | 'temporary'
  | 'canary'
  | 'left by bluegreen'
  | 'giving way'
  | 'copied'
  | 'unmanaged'
  | 'unnamed group';

export interface OtherDeployment {
  /** Who, for a person. */
  readonly holder: string;
  /** What a person can do. Default: it is over by itself. */
  readonly next?: string | undefined;
  readonly retryAt: number;
}

export interface WantedCounts {
  readonly byRegion: ReadonlyMap<string, number>;
  /** true: more than that are removed. */
  readonly exact: boolean;
  /** true: flyctl's defaults for a new group, until all of them have been there once. */
  readonly first: boolean;
  /** How many standbys it should have at least; none is removed for being one too many. */
  readonly standbys: number;
  /** Of a group that git gives no count. undefined: nothing is stamped. */
  readonly regions?: RegionStamps | undefined;
}

export interface KnownImage {
  readonly state: 'known';
  /** As it is sent: with its digest wherever somebody knows it. */
  readonly ref: string;
  /** What has to be done before it is there. */
  readonly build?: ImageStep | undefined;
  /** Stamp of machines that run it, where FlyCD did not build it. */
  readonly built?: string | undefined;
  matches(machine: Machine, live: MachineConfig): boolean;
}

/** It cannot be had, and why. */
interface UnbuiltImage extends Omit<HoldParts, 'steps'> {
  readonly state: 'unbuilt';
}

export type WantedImage = KnownImage | UnbuiltImage;

export interface KnownEvidence {
  /** What each machine's stamp should say. undefined: Fly's machines or secrets could not be read, so stamps stay. */
  readonly stamped: readonly StampedEvidence[] | undefined;
  /** Of it what SQLite lacks and Fly's digests bear out: kept there, for when the machines are gone. */
  readonly learnt: readonly StampedEvidence[];
  /** Under our key by name: those of stamps, then SQLite's. */
  readonly candidates: ReadonlyMap<string, readonly SecretEvidence[]>;
  /** Names that a FlyCD of this fleet has set, under whatever key. */
  readonly ours: ReadonlySet<string>;
}

/** How new an app's secrets are: what tells a machine that is behind. */
export interface SecretsFreshness {
  /** Milliseconds since the epoch; undefined: none is known. */
  readonly newestAt: number | undefined;
  readonly newestName: string | undefined;
  /** Names that this plan sets to a value that Fly does not have yet. */
  readonly sets: readonly string[];
}

export interface SecretsPlan {
  readonly steps: readonly SecretStep[];
  readonly holds: readonly Hold[];
  /** Of the held ones: names that Fly lacks, so that no machine may start yet. */
  readonly absent: ReadonlySet<string>;
  readonly notes: readonly string[];
  /** To be set together with the next release: Fly has a value, and nobody knows whether it is this one. */
  readonly withRelease: readonly SecretStep[];
  /** Of the steps: those that undo what somebody did on Fly. */
  readonly drift: ReadonlySet<SecretStep>;
  /** Of the steps: those whose value is another one here than it was, which neither git nor Fly has done. */
  readonly rotated: ReadonlySet<SecretStep>;
  readonly freshness: SecretsFreshness;
}

export interface VolumesPlan extends KindPlan {
  /** By group: what machines that only a person may have made anew need. */
  readonly held: ReadonlyMap<string, readonly VolumeStep[]>;
}

export interface MachinesInput {
  readonly input: PlanAppInput;
  readonly inventory: MachineInventory;
  readonly image: WantedImage;
  /** Newest change among the secrets that git names, and whether this plan sets one. */
  readonly secrets: SecretsFreshness;
  /** The stamp with evidence that every machine should carry; null: none, undefined: as it is. */
  readonly secretsStamp: string | null | undefined;
  /** What stands about the app as a whole: every machine should carry it. */
  readonly standing: StandingTexts;
  /** Stamp of the release command that has run on the wanted image. */
  readonly command: string | undefined;
  /** true: differences from git are healed; false: `report` or `off` leave the state of machines alone. */
  readonly heals: boolean;
  /** Names of volumes by id, where they could be read. */
  readonly volumeNames: ReadonlyMap<string, string>;
  /** How many volumes belong to machines that are gone or on their way, by `name/region`: they are free in a moment. */
  readonly departing: ReadonlyMap<string, number>;
}

/** Everything that one group's planning looks at. */
export interface GroupScope extends MachinesInput {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly members: readonly GroupMachine[];
  readonly slots: ReadonlyMap<string, Slot>;
  readonly wanted: WantedCounts;
}

export interface CompareScope extends GroupScope {
  /** true: the group's first machines are all there, so they need not say any more that they are the first. */
  readonly complete: boolean;
  /** Whose place the group's standbys take. */
  readonly primary: SlotMachine | undefined;
}

export interface StampInput {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly fleet: FleetOwner;
  readonly slot: Slot;
  /** As sent. */
  readonly image: string;
  /** Of the release command that has run on this image. */
  readonly command?: string | undefined;
  /** What the image would be built from, where FlyCD did not build it. */
  readonly built?: string | undefined;
  /** Evidence of the app's secrets; null: there is none, undefined (the default): a machine keeps what it carries. */
  readonly secretsStamp?: string | null | undefined;
  /** Regions that git names; null: none are written down, undefined (the default): a machine keeps what it carries. */
  readonly regions?: string | null | undefined;
  /** What stands about the app as a whole. */
  readonly standing?: StandingTexts | undefined;
}

export interface MountMismatch {
  /** true: it has no volume yet, so none is left behind. */
  readonly gains: boolean;
  /** What it has: "no volume, and should mount data". */
  readonly has: string;
}

/** A machine that only a person may have made anew, and how that goes. */
export interface Remount {
  /** Its slot. */
  readonly place: string;
  /** What it has, and git does not give it. */
  readonly has: string;
  readonly create: MachineCreate;
  readonly destroy: MachineAction;
}

export interface GroupDraft {
  readonly updates: MachineUpdate[];
  readonly labels: MachineLabel[];
  readonly starts: MachineAction[];
  readonly destroys: MachineAction[];
  /** Creates of machines that take the place of others. */
  readonly replacements: MachineCreate[];
  readonly misfits: Remount[];
  readonly holds: Hold[];
  readonly notes: string[];
  /** Machines that get no volume now, by region. */
  readonly withoutVolume: Map<string, number>;
  /** Places that wait for a volume whose machine is going, by region. */
  readonly awaited: Map<string, number>;
  readonly byFlyctl: Set<string>;
  readonly driftLabels: Set<MachineLabel>;
  readonly kept: Set<string>;
  carried: boolean;
}

/** Machine changes of one group, not yet gathered into a release. */
export interface GroupPlan {
  readonly group: DesiredGroup;
  readonly members: readonly GroupMachine[];
  readonly wanted: WantedCounts;
  readonly creates: readonly MachineCreate[];
  readonly updates: readonly MachineUpdate[];
  readonly labels: readonly MachineLabel[];
  readonly starts: readonly MachineAction[];
  readonly destroys: readonly MachineAction[];
  readonly holds: readonly Hold[];
  readonly notes: readonly string[];
  /** Machines that only a person may have made anew. */
  readonly misfits: readonly Remount[];
  /** Machines that get no volume now, by region. */
  readonly withoutVolume: ReadonlyMap<string, number>;
  /** true: some machine has been brought to what git wants, so its release has been. */
  readonly carried: boolean;
  /** Of the updates: machines that a deployment by hand may have changed. */
  readonly byFlyctl: ReadonlySet<string>;
  /** Of the labels: those that follow a change on Fly. */
  readonly driftLabels: ReadonlySet<MachineLabel>;
}

export interface RemovedMachines {
  readonly destroys: readonly MachineAction[];
  readonly holds: readonly Hold[];
}
