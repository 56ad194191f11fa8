/** What a plan takes away because something else stays: where that went while the pass was at work, it is planned again. */
import { afterEach, expect, test } from 'vitest';
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
