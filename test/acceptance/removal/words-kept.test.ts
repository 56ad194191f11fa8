/** What persons said of an app stays said: through a create that Fly does not answer for, and after the machines that told of it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../../controllers/arena.ts';

const once = ['sync', '--once'];
let world: Arena;
beforeEach(async () => {
  world = await arena({ repository: true });
});
afterEach(() => world.close());

const shop = (image = 'nginx:1', count = 1): Files => ({
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: ${count} }\ndeploy: { wait_timeout: 20s }\n`,
});
const fleet: Files = { 'flycd.yaml': 'fleet: words\nsync:\n  prune: [app]\n' };
const images = () =>
  world.simulator.world
    .snapshot()
    .find(({ name }) => name === 'shop')
    ?.machines.map(({ config }) => config.image?.split('@')[0]);

async function rolledBack(): Promise<void> {
  world.write({ ...fleet, ...shop() });
  await world.flycd(once);
  world.write(shop('nginx:2'));
  await world.flycd(once);
}

test.each([500, 403, 429])(
  'a rollback stands for the app that is made again, though Fly answers %d for it at first',
  async (status) => {
    await rolledBack();
    expect((await world.flycd(['rollback', 'shop'])).code).toBe(0);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    world.write(shop('nginx:9'));
    const fault = { status, body: { error: 'not now' } };
    world.simulator.world.faults.add({ fault, template: 'GET /apps/{app}', nth: 2, times: 60 });
    await world.flycd(once);
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    expect((await world.flycd(once)).code).toBe(4);
    expect(images()).toEqual(['nginx:1']);
  },
);

test.each([
  ['a rollback', ['rollback', 'shop']],
  ['a suspension', ['suspend', 'shop', '--reason', 'a migration']],
])('%s that was lifted through another FlyCD does not come back with the machines', async (_word, said) => {
  await rolledBack();
  expect((await world.flycd(said, 'theirs')).code).toBe(0);
  expect((await world.flycd(['resume', 'shop'])).code).toBe(0);
  await world.flycd(once);
  await world.flycd(once, 'theirs');
  world.write(shop('nginx:2', 0));
  await world.flycd(once, 'theirs');
  world.write(shop('nginx:6'));
  const { code, stdout, stderr } = await world.flycd(once, 'theirs');
  expect(code, stderr + stdout).toBe(0);
  expect(images()).toEqual(['nginx:6']);
});

test('a suspension that was said after Fly refused to destroy the app stands for the next one', async () => {
  await rolledBack();
  world.write({ 'other/app.yaml': shop()['shop/app.yaml']?.replace('shop', 'other') ?? '' });
  await world.flycd(once);
  world.remove('shop');
  world.simulator.world.faults.add({ fault: '503', template: 'DELETE /apps/{app}', times: 99 });
  await world.flycd(once);
  world.simulator.world.faults.clear();
  const suspended = await world.flycd(['suspend', 'shop', '--reason', 'a migration']);
  expect(suspended.code, suspended.stderr).toBe(0);
  await world.asPerson('DELETE', '/apps/shop?force=true');
  world.write(shop('nginx:6'));
  const { stdout, stderr } = await world.flycd(once);
  expect(stderr + stdout).toContain('suspended');
  expect(images() ?? []).toEqual([]);
});

test.each([403, 422])(
  'a rollback ends where somebody else makes the app that Fly refused FlyCD (%d)',
  async (status) => {
    await rolledBack();
    expect((await world.flycd(['rollback', 'shop'])).code).toBe(0);
    await world.asPerson('DELETE', '/apps/shop?force=true');
    world.write(shop('nginx:9'));
    world.simulator.world.faults.add({
      fault: { status, body: { error: 'refused' } },
      template: 'POST /apps',
      times: 9,
    });
    await world.flycd(once);
    world.simulator.world.faults.clear();
    await world.flycd(once, 'theirs');
    const { code, stdout, stderr } = await world.flycd(once);
    expect(code, stderr + stdout).toBe(0);
    expect(images()).toEqual(['nginx:9']);
  },
);

/** The app is rolled back and gone from git, and the FlyCD that destroys it is killed at that call. */
async function killedAtDestroy(when: 'before' | 'after'): Promise<void> {
  const whole = [...once, '--accept-only', 'shop'];
  const prepare = async (): Promise<void> => {
    await rolledBack();
    world.write({ 'other/app.yaml': shop()['shop/app.yaml']?.replace('shop', 'other') ?? '' });
    await world.flycd(once);
    expect((await world.flycd(['rollback', 'shop'])).code).toBe(0);
    world.remove('shop');
  };
  await prepare();
  const { calls } = await world.mortalFlycd(whole);
  await world.close();
  world = await arena({ repository: true });
  await prepare();
  await world.mortalFlycd(whole, { call: calls, when });
  expect(images()).toEqual(when === 'before' ? ['nginx:1'] : undefined);
}

test.each([
  ['a word that is said of an app that FlyCD destroyed brings no older one back', 'after', 'nginx:7'],
  ['a word that is said of one that FlyCD was about to destroy leaves the older one', 'before', 'nginx:1'],
] as const)('%s', async (_what, when, image) => {
  await killedAtDestroy(when);
  world.write(shop('nginx:7'));
  expect((await world.flycd(['suspend', 'shop', '--reason', 'a moment', '--for', '10m'])).code).toBe(0);
  await world.clock.sleep(660_000);
  await world.flycd(once);
  expect(images()).toEqual([image]);
});

test('a word that another one overruled does not come back when that one has run out', async () => {
  await rolledBack();
  expect((await world.flycd(['suspend', 'shop', '--reason', 'first'], 'theirs')).code).toBe(0);
  expect((await world.flycd(['suspend', 'shop', '--reason', 'second', '--for', '1h'])).code).toBe(0);
  await world.flycd(once, 'theirs');
  await world.clock.sleep(7_200_000);
  await world.flycd(once, 'theirs');
  await world.asPerson('DELETE', '/apps/shop?force=true');
  world.write(shop('nginx:7'));
  await world.flycd(once, 'theirs');
  expect(images()).toEqual(['nginx:7']);
});
