/** Apps that nothing was done about because nothing could be: `status` would call them what they were before. */
import type { DesiredApp } from '../../src/model/desired.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { isFleetWide, toFault, type Fault } from '../../src/model/base/fault.ts';
import { canonicalJson } from '../../src/model/base/json.ts';
import type { AppPlan, Hold, Plan } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';
import { failedPlan, invalidPlans } from '../../src/plan/fleet.ts';
import { isUnseen } from '../../src/plan/steps/status.ts';
import type { Store } from '../../src/record/store.ts';
import { nextWake, recordUntouched } from '../app/outcome.ts';
import type { SyncAppOptions } from '../app/types.ts';
import type { AppStates } from './states/app-states.ts';

type Recording = Pick<SyncAppOptions, 'store' | 'fleet' | 'trigger' | 'actor'>;

/**
 * Apps that could not be looked at, each with why. Once: as long as that stays so it is no news, and Fly, which answers each try
 * with another error, leaves one run, with the newest of them.
 */
export function recordUnreached(recording: Recording, apps: readonly DesiredApp[], fault: Fault) {
  const plans = apps.map(({ name: app, file, org }): AppPlan => {
    const plan = failedPlan({ app, file, org, fault });
    // Time alone brings it: no alarm.
    return fault.kind === 'waiting' ? { ...plan, status: 'pending' } : plan;
  });
  // A refused token is told by whichever call met it first.
  const isSame = isFleetWide(fault) ? wasUntouched : saysSo;
  const isPassing = fault.kind === 'transient' || fault.kind === 'waiting';
  return recordNews(recording, plans, { isKnown: isSame, goesOn: isPassing ? wasUntouched : () => false });
}

/** A pass ended before it could look at its apps. What a person asked for and there is none of says nothing of any app. */
export async function recordBroken(
  recording: Recording,
  apps: readonly DesiredApp[],
  error: unknown,
): Promise<readonly Run[]> {
  const fault = toFault(error, 'the apps could not be looked at');
  const passes = fault.kind === 'transient' || fault.kind === 'waiting';
  return passes || isFleetWide(fault) ? recordUnreached(recording, apps, fault) : [];
}

/** Those of a pass that touches no others: what Fly did not tell of them, and what broke off the look at them. Once. */
export function recordUnseen(recording: Recording, { apps }: Pick<Plan, 'apps'>): Promise<readonly Run[]> {
  const isKnown: Comparison = (run, plan) => saysSo(run, plan) && run.plan.planId === plan.planId;
  return recordNews(recording, apps.filter(isUnseen), { isKnown, goesOn: wasUntouched });
}

/** Apps whose files cannot be used. */
export function recordInvalid(recording: Recording): Promise<readonly Run[]> {
  return recordNews(recording, invalidPlans(recording), { isKnown: saysSo, goesOn: () => false });
}

type Comparison = (run: Run, plan: AppPlan) => boolean;

async function recordNews(
  recording: Recording,
  plans: readonly AppPlan[],
  { isKnown, goesOn }: { readonly isKnown: Comparison; readonly goesOn: Comparison },
): Promise<readonly Run[]> {
  if (plans.length === 0) return [];
  const latest = new Map((await recording.store.latestRuns()).map((run) => [run.app, run]));
  const runs: Run[] = [];
  for (const plan of plans) {
    const before = latest.get(plan.app);
    if (before !== undefined && isKnown(before, plan)) continue;
    const isOpen = before?.revision === recording.fleet.revision && goesOn(before, plan);
    const run = await recordUntouched({ ...recording, plan }, isOpen ? before : undefined);
    if (run !== undefined) runs.push(run);
  }
  return runs;
}

function wasUntouched(run: Run, { status }: Pick<AppPlan, 'status'>): boolean {
  return run.status === status && run.results.length === 0;
}

function saysSo(run: Run, plan: AppPlan): boolean {
  return wasUntouched(run, plan) && run.plan.problems[0]?.message === plan.problems[0]?.message;
}

/**
 * A run that says the same again by now, but in other words: a person has said it anew, or its time is over. The newest plan's
 * holds and notes take the place of its own, so that `status` tells them; history has no more to tell.
 */
export async function retold(
  { store, states, clock }: { readonly store: Store; readonly states: AppStates; readonly clock: Pick<Clock, 'now'> },
  before: Run,
  { holds, notes }: AppPlan,
): Promise<Run> {
  const now = clock.now();
  const isSame = before.plan.holds.every((hold, at) => isSaidSo(hold, holds[at], now));
  if (isSame && canonicalJson(before.plan.notes) === canonicalJson(notes)) return before;
  const plan = { ...before.plan, holds, notes };
  const nextWakeAt = nextWake(plan, [], now);
  await store.retell(before.id, { plan, nextWakeAt });
  const run = { ...before, plan, nextWakeAt };
  states.ran(run.app, run);
  return run;
}

/** A time that moves with each look is no news before it is over. */
function isSaidSo(before: Hold, hold: Hold | undefined, now: number): boolean {
  const [told, words] = [before, hold].map((one) => [one?.because, one?.next, one?.since ?? null]);
  if (canonicalJson(told) !== canonicalJson(words)) return false;
  return before.retryAt === hold?.retryAt || (before.retryAt !== undefined && before.retryAt > now);
}
