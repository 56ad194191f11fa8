/** A Fly that takes seconds for each call, and answers all of them, is slow: what git wants is done all the same. */
import { hash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { arena, prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const image = `docker.io/acme/shop:1@sha256:${hash('sha256', 'shop')}`;
const shop = (more: string): Files => ({
  'flycd.yaml': 'fleet: slow\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: "${image}" }\nsync: { prune: [addresses, secrets], max_deletes: 9 }\n${more}`,
});
const count = (machines: number): string => `machines: { count: ${machines} }\nnetwork: { ips: [] }\n`;
const listed = (types: string): string => `machines: { count: 1 }\nnetwork: { ips: [${types}] }\n`;
const mounted = 'mounts: [{ source: data, destination: /data, initial_size: 1GB }]\n';

function there(): readonly (number | undefined)[] {
  const app = world.simulator.world.apps.get('shop');
  const machines = [...(app?.machines.values() ?? [])].filter(({ state }) => state === 'started');
  return [machines.length, app?.volumes.size, app?.addresses.size];
}

test.each<[string, Files[], Files, readonly number[]]>([
  ['three machines become two', [shop(count(3))], shop(count(2)), [2, 0, 0]],
  ['six machines become five', [shop(count(6))], shop(count(5)), [5, 0, 0]],
  ['an address takes the place of another one', [shop(listed('{ v: v6 }'))], shop(listed('{ v: v4 }')), [1, 0, 1]],
  ['one of two addresses goes', [shop(listed('{ v: v6 }, { v: v6 }'))], shop(listed('{ v: v6 }')), [1, 0, 1]],
  ['a new app with a volume', [], shop(`${listed('{ v: v6 }, { v: v4 }')}${mounted}`), [1, 1, 2]],
  [
    'a volume and an address more',
    [shop(count(1))],
    shop(`${listed('{ v: v6 }')}volumes: [{ name: a, count: 1 }]\n`),
    [1, 1, 1],
  ],
])('nine seconds a call: %s', async (_what, before, after, expected) => {
  world = before.length === 0 ? await arena() : await prepared(before, {});
  await world.clock.sleep(90_000);
  world.write(after);
  // A look counts for ten seconds (src/fly/http/last-question.ts).
  world.simulator.world.faults.add({ probability: 1, fault: { latencyMs: 9000 } });
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stdout + stderr).toBe(0);
  expect(there()).toEqual(expected);
});
