import { toFault, type Fault } from '../../src/model/base/fault.ts';
import { canonicalJson } from '../../src/model/base/json.ts';
import type { AppPlan, Hold } from '../../src/model/plan.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import type { Store } from '../../src/record/store.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { fewer } from '../../src/plan/steps/guarded.ts';
import { isSameVersion } from '../../src/model/stamps/app-version.ts';
import { versionOf } from '../../src/plan/target/app-version.ts';
import { onceFailed } from '../../src/plan/target/resolve-target.ts';
import { isLeftAlone } from '../../src/plan/target/suspension.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { beginPass } from '../pass/begin-pass.ts';
import { beginningOf } from '../pass/beginning.ts';
import { rememberMadeGroups, rememberSeen } from './populated-groups.ts';
import { ownTurn } from './own-turn.ts';
import { unlistedMachine, type Unlisted } from './unlisted.ts';
import { takenSince } from '../kinds/apps.ts';
import { readingOwnWrites } from '../kinds/own-writes.ts';
import { applyPlan } from './apply.ts';
import { whyStopped } from '../pass/services.ts';
import { ReleaseRecord } from '../pass/release-record.ts';
import { settleVersion } from './settle-version.ts';
import type { GuardedPlan } from '../../src/plan/steps/guarded.ts';
import type { GuardedApp, PlannedApp, SyncAppOptions, SyncAppRequest } from './types.ts';
import { plannedAgain } from './plan-app.ts';
import { conclude, healedPaths, nextWake, rememberLost, rememberOwed, rememberPass, rememberWhich } from './outcome.ts';
import { findingOf, hasGivenWay, isQuiet, tellingOf } from './telling.ts';

/**
 * Applies one app's plan and writes everything down at one exit, whatever happened. `isOvertaken`: it gave way to whoever was
 * faster, and the app is to be planned again. `isAdopted`: it took the app over from another owner.
 */
export async function syncApp(asked: SyncAppOptions): Promise<{
  readonly run: Run;
  readonly faults: readonly Fault[];
  readonly isOvertaken: boolean;
  readonly isAdopted: boolean;
  readonly plan: GuardedPlan;
}> {
  const { store, app, wholePlan, fleet, trigger, actor, onProgress } = asked;
  onProgress({ type: 'app.started', app: app.name });
  const { revision } = fleet;
  const runId = await store.startRun({ app: app.name, trigger, actor, revision, plan: asked.plan, wholePlan });
  const { adopted, fly } = asked.ownWrites ?? readingOwnWrites(asked);
  let request: SyncAppRequest = { ...asked, adopted, fly, asListed: asked.fly, runId };
  const results: StepResult[] = [];
  const faults: Fault[] = [];
  const save: SaveResult = async (result) => {
    results.push(result);
    await store.addResult(runId, result);
    if (result.kind === 'app.create') await rememberOwed(request, result.outcome === 'created');
  };
  let held: AppPlan | undefined;
  let lost: Hold | undefined;
  let isOvertaken = false;
  try {
    await rememberWhich(request);
    const turn = await ownTurn(request, save);
    if (turn.request !== request) await rememberWhich(turn.request);
    ({ request } = turn);
    const seen = turn.fault === undefined ? await withAllInSight(request) : { request, unlisted: undefined };
    ({ request } = seen);
    const { plan, planned } = request;
    await rememberPlanned(request);
    const applied = await applyUnless({ behind: turn.fault, unlisted: seen.unlisted }, request, save);
    faults.push(...applied.faults);
    const healed = healedPaths(plan, results);
    if (healed.length > 0) await store.addHeals(app.name, healed);
    await rememberPass(request, results, faults.length > 0);
    const { failed } = await settleVersion(request, { plan, planned, results, faults });
    ({ lost, isOvertaken } = applied);
    await rememberMadeGroups(request, results);
    if (failed) held = await goBack(request, faults, save);
    else if (faults.length === 0 && haveStandbys(applied.moved, planned))
      faults.push(...(await pointStandbys(request, save)));
    const taken = await applied.takenSince();
    if (taken !== undefined) faults.push(taken);
    isOvertaken ||= taken !== undefined;
  } catch (error) {
    // One app's failure, even a bug of ours, never stops another's pass.
    request.log.error({ app: app.name, error: String(error) }, 'pass over an app broke off');
    faults.push(toFault(error, `the pass over ${app.name} broke off`));
  }
  const { plan } = request;
  const end = conclude(plan, results, { faults, stopped: whyStopped(request) !== undefined, held, lost });
  const nextWakeAt = nextWake(held ?? plan, faults, request.clock.now());
  const ended = await store.finishRun(runId, { ...end, nextWakeAt, ...(plan === asked.plan ? {} : { plan }) });
  const run = await unlessTold(store, ended, asked.isAgain === true);
  onProgress({ type: 'app.finished', app: app.name, run });
  return {
    run,
    faults,
    isOvertaken: isOvertaken && faults.every(({ kind }) => kind === 'waiting'),
    isAdopted: results.some(({ kind, outcome }) => kind === 'app.adopt' && outcome === 'updated'),
    plan,
  };
}

/** The run, or the one right before it where both gave way for the same reason. History keeps one of those that tell the same. */
async function unlessTold(store: Store, run: Run, isAgain: boolean): Promise<Run> {
  if (!(isAgain && hasGivenWay(run)) && !isQuiet(run)) return run;
  const [newest, before] = await store.runs({ app: run.app, all: true, limit: 2 });
  // Somebody else, a person's command perhaps, has recorded one since: this one tells of before.
  if (newest?.id !== run.id || before === undefined) return run;
  if (isQuiet(run)) {
    if (isQuiet(before) && findingOf(before) === findingOf(run)) await store.foldRun(run.id, before.id);
    return run;
  }
  if (tellingOf(before) !== tellingOf(run)) return run;
  const told = { ...before, nextWakeAt: run.nextWakeAt };
  return (await store.dropRun(run.id, told)) ? told : run;
}

const nothingDone: AppliedPlan = {
  faults: [],
  moved: new Set(),
  lost: undefined,
  isOvertaken: false,
  takenSince: () => Promise.resolve(undefined),
};

/** What a plan has found out, before anything of it is done. */
async function rememberPlanned(request: SyncAppRequest): Promise<void> {
  const { store, app, plan, planned } = request;
  for (const { name, ...evidence } of planned.known.learnt) await store.setEvidence(app.name, name, evidence);
  await rememberLost(request);
  await rememberOwed(request, !plan.steps.some(({ kind }) => kind === 'app.create'));
  const { unreachable } = await store.memory(app.name);
  if (canonicalJson(unreachable) !== canonicalJson(planned.unreachable))
    await store.setUnreachable(app.name, planned.unreachable);
}

/** Each brings twenty machines into sight. */
const plansMax = 5;

/**
 * The loop plans again at once, with what its list lacked in sight. `unlisted`: something is left of that; a person, who may insist on
 * something, is planned for by whoever asked for this pass.
 */
async function withAllInSight(
  asked: SyncAppRequest,
): Promise<{ readonly request: SyncAppRequest; readonly unlisted: Unlisted | undefined }> {
  let request = asked;
  let unlisted = await unlistedMachine(request);
  for (let plans = 0; unlisted?.isInSight === true && request.planAgain === undefined && plans < plansMax; plans += 1) {
    const { plan, ...planned } = await plannedAgain(request);
    request = { ...request, plan, planned };
    unlisted = await unlistedMachine(request);
  }
  return { request, unlisted };
}

interface Reasons {
  /** Another process has the app. */
  readonly behind: Fault | undefined;
  /** What the plan would make is there. */
  readonly unlisted: Unlisted | undefined;
}

async function applyUnless(
  { behind, unlisted }: Reasons,
  request: SyncAppRequest,
  save: SaveResult,
): Promise<AppliedPlan> {
  const { plan, planned } = request;
  if (behind !== undefined) return { ...nothingDone, faults: [behind] };
  if (unlisted !== undefined) return giveWayTo(unlisted, request, save);
  return apply(request, { ...planned, plan }, save);
}

/** What the plan would make is there, or may be: nothing is done, and the app is planned again with what came into sight. */
async function giveWayTo(
  { fault, isInSight }: Unlisted,
  request: SyncAppRequest,
  save: SaveResult,
): Promise<AppliedPlan> {
  const [first] = request.plan.steps;
  const at = request.clock.now();
  const { message, next } = fault;
  if (first !== undefined) {
    const { kind, target } = first;
    await save({ kind, target, outcome: 'skipped', message, next, startedAt: at, finishedAt: at });
  }
  return { ...nothingDone, faults: [fault], isOvertaken: isInSight };
}

type SaveResult = (result: StepResult) => Promise<void>;

interface AppliedPlan {
  readonly faults: readonly Fault[];
  /** Machines that were made anew elsewhere, or were to go. */
  readonly moved: ReadonlySet<string>;
  readonly lost: Hold | undefined;
  readonly isOvertaken: boolean;
  /** Asked at the very end of the pass. */
  readonly takenSince: () => Promise<Fault | undefined>;
}

async function apply(
  request: SyncAppRequest,
  { plan, observed, wanted, known, release, steering, remembered }: GuardedApp,
  save: SaveResult,
): Promise<AppliedPlan> {
  // A record that an earlier pass left open stays open, too.
  if (isLeftAlone(plan)) return nothingDone;
  await rememberSeen({ ...request, plan });
  await using pass = beginPass(request, {
    fleet: request.fleet,
    app: wanted,
    // Going back is not left half done for what git says meanwhile.
    newer: steering.course.to === 'version' ? undefined : request.newer,
    basis: {
      machines: observed.machines.status === 'read' ? observed.machines.value : undefined,
      standing: steering.standing.texts,
      remembered: remembered.standing,
      isKnown: steering.isKnown,
      observedAt: observed.askedAt,
      volumes: observed.volumes.status === 'read' ? observed.volumes.value : [],
      addresses: observed.addresses.status === 'read' ? observed.addresses.value : [],
      releases: observed.releases?.status === 'read' ? observed.releases.value : undefined,
    },
    wayOn: wayOnOf(request, { observed, steering }),
    stamped: known.stamped,
    ...beginningOf(request, {
      desired: wanted,
      observed,
      adopts: writesOf(plan).some(({ kind }) => kind === 'app.adopt'),
    }),
    leaving: leavingIn(plan),
    record: new ReleaseRecord({ ...request, app: wanted, known: release }),
  });
  const applied = await applyPlan(pass, plan, save);
  const { lost, overtaken } = pass;
  const moved = new Set([...pass.moved, ...pass.replaced, ...pass.leaving]);
  // Seen behind the last write, where it had nothing to stop.
  const isUntold = overtaken !== undefined && !applied.faults.includes(overtaken);
  const faults = isUntold ? [...applied.faults, overtaken] : applied.faults;
  return { faults, moved, lost, isOvertaken: overtaken !== undefined, takenSince: () => takenSince(pass) };
}

function wayOnOf(
  { app, fleet, clock }: SyncAppRequest,
  { observed, steering: { course, standing } }: Pick<PlannedApp, 'observed' | 'steering'>,
): AppPass['wayOn'] {
  if (course.to !== 'git') return { next: course.hold.next, isHeld: true };
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const wanted = versionOf({ desired: app, machines, fleet, now: clock.now(), aheadMs: observed.flyAheadMs });
  // What ran well has not failed, whatever becomes of it: nobody holds it.
  if (standing.good !== undefined && isSameVersion(standing.good, wanted)) return undefined;
  return { next: onceFailed(app.name), isHeld: false };
}

/**
 * A release has failed, and says so on the machines: the app is planned again from there, which takes it back to the
 * version before or leaves it, as its policy says. A stop leaves that to the next pass, and so does a newer commit. undefined: it was not got there.
 */
async function goBack(request: SyncAppRequest, faults: Fault[], save: SaveResult): Promise<AppPlan | undefined> {
  const { app, onProgress } = request;
  if (whyStopped(request) !== undefined) return undefined;
  const planned = await plannedAgain(request);
  const { course } = planned.steering;
  if (course.to !== 'git') onProgress({ type: 'held', app: app.name, because: course.hold.because });
  const again = await apply(request, planned, save);
  faults.push(...again.faults);
  return again.faults.length === 0 ? planned.plan : undefined;
}

/** A standby still stands in for one of these. */
function haveStandbys(ids: ReadonlySet<string>, { observed: { machines } }: Pick<PlannedApp, 'observed'>): boolean {
  return (
    machines.status === 'read' &&
    machines.value.some(({ id, config }) => !ids.has(id) && (config?.standbys ?? []).some((of) => ids.has(of)))
  );
}

/**
 * What was made anew has another id, which no plan knew, and what went, as a half of a bluegreen that died, stands for nothing:
 * standbys are pointed at what is there from now on, not with the next pass.
 */
async function pointStandbys(request: SyncAppRequest, save: SaveResult): Promise<readonly Fault[]> {
  if (whyStopped(request) !== undefined) return [];
  const { plan, ...planned } = await plannedAgain(request);
  const steps = plan.steps.filter((step) => step.kind === 'machine.update' && step.standsInFor !== undefined);
  const pointing = { ...fewer(plan, { steps, holds: plan.holds }), bookkeeping: undefined };
  return (await apply(request, { ...planned, plan: pointing }, save)).faults;
}

function leavingIn(plan: AppPlan): ReadonlySet<string> {
  return new Set(plan.steps.flatMap((step) => (step.kind === 'machine.destroy' ? [step.machineId] : [])));
}
