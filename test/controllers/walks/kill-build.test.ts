import { afterEach, expect, test } from 'vitest';
import { fakeFlyctl } from '../../servers/fake-flyctl.ts';
import { temporaryFolder } from '../../servers/git-server.ts';
import { arena } from '../arena.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const app = `app: shop
primary_region: arn
source: { type: local, path: ../code }
machines: { count: 1 }
`;

async function built() {
  const folder = temporaryFolder('flycd-flyctl-');
  ends.push(() => folder.remove());
  const flyctl = fakeFlyctl(folder.path);
  const world = await arena({ env: { FLYCTL_PATH: flyctl.path } });
  ends.push(() => world.close());
  world.write({ 'flycd.yaml': 'fleet: kills\n', 'code/Dockerfile': 'FROM scratch\n', 'shop/app.yaml': app });
  return { world, flyctl };
}

test('killed anywhere, with and without its database, FlyCD builds once', { timeout: 120_000 }, async () => {
  const { world: whole } = await built();
  const { calls } = await whole.mortalFlycd(['sync', '--once']);
  expect(calls).toBeGreaterThan(10);
  // Every third: calls in a row are mostly alike, and each walk is a whole sync.
  for (let call = 2; call <= calls; call += 3) {
    const when = call % 2 === 0 ? 'before' : 'after';
    const { world, flyctl } = await built();
    await world.mortalFlycd(['sync', '--once'], { call, when });
    if (call % 4 === 0) world.forget();
    let ran = await world.flycd(['sync', '--once']);
    // A lease or an app made a moment ago is waited out.
    for (let tries = 0; ran.code !== 0 && tries < 3; tries += 1) {
      await world.clock.sleep(70_000);
      ran = await world.flycd(['sync', '--once']);
    }
    expect({ call, when, code: ran.code, said: ran.stderr }).toMatchObject({ code: 0 });
    expect(flyctl.calls(), `killed at call ${call}, ${when}`).toHaveLength(1);
    const machines = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
    expect(machines.filter(({ state }) => state === 'started')).toHaveLength(1);
    await world.close();
  }
});
