import type { FlyReader, FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { Aside } from '../../src/loop/aside.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { toFault, type Fault } from '../../src/model/base/fault.ts';
import { canonicalJson } from '../../src/model/base/json.ts';
import type { Log } from '../../src/model/base/log.ts';
import { emptyMemory, type Memory } from '../../src/model/stamps/memory.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import type { AppPlan, AppStatus } from '../../src/model/plan.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { Run, RunOutcome, StepResult, Trigger } from '../../src/model/run.ts';
import { observeApp, observeReleases } from '../../src/observed/app.ts';
import { listedSince } from '../../src/plan/kinds/intents.ts';
import { healPath, needsReleases, planApp, type PlanOptions } from '../../src/plan/app.ts';
import { knownEvidence } from '../../src/plan/kinds/secret-evidence.ts';
import type { KnownEvidence } from '../../src/plan/types.ts';
import { isHostOk } from '../../src/plan/classify/machine-state.ts';
import { heldPlan, stoppedPlan } from '../../src/plan/target/target-plan.ts';
import { isLeftAlone, suspendedPlan } from '../../src/plan/target/suspension.ts';
import { statusOfHolds } from '../../src/plan/steps/status.ts';
import { knownRelease, type KnownRelease } from '../../src/plan/target/release-record.ts';
import type { Evidence } from '../../src/record/evidence.ts';
import type { Store } from '../../src/record/store.ts';
import { applyPlan } from './apply.ts';
import { whyStopped } from '../pass/app-pass.ts';
import type { ImageBuilds } from '../images/builds.ts';
import { seeImage, type ImageEyes } from '../images/lookup.ts';
import { settleGrowth } from '../kinds/volume-growth.ts';
import { ReleaseRecord } from '../pass/release-record.ts';
import { settleVersion } from './settle-version.ts';
import { steer, type Steering } from '../rollout/target.ts';

export interface PlanOneRequest {
  readonly clock: Clock;
  readonly fly: FlyReader;
  readonly store: Store | undefined;
  readonly evidence: Evidence | undefined;
  /** undefined: images of sources are neither looked for nor built. */
  readonly sight?: ImageEyes | undefined;
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  readonly options: PlanOptions;
}

export interface PlannedApp {
  readonly plan: AppPlan;
  readonly observed: ObservedApp;
  readonly known: KnownEvidence;
  readonly release: KnownRelease;
  /** Since when hosts of its machines do not answer, by machine. */
  readonly unreachable: Memory['unreachable'];
  readonly steering: Steering;
  /** What the plan is towards: git's wish, or the version at which the app is held. */
  readonly wanted: DesiredApp;
}

/**
 * Observes one app and plans it. Writes nothing: it holds no client that could. What somebody else may be doing is asked
 * last, and only where there is something to disturb it with: an app in sync costs no call more.
 */
export async function planOne(request: PlanOneRequest): Promise<PlannedApp> {
  const { clock, fly, app, fleet, options } = request;
  const observed = await observeApp({ fly, app: app.name, clock });
  const memory = await remember(request);
  const base = {
    memory,
    fleet: fleet.name,
    revision: fleet.revision,
    now: clock.now(),
    options,
    problems: fleet.problems.filter((problem) => problem.app === app.name),
  };
  const git = (seen: ObservedApp): AppPlan => planApp({ ...base, desired: app, observed: seen });
  const steering = await steer(request, observed, memory);
  const planOf = (seen: ObservedApp): AppPlan => {
    const { standing, course, snapshot } = steering;
    const free = git(seen);
    const steered =
      course.to === 'git'
        ? free
        : snapshot === undefined
          ? stoppedPlan(free, course.hold)
          : heldPlan(planApp({ ...base, desired: snapshot, observed: seen }), free, course.hold);
    return suspendedPlan(steered, standing, clock.now());
  };
  const unseen = planOf(observed);
  const withImage = await withImageOf(request, unseen, observed);
  const seen = withImage ?? observed;
  const plan = withImage === undefined ? unseen : planOf(withImage);
  const known = knownEvidence({ observed, memory, fleet: fleet.name });
  const unreachable = unreachableSince(observed, memory, clock.now());
  const needs = needsReleases(plan, seen);
  const whole = needs ? { ...seen, releases: await observeReleases({ fly, app: app.name }) } : seen;
  const wanted = steering.snapshot ?? app;
  const release = knownRelease({ desired: wanted, observed: whole, memory, fleet: fleet.name, now: clock.now() });
  return { plan: needs ? planOf(whole) : plan, observed: whole, known, release, unreachable, wanted, steering };
}

/** The registry is asked only for an image that is needed and that no machine runs. */
async function withImageOf(
  request: PlanOneRequest,
  plan: AppPlan,
  observed: ObservedApp,
): Promise<ObservedApp | undefined> {
  const { sight, store, fleet, app } = request;
  if (sight === undefined || plan.holds.every((hold) => hold.reason !== 'build')) return undefined;
  const present = observed.app.status === 'read' && observed.app.value.state === 'present';
  const image = await seeImage({ ...sight, store }, { fleet, app, present });
  return image === undefined ? undefined : { ...observed, image };
}

function unreachableSince(observed: ObservedApp, memory: Memory, now: number): Memory['unreachable'] {
  if (observed.machines.status === 'unread') return memory.unreachable;
  const silent = observed.machines.value.filter((machine) => !isHostOk(machine));
  return Object.fromEntries(silent.map(({ id }) => [id, memory.unreachable[id] ?? now]));
}

/** What SQLite knows, with the HMAC of each secret's present value; values themselves stay where they are. */
async function remember(request: PlanOneRequest): Promise<Memory> {
  const { store, evidence, app, fleet } = request;
  const stored = store === undefined ? emptyMemory : await store.memory(app.name);
  const currentMarks: Record<string, string | undefined> = {};
  for (const secret of app.secrets) {
    const value = fleet.secretValue(app.name, secret.name);
    // Without a key there is no evidence to compare with: the mark only says that there is a value.
    currentMarks[secret.name] =
      value === undefined ? undefined : (evidence?.mark(app.name, secret.name, value) ?? 'present');
  }
  return { ...stored, currentMarks, keyId: evidence?.keyId ?? '' };
}

export interface SyncOneOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly evidence: Evidence;
  readonly fleet: DesiredFleet;
  readonly app: DesiredApp;
  readonly plan: AppPlan;
  /** What the plan was made from. */
  readonly planned: Omit<PlannedApp, 'plan'>;
  readonly trigger: Trigger;
  readonly actor: string;
  readonly instance: string;
  readonly signal: AbortSignal;
  readonly newer?: AbortSignal | undefined;
  readonly aside: Aside;
  readonly patience: 'wait' | 'requeue';
  readonly onProgress: OnProgress;
  readonly builds?: ImageBuilds | undefined;
}

export interface SyncOneRequest extends SyncOneOptions {
  readonly runId: number;
}

/** Applies one app's plan and writes everything down at one exit, whatever happened. */
export async function syncOne(
  asked: SyncOneOptions,
): Promise<{ readonly run: Run; readonly faults: readonly Fault[] }> {
  const { store, app, plan, planned, fleet, trigger, actor, onProgress } = asked;
  onProgress({ type: 'app.started', app: app.name });
  const runId = await store.startRun({ app: app.name, trigger, actor, revision: fleet.revision, plan });
  const request: SyncOneRequest = { ...asked, runId };
  const results: StepResult[] = [];
  const faults: Fault[] = [];
  const save: SaveResult = async (result) => {
    results.push(result);
    await store.addResult(runId, result);
  };
  let held: AppPlan | undefined;
  try {
    for (const { name, ...evidence } of planned.known.learnt) await store.setEvidence(app.name, name, evidence);
    const { unreachable } = await store.memory(app.name);
    if (canonicalJson(unreachable) !== canonicalJson(planned.unreachable))
      await store.setUnreachable(app.name, planned.unreachable);
    const moved = new Set<string>();
    faults.push(...(await apply(request, { ...planned, plan }, { save, moved })));
    const healed = healedPaths(plan, results);
    if (healed.length > 0) await store.addHeals(app.name, healed);
    await rememberPass(request, results, faults.length > 0);
    const { failed } = await settleVersion(request, { plan, planned, results, faults });
    if (failed) held = await goBack(request, faults, save);
    else if (faults.length === 0 && moved.size > 0) faults.push(...(await pointStandbys(request, save)));
  } catch (error) {
    // One app's failure, even a bug of ours, never stops another's pass.
    request.log.error({ app: app.name, error: String(error) }, 'pass over an app broke off');
    faults.push(toFault(error, `the pass over ${app.name} broke off`));
  }
  const end = conclude(plan, results, { faults, stopped: whyStopped(request) !== undefined, held });
  const run = await store.finishRun(runId, { ...end, nextWakeAt: nextWake(held ?? plan, faults) });
  onProgress({ type: 'app.finished', app: app.name, run });
  return { run, faults };
}

type SaveResult = (result: StepResult) => Promise<void>;

async function apply(
  request: SyncOneRequest,
  { plan, wanted, known, release, steering }: PlannedApp,
  { save, moved = new Set() }: { readonly save: SaveResult; readonly moved?: Set<string> },
): Promise<readonly Fault[]> {
  // A record that an earlier pass left open stays open, too.
  if (isLeftAlone(plan)) return [];
  const context = {
    ...request,
    app: wanted,
    // Going back is not left half done for what git says meanwhile.
    newer: steering.course.to === 'version' ? undefined : request.newer,
    secretsVersion: undefined,
    stamped: known.stamped,
    leaving: leavingIn(plan),
    claimedVolumes: new Set<string>(),
    moved,
    calls: undefined,
    record: new ReleaseRecord({ ...request, app: wanted, known: release }),
    lock: undefined,
    built: undefined,
  };
  return (await applyPlan(context, plan, save)).faults;
}

/**
 * A release has failed, and says so on the machines: the app is planned again from there, which takes it back to the
 * version before or leaves it, as its policy says. A stop leaves that to the next pass, and so does a newer commit. undefined: it was not got there.
 */
async function goBack(request: SyncOneRequest, faults: Fault[], save: SaveResult): Promise<AppPlan | undefined> {
  const { app, onProgress } = request;
  if (whyStopped(request) !== undefined) return undefined;
  const planned = await plannedAgain(request);
  const { course } = planned.steering;
  if (course.to !== 'git') onProgress({ type: 'held', app: app.name, because: course.hold.because });
  const failures = await apply(request, planned, { save });
  faults.push(...failures);
  return failures.length === 0 ? planned.plan : undefined;
}

/** What was made anew has another id, which no plan knew: standbys stand in for it from now on, not with the next pass. */
async function pointStandbys(request: SyncOneRequest, save: SaveResult): Promise<readonly Fault[]> {
  if (whyStopped(request) !== undefined) return [];
  const planned = await plannedAgain(request);
  const steps = planned.plan.steps.filter((step) => step.kind === 'machine.update' && step.standsInFor !== undefined);
  return apply(request, { ...planned, plan: { ...planned.plan, steps } }, { save });
}

/** From what this pass has left on Fly; nobody insists on anything of it. */
function plannedAgain(request: SyncOneRequest): Promise<PlannedApp> {
  const options: PlanOptions = { adopt: false, force: false, now: false, patience: request.patience };
  return planOne({ ...request, options });
}

function leavingIn(plan: AppPlan): ReadonlySet<string> {
  return new Set(plan.steps.flatMap((step) => (step.kind === 'machine.destroy' ? [step.machineId] : [])));
}

/**
 * What kept an app from being touched is a run too, so that `status` and `history` say it. An app whose name could not be
 * read has none: it could never be told apart from the one it becomes.
 */
export async function recordUntouched(
  request: Pick<SyncOneOptions, 'store' | 'fleet' | 'plan' | 'trigger' | 'actor'>,
): Promise<void> {
  const { store, fleet, plan, trigger, actor } = request;
  if (plan.app === plan.file) return;
  const runId = await store.startRun({ app: plan.app, trigger, actor, revision: fleet.revision, plan });
  await store.finishRun(runId, { outcome: 'failed', status: plan.status, nextWakeAt: undefined });
}

/** The one place where a pass gets its outcome and the app its status word. */
export function conclude(
  plan: AppPlan,
  results: readonly StepResult[],
  how: {
    readonly faults: readonly Fault[];
    readonly stopped: boolean;
    /** A release failed, and this is the plan that the app was left with. */
    readonly held?: AppPlan | undefined;
  },
): { readonly outcome: RunOutcome; readonly status: AppStatus } {
  const { faults, held } = how;
  // No alarm beyond that: what failed is not tried again.
  if (held !== undefined) return { outcome: 'failed', status: statusOfHolds(held.holds) };
  const waits = faults.every((fault) => fault.kind === 'waiting' || fault.kind === 'held');
  if (!waits) return { outcome: 'failed', status: 'failed' };
  const isLeft = results.some(({ outcome }) => outcome === 'skipped' || outcome === 'interrupted');
  if (how.stopped && (isLeft || results.length < plan.steps.length))
    return { outcome: 'interrupted', status: 'pending' };
  // Somebody else is at work, there is no room, or a person has to act: no alarm, FlyCD comes back.
  if (faults.length > 0)
    return { outcome: 'held', status: faults.some((fault) => fault.kind === 'held') ? 'held' : 'pending' };
  if (plan.holds.length > 0) {
    return { outcome: results.length === 0 ? 'held' : outcomeOf(results), status: statusOfHolds(plan.holds) };
  }
  return { outcome: outcomeOf(results), status: plan.steps.length > 0 ? 'synced' : plan.status };
}

function outcomeOf(results: readonly StepResult[]): RunOutcome {
  if (results.some((result) => result.kind === 'app.create' && result.outcome === 'created')) return 'created';
  return results.some((result) => result.outcome !== 'unchanged') ? 'updated' : 'no-change';
}

/** What was healed, by machine and path: the third time in an hour it is held instead. */
function healedPaths(plan: AppPlan, results: readonly StepResult[]): readonly string[] {
  const done = new Set(results.filter((result) => result.outcome === 'updated').map((result) => result.target));
  return plan.steps
    .filter((step) => step.kind === 'machine.update' && step.reason === 'drift' && done.has(step.target))
    .flatMap((step) => step.changes.map((change) => healPath(step.target, change)));
}

/** What the next plan has to know and Fly does not say. */
async function rememberPass(request: SyncOneRequest, results: readonly StepResult[], failed: boolean): Promise<void> {
  const { store, app, plan, fleet } = request;
  if (plan.steps.length > 0 && !failed) await store.markKnown(app.name);
  // A pass that went well has given a new app its first addresses; one that somebody releases later stays released.
  if (app.network.ips === undefined && plan.steps.length > 0 && !failed)
    await store.markDefaultAddressesGiven(app.name);
  const { heldRevision, intents } = await store.memory(app.name);
  await settleGrowth(request, intents);
  for (const { id } of listedSince(intents, plan)) await store.settleIntent(app.name, id);
  const isHeld = plan.holds.some((hold) => hold.reason === 'flyctl');
  if (isHeld && heldRevision === undefined) await store.setHeldRevision(app.name, fleet.revision);
  const lifted = results.some((result) => result.kind === 'machine.update' && result.outcome === 'updated');
  // Or they put it back themselves: their next deploy is a new decision, which that revision says nothing about.
  const isOver = !failed && plan.holds.length === 0;
  if (!isHeld && (lifted || isOver) && heldRevision !== undefined) await store.setHeldRevision(app.name, undefined);
}

/** The earliest time at which waiting alone lifts something. Failures are the loop's to space out. */
export function nextWake(plan: Pick<AppPlan, 'holds'>, faults: readonly Fault[]): number | undefined {
  const times = [...plan.holds.map((hold) => hold.retryAt), ...faults.map((fault) => fault.retryAt)].filter(
    (time) => time !== undefined,
  );
  return times.length === 0 ? undefined : Math.min(...times);
}
