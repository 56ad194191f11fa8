/** What goes because something else takes over: never before that, whatever of the plan is held. */
import type { DesiredApp } from '../../model/desired.ts';
import type { Hold, MachineAction, Step } from '../../model/plan.ts';
import { removalOf } from '../steps/removal.ts';
import { createsOf, isGitsRelease, updatesOf } from '../steps/select.ts';
import type { PlanDraft } from '../types.ts';

/** An address is given up for another one: where none can be asked for now, it waits with that, as apply leaves it where one fails. */
export function guardAddresses(draft: PlanDraft): PlanDraft {
  const index = draft.holds.findIndex(({ steps }) => steps.some(({ kind }) => kind === 'address.allocate'));
  const hold = draft.holds[index];
  if (hold === undefined) return draft;
  const releases = draft.steps.filter(({ kind }) => kind === 'address.release');
  return {
    steps: draft.steps.filter((step) => !releases.includes(step)),
    holds: draft.holds.with(index, { ...hold, steps: [...hold.steps, ...releases] }),
  };
}

/** A destroy that waits for what is held is held with it; one that waits for what the plan does not do at all is left out. */
export function guardSuccession({ groups }: DesiredApp, draft: PlanDraft): PlanDraft {
  const named = new Set(groups.map(({ name }) => name));
  const moved = new Map<Hold, Step[]>();
  const steps = draft.steps.filter((step) => {
    if (step.kind !== 'machine.destroy' || step.onceHealthy !== true) return true;
    const { successor } = step;
    const brings = bringsSuccessor(step);
    // What takes over is there and well.
    const isThere = successor === undefined && named.has(step.group);
    if (isThere || (successor !== undefined && brings(draft.steps))) return true;
    const hold = draft.holds.find((one) => brings(one.steps));
    if (hold !== undefined) moved.set(hold, [...(moved.get(hold) ?? []), step]);
    // Of a group that git no longer names, it may be there as well.
    return hold === undefined && successor === undefined;
  });
  return { steps, holds: draft.holds.map((hold) => ({ ...hold, steps: [...hold.steps, ...(moved.get(hold) ?? [])] })) };
}

function bringsSuccessor({ machineId, successor }: MachineAction): (steps: readonly Step[]) => boolean {
  if (successor === undefined) return (steps) => steps.some(bringsNew);
  const id = successor.machineId;
  if (id === undefined) return (steps) => createsOf(steps).some(({ replaces = [] }) => replaces.includes(machineId));
  return (steps) =>
    updatesOf(steps).some((step) => step.machineId === id) ||
    steps.some((step) => step.kind === 'machine.label' && step.machineId === id && step.proves === true);
}

function bringsNew(step: Step): boolean {
  return isGitsRelease(step) || step.kind === 'machine.create';
}

/**
 * What runs may need what git no longer names, until git's version has taken its place: whatever holds a release holds that with
 * it, as apply leaves it where the release fails.
 */
export function guardRemovals(app: DesiredApp, draft: PlanDraft): PlanDraft {
  const index = draft.holds.findIndex(({ steps }) => steps.some(isGitsRelease));
  const hold = draft.holds[index];
  if (hold === undefined) return draft;
  const removals = draft.steps.filter((step) => removalOf(step, app) !== undefined);
  return {
    steps: draft.steps.filter((step) => !removals.includes(step)),
    holds: draft.holds.with(index, { ...hold, steps: [...hold.steps, ...removals] }),
  };
}
