/** The one place where a plan becomes a status word. */
import type { AppStatus, Hold, HoldReason, AppPlan } from '../../model/plan.ts';
import { appPlanId } from './plan-id.ts';
import { inOrder } from './order.ts';

/** What an app's steps say of it: none; only undoing what was done on Fly; or git wants what Fly lacks. */
export type StepsSay = 'nothing' | 'drift' | 'wanted';

/** Nothing the app needs can go on before somebody has acted. */
const blocking: readonly HoldReason[] = ['owner', 'build', 'secret'];

/** Time alone brings it, and git wants it. */
const passing: readonly HoldReason[] = ['unread', 'dependency', 'window', 'unreachable'];

/** Of an app with these steps to do. */
export function statusOf(steps: StepsSay, holds: readonly Hold[]): AppStatus {
  if (isSuspended(holds)) return 'suspended';
  if (holds.some((hold) => blocking.includes(hold.reason))) return 'blocked';
  if (holds.some((hold) => passing.includes(hold.reason))) return 'pending';
  if (steps === 'wanted') return 'pending';
  if (steps === 'drift') return 'drifted';
  return statusOfHolds(holds);
}

/** Of an app with nothing left to do but what is held. */
export function statusOfHolds(holds: readonly Hold[]): AppStatus {
  if (holds.length === 0) return 'synced';
  if (isSuspended(holds)) return 'suspended';
  if (holds.some((hold) => blocking.includes(hold.reason))) return 'blocked';
  if (holds.some((hold) => passing.includes(hold.reason))) return 'pending';
  return holds.every((hold) => hold.reason === 'drift') ? 'drifted' : 'held';
}

function isSuspended(holds: readonly Hold[]): boolean {
  return holds.some((hold) => hold.reason === 'suspended');
}

/** Status and id follow from what is left. */
export function withSteps(plan: AppPlan, parts: Pick<AppPlan, 'steps' | 'holds'>): AppPlan {
  const steps = inOrder(parts.steps);
  const { holds } = parts;
  const isDrift = plan.status === 'drifted' && steps.every((step) => plan.steps.includes(step));
  const say = steps.length === 0 ? 'nothing' : isDrift ? 'drift' : 'wanted';
  // Nobody's app in git is orphaned, whatever is held.
  const status = plan.status === 'orphaned' ? plan.status : statusOf(say, holds);
  return { ...plan, steps, holds, status, planId: appPlanId(plan.app, steps, holds) };
}
