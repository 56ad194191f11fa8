/** `sync.auto: false` of the fleet leaves the loop no orphan to destroy, as it leaves it no app to change. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../../../simulator/simulator.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, reconcilerOf } from '../../reconcilers.ts';

let simulator: Simulator;
let clock: IdleClock;
beforeEach(async () => {
  clock = new IdleClock();
  simulator = await startSimulator({ clock });
});
afterEach(() => simulator.close());

const names = () => simulator.world.snapshot().map(({ name }) => name);

const fleet = (auto: boolean, ...apps: readonly string[]): DesiredFleet => {
  const policy = { ...defaultPolicy, auto, prune: ['app' as const] };
  const groups = [group({ counts: { arn: 1 } })];
  return fleetOf({
    policy,
    revision: String(apps.length).repeat(40),
    apps: apps.map((name) => desiredApp({ name, groups, policy: { ...policy, auto: true } })),
  });
};

test.each([
  [false, ['old', 'rest'], { outcome: 'held', holds: ['flycd sync --once --app old'] }],
  [true, ['rest'], { outcome: 'deleted', holds: [] }],
])('auto: %s', async (auto, left, told) => {
  const { url, token } = simulator;
  const store = testStore({ clock });
  let wanted = fleet(auto, 'old', 'rest');
  const reports = { configRepo: undefined, reporter: undefined };
  const reconciler = reconcilerOf({ wanted: () => wanted, url, token, fetch, clock, store }, reports);
  const { signal } = new AbortController();
  const pass = async (...apps: readonly string[]): Promise<void> => {
    await reconciler.refresh(signal);
    for (const app of apps) await reconciler.reconcile(app, 'timer', signal);
  };
  await pass('old', 'rest');
  wanted = fleet(auto, 'rest');
  for (const _again of [1, 2]) await pass('rest', 'old');
  expect(names()).toEqual(left);
  const run = (await store.latestRuns()).find(({ app }) => app === 'old');
  expect({ outcome: run?.outcome, holds: run?.plan.holds.map(({ next }) => next) }).toEqual(told);
});
