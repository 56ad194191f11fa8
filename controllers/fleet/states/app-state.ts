import { retryAtOf, type Fault } from '../../../src/model/base/fault.ts';
import { byText } from '../../../src/model/base/text.ts';
import type { AppPlan } from '../../../src/model/plan.ts';

/** How a pass ended, and thereby what brings the next one. Times are in milliseconds since the epoch. */
export type Rest =
  /** Nothing to wait for: the loop's next pass over all apps, or its own interval, as in each state. */
  | { readonly kind: 'resting' }
  /**
   * For what time alone brings: a window, another's lease, the end of the time that Fly asked for. `because`: in words that
   * stay the same as long as it does, for what waits over and over for the same is looked at less and less often.
   */
  | { readonly kind: 'waiting'; readonly until: number; readonly because: string }
  /** What failed is tried again after the loop's backoff, and not before that time. */
  | { readonly kind: 'retrying'; readonly notBefore: number | undefined }
  /**
   * Git, Fly or a person has to act: no alarm, and not the loop's backoff. Looked at all the same with each pass over all apps.
   * `until`: when Fly is asked again for what it refused, 5 minutes after the first time and an hour after later ones;
   * undefined: what was refused was the look itself.
   */
  | { readonly kind: 'stalled'; readonly until: number | undefined };

/** `inputs`: hash of what git says of the app now. */
export type AppState =
  /** Git does not name it, or not so that it could be read: an orphan, invalid, gone, or never heard of. */
  | { readonly kind: 'unnamed' }
  /** Git says something of it for which no pass has begun. */
  | { readonly kind: 'due'; readonly inputs: string }
  /** A pass is under way for what git said when it began; `inputs` undefined: git named it not, or does so no longer. */
  | {
      readonly kind: 'underway';
      readonly inputs: string | undefined;
      readonly begunFor: string | undefined;
      /** Told when git moves on. */
      readonly newer: AbortController;
    }
  /** Its pass ended, and git has said nothing else since. */
  | (Rest & { readonly inputs: string });

export type AppEvent =
  /** Git was read, and says this of it. */
  | { readonly kind: 'named'; readonly inputs: string }
  /** Git was read, and does not name it. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'begun' }
  | { readonly kind: 'ended'; readonly rest: Rest };

/**
 * The state after an event. undefined: the event cannot happen in that state. This is the whole table:
 *
 *               named             dropped    begun      ended
 *   unnamed     due               unnamed    underway   -
 *   due         due               unnamed    underway   -
 *   underway    underway          underway   -          resting, waiting, retrying, stalled;
 *                                                       due where git says another thing than when it began;
 *                                                       unnamed where git does not name it
 *   resting     due, or resting   unnamed    underway   -
 *   waiting     due, or waiting   unnamed    underway   -
 *   retrying    due, or retrying  unnamed    underway   -
 *   stalled     due, or stalled   unnamed    underway   -
 *
 * The second of two: git says what it said.
 */
export function nextState(from: AppState, event: AppEvent): AppState | undefined {
  if (from.kind === 'underway') return afterUnderway(from, event);
  switch (event.kind) {
    case 'named': {
      const isSaidAgain = from.kind !== 'unnamed' && from.inputs === event.inputs;
      return isSaidAgain ? from : { kind: 'due', inputs: event.inputs };
    }
    case 'dropped':
      return { kind: 'unnamed' };
    case 'begun': {
      const inputs = from.kind === 'unnamed' ? undefined : from.inputs;
      return { kind: 'underway', inputs, begunFor: inputs, newer: new AbortController() };
    }
    case 'ended':
      return undefined;
  }
}

function afterUnderway(from: Extract<AppState, { readonly kind: 'underway' }>, event: AppEvent): AppState | undefined {
  switch (event.kind) {
    case 'named':
      return { ...from, inputs: event.inputs };
    case 'dropped':
      // Named again with the same words it is another beginning all the same: what was known of it is forgotten.
      return { ...from, inputs: undefined, begunFor: undefined };
    case 'begun':
      return undefined;
    case 'ended':
      if (from.inputs === undefined) return { kind: 'unnamed' };
      if (from.inputs !== from.begunFor) return { kind: 'due', inputs: from.inputs };
      return { ...event.rest, inputs: from.inputs };
  }
}

/** What brings the reconciler back to an app: each state has something that does. */
type Wake =
  /** Each refresh names it until its pass begins; of one that git does not name, where Fly has it. */
  | { readonly by: 'refresh' }
  /** Its pass, however that ends. */
  | { readonly by: 'end' }
  /** The loop's next pass over all apps, and `at` where that is earlier; milliseconds since the epoch. `because`: as in `Rest`. */
  | { readonly by: 'pass'; readonly at: number | undefined; readonly because?: string | undefined }
  /** The loop's backoff, which is shorter than its pass, but not before this time. */
  | { readonly by: 'backoff'; readonly notBefore: number | undefined };

export function wakeOf(state: AppState): Wake {
  switch (state.kind) {
    case 'unnamed':
    case 'due':
      return { by: 'refresh' };
    case 'underway':
      return { by: 'end' };
    default:
      return wakeAfter(state);
  }
}

/** Also where git has moved meanwhile: the mark that it then sets is the loop's, and stands beside. */
export function wakeAfter(rest: Rest): Extract<Wake, { readonly by: 'pass' | 'backoff' }> {
  switch (rest.kind) {
    case 'resting':
      return { by: 'pass', at: undefined };
    case 'waiting':
      return { by: 'pass', at: rest.until, because: rest.because };
    case 'stalled':
      return { by: 'pass', at: rest.until };
    case 'retrying':
      return { by: 'backoff', notBefore: rest.notBefore };
  }
}

/** How a pass ends that threw this. The loop, which tells of the fault, comes back at the same time. */
export function restAfter(fault: Fault, now: number): Rest {
  switch (fault.state.kind) {
    case 'transient':
      return { kind: 'retrying', notBefore: retryAtOf(fault, now) };
    case 'waiting':
      return { kind: 'waiting', until: fault.state.retryAt, because: fault.what };
    case 'stalled':
    case 'held':
      return { kind: 'stalled', until: undefined };
  }
}

export function restUntil(until: number | undefined, because: string): Rest {
  return until === undefined ? { kind: 'resting' } : { kind: 'waiting', until, because };
}

/** What it waits for, without numbers and ids that differ each time. */
export function becauseOf({ holds }: AppPlan, faults: readonly Fault[] = []): string {
  const waiting = holds.flatMap(({ reason, retryAt }) => (retryAt === undefined ? [] : [reason]));
  const waits = faults.flatMap(({ kind, what }) => (kind === 'waiting' ? [what] : []));
  return [...new Set([...waiting, ...waits])].toSorted(byText).join('; ');
}
