/** `sync.auto: false`, of the fleet or of the app when git last named it, leaves the loop no orphan to destroy. */
import { expect, test } from 'vitest';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();

interface Auto {
  readonly fleet: boolean;
  /** Of an app of a project with a policy of its own. */
  readonly app: boolean;
}

const fleet = (auto: Auto, ...apps: readonly string[]): DesiredFleet => {
  const policy = { ...defaultPolicy, auto: auto.fleet, prune: ['app' as const] };
  const manual = new Set(auto.app ? [] : ['old']);
  const groups = [group({ counts: { arn: 1 } })];
  return fleetOf({
    policy,
    descendsFrom: () => Promise.resolve('yes'),
    namesAt: () =>
      Promise.resolve({
        names: new Set(['old', 'rest']),
        whole: true,
        hasSources: false,
        hasFolder: true,
        files: new Map(),
        manual,
      }),
    revision: String(apps.length).repeat(40),
    apps: apps.map((name) => desiredApp({ name, groups, policy: { ...policy, auto: true } })),
  });
};

const held = { outcome: 'held', holds: ['flycd sync --once --app old'] };

test.each([
  [{ fleet: false, app: true }, ['old', 'rest'], held],
  [{ fleet: true, app: false }, ['old', 'rest'], held],
  [{ fleet: true, app: true }, ['rest'], { outcome: 'deleted', holds: [] }],
])('auto: %o', async (auto, left, told) => {
  const store = testStore({ clock: fly.clock });
  let wanted = fleet(auto, 'old', 'rest');
  const reconciler = fly.reconciler(() => wanted, { store });
  const { signal } = new AbortController();
  const pass = async (...apps: readonly string[]): Promise<void> => {
    await reconciler.refresh(signal);
    for (const app of apps) await reconciler.reconcile(app, 'timer', signal);
  };
  await pass('old', 'rest');
  wanted = fleet(auto, 'rest');
  for (const _again of [1, 2]) await pass('rest', 'old');
  expect(fly.names()).toEqual(left);
  const run = (await store.latestRuns()).find(({ app }) => app === 'old');
  expect(run?.plan.status).toBe('orphaned');
  expect({ outcome: run?.outcome, holds: run?.plan.holds.map(({ next }) => next) }).toEqual(told);
});
