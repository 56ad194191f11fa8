import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
beforeEach(async () => {
  world = await arena();
});
afterEach(() => world.close());

const shop = `app: shop
primary_region: arn
build:
  image: nginx:1
mounts: [{ source: data, destination: /data }]
volumes: [{ name: data, size_gb: 2 }]
machines: { count: 1 }
network: { ips: [] }
`;
const app = () => {
  const found = world.simulator.world.apps.get('shop');
  if (found === undefined) throw new Error('no app');
  return found;
};
const mounted = (): readonly (string | undefined)[] =>
  [...app().machines.values()]
    .filter(({ state }) => state !== 'destroyed' && state !== 'destroying')
    .map(({ config }) => config.mounts?.[0]?.volume);

/** A twin made by hand, again and again, until its id comes before ours. */
async function twinBefore(ours: string, sizeGb: number): Promise<void> {
  for (;;) {
    await world.clock.sleep(1000);
    await world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: sizeGb });
    const twin = [...app().volumes.keys()].find((id) => id !== ours) ?? '';
    if (twin < ours) return;
    await world.asPerson('DELETE', `/apps/shop/volumes/${twin}`, undefined);
  }
}

describe('a machine that is made again', () => {
  test.each([
    ['a twin made by hand, of the same size', 2, false],
    ['a larger one', 9, false],
    ['a larger one, and no database remembers who made which', 9, true],
    ['a smaller one', 1, true],
  ])('gets the volume with its data, not %s', async (_what, sizeGb, isForgotten) => {
    world.write({ 'flycd.yaml': 'fleet: claims\n', 'shop/app.yaml': shop });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    const [ours = ''] = app().volumes.keys();
    expect(mounted()).toEqual([ours]);
    await twinBefore(ours, sizeGb);
    const [machine] = app().machines.keys();
    await world.asPerson('DELETE', `/apps/shop/machines/${machine}?force=true`, undefined);
    await world.clock.sleep(60_000);
    if (isForgotten) world.forget();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(mounted()).toEqual([ours]);
  });
});

test.each([
  ['one database', undefined],
  ['two databases', 'laptop'],
])('two FlyCDs at once, on %s, leave no volume of theirs for one made by hand', async (_what, other) => {
  const two = shop.replace('count: 1', 'count: 2');
  world.write({ 'flycd.yaml': 'fleet: claims\n', 'shop/app.yaml': two });
  const { capacity } = world.simulator.world;
  capacity.set('arn', 0);
  await world.flycd(['sync', '--once']);
  capacity.clear();
  const ours = [...app().volumes.keys()];
  expect(ours).toHaveLength(2);
  await world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 2 });
  await world.clock.sleep(600_000);
  const sync = ['sync', '--once'];
  await Promise.all([world.flycd(sync), world.flycd(sync, other)]);
  await world.clock.sleep(60_000);
  expect((await world.flycd(sync)).code).toBe(0);
  expect(new Set(mounted())).toEqual(new Set(ours));
});
