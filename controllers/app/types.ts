import type { Region } from '../../schemas/fly/app.ts';
import type { FlyReader, FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { DesiredFleet, DesiredApp } from '../../src/model/desired.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { Memory } from '../../src/model/standing/memory.ts';
import type { Remembered } from '../../src/model/standing/remembered.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import type { AppPlan, Hold } from '../../src/model/plan.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { Trigger } from '../../src/model/run.ts';
import type { PlanOptions } from '../../src/plan/app.ts';
import type { GuardedPlan } from '../../src/plan/steps/guarded.ts';
import type { KnownEvidence } from '../../src/plan/types.ts';
import type { KnownRelease } from '../../src/plan/target/release-record.ts';
import type { Evidence } from '../../src/record/evidence.ts';
import type { Store, StoreReader } from '../../src/record/store.ts';
import type { AppServices, ImageBuilder } from '../pass/services.ts';
import type { ImageLookup } from '../images/lookup.ts';
import type { OwnWrites } from '../kinds/own-writes.ts';
import type { Steering } from '../rollout/target.ts';

export interface PlanAppRequest {
  readonly clock: Clock;
  readonly fly: FlyReader;
  readonly store: StoreReader | undefined;
  readonly evidence: Evidence | undefined;
  /** undefined: images of sources are neither looked for nor built. */
  readonly sight?: ImageLookup | undefined;
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  readonly options: PlanOptions;
  /** Organizations of the token, asked for once for many apps. Default: Fly is asked. */
  readonly reached?: (() => Promise<readonly string[]>) | undefined;
  /** Fly's regions, asked for once for many apps. undefined: nobody looks whether those that git names are there. */
  readonly regions?: (() => Promise<readonly Region[]>) | undefined;
}

export interface PlannedApp {
  readonly plan: AppPlan;
  readonly observed: ObservedApp;
  readonly known: KnownEvidence;
  readonly release: KnownRelease;
  /** Since when hosts of its machines do not answer, by machine. */
  readonly unreachable: Memory['unreachable'];
  readonly steering: Steering;
  /** As SQLite had it then, whichever app it is about. */
  readonly remembered: Remembered;
  /** Where a person insists: what would be held without that word. */
  readonly lifted: readonly Hold[];
  /** What the plan is towards: git's wish, or the version at which the app is held. */
  readonly wanted: DesiredApp;
}

/** What may be applied. */
export interface GuardedApp extends PlannedApp {
  readonly plan: GuardedPlan;
}

export interface SyncAppOptions extends AppServices {
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  readonly plan: GuardedPlan;
  /** A later plan of the same pass, by the guards that `plan` has passed: what they held back of it stays so. */
  readonly guard: (later: PlannedApp) => GuardedPlan;
  /** What the plan was made from. */
  readonly planned: Omit<PlannedApp, 'plan'>;
  /** Id of the fleet's plan that it is part of. */
  readonly wholePlan?: string | undefined;
  readonly trigger: Trigger;
  readonly actor: string;
  readonly newer?: AbortSignal | undefined;
  /** Of the tries before this one. Default: this is the first. */
  readonly ownWrites?: OwnWrites | undefined;
  /** true: nobody asked for it just now. What gives way for the reason that the run before it gave way for is no news then. */
  readonly isAgain?: boolean | undefined;
  /**
   * After a wait for another process that shares the database, before anything was done: the same app, planned from there.
   * Default: nobody waits.
   */
  readonly planAgain?: (() => Promise<Pick<SyncAppOptions, 'plan' | 'planned'>>) | undefined;
  /** What is left of the time for such waits, which all tries take of. */
  readonly othersLeft?: { ms: number } | undefined;
  /** As of planning: for the look at the end of a pass. */
  readonly reached?: PlanAppRequest['reached'];
}

export interface SyncAppRequest extends SyncAppOptions {
  readonly runId: number;
}

export interface PlanContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly fly: FlyReader;
  readonly store: StoreReader | undefined;
  readonly evidence: Evidence | undefined;
  /** undefined: images of sources are neither looked for nor built. */
  readonly sight?: ImageLookup | undefined;
  /** FLY_ORG. */
  readonly flyOrg: string | undefined;
  /** Apps synced at once. */
  readonly concurrency: number;
  /** false: apps that git does not name are none of this pass's business, whatever the fleet. */
  readonly orphans: boolean;
}

export interface SyncContext extends PlanContext {
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly evidence: Evidence;
  readonly builds?: ImageBuilder | undefined;
  readonly onProgress: OnProgress;
  /**
   * Of what a person's word goes over, before anything is done. go: so it is; again: they have thought for a while, so that all is
   * to be looked at again; stop: nothing is done. Default: go.
   */
  readonly confirm?: ((lifted: readonly Hold[]) => Promise<'go' | 'again' | 'stop'>) | undefined;
  readonly actor: string;
  readonly instance: string;
  readonly signal: AbortSignal;
}
