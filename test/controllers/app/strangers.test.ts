import { describe, expect, onTestFinished, test } from 'vitest';
import { arena, changedFleet, walkFleet, type Arena, type Files } from '../arena.ts';

test('somebody else’s machines in the app are not even leased while FlyCD makes machines of its own', async () => {
  const world = await arena();
  onTestFinished(() => world.close());
  world.write(walkFleet);
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  const { machines } = world.simulator.world.apps.get('shop') ?? { machines: new Map<string, { id: string }>() };
  const ours = new Set(machines.keys());
  const config = { image: 'docker.io/library/theirs:1' };
  // Until one of them has the lowest id of all.
  while (ours.has([...machines.keys()].toSorted()[0] ?? '')) {
    await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
    await world.clock.sleep(5000);
  }
  const theirs = [...machines.keys()].filter((id) => !ours.has(id));
  const { requests } = world.simulator.world;
  const before = requests.length;
  world.write(changedFleet('count: 2', 'count: 3'));
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  const touched = requests.slice(before).filter(({ path }) => theirs.some((id) => path.includes(id)));
  expect(touched.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

/** `image`: that of its one machine. */
const small = (image = 'docker.io/library/web:1', fleet = 'small'): Files => ({
  'flycd.yaml': `fleet: ${fleet}\n`,
  'web/app.yaml': `app: web\nprimary_region: arn\nmachines:\n  count: 1\nbuild:\n  image: ${image}\n`,
});

/** All machines of the app, by hand. */
async function destroyAll(world: Arena): Promise<void> {
  for (const id of world.simulator.world.apps.get('web')?.machines.keys() ?? [])
    await world.asPerson('DELETE', `/apps/web/machines/${id}?force=true`);
  await world.clock.sleep(60_000);
}

async function makeByHand(world: Arena, metadata: Record<string, string> = {}): Promise<void> {
  const config = { image: 'docker.io/library/theirs:1', metadata };
  await world.asPerson('POST', '/apps/web/machines', { region: 'arn', config });
  await world.clock.sleep(10_000);
}

describe('a FlyCD that lost its database knows the fleet’s app once it has seen a machine of it', () => {
  test.each<[string, (world: Arena) => Promise<unknown>]>([
    [
      'in a pass that failed',
      async (world) => {
        world.write(small('docker.io/library/crash-loop:2'));
        expect((await world.flycd(['sync', '--once'])).code).toBe(1);
        world.write(small('docker.io/library/web:3'));
      },
    ],
    ['in a pass that had nothing to do', (world) => world.flycd(['sync', '--once'])],
    [
      'for a word of a person',
      async (world) => {
        expect((await world.flycd(['suspend', 'web', '--reason', 'a look'])).code).toBe(0);
        expect((await world.flycd(['resume', 'web'])).code).toBe(0);
      },
    ],
    [
      'when git did not name it',
      async (world) => {
        world.remove('web');
        await world.flycd(['sync', '--once']);
        world.write(small());
      },
    ],
  ])('%s', async (_when, look) => {
    const world = await arena();
    onTestFinished(() => world.close());
    world.write({ ...small(), 'other/app.yaml': 'app: other\nprimary_region: arn\nbuild:\n  image: other:1\n' });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    world.forget();
    await look(world);
    await destroyAll(world);
    await makeByHand(world);
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(stdout).not.toContain('nothing says that FlyCD made the app');
    expect(code, stdout).toBe(0);
    const machines = [...(world.simulator.world.apps.get('web')?.machines.values() ?? [])];
    expect(machines.filter(({ state }) => state === 'started')).toHaveLength(2);
  });
});

test.each([
  ['the fleet’s name alone', { flycd_fleet: 'small' }],
  ['a copy of one of its machines', { flycd_fleet: 'small', flycd_machine: 'another', flycd_app: 'web' }],
])('%s on a machine made by hand does not prove that the app is the fleet’s', async (_what, metadata) => {
  const world = await arena();
  onTestFinished(() => world.close());
  await world.asPerson('POST', '/apps', { app_name: 'web', org_slug: 'personal' });
  await makeByHand(world, metadata);
  world.write(small());
  await world.flycd(['suspend', 'web', '--reason', 'a look']);
  await world.flycd(['resume', 'web']);
  await destroyAll(world);
  await makeByHand(world);
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(stdout).toContain('nothing says that FlyCD made the app');
  expect(code, stdout).toBe(4);
});
