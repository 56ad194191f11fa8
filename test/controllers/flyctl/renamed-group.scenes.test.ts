/** Machines to which somebody gave another process group by hand. */
import { afterEach, expect, test } from 'vitest';
import { prepared, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (count: number, groups = ['web']): Record<string, string> => ({
  'flycd.yaml': 'fleet: acme\n',
  'shop/app.yaml': [
    'app: shop',
    'primary_region: arn',
    'build: { image: "nginx:1" }',
    'processes:',
    ...groups.map((name) => `  ${name}: run ${name}`),
    `machines: { count: ${count}, groups: { worker: { count: 1 } } }`,
    '',
  ].join('\n'),
});

const alive = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const groupOf = ({ config }: ReturnType<typeof alive>[number]) => config.metadata?.['fly_process_group'];

test.each([
  ['one of one', 1, 1, ['web']],
  ['one of two', 2, 1, ['web']],
  ['two of two', 2, 2, ['web']],
  ['one of one, beside another group', 1, 1, ['web', 'worker']],
] as const)('%s: what git says runs throughout, and theirs go', async (_what, count, renamed, groups) => {
  const files = shop(count, [...groups]);
  if (groups.length === 1)
    files['shop/app.yaml'] = (files['shop/app.yaml'] ?? '').replace(', groups: { worker: { count: 1 } }', '');
  world = await prepared([files], {});
  await world.clock.sleep(300_000);
  const theirs = alive()
    .filter((machine) => groupOf(machine) === 'web')
    .slice(0, renamed)
    .map(({ id }) => id);
  const path = (id: string) => `/apps/shop/machines/${id}/metadata/fly_process_group`;
  for (const id of theirs) await world.asPerson('POST', path(id), { value: 'api' });
  await world.clock.sleep(120_000);
  let fewest = Infinity;
  world.simulator.world.onStateChange = () => {
    const up = alive().filter(({ state, config }) => state === 'started' && config.image?.startsWith('nginx') === true);
    fewest = Math.min(fewest, up.length);
  };
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stdout + stderr).toBe(0);
  await world.clock.sleep(60_000);
  expect(stdout + stderr).not.toContain('has its place already');
  expect(alive().filter(({ id }) => theirs.includes(id))).toEqual([]);
  expect(alive().filter((machine) => groupOf(machine) === 'web' && machine.state === 'started')).toHaveLength(count);
  expect(fewest).toBeGreaterThan(0);
  expect((await world.flycd(['diff'])).code).toBe(0);
});
