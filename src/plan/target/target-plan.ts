/** Plans of an app that does not follow git at present. */
import { list } from '../../model/base/text.ts';
import type { DesiredApp } from '../../model/desired.ts';
import type { Step, AppPlan, Hold } from '../../model/plan.ts';
import { withSteps } from '../steps/status.ts';
import { holdOf } from '../steps/hold.ts';
import { removalOf } from '../steps/removal.ts';
import { isGitsRelease, isRollout } from '../steps/select.ts';
import type { TargetHold } from './resolve-target.ts';

/** Why git's version may not be rolled out, and the app as git says it. */
interface Held {
  readonly hold: TargetHold;
  readonly app: DesiredApp;
}

/**
 * The plan towards the version that the app is held at, with what git would do instead as what is held: its release, and what
 * it removes, for the version that stays may need that.
 */
export function heldPlan(towards: AppPlan, git: AppPlan, held: Held): AppPlan {
  const waiting = [...git.steps, ...git.holds.flatMap((one) => one.steps)].filter(isGitsRelease);
  const removals = towards.steps.filter((step) => removalOf(step, held.app) !== undefined);
  const steps = towards.steps.filter((step) => !removals.includes(step)).map(goingBack);
  return withSteps(towards, { steps, holds: [courseHold(held, waiting, removals), ...towards.holds] });
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
export function stoppedPlan(git: AppPlan, held: Held): AppPlan {
  const stops = (step: Step): boolean =>
    isRollout(step) ||
    step.kind === 'machine.start' ||
    (step.kind === 'machine.label' && step.proves === true) ||
    (step.kind === 'machine.destroy' && step.onceHealthy === true);
  const waiting = git.steps.filter(stops);
  const removals = git.steps.filter((step) => !stops(step) && removalOf(step, held.app) !== undefined);
  const steps = git.steps.filter((step) => !stops(step) && !removals.includes(step));
  return withSteps(git, { steps, holds: [courseHold(held, waiting, removals), ...git.holds] });
}

function courseHold({ hold, app }: Held, waiting: readonly Step[], removals: readonly Step[]): Hold {
  const { since, because, ...parts } = hold;
  const stays = list(
    removals.map(({ target }) => target),
    removalsNamed,
  );
  const also = removals.length === 0 ? '' : `; as long stays what git no longer names: ${stays}`;
  const held = holdOf(app.name, { ...parts, because: because + also, steps: [...waiting, ...removals] });
  return since === undefined ? held : { ...held, since };
}

/** The hold lists all of them. */
const removalsNamed = 3;
