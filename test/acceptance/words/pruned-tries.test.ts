/** What becomes of an app that git no longer names between two tries of its destroy. */
import { describe, expect, test } from 'vitest';
import { once, shop, slow, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, removed, passWith, calls } = scene;

const template = 'DELETE /apps/{app}';
const refused = { status: 429, body: {}, headers: { 'retry-after': '40' } };
const tries = [
  ['refused', { template, nth: 1, fault: refused }],
  ['lost', { template, nth: 1, fault: [slow, '503'] as const }],
] as const;

const volume = () => scene.world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 1 });
const secret = () => scene.world.asPerson('POST', '/apps/shop/secrets/PASSWORD', { value: 'mine' });
/** As by `fly machine leases clear` and `fly machine destroy`. */
const emptied = async (): Promise<void> => {
  for (const machine of scene.world.simulator.world.apps.get('shop')?.machines.values() ?? [])
    machine.lease = undefined;
  for (const { id } of seen()?.machines ?? [])
    await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
};
const anew = async (): Promise<void> => {
  await scene.appByHand();
  await scene.world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
};

describe.each(tries)('behind one that was %s', (how, inTheWay) => {
  test('an app of its name that somebody has made since stays', async () => {
    await removed();
    const { stdout } = await passWith(inTheWay, async () => {
      await anew();
      await secret();
    });
    expect(seen()?.secrets).toHaveProperty('PASSWORD');
    expect(stdout).toMatch(/shop +no-change +orphaned/);
    await done(once);
    expect(seen()).toBeDefined();
  });

  test('an app stays that somebody has emptied, and given a volume', async () => {
    await removed();
    await passWith(inTheWay, async () => {
      await volume();
      await emptied();
    });
    expect(seen()?.volumes).toHaveLength(1);
    await done(once);
    expect(seen()).toBeDefined();
  });

  test('an app stays that somebody has emptied, and given a secret', async () => {
    await removed();
    await passWith(inTheWay, async () => {
      await secret();
      await emptied();
    });
    expect(seen()?.secrets).toHaveProperty('PASSWORD');
  });

  test('a volume that somebody has made holds it', async () => {
    await removed();
    const { code, stdout } = await passWith(inTheWay, volume);
    expect(stdout).toContain('1 volume');
    expect(code).toBe(4);
    expect(seen()?.volumes).toHaveLength(1);
  });

  test('what this database knows of it stands where its machines are away', async () => {
    await removed();
    let said: Promise<unknown> = Promise.resolve();
    await passWith(inTheWay, async () => {
      said = scene.world.flycd(suspend);
      await scene.world.clock.sleep(4000);
      await emptied();
    });
    await said;
    expect(seen()).toBeDefined();
    scene.world.write(shop('nginx:3'));
    expect((await scene.world.flycd(once)).stdout).toContain('suspended by alice');
  });

  test('one that is emptied, and no more, goes only where that may have done it', async () => {
    await removed();
    const { stdout } = await passWith(inTheWay, emptied);
    expect(seen() === undefined, stdout).toBe(how === 'lost');
  });
});

test('one that was destroyed without an answer, and made anew by somebody, stays', async () => {
  await removed();
  scene.faults().add({ template, app: 'shop', times: 1, fault: 'reset-after' });
  // Its answer is lost, and the look behind it is slow.
  scene.faults().add({ template: 'GET /apps/{app}/volumes', app: 'shop', nth: 4, times: 1, fault: slow });
  const pass = scene.world.flycd(once);
  while (calls(template) === 0) await scene.world.clock.sleep(50);
  await scene.world.clock.sleep(3000);
  await scene.world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  const { stdout } = await pass;
  expect(seen(), stdout).toBeDefined();
  expect(calls(template)).toBe(1);
});

test.each(['volumes', 'secrets'])(
  'of two FlyCDs that destroy it at once the one with slow %s says it is gone',
  async (kind) => {
    await removed();
    const looked = `GET /apps/{app}/${kind}`;
    const { code, stdout } = await passWith({ template: looked, nth: 1 }, () => done(once, 'another'));
    expect(stdout).not.toContain('could not be read');
    expect(stdout).toContain('Fly has no app of that name');
    expect(code).toBe(0);
  },
);

test.each([
  ['an empty list and no machine by its id', true, true],
  ['an empty list', true, false],
  ['no machine by its id', false, true],
])('a moment in which Fly shows %s lets no second try take a word along', async (_what, isListEmpty, isUnknown) => {
  await removed();
  await scene.world.clock.sleep(120_000);
  const before = calls(template);
  // The first try is not done, and gets no answer that says so.
  scene.faults().add({ template, app: 'shop', times: 1, fault: { latencyMs: 55_000 } });
  scene.faults().add({ template, app: 'shop', times: 1, fault: { status: 504, body: {} } });
  const begins = (): boolean => calls(template) > before && scene.world.clock.now() - sentAt >= 50_000;
  let sentAt = Infinity;
  scene.world.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (phase !== 'before' || method !== 'GET' || !path.endsWith('/apps/shop/volumes') || !begins()) return;
    scene.world.simulator.world.onRequest = undefined;
    const unknown = { status: 404, body: { error: 'machine not found' } };
    const byId = 'GET /apps/{app}/machines/{machine}';
    if (isUnknown) scene.faults().add({ template: byId, app: 'shop', times: 1, fault: unknown });
    const list = 'GET /apps/{app}/machines';
    if (isListEmpty) scene.faults().add({ template: list, app: 'shop', times: 1, fault: { status: 200, body: [] } });
  };
  const passing = scene.world.flycd(once);
  while (calls(template) === before) await scene.world.clock.sleep(50);
  sentAt = scene.world.clock.now();
  const said = await scene.world.flycd(suspend, 'laptop');
  await passing;
  expect(said.code, said.stderr).toBe(0);
  expect([calls(template) - before, seen() === undefined]).toEqual([1, false]);
});
