/** Where no registry could be asked: the first machine that is made gets the digest that Fly found its tag to mean. */
import { hash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';

let world: Arena;
afterEach(() => world.close());

const tag = 'docker.io/acme/shop:1';
const pinned = `${tag}@sha256:${hash('sha256', tag)}`;

const fleet = (more: string): Files => ({
  'flycd.yaml': 'fleet: tags\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild:\n  image: ${tag}\n${more}`,
});

const live = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const machines = () => live().filter(({ state }) => state !== 'destroyed');
const starts = () => machines().map(({ events }) => events.filter(({ status }) => status === 'started').length);

async function sync() {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

const service =
  'http_service:\n  internal_port: 8080\n  checks:\n    - path: /\n      interval: 5s\n      timeout: 2s\n';
const mount = 'mounts:\n  - source: data\n    destination: /data\n';

test.each([
  ['one machine', 'machines:\n  count: 1\n', 1],
  ['a machine with its standby, which stands in for it', '', 2],
  ['several that serve', `${service}machines:\n  count: 3\n`, 3],
  ['with a volume each', `${mount}machines:\n  count: 2\n`, 2],
  [
    'two process groups',
    'processes:\n  web: a\n  work: b\nmachines:\n  count: 1\n  groups:\n    work:\n      count: 1\n',
    2,
  ],
  ['all at once', `deploy:\n  strategy: immediate\n${service}machines:\n  count: 3\n`, 3],
])('%s', async (_what, more, count) => {
  world = await prepared([], fleet(more));
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual(Array.from({ length: count }, () => pinned));
  expect(Math.max(...starts()), 'nothing is started twice for it').toBe(1);
  expect(machines().map(({ config }) => config.metadata?.['flycd_unproven'])).toEqual(
    Array.from({ length: count }, () => undefined),
  );
  const writes = world.simulator.world.writes().length;
  expect((await sync()).code).toBe(0);
  expect((await world.flycd(['diff'])).code).toBe(0);
  expect(world.simulator.world.writes()).toHaveLength(writes);
});

test('the tag moves before the second machine: it gets what the first one has', async () => {
  world = await prepared([fleet('machines:\n  count: 1\n')], fleet('machines:\n  count: 2\n'));
  expect((await sync()).code).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual([pinned, pinned]);
});

test('killed before the digest is sent: the next pass sends it, and starts the machine once', async () => {
  const files = fleet(`${service}machines:\n  count: 2\n`);
  const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [], files });
  world = await prepared([], files, { orderly: true });
  await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
  await world.clock.sleep(60_000);
  expect(machines().map(({ state, config }) => [state, config.image])).toEqual([['stopped', tag]]);
  world.forget();
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual([pinned, pinned]);
  expect(starts()).toEqual([1, 1]);
  expect((await world.flycd(['diff'])).code).toBe(0);
});

test.each(['reset-after', '500', 'reset-before'] as const)('the answer to that is lost: %s', async (fault) => {
  world = await prepared([], fleet(`${service}machines:\n  count: 2\n`));
  world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines/{machine}', fault });
  for (let pass = 0; pass < 2; pass += 1) await sync();
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual([pinned, pinned]);
  expect(starts()).toEqual([1, 1]);
});
