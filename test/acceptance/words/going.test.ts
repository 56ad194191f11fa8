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

test.each([200, 1000])(
  'made longer %i ms before its end, which takes a while to write: it does not say 0 of an app that goes',
  async (beforeMs) => {
    await removed();
    const { clock } = scene.world;
    const began = clock.now();
    await done([...suspend, '--for', '5m'], 'laptop');
    await clock.sleep(began + 300_000 - beforeMs - clock.now());
    const patch = 'PATCH /apps/{app}/machines/{machine}/metadata';
    scene.faults().add({ template: patch, app: 'shop', times: 9, fault: { latencyMs: 3000 } });
    scene.faults().add({ template, app: 'shop', times: 1, fault: { latencyMs: 20_000 } });
    const saying = scene.world.flycd([...suspend, '--for', '2h'], 'laptop');
    await clock.sleep(beforeMs + 700);
    await scene.world.flycd(once);
    const { code } = await saying;
    expect(code === 0 && seen() === undefined).toBe(false);
  },
);

test('an app that Fly does not show for a moment is not taken for gone', async () => {
  await removed();
  const before = scene.world.simulator.world.requests.filter((one) => one.template === 'GET /apps/{app}').length;
  const saying = scene.world.flycd(suspend, 'laptop');
  const asked = () => scene.world.simulator.world.requests.filter((one) => one.template === 'GET /apps/{app}').length;
  while (asked() < before + 4) await scene.world.clock.sleep(1000);
  const none = { status: 404, body: { error: 'Could not find App' } };
  scene.faults().add({ template: 'GET /apps/{app}', app: 'shop', times: 1, fault: none });
  scene.faults().add({ template: 'GET /apps/{app}/machines', app: 'shop', times: 4, fault: '503' });
  const { code, stderr } = await saying;
  expect(stderr).not.toContain('nothing was said of it');
  expect(code).toBe(0);
});
