/** A plan whose steps some rule of the fleet has held back or released. */
import type { AppPlan } from '../../model/plan.ts';
import { appPlanId } from './plan-id.ts';
import { inOrder } from './order.ts';
import { statusOf } from './status.ts';

/** Status and id follow from what is left. */
export function refit(plan: AppPlan, parts: Pick<AppPlan, 'steps' | 'holds'>): AppPlan {
  const steps = inOrder(parts.steps);
  const { holds } = parts;
  const isDrift = plan.status === 'drifted' && steps.every((step) => plan.steps.includes(step));
  const say = steps.length === 0 ? 'nothing' : isDrift ? 'drift' : 'wanted';
  // Nobody's app in git is orphaned, whatever is held.
  const status = plan.status === 'orphaned' ? plan.status : statusOf(say, holds);
  return { ...plan, steps, holds, status, planId: appPlanId(plan.app, steps, holds) };
}
