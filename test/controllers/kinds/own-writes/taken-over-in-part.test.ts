/** A later try of a command that has taken a part of an app over takes nothing from whoever has that part since. */
import { afterEach, expect, test } from 'vitest';
import { makeCopy } from '../../../acceptance/clones.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const copyOf = (fleet: string) =>
  makeCopy(world, fleet, {
    'flycd.yaml': `fleet: ${fleet}\n`,
    'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "nginx:1" }
machines: { count: 3 }
network: { ips: [{ v: v6 }] }
`,
  });

test('a host went dark meanwhile, so that no step says that the app was taken over', async () => {
  world = await arena();
  expect((await copyOf('words').flycd(['sync', '--once'])).code).toBe(0);
  await world.clock.sleep(600_000);
  const fly = world.simulator.world;
  const all = () => [...(fly.apps.get('shop')?.machines.values() ?? [])];
  const [dark, ...others] = all();
  const count = { lists: 0, looks: 0 };
  fly.onRequest = ({ phase, request: { method, path } }) => {
    if (phase !== 'before' || method !== 'GET') return;
    // Behind the list that was planned from.
    if (path.endsWith('/machines') && (count.lists += 1) === 2 && dark !== undefined) dark.hostStatus = 'unreachable';
    const isOurs = others.every(({ config }) => config.metadata?.['flycd_fleet'] === 'aaa');
    // Behind the look that has seen the labels stay.
    if (!isOurs || !path.endsWith(`/machines/${others[0]?.id}`) || (count.looks += 1) !== 2) return;
    for (const machine of others)
      machine.config = { ...machine.config, metadata: { ...machine.config.metadata, flycd_fleet: 'bbb' } };
  };
  const { code, stdout, stderr } = await copyOf('aaa').flycd(['adopt', 'shop']);
  expect(code, stderr + stdout).toBe(4);
  expect(count.looks).toBeGreaterThanOrEqual(2);
  expect(all().map(({ config }) => config.metadata?.['flycd_fleet'])).toEqual(['words', 'bbb', 'bbb']);
});
