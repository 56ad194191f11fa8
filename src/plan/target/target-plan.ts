/** Plans of an app that does not follow git at present. */
import type { Step, AppPlan, Hold } from '../../model/plan.ts';
import { withSteps } from '../steps/status.ts';
import { holdOf } from '../steps/hold.ts';
import { isRollout } from '../steps/select.ts';
import type { HoldParts } from '../types.ts';
import type { TargetHold } from './resolve-target.ts';

/** Releases that git asks for and that wait: what a person sees of a newer push. */
function isGitsRelease(step: Step): boolean {
  return step.kind === 'release' || (step.kind === 'machine.update' && step.reason === 'change');
}

/** The plan towards the version that the app is held at, with what git would do instead as what is held. */
export function heldPlan(towards: AppPlan, git: AppPlan, hold: TargetHold): AppPlan {
  const waiting = [...git.steps, ...git.holds.flatMap((one) => one.steps)].filter(isGitsRelease);
  const steps = towards.steps.map(goingBack);
  return withSteps(towards, { steps, holds: [courseHold(towards.app, hold, waiting), ...towards.holds] });
}

/** It undoes what git asked for, whatever its machines' stamps say of that: nothing of it is this FlyCD's own idea. */
function goingBack(step: Step): Step {
  if (step.kind === 'machine.update') return { ...step, remapped: undefined };
  if (step.kind !== 'release') return step;
  const machines = step.machines.map((one) => (one.kind === 'machine.update' ? { ...one, remapped: undefined } : one));
  return { ...step, because: 'going back', machines };
}

/**
 * Git's plan without what rolls anything out. A machine that is not healthy is not waited for again, and what waits for it
 * to take over stays.
 */
export function stoppedPlan(git: AppPlan, hold: TargetHold): AppPlan {
  const stops = (step: Step): boolean =>
    isRollout(step) ||
    step.kind === 'machine.start' ||
    (step.kind === 'machine.label' && step.proves === true) ||
    (step.kind === 'machine.destroy' && step.onceHealthy === true);
  const waiting = git.steps.filter(stops);
  const steps = git.steps.filter((step) => !stops(step));
  return withSteps(git, { steps, holds: [courseHold(git.app, hold, waiting), ...git.holds] });
}

function courseHold(app: string, { since, ...parts }: TargetHold, steps: readonly Step[]): Hold {
  const hold = holdOf(app, { ...parts, steps } satisfies HoldParts);
  return since === undefined ? hold : { ...hold, since };
}
