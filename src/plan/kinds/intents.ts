/** Calls without a key on Fly's side whose answer was lost: doing them again at once could make a second one. */
import type { Intent } from '../../model/stamps/calls-stamp.ts';
import type { AppPlan, Step } from '../../model/plan.ts';
import type { HoldParts, PlanAppInput } from '../types.ts';

/**
 * Fly's lists lag: only two lists this far apart, both without the object, mean that the call did nothing. Counted from when the
 * call was last known to be on its way: a date that is made anew right before it is sent and once it is given up.
 */
const certaintyMs = 60_000;

/** When lists are certain about what an intent's call did. Milliseconds since the epoch. */
export function certainOf(intent: Pick<Intent, 'made' | 'createdAt'>): number {
  return (intent.made?.at ?? intent.createdAt) + certaintyMs;
}

/** Why nobody can say yet whether a call has to be made. */
export function unclearBecause({ kind, target, made }: Pick<Intent, 'kind' | 'target' | 'made'>): string {
  return made === undefined
    ? `the answer to an earlier ${kind} of ${target} was lost, so it may have been done`
    : `an earlier ${kind} of ${target} made ${made.id}, and Fly does not list it`;
}

/** What holds a step back while nobody can know. undefined: nothing, or whoever applies the plan waits itself. */
export function unclearIntent(input: PlanAppInput, step: Step): Omit<HoldParts, 'steps'> | undefined {
  if (input.options.patience !== 'requeue') return undefined;
  const targets = intentTargets(step);
  const open = input.memory.intents
    .filter((intent) => intent.kind === step.kind && targets.includes(intent.target))
    .filter((intent) => input.now < certainOf(intent))
    .toSorted((a, b) => b.createdAt - a.createdAt)[0];
  if (open === undefined) return undefined;
  return {
    reason: 'intent',
    because: unclearBecause(open),
    next: 'FlyCD looks again in a minute and decides from what it sees',
    retryAt: certainOf(open),
  };
}

/** Of what calls are known to have made: what this plan, from lists read later, does not ask for again. */
export function listedSince(intents: readonly Intent[], plan: AppPlan): readonly Intent[] {
  const wanted = callsWanted(plan);
  return intents.filter((intent) => intent.made !== undefined && !wanted.has(intent.target));
}

/** Targets of the calls that a plan asks for, or would if it were allowed to, as intents name them. */
export function callsWanted(plan: AppPlan): ReadonlySet<string> {
  const steps = [...plan.steps, ...plan.holds.flatMap((hold) => hold.steps)];
  return new Set(steps.flatMap(intentTargets));
}

/** How the intents of a step's call name it. */
function intentTargets(step: Step): readonly string[] {
  if (step.kind === 'address.allocate') return [`${step.target} ${step.request.type}`, step.target];
  return step.kind === 'volume.create' ? [step.target] : [];
}
