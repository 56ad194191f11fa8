/** Calls without a key on Fly's side whose answer was lost: doing them again at once could make a second one. */
import type { Intent } from '../../model/stamps/calls-stamp.ts';
import type { ObservedApp } from '../../model/observed.ts';
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

/** Where a call makes something: its target without the number, which moves to another object when one goes. */
export function placeOf(target: string): string {
  return target.replace(/#\d+/, '');
}

/** Of a place's objects, those that lists show, and which ids are known to be FlyCD's by its calls. */
interface Shown {
  readonly listed: readonly string[];
  readonly made: readonly string[];
}

type Call = Pick<Intent, 'made' | 'before' | 'target'>;

/**
 * Of calls of one kind those for the target's place that may have made something which the lists do not show, in their order.
 * Each object that they show answers one call: by its id, or as one of FlyCD's that was not there before the call.
 */
export function unanswered<C extends Call>(calls: readonly C[], target: string, { listed, made }: Shown): readonly C[] {
  const place = placeOf(target);
  const ofPlace = calls.filter((call) => placeOf(call.target) === place);
  const free = new Set(listed.filter((id) => made.includes(id)));
  for (const call of ofPlace) if (call.made !== undefined) free.delete(call.made.id);
  const answered = new Set(ofPlace.filter((call) => call.made !== undefined && listed.includes(call.made.id)));
  // Whoever knew the most of them chooses first: the others may have any that is left.
  const open = ofPlace.filter((call) => call.made === undefined).toSorted((a, b) => b.before.length - a.before.length);
  for (const call of open) {
    const found = [...free].find((id) => !call.before.includes(id));
    if (found === undefined) continue;
    free.delete(found);
    answered.add(call);
  }
  return ofPlace.filter((call) => !answered.has(call));
}

/**
 * What holds a step back while nobody can know what stands at its place, of which these are listed. undefined: nothing, or
 * whoever applies the plan waits itself.
 */
export function unclearIntent(
  input: PlanAppInput,
  step: Step,
  listed: readonly string[],
): Omit<HoldParts, 'steps'> | undefined {
  if (input.options.patience !== 'requeue') return undefined;
  const { intents, made } = input.memory;
  const ofKind = intents.filter(({ kind }) => kind === step.kind);
  const open = intentTargets(step)
    .flatMap((target) => unanswered(ofKind, target, { listed, made }))
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

/** Those of which no call has to be told any more: what was made is listed, or is still not a minute later. */
export function settledIntents(
  intents: readonly Intent[],
  { volumes, addresses, askedAt }: Pick<ObservedApp, 'volumes' | 'addresses' | 'askedAt'>,
): readonly Intent[] {
  const listed = {
    'volume.create': volumes.status === 'read' ? volumes.value.map(({ id }) => id) : undefined,
    'address.allocate': addresses.status === 'read' ? addresses.value.map(({ ip }) => ip) : undefined,
    'volume.extend': undefined,
  };
  return intents.filter(({ kind, made, createdAt }) => {
    const ids = listed[kind];
    if (made === undefined || ids === undefined) return false;
    return ids.includes(made.id) || certainOf({ made, createdAt }) <= askedAt.now;
  });
}

/** Places of the calls that a plan asks for, or would if it were allowed to. */
export function placesWanted(plan: AppPlan): ReadonlySet<string> {
  const steps = [...plan.steps, ...plan.holds.flatMap((hold) => hold.steps)];
  return new Set(steps.flatMap(intentTargets).map(placeOf));
}

/** How the intents of a step's call name it. */
function intentTargets(step: Step): readonly string[] {
  if (step.kind === 'address.allocate') return [`${step.target} ${step.request.type}`, step.target];
  return step.kind === 'volume.create' ? [step.target] : [];
}
