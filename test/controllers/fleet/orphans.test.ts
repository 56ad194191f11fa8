import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { arena, walkFleet, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const other = (walkFleet['shop/app.yaml'] ?? '').replace('app: shop', 'app: other');

async function removedApp(settings: string): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': settings, 'other/app.yaml': other });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
}

const appNames = (): readonly string[] => world.simulator.world.snapshot().map((app) => app.name);

test('an app that git no longer names runs on and is called orphaned', async () => {
  await removedApp('fleet: walk\n');
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/other +no-change +orphaned/);
  expect(appNames()).toContain('other');
});

test('it is destroyed where the policy prunes apps, and nothing else is', async () => {
  await removedApp('fleet: walk\nsync:\n  prune: [app]\n');
  const plan = await world.flycd(['diff']);
  expect(plan.code).toBe(2);
  expect(plan.stdout).toContain('app.destroy other');
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/other +updated +synced/);
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
  expect(held.code, held.stdout).toBe(0);
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
  expect(held.code, held.stdout).toBe(0);
  expect(held.stdout).toContain('1 machine in it that FlyCD did not make would go with it');
  expect(appNames()).toContain('other');
  expect((await world.flycd(['sync', '--once', '--accept'])).code).toBe(0);
  expect(appNames()).toEqual(['shop']);
});
