import { expect, test } from 'vitest';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { brakeFleet } from '../../../src/plan/guards/brakes.ts';
import { fleetOf } from '../../controllers/reconcilers.ts';
import { desiredApp, group, holdsOf, observed, plan } from '../builders.ts';

type Prune = DesiredApp['policy']['prune'];

const shop = (name: string, autoPruneIps: boolean, policy: Partial<DesiredApp['policy']> = {}) =>
  desiredApp({ name, groups: [group({ counts: { arn: 0 } })], network: { ips: [], autoPruneIps }, policy });

const v6 = (count: number) => Array.from({ length: count }, (_unused, index) => ({ ip: `2a09::${index + 1}` }));

/** Reasons of holds and number of steps, of apps that have so many addresses and list none. */
function braked(...apps: readonly (readonly [DesiredApp, number])[]) {
  const worlds = apps.map(([desired, addresses]) => ({ desired, world: observed({ addresses: v6(addresses) }) }));
  const plans = brakeFleet({
    fleet: fleetOf({ apps: worlds.map(({ desired }) => desired) }),
    plans: worlds.map(({ desired, world }) => plan(desired, world)),
    observed: worlds.map(({ desired, world }) => ({ ...world, name: desired.name })),
    orphans: [],
    unread: [],
    selected: [],
  });
  return plans.map((app) => [...holdsOf(app), app.steps.length]);
}

const prune: Prune = ['addresses'];

test('auto_prune_ips asks for exactly this, as in the Go version: it is neither held nor counted', () => {
  expect(braked([shop('alpha', true), 9])).toEqual([[9]]);
  expect(braked([shop('alpha', true), 9], [shop('beta', false, { prune }), 1])).toEqual([[9], [1]]);
  expect(braked([shop('alpha', true, { prune }), 9])).toEqual([[9]]);
});

test('removals by prune beside it are held as before', () => {
  expect(braked([shop('alpha', true), 9], [shop('beta', false, { prune }), 4])).toEqual([[9], ['brake', 0]]);
});

test('max_deletes: 0 is said of FlyCD itself, and holds it all the same', () => {
  expect(braked([shop('alpha', true, { maxDeletes: 0 }), 1])).toEqual([['brake', 0]]);
});
