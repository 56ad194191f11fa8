interface Awaiting {
  /** Apps that it waits for, whatever else brings the next pass: once the last of them is done, that is at once. */
  readonly awaits?: readonly string[] | undefined;
}

/** How a pass ended, and thereby what brings the next one. Times are in milliseconds since the epoch. */
export type Rest = Awaiting & End;

type End =
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
  | ({ readonly kind: 'unnamed' } & Awaiting)
  /** Git says something of it for which no pass has begun, or what it waited for is done. */
  | { readonly kind: 'due'; readonly inputs: string }
  /** A pass is under way for what git said when it began; `inputs` undefined: git named it not, or does so no longer. */
  | {
      readonly kind: 'underway';
      readonly inputs: string | undefined;
      readonly begunFor: string | undefined;
      /** Told when git moves on. */
      readonly newer: AbortController;
      /** Apps that were done since it began: it may have looked at them before. */
      readonly done: readonly string[];
    }
  /** Its pass ended, and git has said nothing else since. */
  | (Rest & { readonly inputs: string });

export type AppEvent =
  /** Git was read, and says this of it. */
  | { readonly kind: 'named'; readonly inputs: string }
  /** Git was read, and does not name it. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'begun' }
  | { readonly kind: 'ended'; readonly rest: Rest }
  /**
   * Another app's pass left it as git says. Where that pass did something, nobody has looked since whether it is well: who is
   * woken looks for itself, and waits on where it is not.
   */
  | { readonly kind: 'freed'; readonly by: string };

/**
 * The state after an event. undefined: the event cannot happen in that state. This is the whole table:
 *
 *               named             dropped    begun      ended                                     freed
 *   unnamed     due               unnamed    underway   -                                         unnamed
 *   due         due               unnamed    underway   -                                         due
 *   underway    underway          underway   -          resting, waiting, retrying, stalled;      underway
 *                                                       due where git says another thing than when it began, or the
 *                                                       last of what it waits for was done meanwhile;
 *                                                       unnamed where git does not name it
 *   resting     due, or resting   unnamed    underway   -                                         due, or resting
 *   waiting     due, or waiting   unnamed    underway   -                                         due, or waiting
 *   retrying    due, or retrying  unnamed    underway   -                                         due, or retrying
 *   stalled     due, or stalled   unnamed    underway   -                                         due, or stalled
 *
 * The second of two: git says what it said, or it waits for others still, or for nobody.
 */
export function nextState(from: AppState, event: AppEvent): AppState | undefined {
  if (from.kind === 'underway') return afterUnderway(from, event);
  switch (event.kind) {
    case 'named': {
      const isSaidAgain = from.kind !== 'unnamed' && from.inputs === event.inputs;
      return isSaidAgain ? from : { kind: 'due', inputs: event.inputs };
    }
    case 'dropped':
      return from.kind === 'unnamed' ? from : { kind: 'unnamed' };
    case 'freed':
      return afterFreed(from, event.by);
    case 'begun': {
      const inputs = from.kind === 'unnamed' ? undefined : from.inputs;
      return { kind: 'underway', inputs, begunFor: inputs, newer: new AbortController(), done: [] };
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
    case 'freed':
      return from.done.includes(event.by) ? from : { ...from, done: [...from.done, event.by] };
    case 'ended': {
      const awaits = event.rest.awaits?.filter((app) => !from.done.includes(app));
      if (from.inputs === undefined) return { kind: 'unnamed', awaits };
      if (from.inputs !== from.begunFor || isFreed(event.rest, from)) return { kind: 'due', inputs: from.inputs };
      return { ...event.rest, awaits, inputs: from.inputs };
    }
  }
}

function afterFreed(from: Exclude<AppState, { readonly kind: 'underway' }>, by: string): AppState {
  if (from.kind === 'due' || from.awaits?.includes(by) !== true) return from;
  const awaits = from.awaits.filter((app) => app !== by);
  if (awaits.length > 0) return { ...from, awaits };
  return from.kind === 'unnamed' ? { kind: 'unnamed' } : { kind: 'due', inputs: from.inputs };
}

/** All that a pass waits for at its end was done while it was under way. */
export function isFreed({ awaits = [] }: Rest, from: AppState): boolean {
  return from.kind === 'underway' && awaits.length > 0 && awaits.every((app) => from.done.includes(app));
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
