/** What is said, or comes into it, while FlyCD is about to destroy an app that git no longer names. */
import { expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { once, slow, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, removed, passWith, calls } = scene;

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

const later = (seconds: number) => ({ status: 429, body: {}, headers: { 'retry-after': String(seconds) } });

test.each([
  ['the first try', { template: 'GET /apps/{app}/volumes' }],
  ['a later try', { template: 'DELETE /apps/{app}', nth: 1, fault: later(40) }],
  ['a try behind a lost one', { template: 'DELETE /apps/{app}', nth: 1, fault: [slow, '503'] as const }],
])('a suspension that was seen right before %s stands once its machine is gone', async (_try, inTheWay) => {
  const { world } = scene;
  await removed(2);
  const [silent, told] = world.simulator.world.apps.get('shop')?.machines.values() ?? [];
  const { code, stdout } = await passWith(inTheWay, async () => {
    hostDown(world.simulator.world, silent?.host ?? '');
    await world.flycd(suspend, 'laptop');
    hostUp(world.simulator.world, silent?.host ?? '');
  });
  expect(stdout).toContain('suspended by alice');
  expect(code).toBe(4);
  expect(silent?.config.metadata).not.toHaveProperty('flycd_suspend');
  // A destroy of which no answer came leaves its leases to run out.
  await world.clock.sleep(80_000);
  await world.asPerson('DELETE', `/apps/shop/machines/${told?.id}?force=true`);
  await world.clock.sleep(60_000);
  expect((await world.flycd(['diff'])).stdout).not.toContain('app.destroy shop\n');
  await world.flycd([...once, '--accept']);
  expect(seen()?.machines).toHaveLength(1);
  await done(['resume', 'shop']);
  await done(once);
  expect(seen()).toBeUndefined();
});

const volume = () => scene.world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 1 });

test.each(['secrets', 'certificates', 'ip_assignments', 'machines'])(
  'a volume stays that somebody makes while its %s are listed slowly',
  async (kind) => {
    await removed();
    // Of machines the list right before it goes: the ones before show no volume either.
    const nth = kind === 'machines' ? 3 : 2;
    const { code, stdout } = await passWith({ template: `GET /apps/{app}/${kind}`, nth }, volume);
    expect(stdout).toContain('1 volume');
    expect(code).toBe(4);
    expect(seen()?.volumes).toHaveLength(1);
    expect((await scene.world.flycd(once)).stdout).toContain('--accept-only shop');
    await done([...once, '--accept-only', 'shop']);
    expect(seen()).toBeUndefined();
  },
);

test('a secret that somebody sets at the last moment does not go with what the plan lists', async () => {
  await removed();
  const { code, stdout } = await passWith({ template: 'GET /apps/{app}/certificates' }, async () => {
    await scene.world.clock.sleep(5000);
    await scene.world.asPerson('POST', '/apps/shop/secrets/PASSWORD', { value: 'mine' });
  });
  expect(stdout).toContain('since the plan was made');
  expect(code).toBe(4);
  await done(once);
  expect(seen()).toBeUndefined();
});

test('a Fly that takes too long to show it keeps it until it is faster', async () => {
  await removed();
  const { world } = scene;
  for (const nth of [3, 4, 5])
    scene
      .faults()
      .add({ template: 'GET /apps/{app}/machines', app: 'shop', nth, times: 1, fault: { latencyMs: 6000 } });
  const { code, stdout } = await world.flycd(once);
  expect(stdout).toContain('it could not be looked at whole before it is destroyed');
  expect(code).toBe(1);
  expect(calls('DELETE /apps/{app}')).toBe(0);
  await done(once);
  expect(seen()).toBeUndefined();
});

test.each(['secrets', 'certificates'])('a deployment keeps it that begins while its %s are listed', async (kind) => {
  const { world } = scene;
  await removed();
  const { code, stdout } = await passWith({ template: `GET /apps/{app}/${kind}` }, async () => {
    await world.clock.sleep(3000);
    const app = world.simulator.world.apps.get('shop');
    const createdAt = world.simulator.world.now();
    const [newest] = app?.releases ?? [];
    if (newest === undefined) throw new Error('it has no release');
    const { version } = newest;
    app?.releases.unshift({ ...newest, id: 'his', version: version + 1, status: 'running', createdAt, user: 'bob' });
  });
  expect(stdout).toContain('bob runs release');
  expect(code).toBe(4);
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
  expect(stdout).toContain('working on the machine');
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
  // Sent once more it might find another app of that name.
  expect(calls('DELETE /apps/{app}')).toBe(1);
});
