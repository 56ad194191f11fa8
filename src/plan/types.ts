import type { DesiredApp } from '../model/desired.ts';
import type { Memory } from '../model/stamps/memory.ts';
import type { ObservedApp } from '../model/observed.ts';
import type { Hold, HoldReason, Step } from '../model/plan.ts';
import type { Problem } from '../model/base/problem.ts';

export interface PlanAppInput {
  readonly desired: DesiredApp;
  readonly observed: ObservedApp;
  readonly memory: Memory;
  /** Name of the fleet that git is: whose stamps are ours. */
  readonly fleet: string;
  /** The config repo's revision: a newer one than at the hold lifts a hold for a hand-made `fly deploy`. */
  readonly revision: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly options: PlanOptions;
  /** Warnings of this app, passed through. */
  readonly problems: readonly Problem[];
}

export interface PlanOptions {
  /** A person confirmed that FlyCD takes the app over. */
  readonly adopt: boolean;
  /** A person confirmed what leaves data behind. */
  readonly accept?: boolean | undefined;
  /** v0's --force: an update for every machine, changes or not. */
  readonly force: boolean;
  /** A person insists (`sync --now`): drift and what flyctl changed are healed at once. */
  readonly now: boolean;
  /**
   * Who deals with a call whose answer was lost less than a minute ago. wait (the default): the step is planned, and
   * whoever applies it looks before it repeats the call. requeue: the step is held until time has told.
   */
  readonly patience?: 'wait' | 'requeue' | undefined;
}

/** What one kind of resource adds to an app's plan. */
export interface Part {
  readonly steps: readonly Step[];
  readonly holds: readonly Hold[];
  readonly notes: readonly string[];
}

export const emptyPart: Part = { steps: [], holds: [], notes: [] };

export interface HoldParts {
  readonly reason: HoldReason;
  readonly because: string;
  readonly next: string;
  readonly steps?: readonly Step[];
  readonly retryAt?: number | undefined;
}

export function holdOf(app: string, parts: HoldParts): Hold {
  const { reason, because, next, steps = [], retryAt } = parts;
  return { app, reason, because, next, steps, ...(retryAt === undefined ? {} : { retryAt }) };
}

/** `1 machine`, `3 machines`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** At most `max` names in a sentence, then how many more. */
export function listed(names: readonly string[], max = 5): string {
  const shown = names.slice(0, max).join(', ');
  return names.length > max ? `${shown} and ${names.length - max} more` : shown;
}
