/** For the shapes of fly.toml that people have: what FlyCD leaves on Fly is what `fly deploy` leaves there. */
import { afterEach, expect, test } from 'vitest';
import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import { shapes, textOf, type Shape } from '../flyconfig/wild.ts';
import { arena, type Arena } from './arena.ts';

const image = 'docker.io/library/caddy:2.10.2';
const worlds: Arena[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function world(): Promise<Arena> {
  const opened = await arena();
  worlds.push(opened);
  return opened;
}

/** What no fly config says: names, ids, who wrote it and when. */
const ownMetadata = /^(?:flycd_|fly_release_|fly_flyctl_)/;

function comparable({ region, config }: Machine): unknown {
  const { env, metadata, mounts, standbys, image: ref, ...rest } = config ?? {};
  const kept = (table: MachineConfig['env'], leave: RegExp) =>
    Object.fromEntries(Object.entries(table ?? {}).filter(([name]) => !leave.test(name)));
  return {
    region,
    ...rest,
    image: ref?.replace(/@.*$/, ''),
    env: kept(env, /^(?:FLYCD_|FLY_STANDBY_FOR$)/),
    metadata: kept(metadata, ownMetadata),
    mounts: mounts?.map(({ volume: _volume, ...mount }) => mount),
    standbys: (standbys ?? []).length,
  };
}

/** Until Fly's rate limits know nothing of the calls before. */
const forgottenMs = 60_000;

async function machinesIn(place: Arena): Promise<readonly unknown[]> {
  await place.clock.sleep(forgottenMs);
  const machines = (await place.asPerson('GET', '/apps/shop/machines')) as readonly Machine[];
  return machines.map(comparable).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function files(shape: Shape): Readonly<Record<string, string>> {
  return {
    'flycd.yaml': 'fleet: shops\n',
    'shop/fly.toml': textOf(shape),
    // A fly.toml builds its image, or takes the newest; here each runs the same one.
    'shop/app.yaml': `app: shop\nfly_config: fly.toml\nbuild: { image: "${image}" }\n`,
  };
}

async function deployByHand(place: Arena, shape: Shape): Promise<void> {
  const { groups = {}, region } = shape;
  await place.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  const outcome = await place.simulator.world.human.deploy('shop', { image, configs: groups, primaryRegion: region });
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
  const machines = await machinesIn(theirs);
  expect(machines.length).toBeGreaterThan(0);
  expect(await machinesIn(ours)).toEqual(machines);
});

test.each(deployed)('$name: what fly deploy left is no change to FlyCD', async (shape) => {
  const place = await world();
  await deployByHand(place, shape);
  const before = await machinesIn(place);
  place.write(files(shape));
  const { stdout } = await place.flycd(['diff']);
  expect(stdout).toContain('it runs what git wants');
  expect(stdout).not.toMatch(/machine\.(?:update|create|destroy)/);
  await place.flycd(['sync', '--once']);
  expect(await machinesIn(place)).toEqual(before);
});
