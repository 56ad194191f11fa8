/** What the loop's brakes weigh: all that is still to be done in the fleet, and nothing else. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { arena } from '../arena.ts';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import type { DesiredAddress, DesiredApp, DesiredFleet } from '../../../src/model/desired.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { desiredApp, group, webService } from '../../plan/builders.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

const v4: DesiredAddress = {
  version: 'v4',
  shared: false,
  private: false,
  region: undefined,
  network: undefined,
  org: undefined,
};
const v6: DesiredAddress = { ...v4, version: 'v6' };

let simulator: Simulator;
let clock: IdleClock;
let wanted: DesiredFleet;
let revisions = 0;

interface Parts {
  readonly auto?: boolean;
  readonly color?: string;
  readonly dependsOn?: readonly string[];
}

function app(name: string, count: number, { auto = true, color = 'red', dependsOn = [] }: Parts = {}): DesiredApp {
  const ips = [v4, v4, v6].slice(0, count);
  const policy = { ...defaultPolicy, auto, prune: ['addresses'] as const };
  const groups = [group({ counts: { arn: 1 }, config: { env: { COLOR: color }, services: [webService] } })];
  const inputs = JSON.stringify([name, count, auto, color, dependsOn]);
  return desiredApp({ name, groups, policy, inputs, dependsOn, network: { ips, autoPruneIps: false } });
}

function commit(...apps: readonly DesiredApp[]): void {
  revisions += 1;
  wanted = fleetOf({ apps, revision: String(revisions).repeat(40) });
}

function running() {
  const { url, token } = simulator;
  const reports = { configRepo: undefined, reporter: undefined };
  const reconciler = reconcilerOf({ wanted: () => wanted, url, token, fetch, clock }, reports);
  const { signal } = new AbortController();
  return async (...names: readonly string[]): Promise<void> => {
    await reconciler.refresh(signal);
    for (const name of names) await reconciler.reconcile(name, 'webhook', signal);
  };
}

const addresses = (name: string): number => simulator.world.apps.get(name)?.addresses.size ?? 0;

beforeEach(async () => {
  clock = new IdleClock();
  simulator = await startSimulator({ clock });
});
afterEach(() => simulator.close());

test('a removal that was done for the commit before holds up none of this one', async () => {
  const pass = running();
  commit(app('shop', 3), app('cart', 3));
  await pass('shop', 'cart');
  expect([addresses('shop'), addresses('cart')]).toEqual([3, 3]);
  commit(app('shop', 2), app('cart', 3));
  await pass('shop');
  expect(addresses('shop')).toBe(2);
  commit(app('shop', 2), app('cart', 2));
  await pass('cart');
  expect(addresses('cart')).toBe(2);
});

test('one that failed is still to be done', async () => {
  const pass = running();
  commit(app('shop', 3), app('cart', 3));
  await pass('shop', 'cart');
  commit(app('shop', 2), app('cart', 3));
  simulator.world.faults.add({
    template: 'DELETE /apps/{app}/ip_assignments/{ip}',
    times: 99,
    fault: { status: 422, body: { error: 'invalid_argument' } },
  });
  await pass('shop');
  expect(addresses('shop')).toBe(3);
  simulator.world.faults.clear();
  commit(app('shop', 2), app('cart', 2));
  await pass('cart');
  expect(addresses('cart')).toBe(3);
});

test('what a person has to apply counts when that person does, not for the loop', async () => {
  const pass = running();
  commit(app('shop', 3), app('cart', 3));
  await pass('shop', 'cart');
  commit(app('shop', 2, { auto: false }), app('cart', 2));
  await pass('shop', 'cart');
  expect([addresses('shop'), addresses('cart')]).toEqual([3, 2]);
});

test('removals of one commit in several apps are weighed together, whichever app comes first', async () => {
  const pass = running();
  commit(app('shop', 3), app('cart', 3));
  await pass('shop', 'cart');
  commit(app('shop', 2), app('cart', 2));
  await pass('shop', 'cart');
  await pass('shop', 'cart');
  expect([addresses('shop'), addresses('cart')]).toEqual([3, 3]);
});

test('an app that depends on one whose release waits for a person waits as well', async () => {
  const pass = running();
  const colors = (name: string) =>
    [...(simulator.world.apps.get(name)?.machines.values() ?? [])].map(({ config }) => config.env?.['COLOR']);
  const on = { dependsOn: ['shop'] };
  commit(app('shop', 1), app('cart', 1, on));
  await pass('shop', 'cart', 'shop', 'cart');
  expect([colors('shop'), colors('cart')]).toEqual([['red'], ['red']]);
  commit(app('shop', 1, { auto: false, color: 'blue' }), app('cart', 1, { ...on, color: 'blue' }));
  await pass('shop', 'cart', 'shop', 'cart');
  expect([colors('shop'), colors('cart')]).toEqual([['red'], ['red']]);
  commit(app('shop', 1, { color: 'blue' }), app('cart', 1, { ...on, color: 'blue' }));
  await pass('shop', 'cart', 'shop', 'cart');
  expect([colors('shop'), colors('cart')]).toEqual([['blue'], ['blue']]);
});

test('a call that fails for a moment does not let a removal that is too large go in two halves', async () => {
  const world = await arena();
  try {
    const yaml = (name: string): string => `app: ${name}\nprimary_region: arn\nbuild: { image: nginx:1 }\n`;
    world.write({ 'flycd.yaml': 'fleet: halves\nsync: { prune: [app] }\n' });
    for (const name of ['alpha', 'beta', 'shop']) world.write({ [`${name}/app.yaml`]: yaml(name) });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    for (const name of ['alpha', 'beta']) world.remove(name);
    world.simulator.world.faults.add({ template: 'GET /apps/{app}/volumes', app: 'alpha', times: 99, fault: '503' });
    for (const _pass of [1, 2]) {
      await world.flycd(['sync', '--once']);
      world.simulator.world.faults.clear();
      expect(world.simulator.world.snapshot().map(({ name }) => name)).toEqual(['alpha', 'beta', 'shop']);
    }
  } finally {
    await world.close();
  }
});
