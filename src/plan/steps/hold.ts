/** Holding steps back: what would be done and may not be, why, and what lifts it. */
import type { Hold, Step } from '../../model/plan.ts';
import type { HoldParts, PlanDraft } from '../types.ts';

/** Moves the steps that match into one hold. Without such steps there is nothing to hold. */
export function holdBack(
  draft: PlanDraft,
  app: string,
  matches: (step: Step) => boolean,
  parts: Omit<HoldParts, 'steps'>,
): PlanDraft {
  const held = draft.steps.filter(matches);
  if (held.length === 0) return draft;
  return {
    steps: draft.steps.filter((step) => !matches(step)),
    holds: [...draft.holds, holdOf(app, { ...parts, steps: held })],
  };
}

/** Steps that `--accept` releases. */
export function isConfirmable({ reason, steps, byName }: Hold): boolean {
  return (reason === 'volume' || reason === 'destructive') && steps.length > 0 && byName !== true;
}

/** With the steps that a person may confirm among the others: what holds the app holds them too. */
export function withConfirmable(draft: PlanDraft): PlanDraft {
  const steps = [...draft.steps, ...draft.holds.filter(isConfirmable).flatMap((hold) => hold.steps)];
  return { steps, holds: draft.holds.filter((hold) => !isConfirmable(hold)) };
}

export function holdOf(app: string, parts: HoldParts): Hold {
  const { reason, because, next, steps = [], retryAt, byName } = parts;
  const hold = { app, reason, because, next, steps, ...(retryAt === undefined ? {} : { retryAt }) };
  return byName === true ? { ...hold, byName } : hold;
}
