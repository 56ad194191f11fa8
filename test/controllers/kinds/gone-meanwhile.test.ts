/** What a plan takes away because something else stays: where that went while the pass was at work, it is planned again. */
import { afterEach, describe, expect, test } from 'vitest';
import { destroy } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (image: string, more: string): string =>
  `app: shop\nprimary_region: arn\nbuild: { image: "nginx:${image}" }\nhttp_service: { internal_port: 8080 }\n${more}`;
const machines = (): readonly Machine[] =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ state }) => !state.startsWith('destroy'),
  );
const addresses = (): readonly string[] => [...(world.simulator.world.apps.get('shop')?.addresses.keys() ?? [])];

async function synced(text: string): Promise<void> {
  world.write({ 'flycd.yaml': 'fleet: first\n', 'shop/app.yaml': text });
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stdout + stderr).toBe(0);
}

/** Once the first machine runs the image. */
function whenItRuns(image: string, act: (machine: Machine) => void): void {
  let isDone = false;
  world.simulator.world.onStateChange = (machine) => {
    if (isDone || machine.state !== 'started' || machine.config.image?.startsWith(`nginx:${image}`) !== true) return;
    isDone = true;
    act(machine);
  };
}

test.each([
  ['v4', ''],
  ['v6', ''],
  ['v6', ', region: arn'],
])('an address that git does not need stays where the listed one goes meanwhile: %s%s', async (type, region) => {
  world = await arena();
  const listed = `machines: { count: 1 }\nnetwork: { ips: [{ v: ${type}${region} }], auto_prune_ips: true }\n`;
  await synced(shop('1', listed));
  const [ours = ''] = addresses();
  await world.asPerson('POST', '/apps/shop/ip_assignments', { type, ...(region === '' ? {} : { region: 'arn' }) });
  const [twin] = addresses().filter((ip) => ip !== ours);
  whenItRuns('2', () => void world.asPerson('DELETE', `/apps/shop/ip_assignments/${ours}`, undefined));
  await synced(shop('2', listed));
  expect(addresses()).toEqual([twin]);
});

describe('an address waits with its release for Fly, and what was to stay goes by hand meanwhile', () => {
  const released = 'DELETE /apps/{app}/ip_assignments/{ip}';
  const slow = { body: { error: 'slow down' }, headers: { 'retry-after': '40' } };
  const faults = [
    ['429, 40 s', { status: 429, ...slow }, 1],
    ['503, 40 s', { status: 503, ...slow }, 1],
    ['429 three times', '429', 3],
  ] as const;
  const prune = 'machines: { count: 1 }\nsync: { prune: [addresses] }\n';
  const listed = (...types: readonly string[]): string =>
    shop('1', `${prune}network: { ips: [${types.map((type) => `{ v: ${type} }`).join(', ')}] }\n`);

  /** At the first try of a release a person releases all but that address. Answers the one, and the fewest addresses since. */
  function othersGo(): { readonly leaving: () => string | undefined; readonly fewest: () => number } {
    let leaving: string | undefined;
    let fewest = Infinity;
    const fly = world.simulator.world;
    fly.onRequest = ({ phase, request }) => {
      if (leaving !== undefined) fewest = Math.min(fewest, addresses().length);
      if (leaving !== undefined || phase !== 'before' || request.template !== released) return;
      leaving = addresses().find((ip) => request.path.endsWith(encodeURIComponent(ip)) || request.path.endsWith(ip));
      for (const ip of addresses()) if (ip !== leaving) fly.apps.get('shop')?.addresses.delete(ip);
    };
    return { leaving: () => leaving, fewest: () => fewest };
  }

  test.each(faults)('the only one of two that git lists: %s', async (_what, fault, times) => {
    world = await arena();
    await synced(listed('v6', 'v6'));
    world.simulator.world.faults.add({ template: released, times, fault });
    const { leaving, fewest } = othersGo();
    await synced(listed('v6'));
    expect(fewest()).toBe(1);
    expect(addresses()).toEqual([leaving()]);
  });

  test.each(faults)('the one that this pass made in its place: %s', async (_what, fault, times) => {
    world = await arena();
    await synced(listed('v6'));
    const [old] = addresses();
    world.simulator.world.faults.add({ template: released, times, fault });
    const { leaving, fewest } = othersGo();
    await synced(listed('v4'));
    expect([leaving(), fewest()]).toEqual([old, 1]);
    expect(addresses()).toHaveLength(1);
    expect(addresses()).not.toContain(old);
  });

  test('and where lists show seconds later what was made, the release waits for that', async () => {
    world = await arena();
    await synced(listed('v6'));
    world.simulator.world.lag.set({ listMs: 4000 });
    const before = world.simulator.world.requests.length;
    await synced(listed('v4'));
    expect(addresses().map((ip) => ip.includes(':'))).toEqual([false]);
    const since = world.simulator.world.requests.slice(before);
    expect(since.filter(({ template }) => template === 'POST /apps/{app}/ip_assignments')).toHaveLength(1);
  });
});

test('of an address that git lists no more nothing has to stay', async () => {
  world = await arena();
  const prune = 'machines: { count: 1 }\nsync: { prune: [addresses] }\n';
  await synced(shop('1', `${prune}network: { ips: [{ v: v4 }] }\n`));
  const [ours = ''] = addresses();
  whenItRuns('2', () => void world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v6' }));
  await synced(shop('2', `${prune}network: { ips: [{ v: v6 }] }\n`));
  expect(addresses()).not.toContain(ours);
});

test.each([
  ['fewer', '', 'machines: { count: 2 }\n', 'machines: { count: 1 }\n'],
  ['fewer, image as it was', '1', 'machines: { count: 3 }\n', 'machines: { count: 1 }\n'],
])(
  'a machine that is one too many stays where the one that was to stay goes meanwhile: %s',
  async (_what, image, before, after) => {
    world = await arena();
    await synced(shop('1', before));
    const [first] = machines();
    let fewest = Infinity;
    let isGone = false;
    const fly = world.simulator.world;
    fly.onRequest = ({ phase, request }) => {
      const isAbout =
        image === '' ? request.path.endsWith(`${first?.id}/metadata`) : request.path.includes('/machines/');
      if (isGone || phase !== 'after' || first === undefined || !isAbout) return;
      isGone = true;
      destroy(fly, first, 'user');
    };
    fly.onStateChange = () => {
      fewest = Math.min(fewest, machines().length);
    };
    await synced(shop(image === '' ? '2' : image, after));
    expect(isGone).toBe(true);
    expect(fewest).toBeGreaterThan(0);
    expect(machines().map(({ state }) => state)).toEqual(['started']);
  },
);

test('a group that another one takes the place of stays where the machine made for that goes meanwhile', async () => {
  world = await arena();
  const named = (group: string): string => shop('1', `processes: { ${group}: serve }\nmachines: { count: 1 }\n`);
  await synced(named('old'));
  const fly = world.simulator.world;
  let fewest = Infinity;
  let isGone = false;
  fly.onRequest = ({ phase, request }) => {
    const made = machines().find(({ name }) => name.startsWith('new-'));
    if (isGone || phase !== 'after' || made === undefined || !request.path.endsWith(`${made.id}/metadata`)) return;
    isGone = true;
    destroy(fly, made, 'user');
  };
  fly.onStateChange = () => {
    fewest = Math.min(fewest, machines().length);
  };
  await synced(named('new'));
  expect([isGone, fewest]).toEqual([true, 1]);
  expect(machines().map(({ name, state }) => [name, state])).toEqual([['new-arn-1-g2', 'started']]);
});
