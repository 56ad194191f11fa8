import { canonicalJson } from '../../src/model/base/json.ts';
import type { Run, StepResult } from '../../src/model/run.ts';

const nothingDone: ReadonlySet<StepResult['outcome']> = new Set(['skipped', 'failed', 'unchanged']);

/** Somebody else was faster or is at work, or there is no room: nothing of it was done, and nothing went wrong. */
export function hasGivenWay({ outcome, results }: Run): boolean {
  return outcome === 'held' && results.length > 0 && results.every((result) => nothingDone.has(result.outcome));
}

/** There was nothing to do. */
export function isQuiet({ outcome, results }: Run): boolean {
  return outcome === 'no-change' && results.length === 0;
}

/** How a run that had nothing to do found the app: another commit that says the same of it is no news. */
export function findingOf({ plan, status }: Run): string {
  return canonicalJson([plan.planId, status, plan.degraded ?? [], plan.notes]);
}

/** What a run tells: equal where two of them tell the same, whenever that was. */
export function tellingOf({ revision, plan, outcome, status, results }: Run): string {
  const told = results.map(({ kind, target, outcome: end, message, next }) => [
    kind,
    target,
    end,
    timeless(message),
    next,
  ]);
  return canonicalJson([revision, plan.planId, outcome, status, told]);
}

/** A lease that is renewed ends at another time each time. */
function timeless(message: string | undefined): string | undefined {
  return message?.replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+Z?/g, 'then');
}
