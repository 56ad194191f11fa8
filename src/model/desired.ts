import type { Descent, LaterCommit, Mentions, NamedApps } from './removal.ts';
import type { MachineConfig, MachineGuest } from '../../schemas/fly/machine.ts';
import type { JsonObject, JsonValue } from './base/json.ts';
import type { SyncPolicy } from './base/policy.ts';
import type { Problem } from './base/problem.ts';
import type { SecretValue } from './base/secret-value.ts';
import type { FleetOwner } from './stamps/owner.ts';
import type { V0Versions } from './stamps/v0-versions.ts';

/** One app, fully merged. Holds no secret values. */
export interface DesiredApp {
  readonly name: string;
  /** undefined: chosen when the org list is known (the token's only org, else personal). */
  readonly org: string | undefined;
  /** true: git names none, and `org` is the fleet's default, or where the app is on Fly already. */
  readonly orgIsDefault?: boolean | undefined;
  /** app.yaml from the config root. */
  readonly file: string;
  /** Every file it was read from, from the config root, outermost project first. */
  readonly files: readonly string[];
  /** Names of the enclosing projects, outermost first. */
  readonly projects: readonly string[];
  readonly primaryRegion: string;
  /** Primary first, then extra_regions, without repeats. */
  readonly regions: readonly string[];
  /** The resolved fly config after repair: what `flycd render` prints. */
  readonly fly: JsonObject;
  readonly source: DesiredSource;
  /** `git:`, `tree:`, `image:` or `content:` and an id; undefined where the source could not be read. */
  readonly appVersion: string | undefined;
  readonly image: DesiredImage;
  readonly groups: readonly DesiredGroup[];
  readonly volumes: readonly DesiredVolume[];
  readonly secrets: readonly DesiredSecret[];
  readonly network: DesiredNetwork;
  readonly policy: SyncPolicy;
  /** `i2:` and a hash of what git says of what runs: documents before the merge, files, app version. Policy is none of it. */
  readonly inputs: string;
  /** Apps of the fleet that have to run what git wants of them before this one is released. */
  readonly dependsOn?: readonly string[] | undefined;
  /** Run on a machine of its own before a release reaches the app's machines. */
  readonly releaseCommand?: DesiredReleaseCommand | undefined;
  /** Flags of `deploy_params` that mean something to FlyCD. */
  readonly highAvailability: boolean;
  readonly strategy: 'rolling' | 'immediate';
  /** Machines that may be down at once while rolling: under 1 a fraction, else a count. flyctl's default is 0.33. */
  readonly maxUnavailable: number;
  /** Seconds without progress before a machine counts as failed. flyctl's default is 300. */
  readonly waitTimeoutSeconds: number;
}

export type DesiredSource =
  | { readonly type: 'image'; readonly ref: string }
  | {
      readonly type: 'git';
      readonly repo: string;
      readonly ref: string;
      readonly path: string;
      readonly commit: string | undefined;
    }
  | { readonly type: 'local'; readonly path: string }
  | { readonly type: 'inline-docker-file' };

export type DesiredImage =
  /** `digest` undefined: no registry could be asked; the tag is sent as written. */
  | { readonly kind: 'reference'; readonly ref: string; readonly digest: string | undefined }
  /** `build` undefined: its source could not be read, so nobody knows what to build. */
  | {
      readonly kind: 'build';
      readonly source: DesiredSource;
      readonly build: DesiredBuild | undefined;
      /** Why its source could not be read, where time or the network mends it. */
      readonly unread?: string;
    };

export interface DesiredBuild {
  /** 32 hex: hash of all that decides what the image becomes. One key is built once. */
  readonly key: string;
  /** `build` of the fly config, without image, Dockerfile and ignore file. */
  readonly settings: JsonObject;
}

/** What a builder is given, on disk. Absolute paths; a Dockerfile may be a URL. */
export interface BuildFiles {
  readonly context: string;
  /** undefined: the builder looks for it. */
  readonly dockerfile: string | undefined;
  readonly ignorefile: string | undefined;
}

export interface DesiredReleaseCommand {
  /** As written. */
  readonly command: string;
  /** Of its machine, in wire names, without image. */
  readonly config: MachineConfig;
  /** For which it may run. */
  readonly timeoutSeconds: number;
}

export interface DesiredGroup {
  readonly name: string;
  /** Mapped machine config without image, volume ids, FLYCD_* and bookkeeping metadata. `guest` only where git names it. */
  readonly config: MachineConfig;
  /** 32 hex: hash of `config`. */
  readonly configVersion: string;
  /** Machines by region where git says how many; undefined: flyctl's defaults until there are some, then what is there. */
  readonly counts: Readonly<Record<string, number>> | undefined;
  readonly hasServices: boolean;
  readonly mount: { readonly volume: string; readonly path: string } | undefined;
  /** true: another controller decides how many. */
  readonly autoscaled: boolean;
  /** Size of a new machine where neither git nor another machine of the group gives one. */
  readonly newGuest?: MachineGuest | undefined;
}

export interface DesiredVolume {
  readonly name: string;
  readonly sizeGb: number;
  /** Only raises the number that machines need, per region. */
  readonly count: number;
  /** The process group that mounts it. */
  readonly group: string | undefined;
  readonly snapshotRetentionDays: number | undefined;
  readonly scheduledSnapshots: boolean | undefined;
}

export type SecretOrigin = { readonly type: 'env'; readonly variable: string } | { readonly type: 'raw' };

export interface DesiredSecret {
  readonly name: string;
  readonly origin: SecretOrigin;
  /** Why its variable is never read, and Fly keeps what it has; undefined: it may be read. */
  readonly refused?:
    | {
        /** The project that brings its repo in, by the name that the operator's own config gives it. */
        readonly project: string;
        /** It begins as a name with * says, and tools know it as a credential or a proxy: only its whole name lifts it. */
        readonly isTool: boolean;
        /** What the project may read, as it is written: names, and how names begin. */
        readonly allowed: readonly string[];
      }
    | undefined;
}

export interface DesiredAddress {
  readonly version: 'v4' | 'v6';
  readonly shared: boolean;
  readonly private: boolean;
  readonly region: string | undefined;
  readonly network: string | undefined;
  readonly org: string | undefined;
}

export interface DesiredNetwork {
  /** undefined: git does not say; a new app with services gets flyctl's default addresses once. */
  readonly ips: readonly DesiredAddress[] | undefined;
  readonly autoPruneIps: boolean;
}

/** What git wants, as one value. */
export interface DesiredFleet extends FleetOwner {
  /** Owner name stamped on machines. Never a URL or a path. */
  readonly name: string;
  /** true: written down in flycd.yaml or the root project.yaml; orphans are sought only then. */
  readonly named: boolean;
  /** true: a folder or file inside of the repo was given, and the rest may hold apps of the fleet as well. */
  readonly isPart?: boolean | undefined;
  /** Commit, `<commit>-dirty`, or `content:<hash>`. */
  readonly revision: string;
  /** Folder of the repo that `file` in apps and problems starts from; '' = the repo's top. */
  readonly root: string;
  readonly apps: readonly DesiredApp[];
  /** Apps that could not be read, by name where it is known, else by file. */
  readonly invalid: readonly InvalidApp[];
  /** Apps that git names as well, and that this pass is not about. */
  readonly unselected?: readonly string[] | undefined;
  /**
   * What in the config repo may name an app that this config does not, by its name or by what its file held. Only what is
   * new counts. Throws a Fault where it cannot be told.
   */
  mentions?: Mentions | undefined;
  /**
   * The same at the commit that a work tree stands at, of which the disk may lack files, or have others. Its own files alone
   * count. Not there where a commit was read, or there is none. Throws a Fault where it cannot be read.
   */
  mentionsAt?: ((commit: string) => Promise<Mentions>) | undefined;
  /** What a file of its repo held at a commit; undefined: it is not there. Not there where there is no history. Throws a Fault where it cannot be read. */
  bytesAt?: ((commit: string, path: string) => Promise<Uint8Array | undefined>) | undefined;
  /** Content ids of all files of its repo at a commit, by path; of another repository in it one that never changes. Not there where there is no history. Throws a Fault where the commit cannot be read. */
  pathsAt?: ((commit: string) => Promise<ReadonlyMap<string, string>>) | undefined;
  /** The fleet's own policy, of flycd.yaml: for what belongs to no app that git names. */
  readonly policy: SyncPolicy;
  /** Every problem of the tree, warnings included. */
  readonly problems: readonly Problem[];
  /** false: a project's repo was unreachable or a project.yaml broken. Missing apps are then unknown, never orphans. */
  readonly whole: boolean;
  /** Git repos and refs that apps or projects follow: what a webhook is matched with. */
  readonly followed: readonly FollowedRef[];
  /** A secret's value, read when asked for; undefined where the environment lacks it. */
  secretValue(app: string, name: string): SecretValue | undefined;
  /**
   * Puts what an app is built from into an empty folder. Throws a Fault, also for an app that is not built: transient where it
   * has changed since it was read.
   */
  writeBuild(app: string, folder: string): Promise<BuildFiles>;
  /**
   * Whether an image that FlyCD 0.x built, by the versions that it wrote beside it, is what git wants built: it would have
   * called the app unchanged. Throws a Fault, transient, where that cannot be told now.
   */
  builtByV0(app: string, versions: V0Versions): Promise<boolean>;
  /**
   * The same config as it was at a commit of its repo, by the commit's whole id. Not there where the config has no
   * history: a plain folder. Throws a Fault where the commit cannot be read.
   */
  earlier?: ((commit: string) => Promise<DesiredFleet>) | undefined;
  /**
   * Whether the config as it was read has a commit in its history, itself included, and what that commit named it may
   * therefore have removed. Not there where the config has no history: a plain folder.
   */
  descendsFrom?: ((from: string, commit?: string) => Promise<Descent>) | undefined;
  /** What it named at a commit. Not there where there is no history. Throws a Fault where the commit cannot be read. */
  namesAt?: ((commit: string) => Promise<NamedApps>) | undefined;
  /**
   * Commits that go on from the one that was read, and may name an app that is gone here; with the id of what the file held
   * that named it last. Throws where git does not say.
   */
  laterCommits?: ((app: string, namedBy?: string) => Promise<readonly LaterCommit[]>) | undefined;
  /** Where each value of an app's fly config was written. Empty for an app that could not be read. */
  explain(app: string): readonly ExplainedField[];
}

export interface ExplainedField {
  /** `services[0].internal_port` */
  readonly path: string;
  readonly value: JsonValue;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `app_defaults of project shop`; undefined: the app's own file. */
  readonly part: string | undefined;
  /** project.yaml:12, where a substitution wrote what stands there. */
  readonly substitutedBy: string | undefined;
}

export interface InvalidApp {
  /** The app's name, where it could be read. */
  readonly name: string | undefined;
  readonly file: string;
  /** Apps that it names in `depends_on`, as far as that could be read. */
  readonly dependsOn?: readonly string[] | undefined;
}

export interface FollowedRef {
  readonly repo: string;
  /** Branch or tag name; `HEAD` = the default branch. */
  readonly ref: string;
  /** undefined: the config repo or a project's repo, which concerns every app. */
  readonly app: string | undefined;
}
