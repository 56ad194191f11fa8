/** What persons said of an app is of that app: the next one by its name has words of its own, whoever knows the old ones. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../../controllers/arena.ts';

const once = ['sync', '--once'];
let world: Arena;
beforeEach(async () => {
  world = await arena({ repository: true });
});
afterEach(() => world.close());

const shop = (image = 'nginx:1'): Files => ({
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: 1 }\ndeploy: { wait_timeout: 20s }\n`,
});
const fleet: Files = {
  'flycd.yaml': 'fleet: lives\nsync:\n  prune: [app]\n',
  'other/app.yaml': 'app: other\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 1 }\n',
};

async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.flycd(argv);
  expect(code, stdout + stderr).toBe(0);
  return stderr + stdout;
}

/** Of the app, in the simulated world. */
const seen = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');
const images = () => seen()?.machines.map(({ config }) => config.image);

/** Of the first of these words that was lifted, or stands, in the database of an app that is over. */
const words = [
  ['a suspension', ['suspend', 'shop', '--reason', 'a migration']],
  ['a rollback', ['rollback', 'shop']],
] as const;
const makers = [
  ['by another FlyCD', (): Promise<unknown> => world.flycd(once, 'other')],
  [
    'by hand, and adopted by another FlyCD',
    async (): Promise<unknown> => {
      await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
      const config = { image: 'nginx:0', metadata: { fly_platform_version: 'v2', fly_process_group: 'app' } };
      await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
      return world.flycd(['adopt', 'shop'], 'other');
    },
  ],
] as const;

describe.each(makers)('an app that was destroyed and made again %s', (_by, make) => {
  test.each(words)('keeps %s, though the earlier one had one that was lifted', async (_word, said) => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    world.write(shop('nginx:2'));
    await done(...once);
    await world.flycd(said);
    await done('resume', 'shop');
    await done(...once);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    world.write(shop('nginx:6'));
    await make();
    world.write(shop('nginx:7'));
    await world.flycd(once, 'other');
    await world.flycd(said, 'other');
    const before = images();
    world.write(shop('nginx:8'));
    for (const state of ['state', 'other', 'state']) {
      await world.flycd(once, state);
      expect(images()).toEqual(before);
    }
    await done('resume', 'shop');
    await done(...once);
    expect(images()).toEqual([expect.stringContaining('nginx:8')]);
  });

  test.each(words)('is not held by %s of the earlier one, nor is a new word of it less', async (_word, said) => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    world.write(shop('nginx:2'));
    await done(...once);
    await world.flycd(said);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    world.write(shop('nginx:6'));
    await make();
    world.write(shop('nginx:7'));
    await world.flycd(once);
    expect(images()).toEqual([expect.stringContaining('nginx:7')]);
    await world.flycd(said);
    const before = images();
    world.write(shop('nginx:8'));
    await world.flycd(once, 'other');
    expect(images()).toEqual(before);
  });
});

const whole = [...once, '--accept-only', 'shop'];

/** The fleet's FlyCD is killed when Fly has destroyed the app and it has not yet written that down. */
async function killedBehindDestroy(prepare: () => Promise<void>): Promise<void> {
  await prepare();
  const { calls } = await world.mortalFlycd(whole);
  expect(seen()).toBeUndefined();
  await world.close();
  world = await arena({ repository: true });
  await prepare();
  await world.mortalFlycd(whole, { call: calls, when: 'after' });
  expect(seen()).toBeUndefined();
}

describe('an app that FlyCD destroyed, and was killed before it wrote that down', () => {
  test.each([
    ['a rollback', 'nginx:2', ['rollback', 'shop'], 'nginx:7'],
    ['a version that failed', 'crash-loop:2', ['status'], 'crash-loop:2'],
    ['the end of a suspension', 'nginx:2', ['suspend', 'shop', '--reason', 'a migration', '--for', '1m'], 'nginx:7'],
  ])('leaves %s to nothing that comes by its name', async (_what, second, said, next) => {
    await killedBehindDestroy(async () => {
      world.write({ ...fleet, ...shop() });
      await done(...once);
      world.write(shop(second));
      await world.flycd(once);
      await world.flycd(said);
      await world.clock.sleep(120_000);
      world.remove('shop');
    });
    world.write(shop(next));
    await world.flycd(once);
    expect(images()).toEqual([expect.stringContaining(next)]);
  });

  test('is over though another one by its name stands there before anybody looks', async () => {
    await killedBehindDestroy(async () => {
      world.write({ ...fleet, ...shop() });
      await done(...once);
      world.write(shop('nginx:2'));
      await done(...once);
      await world.flycd(['rollback', 'shop']);
      world.remove('shop');
    });
    world.write(shop('nginx:7'));
    await world.flycd(once, 'other');
    world.write(shop('nginx:8'));
    await done(...once);
    expect(images()).toEqual([expect.stringContaining('nginx:8')]);
  });

  test('is over for good once something is said of the one that came after it', async () => {
    await killedBehindDestroy(async () => {
      world.write({ ...fleet, ...shop() });
      await done(...once);
      world.write(shop('nginx:2'));
      await done(...once);
      await world.flycd(['rollback', 'shop']);
      world.remove('shop');
    });
    world.write(shop('nginx:7'));
    await world.flycd(once, 'other');
    await done('suspend', 'shop', '--reason', 'a migration', '--for', '1m');
    await world.asPerson('DELETE', '/apps/shop?force=true');
    await world.clock.sleep(120_000);
    await done(...once);
    expect(images()).toEqual([expect.stringContaining('nginx:7')]);
  });

  test('stands with its words where Fly refused to destroy it', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    world.write(shop('nginx:2'));
    await done(...once);
    await world.flycd(['rollback', 'shop']);
    const before = images();
    world.remove('shop');
    const fault = { status: 400, body: { error: 'invalid' } };
    world.simulator.world.faults.add({ template: 'DELETE /apps/{app}', times: 9, fault });
    expect((await world.flycd(whole)).code).toBe(1);
    world.simulator.world.faults.clear();
    world.write(shop('nginx:9'));
    await world.flycd(once);
    expect(images()).toEqual(before);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    await world.flycd(once);
    expect(images()).toEqual(before?.map(() => expect.stringContaining('nginx:1') as unknown));
  });
});

test('a rollback of an app is not of the next one, of which something else was said', async () => {
  world.write({ ...fleet, ...shop() });
  await done(...once);
  world.write(shop('nginx:2'));
  await done(...once);
  await world.flycd(['rollback', 'shop']);
  await world.asPerson('DELETE', '/apps/shop?force=true');
  world.write(shop('nginx:7'));
  await world.flycd(once, 'other');
  await done('suspend', 'shop', '--reason', 'a migration', '--for', '1m');
  await world.asPerson('DELETE', '/apps/shop?force=true');
  await world.clock.sleep(120_000);
  await done(...once);
  expect(images()).toEqual([expect.stringContaining('nginx:7')]);
});

describe('a rollback to a run of an app that is over', () => {
  /** Runs of the app, oldest first. */
  async function runs(): Promise<readonly number[]> {
    const { stdout } = await world.flycd(['history', '--app', 'shop', '--all', '--output', 'json']);
    const { runs: told } = JSON.parse(stdout) as { readonly runs: readonly { readonly id: number }[] };
    return told.map(({ id }) => id).toSorted((a, b) => a - b);
  }

  beforeEach(async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    world.write(shop('nginx:2'));
    await done(...once);
    await world.asPerson('DELETE', '/apps/shop?force=true');
  });

  test.each([
    ['that FlyCD has made anew', () => done(...once)],
    ['that somebody has made anew, and FlyCD has synced', () => world.flycd(once, 'other').then(() => done(...once))],
    ['that somebody has made anew', () => world.flycd(once, 'other')],
    [
      'that FlyCD has destroyed',
      async () => {
        await done(...once);
        world.remove('shop');
        await done(...once);
        world.write(shop('nginx:3'));
      },
    ],
  ])('is refused, and says why, of one %s', async (_what, make) => {
    world.write(shop('nginx:3'));
    await make();
    const before = images();
    const [first = 0] = await runs();
    const { code, stderr } = await world.flycd(['rollback', 'shop', '--to', String(first)]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`run ${first} is of an earlier app called shop`) as unknown,
    ]);
    expect(images()).toEqual(before);
  });

  test('is done to one of the app that is there', async () => {
    world.write(shop('nginx:3'));
    await done(...once);
    const of = (await runs()).at(-1);
    world.write(shop('nginx:4'));
    await done(...once);
    await world.flycd(['rollback', 'shop', '--to', String(of)]);
    expect(images()).toEqual([expect.stringContaining('nginx:3')]);
  });
});
