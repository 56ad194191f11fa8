/** Plans that the guards of the whole fleet have seen: nothing else is applied. */
import type { AppPlan, Plan, Step } from '../../model/plan.ts';
import { withSteps } from './status.ts';

declare const guards: unique symbol;

/** What brakes, dependencies and the order of removals let pass. Of other steps, however they are put into a plan, nobody knows. */
type GuardedSteps = readonly Step[] & { readonly [guards]: 'passed' };

export interface GuardedPlan extends AppPlan {
  readonly steps: GuardedSteps;
}

/** Does nothing. */
export interface IdlePlan extends GuardedPlan {
  readonly steps: GuardedSteps & readonly [];
}

export interface GuardedFleet extends Plan {
  readonly apps: readonly GuardedPlan[];
}

/** Said by planFleet of what its guards have left, and by nobody else. */
export function passed(plan: AppPlan): GuardedPlan {
  return { ...plan, steps: plan.steps as GuardedSteps };
}

/** A plan that does nothing needs no guard. undefined: it does something. */
export function idle(plan: AppPlan): GuardedPlan | undefined {
  return plan.steps.length === 0 ? passed(plan) : undefined;
}

/** With no more than these of its steps: others have not passed with it. */
export function fewer(plan: GuardedPlan, { steps, holds }: Pick<AppPlan, 'steps' | 'holds'>): GuardedPlan {
  return passed(withSteps(plan, { steps: steps.filter((step) => plan.steps.includes(step)), holds }));
}

/** Shown, and left alone: what it would do stands in its holds. */
export function nothingOf(plan: AppPlan): IdlePlan {
  const steps: readonly [] = [];
  return { ...plan, steps: steps as IdlePlan['steps'], bookkeeping: undefined };
}
