/** What only FlyCD reads: written beside a plan's steps, and no reason for anybody to look up. */
import type { AppPlan, Hold, Step } from '../../model/plan.ts';
import { isBookkeepingKey } from '../../model/stamps/keys.ts';
import type { PlanDraft } from '../types.ts';

/** A label that waits for its machine to be healthy is a part of a release, and metadata that git names is git's. */
function isStampsAlone(step: Step): boolean {
  return step.kind === 'machine.label' && step.proves !== true && Object.keys(step.metadata).every(isBookkeepingKey);
}

/** `from`: whose the app was; undefined: nobody's. Taking it from somebody is a step whatever comes with it. */
export function apartFromBookkeeping(
  draft: PlanDraft,
  from: object | undefined,
): PlanDraft & { readonly bookkeeping: readonly Step[] } {
  const isQuiet = (step: Step): boolean => (step.kind === 'app.adopt' ? from === undefined : isStampsAlone(step));
  // Beside something that is done, that the app becomes FlyCD's is news.
  const parted = draft.steps.every(isQuiet) ? isQuiet : isStampsAlone;
  return {
    steps: draft.steps.filter((step) => !parted(step)),
    holds: draft.holds.flatMap((hold) => heldBeside(hold, isQuiet)),
    bookkeeping: draft.steps.filter(parted),
  };
}

/** Nobody has to be told what a stamp waits for: it is written once they are done. */
function heldBeside(hold: Hold, isQuiet: (step: Step) => boolean): readonly Hold[] {
  if (hold.reason === 'busy' && hold.steps.length > 0 && hold.steps.every(isQuiet)) return [];
  const steps = hold.steps.filter((step) => !isStampsAlone(step));
  return steps.length === hold.steps.length ? [hold] : [{ ...hold, steps }];
}

/** All that a pass writes, told or not. */
export function writesOf({ steps, bookkeeping = [] }: Pick<AppPlan, 'steps' | 'bookkeeping'>): readonly Step[] {
  return [...steps, ...bookkeeping];
}

/** The app is nobody's yet, or another's: held with the rest, a person's word to adopt it is written nowhere, and has to be said again. */
export function isToAdopt(plan: Pick<AppPlan, 'steps' | 'holds' | 'bookkeeping'>): boolean {
  return [...writesOf(plan), ...plan.holds.flatMap((hold) => hold.steps)].some(({ kind }) => kind === 'app.adopt');
}
