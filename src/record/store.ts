import type { Intent, IntentKind } from '../model/stamps/calls-stamp.ts';
import type { Memory, RememberedRelease, StoredMemory } from '../model/standing/memory.ts';
import type { SecretEvidence } from '../model/stamps/secrets-stamp.ts';
import type { AppPlan, AppStatus } from '../model/plan.ts';
import type { AppEvent } from '../model/standing/remembered.ts';
import type { GoodVersion } from '../model/stamps/app-version.ts';
import type { Run, RunOutcome, StepResult, Trigger } from '../model/run.ts';

export interface RunStart {
  readonly app: string;
  readonly trigger: Trigger;
  readonly actor: string;
  readonly revision: string;
  readonly plan: AppPlan;
  /** Id of the fleet's plan that it is part of. undefined: it was made for the app alone. */
  readonly wholePlan?: string | undefined;
}

/** Runs with a plan that somebody named. */
export interface CalledPlan {
  /** false: it is a plan of one app. */
  readonly ofFleet: boolean;
  /** Of each app the newest, oldest first. */
  readonly runs: readonly {
    readonly id: number;
    readonly startedAt: number;
    readonly outcome: RunOutcome | undefined;
    readonly plan: AppPlan;
  }[];
}

interface RunEnd {
  readonly outcome: RunOutcome;
  readonly status: AppStatus;
  readonly nextWakeAt: number | undefined;
  /** Of a run that goes on and found another reason. Default: the plan that it began with. */
  readonly plan?: AppPlan | undefined;
}

/** A push somebody told us of: believed only for where to look. */
export interface DeliveryRow {
  readonly id: string;
  /** The URL by which it is followed, else the one to clone. Without credentials. */
  readonly repo: string;
  /** As pushed: `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string;
  readonly receivedAt: number;
}

/** One build of an image, and how it ended. */
export interface BuildRow {
  readonly key: string;
  /** In whose repository the image is. */
  readonly app: string;
  readonly org: string | undefined;
  readonly outcome: 'built' | 'failed';
  readonly digest: string | undefined;
  /** Of one that failed. */
  readonly output: string;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** A version that an app ran well with. */
export interface RecordedGood {
  readonly runId: number;
  readonly good: GoodVersion;
}

/** An app as its newest run left it. */
export interface ToldApp {
  readonly app: string;
  /** undefined: not known then. */
  readonly org: string | undefined;
  readonly status: AppStatus;
}

/** One fleet's part of the database, as whoever changes nothing has it. */
export interface StoreReader {
  /** Newest first. Passes that found nothing to do are left out unless `all`. */
  runs(query: {
    readonly app?: string | undefined;
    readonly all?: boolean | undefined;
    readonly limit: number;
  }): Promise<readonly Run[]>;
  run(id: number): Promise<Run | undefined>;
  /** Apps of which a run is recorded, in no order. */
  appsWithRuns(): Promise<readonly string[]>;
  /** Newest run of each app: what `status` prints. */
  latestRuns(): Promise<readonly Run[]>;
  /** Apps that `status` tells of: how each was after its newest run. One whose run is under way is left out. */
  appsTold(): Promise<readonly ToldApp[]>;
  /** The revision at which a pass last found the app named in git. undefined: none did. */
  namedRevision(app: string): Promise<string | undefined>;
  /** Of these apps, by name: the organization that the newest plan which names one gives it. Missing: no plan does. */
  organizationsOf(apps: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The newest plan with an id that begins so, the fleet's or an app's, as runs carried it. */
  planCalled(id: string): Promise<CalledPlan | undefined>;
  /** Another process on this database that lives has begun a run of the same app before this one, and is at it still. */
  workedOnBefore(runId: number): Promise<{ readonly instance: string; readonly startedAt: number } | undefined>;
  /** As `Memory.revisionSeenAt`; one that was never seen is seen now. */
  revisionSeenAt(revision: string): Promise<number | undefined>;
  /** The rest is filled in by the caller. */
  memory(app: string): Promise<StoredMemory>;
  /** Newest first; with a run, those it and the ones before it left. */
  goodVersions(app: string, untilRun?: number): Promise<readonly RecordedGood[]>;
  /** Builds of one key, newest first. */
  builds(key: string): Promise<readonly BuildRow[]>;
  pendingDeliveries(): Promise<readonly DeliveryRow[]>;
  dirtyApps(): Promise<readonly { readonly app: string; readonly generation: number }[]>;
  /** Whatever is asked for afterwards fails. */
  close(): Promise<void>;
}

/** One fleet's part of the database. Text in and out has passed the Redactor. */
export interface Store extends StoreReader {
  startRun(start: RunStart): Promise<number>;
  addResult(runId: number, result: StepResult): Promise<void>;
  finishRun(runId: number, end: RunEnd): Promise<Run>;
  /** One that ended says what it says in other words. */
  retell(runId: number, told: Pick<Run, 'plan' | 'nextWakeAt'>): Promise<void>;
  /**
   * One that ended and tells nothing that `before` did not tell, which says from then on when the app is tried again. Both at once,
   * and only where they are the app's newest two, have ended, and no version is known by the one that goes. false: nothing was done.
   */
  dropRun(runId: number, before: { readonly id: number; readonly nextWakeAt: number | undefined }): Promise<boolean>;
  /**
   * Two that found the same and had nothing to do, one behind the other, are one from then on: `before` goes, so that ids follow
   * time. In one transaction, on the same terms as `dropRun`. false: nothing was done.
   */
  foldRun(runId: number, before: number): Promise<boolean>;
  /** The newest run of an app says when the app is tried again. */
  setNextWake(app: string, at: number): Promise<void>;
  /**
   * Runs without an end whose process has said nothing for a minute, or is not known, end as `interrupted`. Returns how many.
   * A process that lives all the same ends its run as it ended.
   */
  closeInterrupted(): Promise<number>;
  /**
   * Forgets some runs of the app, the oldest first, that ended before that time and are not among its newest; how many. Never one
   * that goes on, the newest, one whose version ran well, or the last that says where the app is or that git named it.
   */
  forgetRuns(app: string, what: { readonly finishedBefore: number; readonly keepNewest: number }): Promise<number>;
  /**
   * Forgets some revisions of git that were first seen before that time and are not among the newest; how many. Never the first
   * of all, nor one that the newest run of an app is of. One that git goes back to is new again.
   */
  forgetRevisions(what: { readonly seenBefore: number; readonly keepNewest: number }): Promise<number>;
  /** Gives some room of the file that is free back to the disk. true: there is more. */
  giveBackRoom(): Promise<boolean>;
  /** What the earlier owner that a person named (`FleetOwner.from`) remembers of an app is this fleet's from now on. */
  takeRows(app: string): Promise<void>;
  /** Git is at this revision: the first time it is said counts. */
  seeRevision(revision: string): Promise<void>;
  /** Of which app on Fly all this is remembered, and what stands of it: as `afterEvent` says, in one transaction. Runs stay. */
  applyEvent(app: string, event: AppEvent): Promise<void>;
  setEvidence(app: string, name: string, evidence: SecretEvidence): Promise<void>;
  removeEvidence(app: string, name: string): Promise<void>;
  addIntent(
    app: string,
    intent: { readonly kind: IntentKind; readonly target: string; readonly before: readonly string[] },
  ): Promise<Intent>;
  /** Its call is on its way at this time still. */
  redateIntent(app: string, id: number): Promise<void>;
  settleIntent(app: string, id: number): Promise<void>;
  /** Its call made the object of this id, which lists may not show yet; that it is FlyCD's is remembered from then on. */
  fulfilIntent(app: string, id: number, made: string): Promise<void>;
  /** An object of this id is FlyCD's, by a call that another tells of. Saying it twice is the same as once. */
  addMade(app: string, kind: IntentKind, id: string): Promise<void>;
  addHeals(app: string, paths: readonly string[]): Promise<void>;
  markKnown(app: string): Promise<void>;
  markDefaultAddressesGiven(app: string): Promise<void>;
  markDefaultAddressesOwed(app: string): Promise<void>;
  /** As `Memory.populated`. */
  setPopulated(app: string, groups: Readonly<Record<string, string>>): Promise<void>;
  setUnreachable(app: string, unreachable: Memory['unreachable']): Promise<void>;
  setTold(app: string, release: RememberedRelease): Promise<void>;
  /** The run at whose end the app's machines ran this version well. */
  addGood(app: string, good: GoodVersion, runId: number): Promise<void>;
  /** Its output ends with its last lines, and holds no secrets. */
  addBuild(build: Omit<BuildRow, 'finishedAt'>): Promise<void>;
  /** false: that delivery id was stored before. Durable when it resolves. */
  storeDelivery(delivery: DeliveryRow): Promise<boolean>;
  /** Writes what a delivery would, and takes it back. Throws the Fault with which one could not be stored now. */
  checkStorage(): Promise<void>;
  /** Marks apps dirty and finishes the deliveries, in one transaction. */
  finishDeliveries(ids: readonly string[], apps: readonly string[]): Promise<void>;
  /** Durable dirty set. A mark set while the app runs makes it run again: `generation` tells the two apart. */
  markDirty(apps: readonly string[]): Promise<void>;
  /** Removes the mark only if its generation is still the same. */
  clearDirty(app: string, generation: number): Promise<void>;
}
