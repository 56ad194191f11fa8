import { describe, expect, test } from 'vitest';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import type { OrphanedApp, ObservedApp } from '../../src/model/observed.ts';
import { planFleet } from '../../src/plan/fleet.ts';
import { fleetOf } from '../controllers/reconcilers.ts';
import { desiredApp, machine, now, observed, plan } from './builders.ts';

const nothing = { status: 'read', value: [] } as const;
const orphan = (name: string, parts: Partial<OrphanedApp> = {}): OrphanedApp => ({
  name,
  org: 'personal',
  machines: [machine(desiredApp({ name }))],
  contents: { volumes: nothing, addresses: nothing, secrets: nothing },
  ...parts,
});
const policy = { ...defaultPolicy, prune: ['app' as const], maxDeletes: 10 };

function planned(orphans: readonly OrphanedApp[], { shops = 0, accept = false } = {}) {
  const names = Array.from({ length: shops }, (_none, index) => `shop-${index}`);
  const apps = names.map((name) => desiredApp({ name }));
  const seen = names.map((name): ObservedApp => ({ ...observed(), name }));
  return planFleet({
    fleet: fleetOf({ apps, policy }),
    plans: apps.map((app, index) => plan(app, seen[index] ?? observed())),
    observed: seen,
    orphans,
    now,
    accept,
    acceptOnly: [],
    failed: [],
    selected: [],
  });
}

describe('the brake counts an orphan among the apps', () => {
  const three = ['a', 'b', 'c'].map((name) => orphan(name));

  test.each([
    ['alone', 0, '3 of 3 apps'],
    ['beside those that git names', 4, '3 of 7 apps'],
  ])('%s', (_where, shops, words) => {
    const [app] = planned(three, { shops }).apps.filter(({ status }) => status === 'orphaned');
    expect(app).toMatchObject({ steps: [], holds: [{ reason: 'brake' }] });
    expect(app?.holds[0]?.because).toContain(`${words} would be removed in one sync`);
  });

  test('and lets a tenth of all go', () => {
    const { apps } = planned(three, { shops: 27 });
    expect(apps.filter(({ steps }) => steps.some(({ kind }) => kind === 'app.destroy'))).toHaveLength(3);
  });
});
