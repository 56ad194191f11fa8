import { afterEach, describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, prepared, type Arena } from '../arena.ts';
import { imagesOf, machinesOf, shop, stampsOf, sync } from './shop.ts';

let world: Arena;
afterEach(() => world.close());

const fly = () => world.simulator.world;

/** The host of the first machine that comes there goes down at that moment. */
function downOnce(isThere: (machine: Machine) => boolean, then: (machine: Machine) => void = () => undefined): void {
  let struck = false;
  fly().onStateChange = (machine) => {
    if (struck || !isThere(machine)) return;
    struck = true;
    queueMicrotask(() => {
      hostDown(fly(), machine.host);
      then(machine);
    });
  };
}

async function hostsUp(ms = 60_000): Promise<void> {
  const hosts = [...(fly().apps.get('shop')?.machines.values() ?? [])]
    .filter(({ hostStatus }) => hostStatus !== 'ok')
    .map(({ host }) => host);
  for (const host of new Set(hosts)) hostUp(fly(), host);
  await world.clock.sleep(ms);
}

describe('a host that goes down does not make its version a bad one', () => {
  test.each(['starting', 'started'])('while the first machine is %s', async (where) => {
    world = await prepared([shop({ count: 3 })], shop({ count: 3, image: 'shop:2' }));
    downOnce(({ state }) => state === where);
    const first = await sync(world);
    expect(first.code, first.said).toBe(4);
    expect(first.said).toContain('the host of a machine does not answer');
    expect(first.said).not.toMatch(/failed/i);
    const status = await world.flycd(['status']);
    expect(status.stdout).toMatch(/shop +pending .*held/);
    expect(stampsOf(world, 'flycd_failed')).toEqual([]);
    expect(imagesOf(world), 'no other machine is taken down').toEqual(['shop:2', 'shop:1', 'shop:1']);
    await hostsUp();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2', 'shop:2']);
  });

  test('in the first release', async () => {
    world = await arena();
    world.write(shop());
    downOnce(({ state }) => state === 'starting');
    await sync(world);
    await hostsUp();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toHaveLength(2);
  });

  test('immediate: the machines that are well stay', async () => {
    const deploy = '  strategy: immediate\n';
    world = await prepared([shop({ count: 3, deploy })], shop({ count: 3, deploy, image: 'shop:2' }));
    downOnce(({ state }) => state === 'starting');
    await sync(world);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2', 'shop:2']);
  });

  test('a machine restarts for its volume', async () => {
    const mounted = (gb: number) =>
      shop({
        count: 1,
        more: `mounts:\n  - source: data\n    destination: /data\nvolumes:\n  - name: data\n    size_gb: ${gb}\n`,
      });
    world = await prepared([mounted(9)], mounted(20));
    downOnce(({ state }) => state === 'starting');
    const { said } = await sync(world);
    expect(said).toContain('the host of a machine does not answer');
    expect(stampsOf(world, 'flycd_failed')).toEqual([]);
  });

  test('of the release command: its machine stays, and its end counts once the host is back', async () => {
    const command = (image: string) => shop({ image, deploy: '  release_command: migrate\n' });
    world = await prepared([command('shop:1')], command('long-job:2'));
    downOnce(({ name, state }) => name.startsWith('release') && state === 'started');
    const first = await sync(world);
    expect(first.code, first.said).toBe(4);
    expect(first.said).not.toMatch(/failed/i);
    expect(first.said).toContain('the host of the machine that runs the release command does not answer');
    expect(first.said).toContain('fly machine destroy --force -a shop');
    expect(stampsOf(world, 'flycd_failed')).toEqual([]);
    const still = await sync(world);
    expect(still.said).toContain('the host of the machine that runs the release command does not answer');
    await hostsUp(1000);
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    const ran = [...(fly().apps.get('shop')?.machines.values() ?? [])].filter(
      ({ name, config }) => name.startsWith('release') && config.image?.includes('long-job:2'),
    );
    expect(ran).toHaveLength(1);
  });

  test.each([
    ['it boots', 'starting'],
    ['its checks have not passed', 'started'],
  ])('one that is back within a minute is waited for: %s', async (_what, where) => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    downOnce(
      ({ state }) => state === where,
      ({ host }) => world.clock.timer(40_000, () => hostUp(fly(), host)),
    );
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect(imagesOf(world)).toEqual(['shop:2', 'shop:2']);
  });
});

describe('nor a good one', () => {
  test('it had started, and its checks had not passed', async () => {
    world = await prepared([shop()], shop({ image: 'failing-check:2' }));
    downOnce(({ state }) => state === 'started');
    const { code, said } = await sync(world);
    expect(code, said).toBe(4);
    expect(said).not.toContain('machine.update shop/app/arn/1 updated');
    expect(imagesOf(world)).toEqual(['failing-check:2', 'shop:1']);
  });

  test('the app is not as git says before it was seen healthy', async () => {
    world = await prepared([shop({ count: 1 })], shop({ count: 1, image: 'shop:2' }));
    downOnce(({ state }) => state === 'started');
    await sync(world);
    expect(stampsOf(world, 'flycd_unproven')).toEqual(['1']);
    const again = await sync(world);
    expect(again.said).toContain('has yet to be seen healthy, and its host does not answer');
    expect((await world.flycd(['status'])).stdout).toMatch(/shop +pending/);
    expect((await world.flycd(['diff'])).code).not.toBe(0);
    await hostsUp();
    expect((await sync(world)).code).toBe(0);
    expect((await world.flycd(['status'])).stdout).toMatch(/shop +synced/);
  });

  test('it goes down after it was seen healthy, before that is written down', async () => {
    world = await prepared([shop({ count: 1 })], shop({ count: 1, image: 'shop:2' }));
    let looks = 0;
    fly().onRequest = ({ phase, request }) => {
      const [machine] = machinesOf(world);
      if (
        phase !== 'after' ||
        machine?.state !== 'started' ||
        machine.checks.some((check) => check.status !== 'passing')
      )
        return;
      if (machine.config.image?.includes('shop:2') !== true) return;
      if (request.template !== 'GET /apps/{app}/machines/{machine}') return;
      looks += 1;
      // The look that sees its checks pass, and the one after it has run for a while.
      if (looks === 2) hostDown(fly(), machine.host);
    };
    const { code, said } = await sync(world);
    expect(stampsOf(world, 'flycd_unproven')).toEqual(['1']);
    expect(code, said).toBe(4);
  });
});

test('a create whose answer was lost is not made twice when its host goes down', async () => {
  world = await arena();
  world.write(shop({ count: 1 }));
  fly().faults.add({ template: 'POST /apps/{app}/machines', fault: 'reset-after' });
  downOnce(({ state }) => state === 'created');
  await sync(world);
  expect(machinesOf(world)).toHaveLength(1);
});
