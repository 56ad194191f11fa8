/** An image that is still to be built. */
import type { Step } from '../../model/plan.ts';
import type { PlanAppInput, PlanDraft, WantedImage } from '../types.ts';
import { isRollout, needsMachines } from '../steps/select.ts';
import { holdBack } from '../steps/hold.ts';

/**
 * The image is built before what needs it. Where it cannot be had, the build is held, and all that needs its image; where its
 * source cannot be read, an app that is not there yet is not made either: nobody knows whether there is anything to run.
 */
export function guardBuild(input: PlanAppInput, draft: PlanDraft, image: WantedImage): PlanDraft {
  const { desired } = input;
  if (desired.image.kind !== 'build' || !draft.steps.some(isRollout)) return draft;
  if (image.state === 'known') {
    return image.build === undefined ? draft : { ...draft, steps: [image.build, ...draft.steps] };
  }
  const build: Step = {
    kind: 'image.build',
    app: desired.name,
    target: desired.name,
    because: 'git names a source and no image',
    risk: 'safe',
    changes: [],
    source: desired.image.source,
    key: desired.image.build?.key,
    ref: undefined,
    from: undefined,
  };
  const { state: _state, ...hold } = image;
  const isUnread = desired.image.build === undefined || desired.appVersion === undefined;
  const isIdle = isUnread && draft.steps.some((step) => step.kind === 'app.create');
  const needs = (step: Step): boolean => isIdle || needsMachines(step) || step.kind === 'image.build';
  return holdBack({ ...draft, steps: [build, ...draft.steps] }, desired.name, needs, hold);
}

/** Nothing is built for what is held. */
export function withoutIdleBuild(draft: PlanDraft): PlanDraft {
  if (draft.steps.some(isRollout)) return draft;
  return { ...draft, steps: draft.steps.filter((step) => step.kind !== 'image.build') };
}
