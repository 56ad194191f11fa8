import { onTestFinished, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { changedFleet, prepared, walkFleet } from '../arena.ts';

test('a commit does not count as landed while a machine on a dead host runs what was before it', async () => {
  const world = await prepared([walkFleet], changedFleet('GREETING: hello', 'GREETING: goodbye'));
  onTestFinished(() => world.close());
  const { simulator } = world;
  const store = [...(simulator.world.apps.get('shop')?.machines.values() ?? [])].find(({ name }) =>
    name.startsWith('store'),
  );
  if (store === undefined) throw new Error('the fleet has no store');
  hostDown(simulator.world, store.host);
  const first = await world.flycd(['sync', '--once']);
  expect(first.code, 'nothing failed: it waits').toBe(4);
  expect(first.stdout).toContain('store/arn/1 runs what an older commit said, and its host does not answer');
  expect((await world.flycd(['diff'])).code).toBe(4);
  const { stdout } = await world.flycd(['why', 'shop']);
  expect(stdout).toMatch(/waits \(unreachable\): store\/arn\/1 .*\n.*once the host is back\n +looks again: at /);
  hostUp(simulator.world, store.host);
  await world.clock.sleep(60_000);
  const second = await world.flycd(['sync', '--once']);
  expect(second.code, second.stdout + second.stderr).toBe(0);
  expect((await world.flycd(['diff'])).code).toBe(0);
  const greetings = simulator.world.snapshot().flatMap(({ machines }) => machines.map(({ config }) => config['env']));
  expect(greetings).toEqual(greetings.map(() => expect.objectContaining({ GREETING: 'goodbye' }) as unknown));
});
