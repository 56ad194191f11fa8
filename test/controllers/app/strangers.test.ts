import { expect, onTestFinished, test } from 'vitest';
import { arena, changedFleet, walkFleet } from '../arena.ts';

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
