/** For the shapes of fly.toml that people have: what FlyCD leaves on Fly is what `fly deploy` leaves there. */
import { afterEach, expect, test } from 'vitest';
import { shapes, textOf, type Shape } from '../../flyconfig/wild.ts';
import { arena, type Arena } from '../arena.ts';
import { image, machinesOf } from './comparable.ts';

const worlds: Arena[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function world(): Promise<Arena> {
  const opened = await arena();
  worlds.push(opened);
  return opened;
}

function files(shape: Shape): Readonly<Record<string, string>> {
  return {
    'flycd.yaml': 'fleet: shops\n',
    'shop/fly.toml': textOf(shape),
    'shop/app.yaml': `app: shop\nfly_config: fly.toml\nbuild: { image: "${image}" }\n`,
  };
}

async function deployByHand(place: Arena, shape: Shape): Promise<void> {
  const { groups = {}, region } = shape;
  await place.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  const outcome = await place.simulator.flyctl.deploy('shop', { image, configs: groups, primaryRegion: region });
  expect(outcome).toEqual({ ok: true });
}

const deployed = shapes.filter(({ groups }) => groups !== undefined);

test.each(deployed)('$name: sync leaves the machines that fly deploy leaves', async (shape) => {
  const ours = await world();
  ours.write(files(shape));
  const { code, stdout, stderr } = await ours.flycd(['sync', '--once']);
  expect(code, stdout + stderr).toBe(0);
  const theirs = await world();
  await deployByHand(theirs, shape);
  const machines = await machinesOf(theirs, 'shop');
  expect(machines.length).toBeGreaterThan(0);
  expect(await machinesOf(ours, 'shop')).toEqual(machines);
});

test.each(deployed)('$name: what fly deploy left is no change to FlyCD', async (shape) => {
  const place = await world();
  await deployByHand(place, shape);
  const before = await machinesOf(place, 'shop');
  place.write(files(shape));
  const { code, stdout } = await place.flycd(['diff']);
  expect(stdout).toContain('adopted without a restart: shop');
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/machine\.(?:update|create|destroy)/);
  await place.flycd(['sync', '--once']);
  expect(await machinesOf(place, 'shop')).toEqual(before);
});
