/** An image that is still to be built, or that no machine could pull. */
import type { Step } from '../../model/plan.ts';
import type { PlanAppInput, PlanDraft, WantedImage } from '../types.ts';
import { imagesOf } from '../steps/needs.ts';
import { isRollout, needsMachines } from '../steps/select.ts';
import { shellWord } from '../../model/base/shell.ts';
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

/**
 * Fly's machines pull without credentials. Where a registry refuses that, Fly would only find out with the first machine, and
 * take the update back: all that needs the image is held before anything is made. A person who insists may be right.
 */
export function guardPull(input: PlanAppInput, draft: PlanDraft): PlanDraft {
  const { desired, observed, options } = input;
  const images = imagesOf(draft.steps);
  const found = observed.unpullable?.find(({ ref }) => images.has(ref));
  if (found === undefined || options.now || options.force) return draft;
  const isNew = draft.steps.some((step) => step.kind === 'app.create');
  return holdBack(draft, desired.name, (step) => isNew || needsMachines(step), {
    reason: 'image',
    because: `Fly cannot pull ${found.ref}: ${found.why}`,
    next: `make it public, copy it to registry.fly.io/${desired.name}, or go on all the same: flycd sync --now --app ${shellWord(desired.name)}`,
  });
}

/** Nothing is built for what is held. */
export function withoutIdleBuild(draft: PlanDraft): PlanDraft {
  if (draft.steps.some(isRollout)) return draft;
  return { ...draft, steps: draft.steps.filter((step) => step.kind !== 'image.build') };
}
