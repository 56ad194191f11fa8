/** What the brakes weigh: all that is still to be done in the fleet, and nothing else. */
import { hash } from 'node:crypto';
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
  readonly image?: string;
}

function app(
  name: string,
  count: number,
  { auto = true, color = 'red', dependsOn = [], image = 'shop:1' }: Parts = {},
): DesiredApp {
  const ips = [v4, v4, v6].slice(0, count);
  const policy = { ...defaultPolicy, auto, prune: ['addresses'] as const };
  const groups = [group({ counts: { arn: 1 }, config: { env: { COLOR: color }, services: [webService] } })];
  const inputs = JSON.stringify([name, count, auto, color, dependsOn, image]);
  const digest = `sha256:${hash('sha256', image)}`;
  return desiredApp({
    name,
    groups,
    policy,
    inputs,
    dependsOn,
    image: { kind: 'reference', ref: `docker.io/acme/${image}@${digest}`, digest },
    network: { ips, autoPruneIps: false },
  });
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

test('the loop holds a removal that is too large also where the release of the same commit fails and goes back', async () => {
  const pass = running();
  const images = () =>
    [...(simulator.world.apps.get('shop')?.machines.values() ?? [])].map(({ config }) => config.image?.split('@')[0]);
  commit(app('shop', 3));
  await pass('shop');
  commit(app('shop', 1, { image: 'crash-loop:2' }));
  await pass('shop');
  expect(images()).toEqual(['docker.io/acme/shop:1']);
  expect(addresses('shop')).toBe(3);
});

/** Three addresses and three secrets, or the first so many of them. */
const shop = (image: string, count: number, policy = ''): Record<string, string> => ({
  'flycd.yaml': 'fleet: failures\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/acme/${image}@sha256:${hash('sha256', image)} }
deploy: { wait_timeout: 60s }
machines: { count: 2 }
network: { ips: [${['{ v: v6 }', '{ v: v4 }', '{ v: v4 }'].slice(0, count).join(', ')}] }
secrets: [${['A', 'B', 'C']
    .slice(0, count)
    .map((name) => `{ name: ${name}, type: raw, raw: hunter }`)
    .join(', ')}]
sync: { prune: [addresses, secrets]${policy} }
`,
});

test.each([
  ['of two addresses and two secrets', 1, ''],
  ['of one of each that max_deletes: 0 forbids', 2, ', max_deletes: 0'],
])('so does sync --once: %s', async (_what, count, policy) => {
  const world = await arena();
  try {
    world.write(shop('shop:1', 3, policy));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    world.write(shop('crash-loop:2', count, policy));
    expect((await world.flycd(['sync', '--once'])).code).toBe(1);
    const { addresses: kept, secrets, machines } = world.simulator.world.snapshot()[0] ?? {};
    expect(machines?.map(({ config }) => config.image)).toEqual(Array(2).fill(expect.stringContaining('shop:1')));
    expect(kept).toHaveLength(3);
    expect(Object.keys(secrets ?? {})).toEqual(['A', 'B', 'C']);
  } finally {
    await world.close();
  }
});
