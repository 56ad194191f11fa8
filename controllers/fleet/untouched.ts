/** Apps that nothing was done about because nothing could be: `status` would call them what they were before. */
import type { DesiredApp } from '../../src/model/desired.ts';
import { isFleetWide, toFault, type Fault } from '../../src/model/base/fault.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { Run } from '../../src/model/run.ts';
import { failedPlan, invalidPlans } from '../../src/plan/fleet.ts';
import { recordUntouched } from '../app/outcome.ts';
import type { SyncAppOptions } from '../app/types.ts';

type Recording = Pick<SyncAppOptions, 'store' | 'fleet' | 'trigger' | 'actor'>;

/** Apps that could not be looked at, each with why. Once: as long as that stays so, it is no news. */
export function recordUnreached(recording: Recording, apps: readonly DesiredApp[], fault: Fault) {
  const plans = apps.map(({ name: app, file, org }): AppPlan => {
    const plan = failedPlan({ app, file, org, fault });
    // Time alone brings it: no alarm.
    return fault.kind === 'waiting' ? { ...plan, status: 'pending' } : plan;
  });
  // A refused token is told by whichever call met it first.
  const isSame = isFleetWide(fault) ? wasUntouched : saysSo;
  return recordNews(recording, plans, isSame);
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

/** Apps whose files cannot be used. */
export function recordInvalid(recording: Recording): Promise<readonly Run[]> {
  return recordNews(recording, invalidPlans(recording), saysSo);
}

async function recordNews(
  recording: Recording,
  plans: readonly AppPlan[],
  isKnown: (run: Run, plan: AppPlan) => boolean,
): Promise<readonly Run[]> {
  if (plans.length === 0) return [];
  const latest = new Map((await recording.store.latestRuns()).map((run) => [run.app, run]));
  const runs: Run[] = [];
  for (const plan of plans) {
    const before = latest.get(plan.app);
    if (before !== undefined && isKnown(before, plan)) continue;
    const run = await recordUntouched({ ...recording, plan });
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
