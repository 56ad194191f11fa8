import { inPlace, type Aside } from '../../src/loop/aside.ts';
import type { Reconciled } from '../../src/loop/loop.ts';
import type { DesiredApp, DesiredFleet, FollowedRef } from '../../src/model/desired.ts';
import { allEnded, endsWithin } from '../../src/model/base/ending.ts';
import { isFleetWide, retryAtOf, toFault, type Fault } from '../../src/model/base/fault.ts';
import { canonicalJson } from '../../src/model/base/json.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { Run, Trigger } from '../../src/model/run.ts';
import { wakeAfter, type Rest } from './states/app-state.ts';
import { becauseOf, restAfter, restUntil } from './states/rest.ts';
import { AppStates, leftOf, type PutOffUntil, type Surveyed } from './states/app-states.ts';
import type { CommitReporter } from './commit-report.ts';
import { askedOnce } from '../../src/observed/organization.ts';
import type { PlanOptions } from '../../src/plan/app.ts';
import { lackOf } from '../../src/plan/guards/dependencies.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { idle, nothingOf, type GuardedPlan } from '../../src/plan/steps/guarded.ts';
import { sameRepository } from '../../src/sources/tree/location.ts';
import { syncApp } from '../app/sync-app.ts';
import { nextWake, rememberWhich } from '../app/outcome.ts';
import { observeAndPlan } from '../app/plan-app.ts';
import { hasGivenWay } from '../app/telling.ts';
import type { PlannedApp, SyncContext } from '../app/types.ts';
import { KnownOrphans } from './known-orphans.ts';
import { organizationNaming } from './organizations.ts';
import { OrphanPasses } from './orphan-passes.ts';
import { statusOfHolds } from '../../src/plan/steps/status.ts';
import { recordInvalid, recordUnreached, retold } from './untouched.ts';
import { lookMsMax, Survey } from './states/survey.ts';
import { heldByPolicy, weighed } from './states/weighed.ts';

export interface FleetReconcilerOptions extends Omit<SyncContext, 'orphans' | 'signal'> {
  /** Reads the config repo and computes what git wants. Ends early when the signal is aborted. */
  load(signal: AbortSignal): Promise<DesiredFleet>;
  /** The config repo as operators name it; undefined for a folder. */
  readonly configRepo: FollowedRef | undefined;
  readonly reporter: CommitReporter | undefined;
}

interface How {
  readonly trigger: Trigger;
  readonly signal: AbortSignal;
  readonly newer: AbortSignal;
  readonly yieldSlot: Aside;
}

interface Passed {
  readonly rest: Rest;
  /** It is where git wants it: nobody has to wait for it any more. */
  readonly isDone: boolean;
}

interface Applied {
  readonly run: Run;
  /** What was done by this pass: its run may be that of an earlier one. */
  readonly results?: Run['results'];
  readonly faults?: readonly Fault[];
  /** Nothing of it is done before the run's next wake, but where git or the plan moves or a person asks. */
  readonly putOff?: PutOffUntil['by'] | undefined;
}

/** Lists lag by seconds: what they show for so long is no news that they have yet to show. */
const listLagMsMax = 60_000;

/** The loop insists on nothing and waits for nobody in place. */
const loopOptions: PlanOptions = { adopt: false, force: false, now: false, patience: 'requeue' };

/**
 * Keeps a fleet for the loop: knows the newest desired state, plans an app against all others' newest plans so that the
 * brakes see the whole fleet, applies it, and reports the config repo's commit once every app has had its pass.
 */
export class FleetReconciler {
  readonly #options: FleetReconcilerOptions & { readonly reached: () => Promise<readonly string[]> };
  readonly #withOrganization: (app: DesiredApp) => Promise<DesiredApp>;
  readonly #apps = new AppStates();
  #desired: DesiredFleet | undefined;
  readonly #orphans: KnownOrphans;
  readonly #survey: Survey;
  readonly #orphanPasses: OrphanPasses;
  /** Organizations of the token: asked for anew after each refresh, for it may reach others by then. */
  #reached: () => Promise<readonly string[]>;

  constructor(options: FleetReconcilerOptions) {
    const { fly, flyOrg } = options;
    this.#reached = askedOnce(() => fly.organizations());
    const reached = (): Promise<readonly string[]> => this.#reached();
    this.#options = { ...options, reached };
    this.#withOrganization = organizationNaming({ flyOrg, reached });
    this.#survey = new Survey({ ...options, states: this.#apps, plan: (fleet, app) => this.#planOf(fleet, app) });
    this.#orphans = new KnownOrphans({
      ...this.#options,
      states: this.#apps,
      named: (fleet) => allEnded(fleet.apps.map((app) => this.#withOrganization(app))),
      surveyed: (signal) => this.#survey.ended(signal),
    });
    this.#orphanPasses = new OrphanPasses({
      ...this.#options,
      states: this.#apps,
      survey: this.#survey,
      known: this.#orphans,
      weighed: (fleet, name) => this.#weighed(fleet, name),
      newest: () => this.#desired,
    });
  }

  /** Reads git. The apps to look at are all of them; a delivery concerns those that follow its repo and those that moved. */
  async refresh(
    signal: AbortSignal,
    trigger: Trigger = 'timer',
  ): Promise<{
    readonly apps: readonly string[];
    readonly moved: readonly string[];
    affectedBy(delivery: { readonly repo: string; readonly ref: string }): readonly string[];
  }> {
    const { store, log } = this.#options;
    // Each time: one that dies while this one lives is known to be dead a minute later.
    const runs = await store.closeInterrupted();
    if (runs > 0) log.warn({ runs }, 'runs of a process that died are closed as interrupted');
    const desired = await this.#options.load(signal);
    signal.throwIfAborted();
    try {
      return await this.#refreshed(desired, trigger, signal);
    } catch (error) {
      if (isFleetWide(error)) await this.#unreached(desired, desired.apps, { trigger, error });
      throw error;
    }
  }

  async #refreshed(
    desired: DesiredFleet,
    trigger: Trigger,
    signal: AbortSignal,
  ): ReturnType<FleetReconciler['refresh']> {
    const { fly } = this.#options;
    this.#reached = askedOnce(() => fly.organizations());
    const first = this.#desired === undefined;
    const newRevision = this.#desired?.revision !== desired.revision;
    if (newRevision) await this.#options.store.seeRevision(desired.revision);
    this.#desired = desired;
    if (desired.whole) this.#options.builds?.keepOnly(buildKeysOf(desired));
    const moved = this.#apps.refreshed(desired.apps);
    // At once: what comes next may fail, and is then repeated for a commit that is none any more.
    if (newRevision || first) {
      this.#options.reporter?.begin(
        desired,
        moved.map((app) => app.name),
      );
    }
    if (moved.length > 0) this.#survey.begin(desired, moved, signal);
    // Not only what moved just now: a refresh may end before its marks are stored, and is then repeated.
    const names = new Set(this.#apps.unseen(desired.apps).map((app) => app.name));
    for (const orphan of await this.#orphans.look(desired, { trigger, signal })) names.add(orphan.name);
    for (const run of await recordInvalid({ ...this.#options, fleet: desired, trigger })) this.#apps.ran(run.app, run);
    const all = [...desired.apps, ...this.#orphans.all].map((app) => app.name);
    this.#apps.keepOnly(new Set(all));
    return {
      apps: all,
      moved: [...names],
      affectedBy: (delivery) => {
        const followers = desired.followed.filter((followed) => sameRepository(followed.repo, delivery.repo));
        for (const follower of followers) if (follower.app !== undefined) names.add(follower.app);
        return [...names];
      },
    };
  }

  /** true: a push to this repo and ref concerns the fleet. */
  follows(repos: readonly string[], matches: (ref: string) => boolean): boolean {
    const followed = [
      ...(this.#desired?.followed ?? []),
      ...(this.#options.configRepo === undefined ? [] : [this.#options.configRepo]),
    ];
    return followed.some((one) => repos.some((repo) => sameRepository(one.repo, repo)) && matches(one.ref));
  }

  /**
   * One pass over one app at the newest desired state: its state is `underway` until it ends, and says then what brings the
   * next one. A Fault that it throws says the same to the loop.
   */
  async reconcile(
    name: string,
    trigger: Trigger,
    signal: AbortSignal,
    yieldSlot: Aside = inPlace,
  ): Promise<Reconciled> {
    await this.#survey.ended(signal);
    signal.throwIfAborted();
    const fleet = this.#desired;
    if (fleet === undefined) return { nextWakeAt: undefined, failed: false };
    const newer = this.#apps.begun(name);
    const { rest, isDone } = await this.#passOf(fleet, name, { trigger, signal, newer, yieldSlot }).catch(
      (error: unknown) => {
        const fault = toFault(error, `${name} could not be synced`);
        this.#apps.ended(name, restAfter(fault, this.#options.clock.now()));
        throw error;
      },
    );
    const isFreed = this.#apps.ended(name, rest);
    const woken = [...(isFreed ? [name] : []), ...(isDone ? this.#apps.freed(name) : [])];
    const wakes = woken.length === 0 ? undefined : woken;
    const wake = wakeAfter(rest);
    if (wake.by === 'backoff') return { nextWakeAt: wake.notBefore, wakes, failed: true };
    const intervalMs = ownIntervalMs(fleet, name);
    return { nextWakeAt: wake.at, because: wake.because, intervalMs, wakes, failed: false };
  }

  async #passOf(fleet: DesiredFleet, name: string, how: How): Promise<Passed> {
    const found = fleet.apps.find((app) => app.name === name);
    if (found === undefined) return { rest: await this.#orphanPasses.pass(fleet, name, how), isDone: false };
    try {
      return await this.#pass(fleet, found, how);
    } catch (error) {
      // Whatever else went wrong is tried again, and the commit stays pending as long.
      const { kind } = toFault(error, `${name} could not be synced`);
      if (kind === 'stalled' || kind === 'held') this.#options.reporter?.failed(fleet, name);
      if (!how.signal.aborted) await this.#unreached(fleet, [found], { trigger: how.trigger, error });
      throw error;
    }
  }

  /** What cannot be recorded now is so with the next try. */
  async #unreached(
    fleet: DesiredFleet,
    apps: readonly DesiredApp[],
    { trigger, error }: { readonly trigger: Trigger; readonly error: unknown },
  ): Promise<void> {
    const fault = toFault(error, 'Fly could not be asked');
    const runs = await recordUnreached({ ...this.#options, fleet, trigger }, apps, fault).catch(() => []);
    for (const run of runs) this.#apps.ran(run.app, run);
  }

  async #pass(fleet: DesiredFleet, found: DesiredApp, how: How): Promise<Passed> {
    const { app, surveyed } = await this.#lookAt(fleet, found, how);
    if (surveyed.plan.steps.some(({ kind }) => kind === 'release')) await this.#lookAtDependencies(fleet, app, how);
    how.signal.throwIfAborted();
    const plan = this.#guarded(fleet, app, surveyed);
    // As its hold names them: who is done while this pass goes on brings the next one at its end.
    const awaits = this.#awaited(app, plan);
    const applied = await this.#apply(fleet, app, plan, { ...how, planned: surveyed });
    this.#options.reporter?.finished(fleet, applied.run);
    const { results = [] } = applied;
    // What was looked at before something was done says nothing of its health: whoever waits looks for themselves.
    const lack = lackOf(leftOf(plan, results), results.length > 0 ? undefined : surveyed.observed);
    return { rest: { ...this.#restOf(plan, applied), awaits }, isDone: lack === undefined };
  }

  /** Those that its release waits for, while they look as they did to its plan. */
  #awaited({ dependsOn = [] }: DesiredApp, { holds }: AppPlan): readonly string[] {
    const waits = holds.some(({ reason }) => reason === 'dependency');
    return waits ? dependsOn.filter((name) => this.#apps.isLacking(name)) : [];
  }

  #restOf(plan: GuardedPlan, { run, faults = [], putOff }: Applied): Rest {
    const until = run.nextWakeAt;
    // What Fly did not answer is no news to it: nothing but looking again tells that it does.
    const unread = plan.holds.filter((hold) => hold.reason === 'unread');
    const isLeft = run.status !== 'failed' || putOff !== undefined;
    if (isLeft && unread.length === 0)
      return putOff === 'refused' ? { kind: 'stalled', until } : restUntil(until, becauseOf(plan, faults));
    // A window or an interval is no reason to wait with it: only who refused may have said when.
    const now = this.#options.clock.now();
    const mending = faults.filter(({ kind }) => kind === 'transient' || kind === 'waiting');
    const times = [...unread.map(({ retryAt }) => retryAt), ...mending.map((fault) => retryAtOf(fault, now))];
    return { kind: 'retrying', notBefore: times.includes(undefined) ? undefined : earliest(times) };
  }

  /** Anew: what was planned of them may have been done since. One that cannot be looked at keeps it waiting, and nothing else. */
  async #lookAtDependencies(fleet: DesiredFleet, { dependsOn = [] }: DesiredApp, { signal }: How): Promise<void> {
    const apps = fleet.apps.filter(({ name }) => dependsOn.includes(name));
    await this.#survey.lookAtAll(fleet, apps, signal);
  }

  /** One that Fly is slow to tell of keeps no other app from its turn. */
  async #lookAt(fleet: DesiredFleet, found: DesiredApp, { signal, yieldSlot }: How): ReturnType<Survey['lookAt']> {
    const { clock } = this.#options;
    const looking = this.#survey.lookAt(fleet, found);
    if (!(await endsWithin(clock, looking, { ms: lookMsMax, signal })))
      await yieldSlot(() => endsWithin(clock, looking, { signal }));
    signal.throwIfAborted();
    return looking;
  }

  async #planOf(fleet: DesiredFleet, found: DesiredApp): ReturnType<Survey['lookAt']> {
    const app = await this.#withOrganization(found);
    const regions = () => this.#options.fly.regions();
    const surveyed = await observeAndPlan({ ...this.#options, regions, fleet, app, options: loopOptions });
    // Not only by passes that have something to do: no word that was seen is lost with the machine that carried it.
    await rememberWhich({ ...this.#options, fleet, app, planned: surveyed });
    return { app, surveyed };
  }

  async #apply(
    fleet: DesiredFleet,
    app: DesiredApp,
    plan: GuardedPlan,
    how: How & { readonly planned: PlannedApp },
  ): Promise<Applied> {
    const { clock, store } = this.#options;
    const before = this.#apps.lastRun(app.name);
    // A pass that finds what the one before found is no news: history would drown in it.
    // As a run without steps ends: what kept the app from being looked at may be over.
    const status = plan.holds.length > 0 ? statusOfHolds(plan.holds) : plan.status;
    const news =
      writesOf(plan).length > 0 ||
      before === undefined ||
      before.plan.planId !== plan.planId ||
      before.status !== status ||
      canonicalJson(before.plan.degraded ?? []) !== canonicalJson(plan.degraded ?? []);
    const wakeAt = nextWake(plan, [], clock.now());
    if (!news && before.revision === fleet.revision)
      return { run: { ...(await retold({ store, states: this.#apps, clock }, before, plan)), nextWakeAt: wakeAt } };
    const wish = `${fleet.revision} ${plan.planId}`;
    const known = this.#apps.putOff(app.name, wish, clock);
    if (before !== undefined && known !== undefined && how.trigger !== 'command')
      return { run: { ...before, nextWakeAt: earliest([known.until, wakeAt]) }, putOff: known.by };
    const isAgain = how.trigger !== 'command';
    const guard = (later: PlannedApp): GuardedPlan => this.#guarded(fleet, app, later);
    const isLastTry = hasTriedLong(before, plan, clock.now());
    const tries = { isAgain, isLastTry, patience: 'requeue' } as const;
    const options = { ...this.#options, ...how, ...tries, fleet, app, plan, guard };
    const { run, faults } = await syncApp(options);
    this.#apps.done(app.name, run.results);
    const putOff = this.#apps.putOffFor(app.name, wish, { faults, clock });
    const ended = putOff === undefined ? run : { ...run, nextWakeAt: earliest([putOff.until, run.nextWakeAt]) };
    // The run had ended before it was known how often this was refused.
    if (ended.nextWakeAt !== run.nextWakeAt && ended.nextWakeAt !== undefined)
      await this.#options.store.setNextWake(app.name, ended.nextWakeAt);
    this.#apps.ran(app.name, ended);
    return { run: ended, results: run.results, faults, putOff: putOff?.by };
  }

  /** An app's newest plan, as far as the whole fleet's guards and its own policy let it be applied. */
  #guarded(fleet: DesiredFleet, app: DesiredApp, { plan, observed }: Surveyed): GuardedPlan {
    // Guards hold steps back: without steps there is no need to weigh the whole fleet's plans, a thousand times a pass.
    const guarded = idle(plan) ?? this.#weighed(fleet, app.name, { plan, observed }) ?? nothingOf(plan);
    return heldByPolicy(app, guarded);
  }

  /** An app's plan as the loop applies it: among all the fleet's newest plans. `own`: as its pass has seen or left it by now. */
  #weighed(fleet: DesiredFleet, name: string, own?: Surveyed): GuardedPlan | undefined {
    return weighed({ states: this.#apps, orphans: this.#orphans, now: this.#options.clock.now() }, fleet, name, own);
  }
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** `sync.interval` of the app: only a shorter one than the loop's own makes a difference. */
function ownIntervalMs({ apps }: DesiredFleet, name: string): number | undefined {
  const seconds = apps.find((app) => app.name === name)?.policy.intervalSeconds;
  return seconds === undefined ? undefined : seconds * 1000;
}

/** Where the tree is not whole, the missing apps may still want theirs. */
function buildKeysOf({ apps }: DesiredFleet): ReadonlySet<string> {
  return new Set(apps.flatMap(({ image }) => (image.kind === 'build' ? (image.build?.key ?? []) : [])));
}

/** The same plan has given way for longer than lists lag, or has failed: giving way once more would go on without end. */
function hasTriedLong(before: Run | undefined, { planId }: AppPlan, now: number): boolean {
  if (before?.plan.planId !== planId) return false;
  return before.outcome === 'failed' || (hasGivenWay(before) && now - before.startedAt > listLagMsMax);
}
