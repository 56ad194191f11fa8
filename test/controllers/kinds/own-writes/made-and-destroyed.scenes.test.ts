/** What a command has made or destroyed itself is so for the rest of it, however far lists lag. */
import { afterEach, expect, test } from 'vitest';
import { destroy } from '../../../../simulator/machines/lifecycle.ts';
import { makeCopy } from '../../../acceptance/clones.ts';
import { arena, type Arena } from '../../arena.ts';
import { app } from './app.ts';

let world: Arena;
afterEach(() => world.close());

const lags = [0, 500, 3000, 8000, 30_000];
const there = () =>
  (world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.machines ?? []).filter(
    ({ state }) => !state.startsWith('destroy'),
  );
const shown = () =>
  there()
    .map(({ name, state, config }) => `${name} ${state} ${/library\/([^@]+)/.exec(config.image ?? '')?.[1]}`)
    .toSorted();
const two = 'machines: { count: 2 }';

test.each(lags)('what a release that fails made for a mount goes at once, while lists lag by %i ms', async (listMs) => {
  world = await arena();
  world.write(app('shop:1', two));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(600_000);
  world.simulator.world.lag.set({ listMs });
  world.write(app('crash-loop:2', `${two}\nmounts: [{ source: data, destination: /data }]`));
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', '--accept']);
  expect(code, stderr + stdout).toBe(1);
  expect(shown(), stderr + stdout).toEqual(['app-arn-1-g1 started shop:1', 'app-arn-2-g1 started shop:1']);
});

const field = (count: number, ips: string) => ({
  'flycd.yaml': 'fleet: aaa\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "nginx:1" }
machines: { count: ${count} }
network: { ips: [${ips}] }
sync: { prune: [addresses], max_deletes: 99 }
`,
});

test.each(lags.flatMap((listMs) => [1, 2, 4, 5].map((seed) => ({ listMs, seed }))))(
  'what a pass destroyed itself is no news to it, while lists lag by $listMs ms (seed $seed)',
  async ({ listMs, seed }) => {
    world = await arena({ seed });
    const aaa = makeCopy(world, 'aaa', field(3, '{ v: v6 }'));
    expect((await aaa.flycd(['sync', '--once'])).code).toBe(0);
    await world.clock.sleep(600_000);
    aaa.commit(field(1, '{ v: v6 }, { v: v6, region: ams }'));
    world.simulator.world.lag.set({ listMs });
    const began = world.clock.now();
    const { code, stdout, stderr } = await aaa.flycd(['sync', '--once']);
    const said = stderr + stdout;
    expect(code, said).toBe(0);
    expect(said).not.toMatch(/went meanwhile|not passed on|moved on/);
    expect(world.clock.now() - began, said).toBeLessThan(10_000);
    expect(there()).toHaveLength(1);
  },
);

const fulfilled = () => [...new Set(there().map(({ metadata }) => metadata['flycd_fulfilled']))];

test.each(lags.flatMap((listMs) => [4, 1].map((count) => ({ listMs, count }))))(
  'a sync that leaves $count machines of 3 knows that git has what it wants, while lists lag by $listMs ms',
  async ({ listMs, count }) => {
    world = await arena();
    world.write(app('shop:1', 'machines: { count: 3 }'));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    await world.clock.sleep(600_000);
    const before = fulfilled();
    world.simulator.world.lag.set({ listMs });
    world.write(app('shop:1', `machines: { count: ${count} }`));
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stderr + stdout).toBe(0);
    expect(there()).toHaveLength(count);
    const now = fulfilled();
    expect(now, stderr + stdout).toHaveLength(1);
    expect(now).not.toEqual(before);
  },
);

test.each(lags)(
  'one that a command has updated, and that went by hand since, is not taken for done, while lists lag by %i ms',
  async (listMs) => {
    world = await arena();
    const three = 'machines: { count: 3 }';
    world.write(app('shop:1', three));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    await world.clock.sleep(600_000);
    const before = fulfilled();
    world.simulator.world.lag.set({ listMs });
    const [first, second] = there().toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const fly = world.simulator.world;
    const gone = fly.apps.get('shop')?.machines.get(first?.id ?? '');
    let went = false;
    fly.onRequest = ({ phase, request }) => {
      if (went || phase !== 'before' || request.method !== 'POST') return;
      if (gone === undefined || !request.path.endsWith(`/machines/${second?.id}`)) return;
      went = true;
      destroy(fly, gone, 'user');
    };
    world.write(app('shop:2', three));
    const { stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(went).toBe(true);
    expect(fulfilled(), stderr + stdout).toEqual(before);
    fly.lag.set({});
    await world.clock.sleep(60_000);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect(shown()).toHaveLength(3);
    expect((await world.flycd(['diff'])).code).toBe(0);
  },
);
