/** Which steps go together when a plan is applied, and which wait for others. */
import type {
  MachineAction,
  MachineChange,
  MachineLabel,
  ReleaseStep,
  RolloutStep,
  Step,
  StepKind,
} from '../../src/model/plan.ts';

/** What machines that could not be made or updated still need. */
const neededStill = ['machine.destroy', 'secret.unset', 'address.release', 'app.destroy'] as const;

/** What must not run once a step of a kind has failed. Kinds that are not named here disturb nobody. */
export const dependents: Partial<Record<StepKind, readonly StepKind[] | 'all'>> = {
  'app.create': 'all',
  // What of it is another owner's still is not FlyCD's to change.
  'app.adopt': 'all',
  // An address is given up for another one: not before that one is there.
  'address.allocate': ['address.release'],
  'image.build': ['volume.create', 'release', 'machine.create', 'machine.update', ...neededStill],
  'secret.set': ['release', 'machine.create', 'machine.update', ...neededStill],
  release: neededStill,
  'machine.create': neededStill,
  'machine.update': neededStill,
  // Creates of its group are left out, too.
  'machine.restart': neededStill,
  'machine.destroy': ['app.destroy'],
};

export type RollingStep = ReleaseStep | RolloutStep;

/** Of these, something is left to do. */
export const unfinished = ['failed', 'interrupted', 'skipped'] as const;

export const rollingKinds: ReadonlySet<StepKind> = new Set([
  'release',
  'machine.create',
  'machine.update',
  'machine.restart',
]);

export function isRolling(step: Step): step is RollingStep {
  return rollingKinds.has(step.kind);
}

/** The image of a release, of the rest of one, or of a heal. undefined: nothing that Fly has to be told of. */
export function imageToTell(steps: readonly RollingStep[], isUnfinished: boolean): string | undefined {
  const machines = steps.flatMap((step): MachineChange[] => {
    if (step.kind === 'release') return [...step.machines];
    if (step.kind === 'machine.update') return step.reason === 'secrets' ? [] : [step];
    return step.kind === 'machine.create' && isUnfinished ? [step] : [];
  });
  return machines[0]?.config.image;
}

/** A destroy that waits for the create of the same plan that takes the machine's place. */
export function isMadeAnew(step: Step): step is MachineAction {
  return step.kind === 'machine.destroy' && step.successor !== undefined && step.successor.machineId === undefined;
}

/** It waits until its machine is healthy. */
export function isProving(step: Step): step is MachineLabel {
  return step.kind === 'machine.label' && step.proves === true;
}
