/** Which steps of a plan a rule means. */
import type { Step, MachineCreate, MachineUpdate } from '../../model/plan.ts';

/** Of a release that waits, and of nothing else of the app: what apply leaves undone where a release fails. */
export const waitsWithRelease: ReadonlySet<Step['kind']> = new Set([
  'release',
  'machine.destroy',
  'secret.unset',
  'address.release',
]);

/** Steps after which a machine runs something else, or runs at all. */
export function isRollout(step: Step): boolean {
  return step.kind === 'release' || step.kind === 'machine.create' || step.kind === 'machine.update';
}

/** It brings what git says anew, rather than mending what was there: a release, or what is left of one. */
export function isGitsRelease(step: Step): boolean {
  return step.kind === 'release' || (step.kind === 'machine.update' && step.reason === 'change');
}

/** Volumes are made for nothing else. A restart brings nothing new: the size of a volume does not wait for an image. */
export function needsMachines(step: Step): boolean {
  return isRollout(step) || step.kind === 'volume.create';
}

export function createsOf(steps: readonly Step[]): readonly MachineCreate[] {
  return steps.flatMap((step): MachineCreate[] => {
    if (step.kind === 'machine.create') return [step];
    return step.kind === 'release' ? step.machines.filter((machine) => machine.kind === 'machine.create') : [];
  });
}

export function updatesOf(steps: readonly Step[]): readonly MachineUpdate[] {
  return steps.flatMap((step): MachineUpdate[] => {
    if (step.kind === 'machine.update') return [step];
    return step.kind === 'release' ? step.machines.filter((machine) => machine.kind === 'machine.update') : [];
  });
}

/** It restarts, changes or takes away something that is there. */
export function touchesWhatRuns(step: Step): boolean {
  if (step.kind === 'release') return step.machines.some((machine) => machine.kind === 'machine.update');
  return ['machine.update', 'machine.restart', 'machine.destroy'].includes(step.kind) || step.risk === 'destructive';
}
