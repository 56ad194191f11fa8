import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, walkFleet, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

/** Without anything that nobody could make again. */
const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\nenv:\n  A: b\n';

async function removedApp(settings: string): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': settings, 'other/app.yaml': other });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
}

const appNames = (): readonly string[] => world.simulator.world.snapshot().map((app) => app.name);

test('an app that git no longer names runs on and is called orphaned', async () => {
  await removedApp('fleet: walk\n');
  const { requests } = world.simulator.world;
  const before = requests.length;
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/other +no-change +orphaned/);
  // What would go with it is asked for only where it would.
  const asked = requests.slice(before).flatMap(({ app, template }) => (app === 'other' ? [template] : []));
  expect(asked.filter((template) => /volumes|secrets|certificates|ip_assignments|releases/.test(template))).toEqual([]);
  expect(appNames()).toContain('other');
});

test('it is destroyed where the policy prunes apps, and nothing else is', async () => {
  await removedApp('fleet: walk\nsync:\n  prune: [app]\n');
  const plan = await world.flycd(['diff']);
  expect(plan.code).toBe(2);
  expect(plan.stdout).toContain('app.destroy other');
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/other +deleted/);
  expect(appNames()).toEqual(['shop']);
  expect((await world.flycd(['diff'])).code).toBe(0);
  // It is no app any more, so nobody asks how it is; what became of it is history.
  const { apps } = JSON.parse((await world.flycd(['status', '--output', 'json'])).stdout);
  expect(apps).toMatchObject([{ app: 'shop' }]);
  expect((await world.flycd(['history', '--config'])).stdout).toContain('other');
});

test('no app is destroyed for a folder of the config, nor by a fleet without a name', async () => {
  await removedApp('fleet: walk\nsync:\n  prune: [app]\n');
  world.write({ 'flycd.yaml': 'sync:\n  prune: [app]\n' });
  await world.flycd(['sync', '--once', '--app', 'shop']);
  expect(appNames()).toContain('other');
});

test('it waits while somebody deploys to it, and goes when they are done', async () => {
  await removedApp('fleet: walk\nsync:\n  prune: [app]\n');
  const [machine] = world.simulator.world.snapshot().find((app) => app.name === 'other')?.machines ?? [];
  await world.asPerson('POST', `/apps/other/machines/${machine?.id}/lease`, { ttl: 60, description: 'alice deploys' });
  const held = await world.flycd(['sync', '--once', '--accept']);
  expect(held.code, held.stdout).toBe(4);
  expect(held.stdout).toContain('(alice deploys) holds a lease');
  expect(appNames()).toContain('other');
  await world.clock.sleep(61_000);
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect(appNames()).toEqual(['shop']);
});

test('a machine that somebody else made in it is not destroyed unasked', async () => {
  await removedApp('fleet: walk\nsync:\n  prune: [app]\n');
  const image = 'docker.io/library/busybox:1';
  await world.asPerson('POST', '/apps/other/machines', { region: 'arn', config: { image } });
  const held = await world.flycd(['sync', '--once']);
  expect(held.code, held.stdout).toBe(4);
  expect(held.stdout).toContain('1 machine in it that FlyCD did not make would go with it');
  expect(appNames()).toContain('other');
  expect((await world.flycd(['sync', '--once', '--accept'])).code).toBe(0);
  expect(appNames()).toEqual(['shop']);
});

describe('one with volumes', () => {
  const prune = 'fleet: walk\nsync:\n  prune: [app]\n';
  const mounted = (walkFleet['shop/app.yaml'] ?? '').replace('app: shop', 'app: other');

  async function removedMounted(): Promise<void> {
    world = await arena();
    world.write({ ...walkFleet, 'flycd.yaml': prune, 'other/app.yaml': mounted });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    rmSync(join(world.folder, 'other'), { recursive: true });
  }
  const volumes = (): number =>
    world.simulator.world.snapshot().find(({ name }) => name === 'other')?.volumes.length ?? 0;

  test('is never destroyed by prune, nor by --accept, and says what would go with it', async () => {
    await removedMounted();
    const made = volumes();
    expect(made).toBeGreaterThan(0);
    for (const flags of [[], ['--accept'], ['--now', '--accept']]) {
      const { stdout } = await world.flycd(['sync', '--once', ...flags]);
      expect(stdout).toMatch(/other +held/);
      expect(volumes()).toBe(made);
    }
    const { stdout } = await world.flycd(['diff']);
    expect(stdout).toContain(`${made} volume${made === 1 ? '' : 's'} would go with it`);
    expect(stdout).toMatch(/volumes\[vol_\w+\]: "data, 1 GB"/);
    expect(stdout).toContain('flycd sync --once --accept-only other');
  });

  test.each(['other', 'app:other'])('goes where a person accepts just that: %s', async (word) => {
    await removedMounted();
    const { code, stdout } = await world.flycd(['sync', '--once', '--accept-only', word]);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/other +deleted/);
    expect(appNames()).toEqual(['shop']);
  });

  test('stays where a person accepts volumes, without its name', async () => {
    await removedMounted();
    const { stdout, stderr } = await world.flycd(['sync', '--once', '--accept-only', 'volume']);
    expect(stderr + stdout).toContain('released nothing: other must be named (--accept-only other)');
    expect(appNames()).toContain('other');
  });

  test('stays where another app is accepted', async () => {
    await removedMounted();
    await world.flycd(['sync', '--once', '--accept-only', 'shop', '--accept-only', 'destructive']);
    expect(appNames()).toContain('other');
  });

  test('is another fleet’s to say where that has machines in it, whatever is accepted', async () => {
    await removedMounted();
    const [machine] = world.simulator.world.apps.get('other')?.machines.keys() ?? [];
    await world.asPerson('POST', `/apps/other/machines/${machine}/metadata/flycd_fleet`, { value: 'acme' });
    for (const word of ['other', 'volume', 'app:other']) {
      const { stdout } = await world.flycd(['sync', '--once', '--accept', '--accept-only', word]);
      expect(stdout).toContain('the fleet acme has machines in it, too');
      expect(appNames()).toContain('other');
    }
  });

  test('says which machines of others would go as well', async () => {
    await removedMounted();
    await world.asPerson('POST', '/apps/other/machines', { region: 'arn', config: { image: 'nginx:1' } });
    const { stdout } = await world.flycd(['sync', '--once', '--accept']);
    expect(stdout).toMatch(/volumes? and 1 machine that FlyCD did not make would go with it/);
    expect(appNames()).toContain('other');
  });

  test('that come between the plan and its turn are seen', async () => {
    await removedApp(prune);
    let isMade = false;
    world.simulator.world.onRequest = ({ phase, request }) => {
      if (isMade || phase !== 'after' || !request.path.endsWith('/apps/other/volumes') || request.method !== 'GET')
        return;
      isMade = true;
      void world.asPerson('POST', '/apps/other/volumes', { name: 'data', region: 'arn', size_gb: 3 });
    };
    await world.flycd(['sync', '--once']);
    expect(isMade).toBe(true);
    expect(appNames()).toContain('other');
  });

  test('goes with its certificates, which are listed, or said to be unread', async () => {
    await removedMounted();
    await world.asPerson('POST', '/apps/other/certificates/acme', { hostname: 'shop.example.com' });
    for (const output of ['text', 'json', 'markdown'])
      expect((await world.flycd(['diff', '--output', output])).stdout).toContain('shop.example.com');
    world.simulator.world.faults.add({
      template: 'GET /apps/{app}/certificates',
      app: 'other',
      fault: '503',
      times: 99,
    });
    const { stdout } = await world.flycd(['diff']);
    expect(stdout).toContain('certificates: "could not be read: ');
    expect(stdout).not.toContain('shop.example.com');
  });

  test('volumes that could not be read count as volumes', async () => {
    await removedApp(prune);
    world.simulator.world.faults.add({ template: 'GET /apps/{app}/volumes', app: 'other', fault: '503', times: 100 });
    const { stdout } = await world.flycd(['sync', '--once', '--accept']);
    expect(stdout).toMatch(/other +held/);
    expect(appNames()).toContain('other');
  });

  test('volumes that nothing is attached to count as well', async () => {
    await removedApp(prune);
    await world.asPerson('POST', '/apps/other/volumes', { name: 'backup', region: 'arn', size_gb: 3 });
    const { stdout } = await world.flycd(['sync', '--once', '--accept']);
    expect(stdout).toContain('1 volume would go with it');
    expect(appNames()).toContain('other');
  });
});

test('an orphan is an app to --app and to why', async () => {
  await removedApp('fleet: walk\n');
  const why = await world.flycd(['why', 'other']);
  expect(why.stdout).not.toContain('Fly is as git says');
  expect(why.code, why.stderr).toBe(0);
  expect(why.stdout).toContain('git no longer names it');
  const diff = await world.flycd(['diff', '--app', 'other']);
  expect(diff.code, diff.stderr).toBe(0);
  expect(diff.stdout).toContain('orphaned');
  expect(diff.stdout).not.toContain('shop');
  const nobody = await world.flycd(['diff', '--app', 'nobody']);
  expect(nobody.code).toBe(1);
});

test('a destroy whose answer was lost has destroyed it: so its step says, and nothing is sent once more', async () => {
  await removedApp('fleet: walk\nsync:\n  prune: [app]\n');
  const template = 'DELETE /apps/{app}';
  world.simulator.world.faults.add({ template, times: 1, fault: 'reset-after' });
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(stderr).toMatch(/other: - app\.destroy other deleted/);
  expect(stdout).toMatch(/other +deleted/);
  expect(world.simulator.world.requests.filter((request) => request.template === template)).toHaveLength(1);
});
