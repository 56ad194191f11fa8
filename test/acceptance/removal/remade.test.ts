/** An app that was destroyed is over: the next one by its name begins as if FlyCD had never known one. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../../controllers/arena.ts';

const once = ['sync', '--once'];
let world: Arena;
beforeEach(async () => {
  world = await arena({ repository: true });
});
afterEach(() => world.close());

const shop = (image = 'nginx:1', rest = ''): Files => ({
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: 1 }\ndeploy: { wait_timeout: 20s }
http_service: { internal_port: 8080 }\n${rest}`,
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
const families = () =>
  seen()
    ?.addresses.map(({ kind }) => kind)
    .toSorted();

/** Ways in which an app is destroyed that git names again afterwards. */
const ends: readonly (readonly [string, () => Promise<void>])[] = [
  [
    'FlyCD destroyed it when git dropped it',
    async () => {
      world.remove('shop');
      expect(await done(...once)).toMatch(/shop +deleted/);
    },
  ],
  [
    'somebody destroyed it while git named it',
    async () => {
      await world.asPerson('DELETE', '/apps/shop?force=true');
    },
  ],
  [
    'somebody destroyed it after git had dropped it',
    async () => {
      world.remove('shop');
      await world.asPerson('DELETE', '/apps/shop?force=true');
      await done(...once);
    },
  ],
];

describe.each(ends)('after %s', (_how, end) => {
  test('its first addresses are given as to a new app', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    const before = families();
    expect(before).toEqual(['shared_v4', 'v6']);
    await end();
    world.write(shop());
    await done(...once);
    expect(families()).toEqual(before);
    expect(await done('diff')).toContain('0 to change');
  });

  test('a stranger’s app by its name is held until somebody adopts it', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    await end();
    await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
    const config = { image: 'someone/else:1', metadata: { fly_platform_version: 'v2', fly_process_group: 'app' } };
    await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
    world.write(shop('nginx:2'));
    expect((await world.flycd(['diff'])).stdout).toContain('held (adoption)');
    for (let pass = 0; pass < 2; pass += 1) {
      expect((await world.flycd(once)).code).toBe(4);
      expect(images()).toEqual(['someone/else:1']);
    }
    await done('adopt', 'shop');
    expect(images()).toEqual([expect.stringContaining('nginx:2')]);
  });

  test('a version that failed is tried, not the one before it', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    world.write(shop('crash-loop:2'));
    expect((await world.flycd(once)).stdout).toContain('failed');
    expect(images()).toEqual([expect.stringContaining('nginx:1')]);
    await end();
    world.write(shop('crash-loop:2'));
    expect((await world.flycd(once)).stdout).toContain('failed');
    expect(images()).toEqual([expect.stringContaining('crash-loop:2')]);
  });

  test('its releases are told to Fly anew, without a word of the old ones', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    await end();
    world.write(shop());
    expect(await done(...once)).not.toContain('Fly was not told');
    expect(await done(...once)).not.toContain('Fly was not told');
  });
});

test('a rollback ends with the app that git dropped', async () => {
  world.write({ ...fleet, ...shop() });
  await done(...once);
  world.write(shop('nginx:2'));
  await done(...once);
  await world.flycd(['rollback', 'shop']);
  world.remove('shop');
  await done(...once, '--accept-only', 'shop');
  world.write(shop('nginx:7'));
  await done(...once);
  expect(images()).toEqual([expect.stringContaining('nginx:7')]);
});

test('a suspension stays with the name that git has, whoever destroyed the app', async () => {
  world.write({ ...fleet, ...shop() });
  await done(...once);
  await done('suspend', 'shop', '--reason', 'maintenance');
  await world.asPerson('DELETE', '/apps/shop?force=true');
  expect((await world.flycd(once)).stdout).toContain('suspended');
  expect(seen()).toBeUndefined();
  await done('resume', 'shop');
  await done(...once);
  expect(families()).toEqual(['shared_v4', 'v6']);
});

test('a listed address is not waited for that an earlier app had', async () => {
  const listed = shop('nginx:1', 'network:\n  ips: [{ v: v4 }]\n');
  world.write({ ...fleet, ...listed });
  await done(...once);
  world.remove('shop');
  await done(...once);
  world.write(listed);
  const before = world.clock.now();
  await done(...once);
  expect(world.clock.now() - before).toBeLessThan(20_000);
  expect(seen()?.addresses).toHaveLength(1);
});

describe.each([
  ['a rollback', ['rollback', 'shop'], 'resume'],
  ['a suspension', ['suspend', 'shop', '--reason', 'a migration'], 'resume'],
  ['a rollback that nobody lifted', ['rollback', 'shop'], undefined],
])('%s of an app that is over', (_word, said, lift) => {
  test('is not brought back by a FlyCD that wakes late', async () => {
    world.write({ ...fleet, ...shop() });
    await done(...once);
    world.write(shop('nginx:2'));
    await done(...once);
    await world.flycd(said, 'late');
    if (lift !== undefined) expect((await world.flycd([lift, 'shop'])).code).toBe(0);
    world.remove('shop');
    await world.flycd([...once, '--accept-only', 'shop']);
    if (seen() !== undefined) await world.asPerson('DELETE', '/apps/shop?force=true').then(() => done(...once));
    world.write(shop('nginx:7'));
    await done(...once);
    for (const state of ['late', 'state', 'late']) {
      await world.flycd(once, state);
      expect(images()).toEqual([expect.stringContaining('nginx:7')]);
    }
    world.write(shop('nginx:8'));
    await world.flycd(once, 'late');
    expect(images()).toEqual([expect.stringContaining('nginx:8')]);
  });
});

/** Fly answers for moments that there is no app, and that its name is taken. */
function hidden(): void {
  const { faults } = world.simulator.world;
  for (const what of ['', '/machines', '/volumes', '/secrets', '/ip_assignments'])
    faults.add({
      template: `GET /apps/{app}${what}`,
      app: 'shop',
      fault: { status: 404, body: { error: 'not found' } },
    });
}

test.each([
  ['that its name is taken', undefined],
  ['nothing of its create', { status: 503, body: { error: 'unavailable' } }],
])('an app that Fly does not show for a moment, and then says %s, is not forgotten', async (_what, fault) => {
  const service = 'services: [{ internal_port: 5432, protocol: tcp, ports: [{ port: 5432 }] }]\n';
  const text = `app: shop\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 0 }\n${service}`;
  world.write({ ...fleet, 'shop/app.yaml': text });
  await done(...once);
  for (const { ip } of seen()?.addresses ?? []) await world.asPerson('DELETE', `/apps/shop/ip_assignments/${ip}`);
  await done(...once);
  expect(families()).toEqual([]);
  hidden();
  if (fault !== undefined) world.simulator.world.faults.add({ template: 'POST /apps', fault });
  await world.flycd(once);
  world.simulator.world.faults.clear();
  await world.clock.sleep(120_000);
  await done(...once);
  expect(families()).toEqual([]);
});

test.each([
  ['a suspension', ['suspend', 'shop', '--reason', 'a migration']],
  ['a rollback', ['rollback', 'shop']],
])('%s stands though Fly does not show the app for a moment that git has dropped', async (_word, said) => {
  world.write({ ...fleet, 'flycd.yaml': 'fleet: lives\n', ...shop() });
  await done(...once);
  world.write(shop('nginx:2'));
  await done(...once);
  await world.flycd(said);
  const before = images();
  world.remove('shop');
  world.simulator.world.faults.add({
    template: 'GET /apps/{app}',
    app: 'shop',
    times: 2,
    fault: { status: 404, body: { error: 'not found' } },
  });
  await world.flycd(once);
  world.simulator.world.faults.clear();
  world.write(shop('nginx:9'));
  await world.flycd(once);
  expect(images()).toEqual(before);
});

test('a suspension stands that went with an app to another fleet and back', async () => {
  world.write({ ...fleet, ...shop() });
  await done(...once);
  await done('suspend', 'shop', '--reason', 'a migration');
  const [id = ''] = seen()?.machines.map((one) => one.id) ?? [];
  const owner = (name: string, origin: string) =>
    world
      .asPerson('POST', `/apps/shop/machines/${id}/metadata/flycd_fleet`, { value: name })
      .then(() => world.asPerson('POST', `/apps/shop/machines/${id}/metadata/flycd_origin`, { value: origin }));
  await owner('beta', 'n1:');
  world.remove('shop');
  expect((await world.flycd(once)).stdout).toMatch(/shop +left/);
  await owner('lives', 'n1:');
  world.write(shop('nginx:9'));
  expect((await world.flycd(once)).stdout).toContain('suspended');
  expect(images()).toEqual([expect.stringContaining('nginx:1')]);
});

test.each([
  ['was refused', { status: 400, body: { error: 'invalid' } }],
  ['failed, and was looked for', { status: 503, body: { error: 'unavailable' } }],
])('a name whose create %s is a stranger’s where he takes it', async (_how, fault) => {
  world.simulator.world.faults.add({ template: 'POST /apps', times: 9, fault });
  world.write({ ...fleet, ...shop() });
  await world.flycd(once);
  world.simulator.world.faults.clear();
  await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  const config = { image: 'someone/else:1', metadata: { fly_platform_version: 'v2', fly_process_group: 'app' } };
  await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
  expect((await world.flycd(once)).code).toBe(4);
  expect(images()).toEqual(['someone/else:1']);
});

test('a database of before the ids forgets nothing', async () => {
  const none = { 'shop/app.yaml': (shop()['shop/app.yaml'] ?? '').replace('count: 1', 'count: 0') };
  world.write({ ...fleet, ...none });
  await done(...once);
  for (const { ip } of seen()?.addresses ?? []) await world.asPerson('DELETE', `/apps/shop/ip_assignments/${ip}`);
  const database = new Database(join(world.stateFolder, 'flycd', 'flycd.db'));
  const ids = () => database.prepare(`SELECT app_id FROM app_memory WHERE app = 'shop'`).pluck().all();
  const known = ids();
  expect(known).toEqual([expect.stringMatching(/./)]);
  database.prepare('UPDATE app_memory SET app_id = NULL').run();
  await done(...once);
  expect(families()).toEqual([]);
  expect(ids()).toEqual(known);
  database.close();
});
