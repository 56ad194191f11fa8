/** What a laptop said of an app that git no longer names: the FlyCD that may prune it remembers what it saw. */
import { expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { fleet, once, settings, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, images, seen } = scene;
const withoutPrune = { 'flycd.yaml': 'fleet: words\n' };

/** Two machines, of which one alone tells what is said here, for the host of the other is down. The id of the one that tells. */
async function saidToOne(said: readonly string[], state?: string): Promise<string> {
  const { world } = scene;
  const [silent, told] = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  if (silent === undefined || told === undefined) throw new Error('two machines');
  hostDown(world.simulator.world, silent.host);
  await world.flycd(said, state);
  hostUp(world.simulator.world, silent.host);
  await world.clock.sleep(60_000);
  return told.id;
}

async function twoMachines(image = 'nginx:1'): Promise<void> {
  scene.world.write({ ...fleet, ...shop(image, 2) });
  await done(once);
}

async function gone(id: string): Promise<void> {
  await scene.world.clock.sleep(60_000);
  await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  await scene.world.clock.sleep(60_000);
}

test.each([
  ['said while git named it', true],
  ['said of the orphan', false],
])('a suspension stands once the machine that told of it is gone: %s', async (_what, named) => {
  await twoMachines();
  if (named)
    await saidToOne(suspend, 'laptop').then(async (id) => {
      scene.world.remove('shop');
      expect((await scene.world.flycd(once)).code).toBe(4);
      await gone(id);
    });
  else {
    scene.world.write(withoutPrune);
    scene.world.remove('shop');
    await scene.world.flycd(once);
    const id = await saidToOne(suspend, 'laptop');
    scene.world.write(settings());
    expect((await scene.world.flycd(once)).code).toBe(4);
    await gone(id);
  }
  await scene.world.flycd(once);
  expect(seen()?.machines).toHaveLength(1);
});

test('a suspension that is seen while nothing is pruned stands once the policy prunes', async () => {
  await twoMachines();
  scene.world.write(withoutPrune);
  scene.world.remove('shop');
  await scene.world.flycd(once);
  const id = await saidToOne(suspend, 'laptop');
  await scene.world.flycd(once);
  await gone(id);
  expect((await scene.world.flycd(['diff'])).stdout).toContain('suspended by');
  scene.world.write(settings());
  expect((await scene.world.flycd(once)).code).toBe(4);
  expect(seen()).toBeDefined();
});

test('what a laptop lifted stays lifted once the machine that told of it is gone, and the app is pruned', async () => {
  await twoMachines();
  await done(suspend);
  scene.world.remove('shop');
  const id = await saidToOne(['resume', 'shop'], 'laptop');
  scene.world.write(withoutPrune);
  await scene.world.flycd(once);
  await gone(id);
  scene.world.write(settings());
  await scene.world.flycd(once);
  expect(seen()).toBeUndefined();
});

test('a suspension of an orphan is the next app’s where somebody else destroyed that one', async () => {
  await twoMachines();
  scene.world.remove('shop');
  scene.world.write(withoutPrune);
  await done(suspend, 'laptop');
  await scene.world.flycd(once);
  await scene.appByHand();
  await scene.world.flycd(once);
  scene.world.write(shop('nginx:3'));
  await scene.world.flycd(once);
  expect(images() ?? []).toEqual([]);
  await done(['resume', 'shop']);
  await done(once);
  expect(images()).toEqual(['nginx:3']);
});

test.each([
  ['suspend', 'the app', suspend],
  ['resume', 'the app', ['resume', 'shop']],
  ['suspend', 'its machines', suspend],
])('%s says nothing of an orphan that somebody takes away in that moment: %s', async (_word, what, said) => {
  scene.world.write({ ...fleet, ...shop() });
  await done(once);
  scene.world.remove('shop');
  const { world } = scene;
  const template = 'GET /apps/{app}/volumes';
  const asked = () => world.simulator.world.requests.filter((one) => one.template === template && one.app === 'shop');
  const before = asked().length;
  scene.faults().add({ template, app: 'shop', times: 1, fault: { latencyMs: 20_000 } });
  const saying = world.flycd(said, 'laptop');
  while (asked().length === before) await world.clock.sleep(50);
  if (what === 'the app') await scene.appByHand();
  else
    for (const { id } of seen()?.machines ?? []) await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  const { code, stdout, stderr } = await saying;
  expect(code, stdout).toBe(1);
  expect(stdout).toBe('');
  // Gone from git and from Fly there is no app by that name.
  expect(stderr).toContain(what === 'the app' ? 'no app is called shop' : 'nothing was said of it');
  world.write(shop('nginx:3'));
  await done(once, 'laptop');
  expect(images()).toEqual(['nginx:3']);
});
