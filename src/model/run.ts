import type { AppPlan, AppStatus, Step } from './plan.ts';

/** What made a pass; the last three: a person's word on one app, and what they typed. */
export type Trigger = 'timer' | 'webhook' | 'command' | 'start' | 'retry' | 'rollback' | 'suspend' | 'resume';

/** skipped: not begun. interrupted: begun, and left to the next pass for what git says now. failed: with its fault. */
export type StepOutcome = 'created' | 'updated' | 'unchanged' | 'deleted' | 'skipped' | 'interrupted' | 'failed';

export interface StepResult {
  readonly kind: Step['kind'];
  readonly target: string;
  readonly outcome: StepOutcome;
  /** A failure's text, a note ("the platform keeps services[tcp/80].foo"), or what was skipped for. */
  readonly message: string | undefined;
  /** What to do next, for a failure. */
  readonly next: string | undefined;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** v0's outcomes, and ours: held and waiting are not failures. left: git does not name it, and another fleet has it now. */
export type RunOutcome = 'created' | 'updated' | 'deleted' | 'left' | 'no-change' | 'failed' | 'held' | 'interrupted';

/** Git does not name the app, and Fly has it no more or it is another fleet's: nobody asks how it is. */
export function isOver({ outcome, results }: Pick<Run, 'outcome' | 'results'>): boolean {
  return (
    outcome === 'deleted' ||
    outcome === 'left' ||
    results.some((step) => step.kind === 'app.destroy' && step.outcome === 'deleted')
  );
}

/** Where a run came no further: the first step that failed, else the first that waits for something. */
export function halt({ results }: Pick<Run, 'results'>): StepResult | undefined {
  return results.find(({ outcome }) => outcome === 'failed') ?? results.find(({ next }) => next !== undefined);
}

/** What to do about a run's first failure, else about why its app was not looked at, else what lifts each of its holds. */
export function nextsOf({ plan, results }: Pick<Run, 'plan' | 'results'>): readonly string[] {
  const next = halt({ results })?.next ?? plan.problems.find(({ severity }) => severity === 'error')?.hint;
  return next === undefined ? plan.holds.map((hold) => hold.next) : [next];
}

/** One pass over one app. */
export interface Run {
  readonly id: number;
  readonly fleet: string;
  readonly app: string;
  readonly trigger: Trigger;
  /** Who: a login, a token's user, `flycd` for the loop. */
  readonly actor: string;
  readonly revision: string;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  readonly outcome: RunOutcome | undefined;
  readonly status: AppStatus;
  readonly plan: AppPlan;
  readonly results: readonly StepResult[];
  /** When the loop looks again, milliseconds since the epoch. */
  readonly nextWakeAt: number | undefined;
}
