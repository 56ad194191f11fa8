import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { arena, walkFleet, type Arena } from '../arena.ts';

const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\n';

async function removed(): Promise<Arena> {
  const world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': 'fleet: walk\nsync:\n  prune: [app]\n', 'other/app.yaml': other });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
  return world;
}

async function told(world: Arena): Promise<readonly (readonly [string, string])[]> {
  const { stdout } = await world.flycd(['status', '--output', 'json']);
  const { apps } = JSON.parse(stdout) as {
    readonly apps: readonly { readonly app: string; readonly status: string }[];
  };
  return apps.map(({ app, status }) => [app, status]);
}

test('kill -9 at each API call of a pass that destroys an app, then sync --once: it is gone, from status too', async () => {
  const whole = await removed();
  const { calls } = await whole.mortalFlycd(['sync', '--once']);
  expect(await told(whole)).toEqual([['shop', 'synced']]);
  await whole.close();
  expect(calls).toBeGreaterThan(10);
  for (let call = 1; call <= calls; call += 1) {
    // The last of them are those about the app that goes.
    for (const when of ['before', 'after'] as const) {
      const where = `killed ${when} call ${call} of ${calls}`;
      const world = await removed();
      try {
        await world.mortalFlycd(['sync', '--once'], { call, when });
        const { code, stdout } = await world.flycd(['sync', '--once']);
        expect(code, `${where}\n${stdout}`).toBe(0);
        expect([...world.simulator.world.apps.keys()], where).toEqual(['shop']);
        expect(await told(world), where).toEqual([['shop', 'synced']]);
        expect((await world.flycd(['diff'])).code, where).toBe(0);
      } finally {
        await world.close();
      }
    }
  }
}, 120_000);
