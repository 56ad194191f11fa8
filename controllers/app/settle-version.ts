import type { Machine } from '../../schemas/fly/machine.ts';
import { toFault, type Fault } from '../../src/model/base/fault.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { StepResult } from '../../src/model/run.ts';
import { formatFulfilled, nextTime } from '../../src/model/standing/standing-text.ts';
import {
  formatFailed,
  formatGood,
  isSameVersion,
  type AppVersion,
  type GoodVersion,
} from '../../src/model/stamps/app-version.ts';
import type { StandingTexts } from '../../src/model/standing/standing.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { fulfilledBy } from '../../src/plan/target/fulfilled.ts';
import { isLeftAlone } from '../../src/plan/target/suspension.ts';
import { reachedVersion, versionOf } from '../../src/plan/target/app-version.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { isRollout } from '../../src/plan/steps/select.ts';
import { commandVersion } from '../../src/plan/target/release-command.ts';
import { flyNow, listedMs } from '../pass/fly-now.ts';
import { whyStopped } from '../pass/services.ts';
import { plannedAgain } from './plan-app.ts';
import type { PlannedApp, SyncAppRequest } from './types.ts';
import { stampRolloutState } from '../rollout/rollout-state.ts';

/** What a pass did to one app. */
export interface Passed {
  readonly plan: AppPlan;
  readonly planned: Omit<PlannedApp, 'plan'>;
  readonly results: readonly StepResult[];
  readonly faults: readonly Fault[];
}

interface Written extends Passed {
  /** false: the pass has changed nothing, stamps included, so that what was planned from is what there is. */
  readonly isWritten: boolean;
}

/**
 * After a pass: the version that it completed is the good one from now on, one that the app itself did not bear has failed, and
 * where git has all that it wants, that is written down last. A stop, Fly's own errors and somebody else at work say nothing of
 * either. Where Fly does not answer now, the next pass finds the same and writes it down. `failed`: the version has.
 */
export async function settleVersion(request: SyncAppRequest, passed: Passed): Promise<{ readonly failed: boolean }> {
  const { planned, faults } = passed;
  const blamed = faults.find(({ blames }) => blames !== undefined);
  try {
    if (blamed !== undefined) return { failed: await markFailed(request, planned, blamed) };
    const written = { ...passed, isWritten: writesOf(passed.plan).length > 0 };
    await markEnd(request, written, await endOf(request, written));
  } catch (error) {
    const { message } = toFault(error, 'the version could not be stamped');
    request.log.warn({ app: request.app.name, error: message }, 'what became of a version is not written down yet');
  }
  return { failed: false };
}

/** Nothing was left out. */
function isComplete(request: SyncAppRequest, { plan, results, faults }: Passed): boolean {
  if (whyStopped(request) !== undefined || faults.length > 0 || isLeftAlone(plan)) return false;
  return !results.some(({ outcome }) => outcome === 'skipped' || outcome === 'interrupted');
}

/** Nothing was left out, and nothing that reaches machines waits. */
function isWhole(request: SyncAppRequest, passed: Passed): boolean {
  const isOwn = (reason: string): boolean => reason === 'failed' || reason === 'rollback';
  return (
    isComplete(request, passed) && passed.plan.holds.every((hold) => isOwn(hold.reason) || !hold.steps.some(isRollout))
  );
}

/** What there is at the end of a pass, for what is written down then. */
interface End extends Pick<PlannedApp, 'plan' | 'wanted' | 'steering'> {
  /** undefined: nobody has looked since the pass wrote to them. */
  readonly machines: readonly Machine[] | undefined;
}

/** One patch a machine for both. */
async function markEnd(request: SyncAppRequest, passed: Written, end: End | undefined): Promise<void> {
  let looked: Promise<readonly Machine[]> | undefined;
  const look = (): Promise<readonly Machine[]> => (looked ??= machinesAtEnd(request, passed, end));
  const good = isWhole(request, passed) ? await goodOf(request, passed, look) : {};
  const texts = { ...good, ...(end === undefined ? {} : fulfilledAt(request, passed, end)) };
  if (Object.keys(texts).length > 0) await stamp(request, texts, await look());
}

async function machinesAtEnd(
  request: SyncAppRequest,
  { plan, planned, isWritten }: Written,
  end: End | undefined,
): Promise<readonly Machine[]> {
  if (end?.machines !== undefined) return end.machines;
  return isWritten ? machinesNow(request, plan) : (machinesOf(planned) ?? []);
}

/** undefined: they could not be read. */
function machinesOf({ observed: { machines } }: Pick<PlannedApp, 'observed'>): readonly Machine[] | undefined {
  return machines.status === 'read' ? machines.value : undefined;
}

/** Until lists tell whose machines are that were taken over, nothing is stamped on them. */
async function machinesNow({ fly, app, clock, signal }: SyncAppRequest, plan: AppPlan): Promise<readonly Machine[]> {
  if (writesOf(plan).some(({ kind }) => kind === 'app.adopt')) await clock.sleep(listedMs, signal);
  return fly.machines(app.name);
}

/**
 * Git has all that it wants where a look finds nothing to do any more: a pass that went well may have left work for the next.
 * undefined: the pass did not go well, or what is known already would not become more.
 */
async function endOf(request: SyncAppRequest, passed: Written): Promise<End | undefined> {
  const { plan, planned, isWritten } = passed;
  const { fulfilled: before } = planned.steering.standing;
  if (request.fleet.from !== undefined || !isComplete(request, passed)) return undefined;
  const mayBe = fulfilledBy({ ...plan, steps: [], wanted: planned.wanted, before, isWritten });
  if (mayBe === undefined) return undefined;
  // Beside stamps nothing was done: there is nothing new to plan from.
  if (plan.steps.length === 0) return { ...planned, plan, machines: isWritten ? undefined : machinesOf(planned) };
  try {
    const again = await plannedAgain(request);
    return { ...again, machines: machinesOf(again) };
  } catch (error) {
    const { message } = toFault(error, 'the app could not be looked at again');
    request.log.warn({ app: request.app.name, error: message }, 'that git has all it wants is not written down yet');
    return undefined;
  }
}

function fulfilledAt(request: SyncAppRequest, { isWritten }: Written, { plan, wanted, steering }: End): StandingTexts {
  const { standing, course } = steering;
  if (course.to === 'nowhere') return {};
  const found = fulfilledBy({ ...plan, wanted, before: standing.fulfilled, isWritten });
  if (found === undefined) return {};
  return { [stampKeys.fulfilled]: formatFulfilled({ ...found, at: nextTime(standing.texts, flyNow(request)) }) };
}

/** None where no version was reached, or it is known as good. */
async function goodOf(
  request: SyncAppRequest,
  { planned }: Passed,
  seen: () => Promise<readonly Machine[]>,
): Promise<StandingTexts> {
  const { fleet, clock, app } = request;
  const { wanted, steering, observed } = planned;
  const { standing, course } = steering;
  if (observed.machines.status === 'unread' || course.to === 'nowhere') return {};
  const scope = { desired: wanted, fleet, now: clock.now(), aheadMs: request.fly.aheadMs() };
  const before = observed.machines.value;
  // What was gone back to keeps its name: its image may be written another way now.
  const version = course.to === 'version' ? course.version : versionOf({ ...scope, machines: before });
  const revision = course.to === 'version' ? course.version.revision : fleet.revision;
  if (isKnown(standing.good, version, revision)) return {};
  const reached = reachedVersion({ ...scope, machines: await seen() });
  if (reached === undefined) return {};
  const carried = course.to === 'version' ? course.version : reached;
  const good: GoodVersion = { ...carried, revision, at: nextTime(standing.texts, flyNow(request)) };
  await request.store.addGood(app.name, good, request.runId);
  return { [stampKeys.good]: formatGood(good) };
}

/** Also where its commit is not one that git could give back and the present one is. */
function isKnown(good: GoodVersion | undefined, version: AppVersion, revision: string): boolean {
  if (good === undefined || !isSameVersion(good, version)) return false;
  return isCommit(good.revision) || !isCommit(revision);
}

function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40,64}$/.test(revision);
}

/** Only of what git wants: going back to what ran well is tried again until it succeeds. */
async function markFailed(
  request: SyncAppRequest,
  { steering }: Omit<PlannedApp, 'plan'>,
  { blames }: Fault,
): Promise<boolean> {
  const { fly, fleet, clock, app } = request;
  const { standing, course } = steering;
  if (course.to !== 'git') return false;
  const machines = await fly.machines(app.name);
  const version = versionOf({ desired: app, machines, fleet, now: clock.now(), aheadMs: fly.aheadMs() });
  // It ran well before: what became of it since is no fault of its release.
  if (standing.good !== undefined && isSameVersion(standing.good, version)) return false;
  const { releaseCommand } = app;
  const command = blames === 'command' && releaseCommand !== undefined ? commandVersion(releaseCommand) : '';
  const text = formatFailed({ ...version, command, at: nextTime(standing.texts, flyNow(request)) });
  await stamp(request, { [stampKeys.failed]: text }, machines);
  return true;
}

async function stamp(request: SyncAppRequest, texts: StandingTexts, machines: readonly Machine[]): Promise<void> {
  const { store, app } = request;
  // The pass may have made the app.
  const { appId } = await store.memory(app.name);
  await stampRolloutState(request, app.name, { appId, texts, machines });
}
