import { afterEach, describe, expect, test } from 'vitest';
import { ruleChecks, signal } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, prepared, type Arena } from '../arena.ts';
import { callOf } from '../calls.ts';
import { imagesOf, machinesOf, service, shop, stampsOf, sync } from './shop.ts';

let world: Arena;
afterEach(() => world.close());

const fly = () => world.simulator.world;

/** What runs shop:2 ends so long after each start, or the first `times`. */
function ends(
  afterMs: number,
  how: 'KILL' | 'TERM' = 'KILL',
  times = Infinity,
  onEnd: () => void = () => undefined,
): void {
  const runs = new Map<Machine, number>();
  // The clock of a test that is over may go on.
  const { simulator, clock } = world;
  simulator.world.onStateChange = (machine) => {
    if (machine.state !== 'started' || machine.config.image?.includes('shop:2') !== true) return;
    const before = runs.get(machine) ?? 0;
    runs.set(machine, before + 1);
    if (before >= times) return;
    const boot = machine.instanceId;
    clock.timer(afterMs, () => {
      if (machine.state !== 'started' || machine.instanceId !== boot) return;
      onEnd();
      signal(simulator.world, machine, how);
    });
  };
}

describe('checks that pass once say little of what crashes right after', () => {
  test.each([
    ['as soon as they have passed', 1500],
    ['after 4 s', 4000],
    ['after 9 s', 9000],
  ])('%s', async (_what, afterMs) => {
    world = await prepared([shop({ count: 3 })], shop({ count: 3, image: 'shop:2' }));
    ends(afterMs);
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(said).toContain('it crashes again and again: exit code 137');
    expect(said).toContain('0 of 3 machines done');
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1', 'shop:1']);
    expect(stampsOf(world, 'flycd_failed')).toHaveLength(3);
  });

  test('one without checks is given up within seconds of its second crash', async () => {
    world = await prepared([shop({ count: 1, service: '' })], shop({ count: 1, service: '', image: 'shop:2' }));
    const crashes: number[] = [];
    ends(1500, 'KILL', Infinity, () => crashes.push(world.clock.now()));
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(said).toContain('it crashes again and again: exit code 137');
    const [, second = Infinity] = crashes;
    const next = fly().writes(({ at }) => at >= second)[0]?.at ?? Infinity;
    expect(next - second).toBeLessThan(3000);
  });

  test('in the first release: no second machine is made', async () => {
    world = await arena();
    world.write(shop({ count: 3, image: 'shop:2' }));
    ends(4000);
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(machinesOf(world)).toHaveLength(1);
    expect(stampsOf(world, 'flycd_good')).toEqual([]);
  });

  test('a FlyCD that was killed meanwhile saw nothing of it: the next one looks', async () => {
    const [before, files] = [shop({ count: 2 }), shop({ count: 2, image: 'shop:2' })];
    const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    ends(4000);
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1']);
  });

  test('one crash is forgiven, as flyctl does: it has to run for ten seconds after it', async () => {
    world = await prepared([shop({ count: 1 })], shop({ count: 1, image: 'shop:2' }));
    ends(4000, 'KILL', 1);
    const begun = world.clock.now();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(world.clock.now() - begun).toBeGreaterThan(16_000);
    expect(world.clock.now() - begun).toBeLessThan(40_000);
  });
});

describe('what is well costs ten seconds a machine, counted from its start, and one look more', () => {
  test.each([
    ['its checks pass at once', 'shop:2', 1],
    ['its checks pass after 15 s', 'slow:2', 0],
  ])('%s', async (_what, image, extra) => {
    world = await prepared([shop({ count: 1 })], shop({ count: 1, image }));
    let startedAt = 0;
    fly().onStateChange = (machine) => {
      if (machine.state !== 'started') return;
      startedAt = world.clock.now();
      if (image !== 'slow:2') return;
      machine.checkRule = 'fail';
      world.clock.timer(13_500, () => ruleChecks(fly(), machine, 'pass'));
    };
    let looks = 0;
    let passing = 0;
    let lookedAt = 0;
    fly().onRequest = ({ phase, request }) => {
      if (phase !== 'after' || request.template !== 'GET /apps/{app}/machines/{machine}' || startedAt === 0) return;
      looks += 1;
      if (machinesOf(world)[0]?.checks.every(({ status }) => status === 'passing') === true) passing += 1;
      lookedAt = world.clock.now();
    };
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(looks).toBeGreaterThan(0);
    // The look that sees them pass, the one that ends the watch, and the one that reads back what was sent.
    expect(passing).toBeLessThanOrEqual(2 + extra);
    expect(lookedAt - startedAt).toBeLessThan(17_000);
  });

  test('machines that were seen healthy before are not watched again', async () => {
    world = await prepared([shop({ count: 3 })], shop({ count: 3, image: 'shop:2' }));
    const call = await callOf('POST /apps/{app}/machines/{machine}', 3, {
      before: [shop({ count: 3 })],
      files: shop({ count: 3, image: 'shop:2' }),
    });
    await world.close();
    world = await prepared([shop({ count: 3 })], shop({ count: 3, image: 'shop:2' }), { orderly: true });
    await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
    await world.clock.sleep(60_000);
    const begun = world.clock.now();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(world.clock.now() - begun).toBeLessThan(20_000);
  });
});

const always = 'restart:\n  - policy: always\n';

describe('what ends with code 0 and is started again without end', () => {
  test.each([
    ['no checks', ''],
    ['checks', service],
  ])('fails its release: %s', async (_what, served) => {
    const written = { service: served, more: always };
    world = await prepared([shop(written)], shop({ ...written, image: 'one-shot:2' }));
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(said).toContain('it ends again and again, and is restarted: exit code 0');
    expect(imagesOf(world)).toEqual(['shop:1', 'shop:1']);
    expect((await world.flycd(['status'])).stdout).toMatch(/shop +held/);
  });

  test('in the first release', async () => {
    world = await arena();
    world.write(shop({ service: '', more: always, image: 'one-shot:2' }));
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(said).toContain('it ends again and again');
    expect(machinesOf(world)).toHaveLength(1);
  });

  test.each([
    ['never', 'restart:\n  - policy: never\n'],
    ['on-failure', ''],
  ])('is a job that is done where it is not started again: %s', async (_what, more) => {
    world = await prepared([shop({ service: '', more })], shop({ service: '', more, image: 'one-shot:2' }));
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toEqual(['one-shot:2', 'one-shot:2']);
  });

  test('a worker that is restarted after each job runs for longer than a crash', async () => {
    world = await prepared([shop({ service: '', more: always })], shop({ service: '', more: always, image: 'shop:2' }));
    ends(12_000, 'TERM');
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2']);
  });
});

test.each([
  ['with code 0', 'TERM'],
  ['by a crash', 'KILL'],
] as const)('one that ends %s and does not come back is not what ran before it', async (_what, how) => {
  world = await prepared([shop({ more: always })], shop({ more: always, image: 'shop:2-failing-check' }));
  fly().pace.add({ state: 'restarting', times: 1 });
  ends(12_000, how);
  const { code, said } = await sync(world);
  expect(code, said).toBe(1);
  expect(said).toContain('it is restarting after exit code');
  expect(imagesOf(world)).toEqual(['shop:1', 'shop:1']);
});
