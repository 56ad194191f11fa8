import { afterEach, describe, expect, test } from 'vitest';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { arena, walkFleet, type Arena } from '../controllers/arena.ts';

let world: Arena;
afterEach(() => world.close());

async function synced(): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': 'fleet: walk\nsync:\n  prune: [app]\n', 'other/app.yaml': other });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
}

const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\n';
const names = (): readonly string[] => world.simulator.world.snapshot().map((app) => app.name);
const machinesOf = (name: string) => world.simulator.world.snapshot().find((app) => app.name === name)?.machines ?? [];

/** Somebody's own app, with a machine made from the config of one of ours. */
async function copied(without: readonly string[]): Promise<void> {
  await synced();
  const [ours] = machinesOf('other');
  const metadata = Object.fromEntries(
    Object.entries(ours?.config.metadata ?? {}).filter(([key]) => !without.includes(key)),
  );
  await world.asPerson('POST', '/apps', { app_name: 'theirs', org_slug: 'personal' });
  const config = { ...ours?.config, metadata };
  await world.asPerson('POST', '/apps/theirs/machines', { region: 'arn', config });
}

describe('a machine with this fleet’s name in somebody else’s app', () => {
  test.each([
    ['without the id of the machine it was copied from', ['flycd_app', 'flycd_machine']],
    ['without id and launch, as after an update that was cut short', ['flycd_app', 'flycd_machine', 'flycd_launch']],
  ])('%s destroys nothing, whatever is accepted', async (_which, without) => {
    await copied(without);
    for (const words of [[], ['--accept'], ['--accept-only', 'theirs'], ['--now', '--accept-only', 'app:theirs']]) {
      const { stdout } = await world.flycd(['sync', '--once', ...words]);
      expect(stdout).toContain('but none carries its own machine id');
      expect(names()).toContain('theirs');
      expect(machinesOf('theirs')).toHaveLength(1);
    }
  });

  test.each([
    ['the id of the machine it was copied from', ['flycd_app']],
    ['the name of the app it was copied from', ['flycd_machine', 'flycd_launch']],
    ['both', []],
  ])('with %s is not even called orphaned', async (_what, without) => {
    await copied(without);
    expect((await world.flycd(['sync', '--once', '--accept'])).stdout).not.toContain('theirs');
    expect(names()).toContain('theirs');
  });
});

test('an app of ours goes where one of its machines proves itself, though another was cut short', async () => {
  await synced();
  const [ours] = machinesOf('other');
  const { flycd_machine: _id, ...metadata } = ours?.config.metadata ?? {};
  await world.asPerson('POST', '/apps/other/machines', { region: 'arn', config: { ...ours?.config, metadata } });
  rmSync(join(world.folder, 'other'), { recursive: true });
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  expect(names()).toEqual(['shop']);
});

test('an app of ours of which every machine was cut short waits for a person', async () => {
  await synced();
  for (const { id } of machinesOf('other'))
    await world.asPerson('DELETE', `/apps/other/machines/${id}/metadata/flycd_machine`);
  rmSync(join(world.folder, 'other'), { recursive: true });
  const { stdout } = await world.flycd(['sync', '--once']);
  expect(stdout).toMatch(/other +held +orphaned/);
  expect(names()).toContain('other');
  // Git names it again: the next pass writes what was missing.
  world.write({ 'other/app.yaml': other });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
  await world.flycd(['sync', '--once']);
  expect(names()).toEqual(['shop']);
});
