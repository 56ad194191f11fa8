import { afterEach, describe, expect, test } from 'vitest';
import { ruleChecks, start } from '../../../simulator/machines/lifecycle.ts';
import { arena, prepared, type Arena } from '../arena.ts';
import { callOf } from '../calls.ts';
import { imagesOf, machinesOf, service, shop, stampsOf, sync } from './shop.ts';

let world: Arena;
afterEach(() => world.close());

const fly = () => world.simulator.world;

const served = (how: string) =>
  service.replace(
    '  checks:',
    `  auto_stop_machines: ${how}\n  auto_start_machines: true\n  min_machines_running: 0\n  checks:`,
  );

/** The proxy stops what serves nobody. */
const idleAfterMs = 8000;

const starts = () => fly().writes(({ template }) => template === 'POST /apps/{app}/machines/{machine}/start').length;

/** Each machine is warm after its second start. */
function warmsUp(): void {
  fly().onStateChange = (machine) => {
    if (machine.state !== 'started' || machine.checkRule !== undefined) return;
    machine.checkRule = 'fail';
    world.clock.timer(12_000, () => ruleChecks(fly(), machine, 'pass'));
  };
}

describe.each(['stop', 'suspend'])('the proxy stops a machine before its checks have passed (%s)', (how) => {
  const written = { service: served(how), count: 3 };

  test('a bad version is no good one, and no other machine gets it', async () => {
    world = await prepared([shop(written)], shop({ ...written, image: 'failing-check:2' }));
    const good = stampsOf(world, 'flycd_good');
    fly().idleAfterMs = idleAfterMs;
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(said).toContain('a machine did not become healthy: no progress for 31 s');
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1', 'shop:1']);
    expect(stampsOf(world, 'flycd_good')).toEqual(good);
    expect(stampsOf(world, 'flycd_failed')).toHaveLength(3);
  });

  test('from rest: the first one is started until it has shown what it is', async () => {
    world = await prepared([shop(written)], shop({ ...written, image: 'failing-check:2' }));
    fly().idleAfterMs = idleAfterMs;
    for (const { id } of machinesOf(world)) await world.asPerson('POST', `/apps/shop/machines/${id}/${how}`);
    await world.clock.sleep(60_000);
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1', 'shop:1']);
  });

  test('in the first release: no second machine is made', async () => {
    world = await arena();
    world.write(shop({ ...written, image: 'failing-check:2' }));
    fly().idleAfterMs = idleAfterMs;
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(machinesOf(world)).toHaveLength(1);
    expect(stampsOf(world, 'flycd_good')).toEqual([]);
  });

  test('a good one is started again, and seen', async () => {
    world = await prepared([shop(written)], shop({ ...written, image: 'shop:2' }));
    fly().idleAfterMs = idleAfterMs;
    warmsUp();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(starts()).toBe(3);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2', 'shop:2']);
    expect(stampsOf(world, 'flycd_unproven')).toEqual([]);
  });

  test('where the proxy is quicker to start it again, it is no failure', async () => {
    world = await prepared([shop(written)], shop({ ...written, image: 'shop:2' }));
    fly().idleAfterMs = idleAfterMs;
    warmsUp();
    const startRoute = 'POST /apps/{app}/machines/{machine}/start';
    const fault = { status: 412, body: { error: "unable to start machine from current state: 'starting'" } };
    fly().faults.add({ template: startRoute, app: 'shop', times: 3, fault });
    fly().onRequest = ({ phase, request: { method, path } }) => {
      const id = /machines\/(\w+)\/start$/.exec(path)?.[1];
      const machine = machinesOf(world).find((one) => one.id === id);
      if (phase === 'before' && method === 'POST' && machine !== undefined) start(fly(), machine, 'flyd');
    };
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(starts()).toBe(3);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2', 'shop:2']);
    expect(stampsOf(world, 'flycd_failed')).toEqual([]);
  });

  test('a FlyCD that was killed before left it so: the next one starts it and looks', async () => {
    const [before, files] = [shop(written), shop({ ...written, image: 'failing-check:2' })];
    const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    fly().idleAfterMs = idleAfterMs;
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    await world.clock.sleep(120_000);
    expect(starts()).toBe(0);
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(starts()).toBeGreaterThan(0);
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1', 'shop:1']);
  });

  test('after they have passed it counts', async () => {
    world = await prepared([shop(written)], shop({ ...written, image: 'shop:2' }));
    fly().idleAfterMs = idleAfterMs;
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(starts()).toBe(0);
    expect(stampsOf(world, 'flycd_unproven')).toEqual([]);
  });
});

test('one that a person stops is not started again', async () => {
  world = await arena();
  world.write(shop({ service: served('stop'), count: 1, image: 'failing-check:2' }));
  fly().onStateChange = ({ id, state }) => {
    if (state === 'started')
      world.clock.timer(5000, () => void world.asPerson('POST', `/apps/shop/machines/${id}/stop`));
  };
  await sync(world);
  expect(starts()).toBe(0);
  expect(machinesOf(world).map(({ state }) => state)).toEqual(['stopped']);
});

describe('the proxy stops a machine under FlyCD’s own lease before its checks have passed', () => {
  const slow = () => {
    fly().idleAfterMs = idleAfterMs;
    const seen = new Set<string>();
    fly().onStateChange = (machine) => {
      if (machine.state !== 'started' || seen.has(machine.id)) return;
      seen.add(machine.id);
      machine.checkRule = 'fail';
      world.clock.timer(12_000, () => ruleChecks(fly(), machine, 'pass'));
    };
  };
  const grown = (gb: number) => {
    const files = shop({ service: served('stop'), count: 2 });
    const mount = `mounts: [{ source: data, destination: /data, initial_size: ${gb}GB }]\n`;
    return Object.fromEntries(
      Object.entries(files).map(([path, text]) => [path, path.endsWith('app.yaml') ? text + mount : text]),
    );
  };

  test('a restart for a volume that grew: it is started again at once', async () => {
    world = await prepared([grown(1)], grown(2));
    slow();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(said).not.toContain('an earlier FlyCD still holds');
    expect(starts()).toBeGreaterThan(0);
  });
});
