/** Small builders of a fleet's plan, beside those of one app's. */
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import type { ObservedApp, OrphanedApp } from '../../src/model/observed.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import { planFleet, type PlanFleetInput } from '../../src/plan/fleet.ts';
import { desiredApp, machine, now, plan } from './builders.ts';

export function fleetOf(apps: readonly DesiredApp[], parts: Partial<DesiredFleet> = {}): DesiredFleet {
  return {
    name: 'acme',
    named: true,
    revision: 'rev1',
    apps,
    invalid: [],
    problems: [],
    whole: true,
    followed: [],
    policy: defaultPolicy,
    root: '',
    secretValue: () => undefined,
    writeBuild: () => Promise.reject(new Error('nothing is built')),
    builtByV0: () => Promise.resolve(false),
    explain: () => [],
    ...parts,
  };
}

export const gone: OrphanedApp = {
  name: 'gone',
  flyAheadMs: 0,
  org: 'personal',
  machines: [machine(desiredApp()), machine(desiredApp(), { number: 2 })],
  contents: {
    volumes: { status: 'read', value: [] },
    addresses: { status: 'read', value: [] },
    certificates: { status: 'read', value: [] },
    secrets: { status: 'read', value: [] },
  },
};

export interface One {
  readonly desired: DesiredApp;
  readonly world: ObservedApp;
}

export function fleetPlan(ones: readonly One[], parts: Partial<PlanFleetInput> = {}) {
  const apps = ones.map((one) => one.desired);
  const plans: AppPlan[] = ones.map(({ desired, world }) => plan(desired, world, { memory: { known: true } }));
  const whole = {
    fleet: fleetOf(apps),
    plans,
    observed: ones.map((one) => one.world),
    orphans: [],
    unread: [],
    now,
    accept: false,
    acceptOnly: [],
    failed: [],
    selected: [],
  };
  return planFleet({ ...whole, ...parts });
}
