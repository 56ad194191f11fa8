import type { Machine } from '../../schemas/fly/machine.ts';
import { toFault, type Fault } from '../../src/model/base/fault.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { StepResult } from '../../src/model/run.ts';
import { nextTime } from '../../src/model/stamps/rollout-state-text.ts';
import {
  formatFailed,
  formatGood,
  isSameVersion,
  type AppVersion,
  type GoodVersion,
} from '../../src/model/stamps/app-version.ts';
import type { StandingTexts } from '../../src/model/stamps/rollout-state.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isLeftAlone } from '../../src/plan/target/suspension.ts';
import { reachedVersion, versionOf } from '../../src/plan/target/app-version.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { isRollout } from '../../src/plan/steps/select.ts';
import { commandVersion } from '../../src/plan/target/release-command.ts';
import { whyStopped } from '../pass/services.ts';
import type { PlannedApp, SyncAppRequest } from './types.ts';
import { stampRolloutState } from '../rollout/rollout-state.ts';

/** What a pass did to one app. */
export interface Passed {
  readonly plan: AppPlan;
  readonly planned: Omit<PlannedApp, 'plan'>;
  readonly results: readonly StepResult[];
  readonly faults: readonly Fault[];
}

/**
 * After a pass: the version that it completed is the good one from now on, and one that the app itself did not bear has
 * failed. A stop, Fly's own errors and somebody else at work say nothing of a version. Where Fly does not answer now, the
 * next pass finds the same and writes it down. true: it has failed.
 */
export async function settleVersion(request: SyncAppRequest, passed: Passed): Promise<{ readonly failed: boolean }> {
  const { planned, faults } = passed;
  const blamed = faults.find(({ blames }) => blames !== undefined);
  try {
    if (blamed !== undefined) return { failed: await markFailed(request, planned, blamed) };
    if (isWhole(request, passed)) await markGood(request, passed);
  } catch (error) {
    const { message } = toFault(error, 'the version could not be stamped');
    request.log.warn({ app: request.app.name, error: message }, 'what became of a version is not written down yet');
  }
  return { failed: false };
}

/** Nothing was left out, and nothing that reaches machines waits. */
function isWhole(request: SyncAppRequest, { plan, results, faults }: Passed): boolean {
  if (whyStopped(request) !== undefined || faults.length > 0 || results.some(({ outcome }) => outcome === 'skipped'))
    return false;
  if (isLeftAlone(plan)) return false;
  const isOwn = (reason: string): boolean => reason === 'failed' || reason === 'rollback';
  return plan.holds.every((hold) => isOwn(hold.reason) || !hold.steps.some(isRollout));
}

async function markGood(request: SyncAppRequest, { plan, planned }: Passed): Promise<void> {
  const { fly, fleet, clock, app } = request;
  const { wanted, steering, observed } = planned;
  const { standing, course } = steering;
  if (observed.machines.status === 'unread' || course.to === 'nowhere') return;
  const scope = { desired: wanted, fleet, now: clock.now() };
  const before = observed.machines.value;
  // What was gone back to keeps its name: its image may be written another way now.
  const version = course.to === 'version' ? course.version : versionOf({ ...scope, machines: before });
  const revision = course.to === 'version' ? course.version.revision : fleet.revision;
  if (isKnown(standing.good, version, revision)) return;
  const machines = writesOf(plan).length === 0 ? before : await fly.machines(app.name);
  const reached = reachedVersion({ ...scope, machines });
  if (reached === undefined) return;
  const carried = course.to === 'version' ? course.version : reached;
  const good: GoodVersion = { ...carried, revision, at: nextTime(standing.texts, clock.now()) };
  await request.store.addGood(app.name, good, request.runId);
  await stamp(request, { [stampKeys.good]: formatGood(good) }, machines);
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
  const version = versionOf({ desired: app, machines, fleet, now: clock.now() });
  // It ran well before: what became of it since is no fault of its release.
  if (standing.good !== undefined && isSameVersion(standing.good, version)) return false;
  const { releaseCommand } = app;
  const command = blames === 'command' && releaseCommand !== undefined ? commandVersion(releaseCommand) : '';
  const text = formatFailed({ ...version, command, at: nextTime(standing.texts, clock.now()) });
  await stamp(request, { [stampKeys.failed]: text }, machines);
  return true;
}

async function stamp(request: SyncAppRequest, texts: StandingTexts, machines: readonly Machine[]): Promise<void> {
  const { store, app } = request;
  // The pass may have made the app.
  const { appId } = await store.memory(app.name);
  await stampRolloutState(request, app.name, { appId, texts, machines });
}
