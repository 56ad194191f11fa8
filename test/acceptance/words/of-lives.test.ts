/** What persons said of an app is of that app: the next one by its name has words of its own, whoever knows the old ones. */
import { beforeEach, describe, expect, test } from 'vitest';
import { fleet, once, shop, whole, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, images, appByHand } = scene;

/** Of the first of these words that was lifted, or stands, in the database of an app that is over. */
const words = [
  ['a suspension', ['suspend', 'shop', '--reason', 'a migration']],
  ['a rollback', ['rollback', 'shop']],
] as const;
const makers = [
  ['by another FlyCD', (): Promise<unknown> => scene.world.flycd(once, 'other')],
  [
    'by hand, and adopted by another FlyCD',
    async (): Promise<unknown> => {
      await scene.world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
      const config = { image: 'nginx:0', metadata: { fly_platform_version: 'v2', fly_process_group: 'app' } };
      await scene.world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
      return scene.world.flycd(['adopt', 'shop'], 'other');
    },
  ],
] as const;

describe.each(makers)('an app that was destroyed and made again %s', (_by, make) => {
  test.each(words)('keeps %s, though the earlier one had one that was lifted', async (_word, said) => {
    scene.world.write({ ...fleet, ...shop() });
    await done(once);
    scene.world.write(shop('nginx:2'));
    await done(once);
    await scene.world.flycd(said);
    await done(['resume', 'shop']);
    await done(once);
    await appByHand();
    scene.world.write(shop('nginx:6'));
    await make();
    scene.world.write(shop('nginx:7'));
    await scene.world.flycd(once, 'other');
    await scene.world.flycd(said, 'other');
    const before = images();
    scene.world.write(shop('nginx:8'));
    for (const state of ['state', 'other', 'state']) {
      await scene.world.flycd(once, state);
      expect(images()).toEqual(before);
    }
    await done(['resume', 'shop']);
    await done(once);
    expect(images()).toEqual([expect.stringContaining('nginx:8')]);
  });

  test.each(words)('is not held by %s of the earlier one, nor is a new word of it less', async (_word, said) => {
    scene.world.write({ ...fleet, ...shop() });
    await done(once);
    scene.world.write(shop('nginx:2'));
    await done(once);
    await scene.world.flycd(said);
    await appByHand();
    scene.world.write(shop('nginx:6'));
    await make();
    scene.world.write(shop('nginx:7'));
    await scene.world.flycd(once);
    expect(images()).toEqual([expect.stringContaining('nginx:7')]);
    await scene.world.flycd(said);
    const before = images();
    scene.world.write(shop('nginx:8'));
    await scene.world.flycd(once, 'other');
    expect(images()).toEqual(before);
  });
});

/** The fleet's FlyCD is killed when Fly has destroyed the app and it has not yet written that down. */
async function killedBehindDestroy(prepare: () => Promise<void>): Promise<void> {
  await prepare();
  const { calls } = await scene.world.mortalFlycd(whole);
  expect(seen()).toBeUndefined();
  await scene.again();
  await prepare();
  await scene.world.mortalFlycd(whole, { call: calls, when: 'after' });
  expect(seen()).toBeUndefined();
}

describe('an app that FlyCD destroyed, and was killed before it wrote that down', () => {
  test.each([
    ['a rollback', 'nginx:2', ['rollback', 'shop'], 'nginx:7'],
    ['a version that failed', 'crash-loop:2', ['status'], 'crash-loop:2'],
    ['the end of a suspension', 'nginx:2', ['suspend', 'shop', '--reason', 'a migration', '--for', '1m'], 'nginx:7'],
  ])('leaves %s to nothing that comes by its name', async (_what, second, said, next) => {
    await killedBehindDestroy(async () => {
      scene.world.write({ ...fleet, ...shop() });
      await done(once);
      scene.world.write(shop(second));
      await scene.world.flycd(once);
      await scene.world.flycd(said);
      await scene.world.clock.sleep(120_000);
      scene.world.remove('shop');
    });
    scene.world.write(shop(next));
    await scene.world.flycd(once);
    expect(images()).toEqual([expect.stringContaining(next)]);
  });

  test('is over though another one by its name stands there before anybody looks', async () => {
    await killedBehindDestroy(async () => {
      scene.world.write({ ...fleet, ...shop() });
      await done(once);
      scene.world.write(shop('nginx:2'));
      await done(once);
      await scene.world.flycd(['rollback', 'shop']);
      scene.world.remove('shop');
    });
    scene.world.write(shop('nginx:7'));
    await scene.world.flycd(once, 'other');
    scene.world.write(shop('nginx:8'));
    await done(once);
    expect(images()).toEqual([expect.stringContaining('nginx:8')]);
  });

  test('is over for good once something is said of the one that came after it', async () => {
    await killedBehindDestroy(async () => {
      scene.world.write({ ...fleet, ...shop() });
      await done(once);
      scene.world.write(shop('nginx:2'));
      await done(once);
      await scene.world.flycd(['rollback', 'shop']);
      scene.world.remove('shop');
    });
    scene.world.write(shop('nginx:7'));
    await scene.world.flycd(once, 'other');
    await done(['suspend', 'shop', '--reason', 'a migration', '--for', '1m']);
    await appByHand();
    await scene.world.clock.sleep(120_000);
    await done(once);
    expect(images()).toEqual([expect.stringContaining('nginx:7')]);
  });

  test('stands with its words where Fly refused to destroy it', async () => {
    scene.world.write({ ...fleet, ...shop() });
    await done(once);
    scene.world.write(shop('nginx:2'));
    await done(once);
    await scene.world.flycd(['rollback', 'shop']);
    const before = images();
    scene.world.remove('shop');
    const fault = { status: 400, body: { error: 'invalid' } };
    scene.world.simulator.world.faults.add({ template: 'DELETE /apps/{app}', times: 9, fault });
    expect((await scene.world.flycd(whole)).code).toBe(1);
    scene.world.simulator.world.faults.clear();
    scene.world.write(shop('nginx:9'));
    await scene.world.flycd(once);
    expect(images()).toEqual(before);
    await appByHand();
    await scene.world.flycd(once);
    expect(images()).toEqual(before?.map(() => expect.stringContaining('nginx:1') as unknown));
  });
});

test('a rollback of an app is not of the next one, of which something else was said', async () => {
  scene.world.write({ ...fleet, ...shop() });
  await done(once);
  scene.world.write(shop('nginx:2'));
  await done(once);
  await scene.world.flycd(['rollback', 'shop']);
  await appByHand();
  scene.world.write(shop('nginx:7'));
  await scene.world.flycd(once, 'other');
  await done(['suspend', 'shop', '--reason', 'a migration', '--for', '1m']);
  await appByHand();
  await scene.world.clock.sleep(120_000);
  await done(once);
  expect(images()).toEqual([expect.stringContaining('nginx:7')]);
});

describe('a rollback to a run of an app that is over', () => {
  /** Runs of the app, oldest first. */
  async function runs(): Promise<readonly number[]> {
    const { stdout } = await scene.world.flycd(['history', '--app', 'shop', '--all', '--output', 'json']);
    const { runs: told } = JSON.parse(stdout) as { readonly runs: readonly { readonly id: number }[] };
    return told.map(({ id }) => id).toSorted((a, b) => a - b);
  }

  beforeEach(async () => {
    scene.world.write({ ...fleet, ...shop() });
    await done(once);
    scene.world.write(shop('nginx:2'));
    await done(once);
    await appByHand();
  });

  test.each([
    ['that FlyCD has made anew', () => done(once)],
    [
      'that somebody has made anew, and FlyCD has synced',
      () => scene.world.flycd(once, 'other').then(() => done(once)),
    ],
    ['that somebody has made anew', () => scene.world.flycd(once, 'other')],
    [
      'that FlyCD has destroyed',
      async () => {
        await done(once);
        scene.world.remove('shop');
        await done(once);
        scene.world.write(shop('nginx:3'));
      },
    ],
  ])('is refused, and says why, of one %s', async (_what, make) => {
    scene.world.write(shop('nginx:3'));
    await make();
    const before = images();
    const [first = 0] = await runs();
    const { code, stderr } = await scene.world.flycd(['rollback', 'shop', '--to', String(first)]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`run ${first} is of an earlier app called shop`) as unknown,
    ]);
    expect(images()).toEqual(before);
  });

  test('is done to one of the app that is there', async () => {
    scene.world.write(shop('nginx:3'));
    await done(once);
    const of = (await runs()).at(-1);
    scene.world.write(shop('nginx:4'));
    await done(once);
    await scene.world.flycd(['rollback', 'shop', '--to', String(of)]);
    expect(images()).toEqual([expect.stringContaining('nginx:3')]);
  });
});
