/** Calls of which nobody knows yet whether they were carried out. */
import type { Step, Hold } from '../../model/plan.ts';
import type { PlanDraft } from '../types.ts';

/** A machine waits for its volume; a release that would make it waits whole. */
export function guardIntents(draft: PlanDraft): PlanDraft {
  const index = draft.holds.findIndex((hold) => hold.reason === 'intent' && volumesOf(hold).length > 0);
  const hold = draft.holds[index];
  if (hold === undefined) return draft;
  const unclear = new Set(draft.holds.flatMap((one) => (one.reason === 'intent' ? volumesOf(one) : [])));
  const waits = (step: Step): boolean => {
    if (step.kind === 'release') return step.machines.some((machine) => waits(machine));
    return (
      step.kind === 'machine.create' &&
      step.mount !== undefined &&
      unclear.has(`${step.mount.volume}/${step.slot.region}`)
    );
  };
  const held = draft.steps.filter(waits);
  const holds = draft.holds.with(index, { ...hold, steps: [...hold.steps, ...held] });
  return { steps: draft.steps.filter((step) => !waits(step)), holds };
}

function volumesOf(hold: Hold): readonly string[] {
  return hold.steps.flatMap((step) =>
    step.kind === 'volume.create' ? [`${step.request.name}/${step.request.region}`] : [],
  );
}
