import { canonicalJson } from '../../src/model/base/json.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import { isWord } from '../../src/model/word.ts';

const nothingDone: ReadonlySet<StepResult['outcome']> = new Set(['skipped', 'failed', 'unchanged']);

/** Somebody else was faster or is at work, or there is no room: nothing of it was done, and nothing went wrong. */
export function hasGivenWay({ outcome, results }: Run): boolean {
  return outcome === 'held' && results.length > 0 && results.every((result) => nothingDone.has(result.outcome));
}

/** There was nothing to do, or all of it is held. A person's word is a run without steps, too: it tells who said it, and when. */
export function isQuiet({ outcome, results, trigger }: Run): boolean {
  return (outcome === 'no-change' || outcome === 'held') && results.length === 0 && !isWord(trigger);
}

/** How a run that did nothing found the app: another commit that says the same of it is no news. */
export function findingOf({ plan, outcome, status }: Run): string {
  const holds = plan.holds.map(({ reason, because, next, since }) => [
    reason,
    timeless(because),
    timeless(next),
    since ?? null,
  ]);
  const problems = plan.problems.map(({ message }) => message);
  return canonicalJson([plan.planId, outcome ?? null, status, plan.degraded ?? [], plan.notes, holds, problems]);
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
