/** Apps that a person has suspended. */
import { formatTime } from '../../model/base/clock.ts';
import type { AppPlan, Step, Hold } from '../../model/plan.ts';
import type { Standing, Suspension } from '../../model/standing/standing.ts';
import { suspensionOf } from '../../model/standing/in-force.ts';
import { isToAdopt } from '../steps/bookkeeping.ts';
import { withSteps } from '../steps/status.ts';
import { withConfirmable, holdOf } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

/** `aheadMs`: how far Fly's clock, by which people's words are dated, is ahead of the one that says `now`. */
export interface Moment {
  readonly now: number;
  readonly aheadMs: number;
}

/** A suspended app is looked at and not touched. `adopts`: a person takes it over in this pass, and nothing says so once that is over. */
export function suspendedPlan(
  plan: AppPlan,
  standing: Standing,
  { adopts, ...moment }: Moment & { readonly adopts: boolean },
): AppPlan {
  // Nor is what a person could confirm meanwhile.
  const { steps, holds } = withConfirmable(plan);
  const hold = suspensionHold(plan.app, steps, { standing, ...moment });
  if (hold === undefined) return plan;
  const isForgotten = adopts && isToAdopt(plan);
  const next = isForgotten ? `${hold.next}; then flycd adopt ${shellWord(plan.app)} again` : hold.next;
  return {
    ...withSteps(plan, { steps: [], holds: [{ ...hold, next }, ...holds] }),
    bookkeeping: undefined,
  };
}

/** Not even a stamp is written while a person wants that. */
export function isLeftAlone({ holds }: Pick<AppPlan, 'holds'>): boolean {
  return holds.some(({ reason }) => reason === 'suspended');
}

/** undefined: the app is not suspended. */
export function suspensionHold(
  app: string,
  steps: readonly Step[],
  { standing, now, aheadMs }: Moment & { readonly standing: Standing },
): Hold | undefined {
  const suspension = suspensionOf(standing, now + aheadMs);
  if (suspension === undefined) return undefined;
  const { at, until } = suspension;
  const retryAt = until === undefined ? undefined : until - aheadMs;
  const because = suspensionWords(suspension);
  const next =
    until === undefined
      ? `flycd resume ${shellWord(app)}`
      : `FlyCD follows git again by itself, or at once with flycd resume ${shellWord(app)}`;
  return { ...holdOf(app, { reason: 'suspended', because, next, steps, retryAt }), since: at - aheadMs };
}

export function suspensionWords({ reason, by, at, until }: Suspension): string {
  const end = until === undefined ? '' : `, until ${formatTime(until)}`;
  return `suspended by ${by} at ${formatTime(at)}${end}: ${reason}`;
}
