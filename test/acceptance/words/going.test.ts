/** A suspension that is said of an app while FlyCD destroys it: it does not say that it was, unless the app outlasts that. */
import { expect, test } from 'vitest';
import { fleet, once, settings, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, removed, passWith } = scene;
const template = 'DELETE /apps/{app}';

test.each([
  ['laptop', 1500],
  ['laptop', 3000],
  ['laptop', 20_000],
  ['state', 1500],
  ['state', 3000],
  ['state', 20_000],
])('by %s, where Fly takes %d ms to destroy it: nothing was said', async (state, latencyMs) => {
  await removed();
  let said: Awaited<ReturnType<typeof scene.world.flycd>> | undefined;
  const { code } = await passWith({ template, nth: 1, fault: { latencyMs } }, async () => {
    said = await scene.world.flycd(suspend, state);
  });
  expect(code).toBe(0);
  expect(seen()).toBeUndefined();
  expect(said?.stderr).toContain('nothing was said of it');
  expect(said?.code).toBe(1);
  expect((await scene.world.flycd(['status'], state)).stdout).not.toContain('suspended');
  // Nor is it said of the next app by the name.
  scene.world.write(shop('nginx:3'));
  await done(once, state);
  expect(scene.images()).toEqual(['nginx:3']);
});

test('where the destroy fails, it stands', async () => {
  await removed();
  scene.faults().add({ template, app: 'shop', times: 99, fault: '503' });
  await passWith({ template, nth: 1, fault: { latencyMs: 3000 } }, () => done(suspend, 'laptop'));
  scene.faults().clear();
  expect((await scene.world.flycd(once)).code).toBe(4);
  expect(seen()).toBeDefined();
});

test('where its machines are taken away meanwhile, it does not say that it stands', async () => {
  await removed();
  const said = scene.world.flycd(suspend, 'laptop');
  await scene.world.clock.sleep(20_000);
  for (const { id } of seen()?.machines ?? [])
    await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  const { code, stderr } = await said;
  expect(stderr).toContain('stands on no machine of it');
  expect(code).toBe(1);
});

test.each([
  ['where nothing prunes apps', async () => scene.world.write({ 'flycd.yaml': 'fleet: words\n' })],
  ['where it is suspended already', () => done(suspend, 'state')],
])('%s, nobody is kept waiting', async (_where, before) => {
  await removed();
  await before();
  const began = scene.world.clock.now();
  await done([...suspend, '--for', '2h'], 'laptop');
  expect(scene.world.clock.now() - began).toBeLessThan(10_000);
  scene.world.write({ ...fleet, ...settings() });
  expect((await scene.world.flycd(once)).code).toBe(4);
  expect(seen()).toBeDefined();
});
