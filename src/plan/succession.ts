/** Machines that go because others take over: never before those others, whatever else of the plan is held. */
import type { Hold, MachineAction, Step } from '../model/plan.ts';
import type { PlanDraft } from './guard.ts';

/** A destroy that has somebody to wait for, and that one is held: it is held with it. What nobody holds goes on. */
export function guardSuccession(draft: PlanDraft): PlanDraft {
  const moved = new Map<Hold, Step[]>();
  const steps = draft.steps.filter((step) => {
    const hold = step.kind === 'machine.destroy' ? holdOver(step, draft) : undefined;
    if (hold !== undefined) moved.set(hold, [...(moved.get(hold) ?? []), step]);
    return hold === undefined;
  });
  if (moved.size === 0) return draft;
  return { steps, holds: draft.holds.map((hold) => ({ ...hold, steps: [...hold.steps, ...(moved.get(hold) ?? [])] })) };
}

/** Of a group that git no longer names any release may bring what takes over. */
function holdOver(step: MachineAction, { holds }: PlanDraft): Hold | undefined {
  if (step.onceHealthy !== true) return undefined;
  return holds.find((hold) => hold.steps.some(bringsNew));
}

function bringsNew(step: Step): boolean {
  if (step.kind === 'machine.update') return step.reason === 'change';
  return step.kind === 'release' || step.kind === 'machine.create';
}
