import { afterEach, expect, test } from 'vitest';
import { callOf } from '../calls.ts';
import { prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const fleet = (image: string, count: number): Files => ({
  'flycd.yaml': 'fleet: unproven\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}
http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
deploy:
  wait_timeout: 6s
sync:
  on_failure: stop
machines:
  count: ${count}
`,
});

const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');

async function flycd(...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

test('a version that never got healthy is not called synced, however often a pass looks at it', async () => {
  world = await prepared([fleet('shop:1', 1)], fleet('failing-check:2', 1));
  const first = await flycd('sync', '--once');
  expect(first.code, first.said).toBe(1);
  const writes = world.simulator.world.writes().length;
  for (let pass = 0; pass < 2; pass += 1) {
    const again = await flycd('sync', '--once');
    expect(again.code, again.said).toBe(4);
    const diff = await flycd('diff');
    expect(diff.code, diff.said).toBe(4);
    expect(diff.said).toContain('it was not healthy when it was changed last, and has to be');
    expect((await flycd('status')).said).toMatch(/shop +held/);
  }
  expect(world.simulator.world.writes(), 'nobody restarts it for that').toHaveLength(writes);
  world.write(fleet('shop:3', 1));
  expect((await flycd('sync', '--once')).code).toBe(0);
  expect((await flycd('diff')).code).toBe(0);
});

test('no second machine is made beside a first one that is not healthy', async () => {
  world = await prepared([], fleet('failing-check:1', 2));
  for (let pass = 0; pass < 3; pass += 1) {
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(pass === 0 ? 1 : 4);
    expect(machines()).toHaveLength(1);
  }
  world.write(fleet('shop:1', 2));
  expect((await flycd('sync', '--once')).code).toBe(0);
  expect(machines()).toHaveLength(2);
  expect((await flycd('diff')).code).toBe(0);
});

test('one without checks that a killed FlyCD left running is healthy when it still runs', async () => {
  const plain = (color: string): Files => ({
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/shop:1
env:
  COLOR: ${color}
deploy:
  wait_timeout: 6s
machines:
  count: 1
`,
  });
  // It watches the machine for crashes, and never comes to writing down that there were none.
  const template = 'PATCH /apps/{app}/machines/{machine}/metadata';
  const call = await callOf(template, 1, { before: [plain('red')], files: plain('blue') });
  world = await prepared([plain('red')], plain('blue'));
  await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
  expect(machines().map(({ config }) => config.metadata?.['flycd_unproven'])).toEqual(['1']);
  await world.clock.sleep(60_000);
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(0);
  expect((await flycd('diff')).code).toBe(0);
});
