import { afterEach, describe, expect, test } from 'vitest';
import { migrate } from '../../../simulator/machines/host-failures.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, prepared, type Arena } from '../arena.ts';
import { imagesOf, machinesOf, shop, stampsOf, sync } from './shop.ts';

let world: Arena;
afterEach(() => world.close());

const fly = () => world.simulator.world;

/** Fly moves the first machine that comes there, at that moment. */
function movedOnce(isThere: (machine: Machine) => boolean, first: (machine: Machine) => void = () => undefined): void {
  let done = false;
  fly().onStateChange = (machine) => {
    if (done || !isThere(machine)) return;
    done = true;
    queueMicrotask(() => {
      first(machine);
      migrate(fly(), machine);
    });
  };
}

/** At least so many served at every moment. */
function watched(): () => number {
  let fewest = Infinity;
  const look = fly().onStateChange;
  fly().onStateChange = (machine) => {
    look?.(machine);
    fewest = Math.min(fewest, machinesOf(world).filter(({ state }) => state === 'started').length);
  };
  return () => fewest;
}

const runsNew =
  (state: string) =>
  (machine: Machine): boolean =>
    machine.state === state && machine.config.image?.includes('shop:2') === true;

describe('a machine that Fly moves to another host while FlyCD waits for it: the release goes on, and exit 0 says so', () => {
  test.each(['replacing', 'starting', 'started'])('it is %s', async (where) => {
    world = await prepared([shop({ count: 3 })], shop({ count: 3, image: 'shop:2' }));
    movedOnce(runsNew(where));
    const fewest = watched();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(said).toContain('was moved to another host by Fly while FlyCD waited for it');
    expect(said).not.toMatch(/failed|somebody else/);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2', 'shop:2']);
    expect(stampsOf(world, 'flycd_failed')).toEqual([]);
    expect(fewest()).toBeGreaterThanOrEqual(2);
    expect((await world.flycd(['status'])).stdout).toMatch(/shop +synced/);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });

  test('in the first release', async () => {
    world = await arena();
    world.write(shop());
    movedOnce(({ state }) => state === 'starting');
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toHaveLength(2);
  });

  test('with its volume, which has another id there', async () => {
    const mounted = (image: string) =>
      shop({ count: 1, image, more: 'mounts:\n  - source: data\n    destination: /data\n' });
    world = await prepared([mounted('shop:1')], mounted('shop:2'));
    movedOnce(runsNew('starting'));
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toEqual(['shop:2']);
  });

  test('that an earlier FlyCD left unproven', async () => {
    world = await prepared([shop({ count: 1 })], shop({ count: 1, image: 'shop:2' }));
    await world.mortalFlycd(['sync', '--once'], { call: 'POST /apps/{app}/machines/{machine}', when: 'after' });
    movedOnce(runsNew('started'));
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(stampsOf(world, 'flycd_unproven')).toEqual([]);
  });

  test('as it was before the update, which Fly lost: no version is blamed, and it is sent again', async () => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    const was = new Map(
      machinesOf(world).map(({ id, config, imageRef }) => [id, { config: structuredClone(config), imageRef }]),
    );
    movedOnce(runsNew('replacing'), (machine) => Object.assign(machine, was.get(machine.id)));
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(said).not.toContain('took the update of a machine back');
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2']);
    expect(stampsOf(world, 'flycd_failed')).toEqual([]);
  });

  test('and a version that does not run is none that does, wherever it is', async () => {
    world = await prepared([shop()], shop({ image: 'failing-check:2' }));
    movedOnce(({ state, config }) => state === 'started' && config.image?.includes('failing-check') === true);
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(said).toContain('a machine did not become healthy');
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1']);
  });
});

test('an update that Fly takes back is one also where Fly had moved the machine before', async () => {
  world = await prepared([shop()], shop({ image: 'missing-image:2' }));
  for (const machine of machinesOf(world)) migrate(fly(), machine);
  await world.clock.sleep(60_000);
  const { code, said } = await sync(world);
  expect(code, said).toBe(1);
  expect(said).toContain('Fly took the update of a machine back');
});
