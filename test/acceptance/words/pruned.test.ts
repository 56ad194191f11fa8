/** What is said, or comes into it, while FlyCD is about to destroy an app that git no longer names. */
import { expect, test } from 'vitest';
import { fleet, once, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen } = scene;
const slow = { latencyMs: 25_000 };

/** `shop` runs, and git names it no more. */
async function removed(): Promise<void> {
  scene.world.write({ ...fleet, ...shop() });
  await done(once);
  scene.world.remove('shop');
  await scene.world.clock.sleep(60_000);
}

const calls = (template: string): number =>
  scene.world.simulator.world.requests.filter((request) => request.template === template && request.app === 'shop')
    .length;

/** A pass that answers slowly to this call, the `nth` of its kind; what happens while it waits for that. */
async function passWith(
  { template, nth = 2 }: { readonly template: string; readonly nth?: number },
  meanwhile: () => Promise<unknown>,
) {
  const { world } = scene;
  const before = calls(template);
  scene.faults().add({ template, app: 'shop', nth, times: 1, fault: slow });
  const pass = world.flycd(once);
  while (calls(template) < before + nth) await world.clock.sleep(50);
  await meanwhile();
  return pass;
}

test.each(['laptop', 'state'])(
  'a suspension by %s stands, said while all that would go is looked at',
  async (state) => {
    for (const kind of ['volumes', 'certificates', 'ip_assignments', 'secrets']) {
      await removed();
      const { code, stdout } = await passWith({ template: `GET /apps/{app}/${kind}` }, () => done(suspend, state));
      expect(stdout, kind).toContain('suspended by alice');
      expect(code, kind).toBe(4);
      expect(seen(), kind).toBeDefined();
      expect((await scene.world.flycd(['status'])).stdout).toMatch(/shop +orphaned/);
      expect((await scene.world.flycd(once)).code).toBe(4);
      await done(['resume', 'shop'], state);
      await done(once);
      expect(seen(), kind).toBeUndefined();
      await scene.again();
    }
  },
);

test('a suspension that was seen at the last moment stands once its machine is gone', async () => {
  await removed();
  const one = seen()?.machines[0]?.id ?? '';
  await passWith({ template: 'GET /apps/{app}/volumes' }, () => done(suspend, 'laptop'));
  const [machine] = scene.world.simulator.world.apps.get('shop')?.machines.values() ?? [];
  const { flycd_suspend: _suspend, ...metadata } = machine?.config.metadata ?? {};
  await scene.world.asPerson('POST', '/apps/shop/machines', { config: { ...machine?.config, metadata } });
  await scene.world.asPerson('DELETE', `/apps/shop/machines/${one}?force=true`);
  await scene.world.clock.sleep(60_000);
  expect((await scene.world.flycd(['diff'])).stdout).not.toContain('app.destroy shop\n');
  await scene.world.flycd([...once, '--accept']);
  expect(seen()).toBeDefined();
});

test('a machine that somebody makes at the last moment does not go with it', async () => {
  await removed();
  const { code, stdout } = await passWith({ template: 'GET /apps/{app}/volumes' }, () =>
    scene.world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: { image: 'nginx:1' } }),
  );
  expect(code, stdout).toBe(4);
  expect(seen()?.machines).toHaveLength(2);
});

test('who is at work on it at the last moment is let be', async () => {
  await removed();
  const { code, stdout } = await passWith({ template: 'GET /apps/{app}/volumes' }, () =>
    scene.world.asPerson('POST', `/apps/shop/machines/${seen()?.machines[0]?.id}/lease`, { ttl: 600 }),
  );
  expect(code, stdout).toBe(4);
  expect(seen()).toBeDefined();
});

test('an app that somebody destroys and makes anew at the last moment is not taken for the one before', async () => {
  await removed();
  const metadata = scene.world.simulator.world.apps.get('shop')?.machines.values().next().value?.config.metadata;
  const { code, stdout } = await passWith({ template: 'GET /apps/{app}/volumes' }, async () => {
    const { world } = scene;
    await scene.appByHand();
    await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
    await world.asPerson('POST', '/apps/shop/machines', { config: { image: 'nginx:1', metadata } });
    const id = seen()?.machines[0]?.id;
    await world.asPerson('POST', `/apps/shop/machines/${id}/metadata/flycd_machine`, { value: id });
  });
  expect(stdout).toContain('it was made anew since it was looked at');
  expect(code).toBe(1);
  expect(seen()?.machines).toHaveLength(1);
});

test('a suspension stands that is said between two tries of the destroy', async () => {
  await removed();
  scene.faults().add({ template: 'DELETE /apps/{app}', app: 'shop', times: 1, fault: '503' });
  const { code, stdout } = await passWith({ template: 'DELETE /apps/{app}', nth: 1 }, () => done(suspend, 'laptop'));
  expect(code, stdout).toBe(4);
  expect(seen()).toBeDefined();
  await done(['resume', 'shop']);
  await done(once);
  expect(seen()).toBeUndefined();
});

test('a destroy whose answer is lost is known as done', async () => {
  await removed();
  scene.faults().add({ template: 'DELETE /apps/{app}', app: 'shop', times: 1, fault: 'reset-after' });
  const { code, stdout } = await scene.world.flycd(once);
  expect(stdout).toMatch(/shop +deleted/);
  expect(code, stdout).toBe(0);
  expect(seen()).toBeUndefined();
});
