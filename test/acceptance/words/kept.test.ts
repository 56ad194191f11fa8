/** What persons said of an app stays said: through a create that Fly does not answer for, and after the machines that told of it. */
import { expect, test } from 'vitest';
import { once, shop, wordsScene } from './scene.ts';

const scene = wordsScene();
const { images, twoVersions } = scene;

test.each([500, 403, 429])(
  'a rollback stands for the app that is made again, though Fly answers %d for it at first',
  async (status) => {
    await twoVersions();
    expect((await scene.world.flycd(['rollback', 'shop'])).code).toBe(0);
    await scene.world.asPerson('DELETE', '/apps/shop?force=true');
    scene.world.write(shop('nginx:9'));
    const fault = { status, body: { error: 'not now' } };
    scene.world.simulator.world.faults.add({ fault, template: 'GET /apps/{app}', nth: 2, times: 60 });
    await scene.world.flycd(once);
    scene.world.simulator.world.faults.clear();
    await scene.world.clock.sleep(60_000);
    expect((await scene.world.flycd(once)).code).toBe(4);
    expect(images()).toEqual(['nginx:1']);
  },
);

test.each([
  ['a rollback', ['rollback', 'shop']],
  ['a suspension', ['suspend', 'shop', '--reason', 'a migration']],
])('%s that was lifted through another FlyCD does not come back with the machines', async (_word, said) => {
  await twoVersions();
  expect((await scene.world.flycd(said, 'theirs')).code).toBe(0);
  expect((await scene.world.flycd(['resume', 'shop'])).code).toBe(0);
  await scene.world.flycd(once);
  await scene.world.flycd(once, 'theirs');
  scene.world.write(shop('nginx:2', 0));
  await scene.world.flycd(once, 'theirs');
  scene.world.write(shop('nginx:6'));
  const { code, stdout, stderr } = await scene.world.flycd(once, 'theirs');
  expect(code, stderr + stdout).toBe(0);
  expect(images()).toEqual(['nginx:6']);
});

test('a suspension that was said after Fly refused to destroy the app stands for the next one', async () => {
  await twoVersions();
  scene.world.write({ 'other/app.yaml': shop()['shop/app.yaml']?.replace('shop', 'other') ?? '' });
  await scene.world.flycd(once);
  scene.world.remove('shop');
  scene.world.simulator.world.faults.add({ fault: '503', template: 'DELETE /apps/{app}', times: 99 });
  await scene.world.flycd(once);
  scene.world.simulator.world.faults.clear();
  const suspended = await scene.world.flycd(['suspend', 'shop', '--reason', 'a migration']);
  expect(suspended.code, suspended.stderr).toBe(0);
  await scene.world.asPerson('DELETE', '/apps/shop?force=true');
  scene.world.write(shop('nginx:6'));
  const { stdout, stderr } = await scene.world.flycd(once);
  expect(stderr + stdout).toContain('suspended');
  expect(images() ?? []).toEqual([]);
});

test.each([403, 422])(
  'a rollback ends where somebody else makes the app that Fly refused FlyCD (%d)',
  async (status) => {
    await twoVersions();
    expect((await scene.world.flycd(['rollback', 'shop'])).code).toBe(0);
    await scene.world.asPerson('DELETE', '/apps/shop?force=true');
    scene.world.write(shop('nginx:9'));
    scene.world.simulator.world.faults.add({
      fault: { status, body: { error: 'refused' } },
      template: 'POST /apps',
      times: 9,
    });
    await scene.world.flycd(once);
    scene.world.simulator.world.faults.clear();
    await scene.world.flycd(once, 'theirs');
    const { code, stdout, stderr } = await scene.world.flycd(once);
    expect(code, stderr + stdout).toBe(0);
    expect(images()).toEqual(['nginx:9']);
  },
);

/** The app is rolled back and gone from git, and the FlyCD that destroys it is killed at that call. */
async function killedAtDestroy(when: 'before' | 'after'): Promise<void> {
  const whole = [...once, '--accept-only', 'shop'];
  const prepare = async (): Promise<void> => {
    await twoVersions();
    scene.world.write({ 'other/app.yaml': shop()['shop/app.yaml']?.replace('shop', 'other') ?? '' });
    await scene.world.flycd(once);
    expect((await scene.world.flycd(['rollback', 'shop'])).code).toBe(0);
    scene.world.remove('shop');
  };
  await prepare();
  const { calls } = await scene.world.mortalFlycd(whole);
  await scene.again();
  await prepare();
  await scene.world.mortalFlycd(whole, { call: calls, when });
  expect(images()).toEqual(when === 'before' ? ['nginx:1'] : undefined);
}

test.each([
  ['a word that is said of an app that FlyCD destroyed brings no older one back', 'after', 'nginx:7'],
  ['a word that is said of one that FlyCD was about to destroy leaves the older one', 'before', 'nginx:1'],
] as const)('%s', async (_what, when, image) => {
  await killedAtDestroy(when);
  scene.world.write(shop('nginx:7'));
  expect((await scene.world.flycd(['suspend', 'shop', '--reason', 'a moment', '--for', '10m'])).code).toBe(0);
  await scene.world.clock.sleep(660_000);
  await scene.world.flycd(once);
  expect(images()).toEqual([image]);
});

test('a word that another one overruled does not come back when that one has run out', async () => {
  await twoVersions();
  expect((await scene.world.flycd(['suspend', 'shop', '--reason', 'first'], 'theirs')).code).toBe(0);
  expect((await scene.world.flycd(['suspend', 'shop', '--reason', 'second', '--for', '1h'])).code).toBe(0);
  await scene.world.flycd(once, 'theirs');
  await scene.world.clock.sleep(7_200_000);
  await scene.world.flycd(once, 'theirs');
  await scene.world.asPerson('DELETE', '/apps/shop?force=true');
  scene.world.write(shop('nginx:7'));
  await scene.world.flycd(once, 'theirs');
  expect(images()).toEqual(['nginx:7']);
});
