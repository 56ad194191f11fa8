/** What a person accepts: `--accept` all that may be accepted at once, `--accept-only` just what it names. */
import type { AppPlan, Hold } from '../../model/plan.ts';
import { isConfirmable } from '../steps/hold.ts';
import { statusByReason, withSteps } from '../steps/status.ts';

export interface Acceptance {
  readonly accept: boolean;
  /** Names of apps, reasons of holds, or `app:NAME` for an app that is called like a reason. */
  readonly acceptOnly: readonly string[];
}

/** Reasons that a person's word lifts; all others say what else does. */
export const acceptableReasons = ['brake', 'destructive', 'volume'] as const satisfies readonly Hold['reason'][];

/** true: one of the words names this app, or this reason. */
export function isNamed(words: readonly string[], { app, reason }: Pick<Hold, 'app' | 'reason'>): boolean {
  return words.some((word) => {
    if (word.startsWith('app:')) return word === `app:${app}`;
    return word === (Object.hasOwn(statusByReason, word) ? reason : app);
  });
}

/**
 * With the steps of what was accepted among the others. Machines that are made anew for their mount are steps already where
 * the app was planned with that word: they are a release, with its command and its guards.
 */
export function releaseAccepted(plan: AppPlan, { accept, acceptOnly }: Acceptance): AppPlan {
  const isAccepted = (hold: Hold): boolean => {
    if (hold.steps.length === 0) return false;
    const isAcceptable = acceptableReasons.some((reason) => reason === hold.reason);
    return (accept && isConfirmable(hold)) || (isAcceptable && isNamed(acceptOnly, hold));
  };
  const accepted = plan.holds.filter(isAccepted);
  if (accepted.length === 0) return plan;
  return withSteps(plan, {
    steps: [...plan.steps, ...accepted.flatMap((hold) => hold.steps)],
    holds: plan.holds.filter((hold) => !isAccepted(hold)),
  });
}
