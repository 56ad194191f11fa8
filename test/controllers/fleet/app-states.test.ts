/** What the loop knows of an app between its passes: what a pass did is not weighed again, what it failed at is. */
import { expect, test } from 'vitest';
import { AppStates } from '../../../controllers/fleet/app-states.ts';
import type { StepOutcome, StepResult } from '../../../src/model/run.ts';
import { lackOf } from '../../../src/plan/guards/dependencies.ts';
import { brief, desiredApp, group, machine, observed, plan } from '../../plan/builders.ts';

const before = desiredApp({ name: 'cart', groups: [group({ counts: { arn: 1 } })] });
const wanted = desiredApp({
  name: 'cart',
  groups: [group({ counts: { arn: 1 }, config: { env: { COLOR: 'blue' } } })],
});
const seen = { ...observed({ machines: [machine(before)] }), name: 'cart' };

function afterPass(outcomes: readonly StepOutcome[]) {
  const states = new AppStates();
  states.refreshed([wanted]);
  const surveyed = { plan: plan(wanted, seen, { memory: { known: true } }), observed: seen };
  states.surveyed('cart', surveyed);
  const result = { kind: 'release', target: 'cart', message: undefined, next: undefined, startedAt: 1, finishedAt: 1 };
  states.done(
    'cart',
    outcomes.map((outcome) => ({ ...result, outcome }) as StepResult),
  );
  const [left] = states.survey();
  return { steps: brief(left?.plan.steps ?? []), lack: lackOf(left?.plan, seen) };
}

test.each<[string, readonly StepOutcome[], boolean]>([
  ['succeeded', ['updated'], true],
  ['failed', ['failed'], false],
  ['failed and went back', ['failed', 'updated'], false],
  ['was cut short and went back', ['interrupted', 'updated'], false],
  ['went back and then failed', ['updated', 'failed'], false],
  ['was not begun', ['skipped'], false],
])('a release that %s', (_what, outcomes, isDone) => {
  const { steps, lack } = afterPass(outcomes);
  expect(steps).toEqual(isDone ? [] : ['release cart']);
  expect(lack).toBe(isDone ? undefined : 'is not at its newest version yet');
});
