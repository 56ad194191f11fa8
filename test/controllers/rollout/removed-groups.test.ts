import { afterEach, expect, test } from 'vitest';
import { prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

/** A group that serves, by this name. */
const fleet = (group: string, image: string, settings = ''): Files => ({
  'flycd.yaml': 'fleet: renamed\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/acme/${image} }
processes: { ${group}: serve }
http_service:
  internal_port: 8080
  processes: [${group}]
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
deploy: { wait_timeout: 6s }
machines: { groups: { ${group}: { count: 2 } } }
network: { ips: [] }
${settings}`,
});

const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ state }) => state !== 'destroyed' && state !== 'destroying',
  );
const names = () =>
  machines()
    .map(({ name }) => name)
    .toSorted();

/** The fewest machines that were well at once while this went on. */
async function fewestWell(doing: () => Promise<unknown>): Promise<number> {
  let fewest = Infinity;
  const { world: fly } = world.simulator;
  fly.onRequest = () => {
    const well = machines().filter(
      ({ state, checks }) => state === 'started' && checks.every(({ status }) => status === 'passing'),
    );
    fewest = Math.min(fewest, well.length);
  };
  await doing();
  return fewest;
}

test('a group that serves gets another name: the new machines are healthy before the others go', async () => {
  world = await prepared([fleet('web', 'shop:1')], fleet('www', 'shop:1'));
  const fewest = await fewestWell(async () => {
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stderr + stdout).toBe(0);
  });
  expect(fewest).toBe(2);
  expect(names()).toEqual(['www-arn-1-g1', 'www-arn-2-g1']);
  expect((await world.flycd(['diff'])).code).toBe(0);
});

test.each(['rollback', 'stop'])(
  'with on_failure: %s, those that serve stay where the new ones fail',
  async (policy) => {
    const settings = `sync: { on_failure: ${policy} }\n`;
    world = await prepared([fleet('web', 'shop:1', settings)], fleet('www', 'failing-check:2', settings));
    const fewest = await fewestWell(async () => {
      expect((await world.flycd(['sync', '--once'])).code).toBe(1);
      for (let pass = 0; pass < 2; pass += 1) {
        expect((await world.flycd(['sync', '--once'])).code).toBe(4);
        await world.clock.sleep(60_000);
      }
    });
    expect(fewest).toBe(2);
    expect(names().filter((name) => name.startsWith('web'))).toEqual(['web-arn-1-g1', 'web-arn-2-g1']);
    expect(names()).toHaveLength(policy === 'stop' ? 3 : 2);
    world.write(fleet('www', 'shop:3', settings));
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    expect(code, stderr + stdout).toBe(0);
    expect(names()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^www-arn-1/), expect.stringMatching(/^www-arn-2/)]),
    );
    expect(names()).toHaveLength(2);
  },
);

test('killed while the new ones boot and do not get well: those that serve stay', async () => {
  const settings = 'sync: { on_failure: stop }\n';
  world = await prepared([fleet('web', 'shop:1', settings)], fleet('www', 'failing-check:2', settings));
  const { requests } = world.simulator.world;
  const first = requests.length;
  const { calls } = await world.mortalFlycd(['sync', '--once']);
  const create = requests.slice(first).findIndex(({ template }) => template === 'POST /apps/{app}/machines') + 1;
  expect(create).toBeGreaterThan(0);
  expect(create).toBeLessThan(calls);
  await world.close();
  world = await prepared([fleet('web', 'shop:1', settings)], fleet('www', 'failing-check:2', settings));
  await world.mortalFlycd(['sync', '--once'], { call: create, when: 'after' });
  await world.clock.sleep(60_000);
  for (let pass = 0; pass < 2; pass += 1) expect((await world.flycd(['sync', '--once'])).code).not.toBe(0);
  expect(names()).toEqual(['web-arn-1-g1', 'web-arn-2-g1', 'www-arn-1-g1']);
});
