import { afterEach, describe, expect, test } from 'vitest';
import { start } from '../../../simulator/machines/lifecycle.ts';
import { prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface Parts {
  readonly image?: string;
  readonly color?: string;
  readonly more?: string;
}

/** Three machines that the proxy stops and starts. */
const serving = ({ image = 'shop:1', color = 'red' }: Parts = {}): Files => ({
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}
env:
  COLOR: ${color}
http_service:
  internal_port: 8080
  auto_stop_machines: stop
  auto_start_machines: true
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
deploy: { wait_timeout: 20s }
machines: { count: 3 }
`,
});

/** One that a schedule starts and one that is started when its host fails. */
const resting = ({ image = 'shop:1' }: Parts = {}): Files => ({
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}
processes: { job: bin/job }
machine:
  schedule: daily
`,
});

const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])]
    .filter(({ state }) => state !== 'destroyed')
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
const colors = () => machines().map(({ config }) => config.env?.['COLOR']);
const images = () => machines().map(({ config }) => /shop:[\w-]+|failing-check:[\w-]+/.exec(config.image ?? '')?.[0]);

/** Ids of machines that boot from now on. */
function boots(): Set<string> {
  const booted = new Set<string>();
  world.simulator.world.onStateChange = (machine) => {
    if (machine.state === 'starting' || machine.state === 'started') booted.add(machine.name);
  };
  return booted;
}

async function stopAll(): Promise<void> {
  for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
  await world.clock.sleep(30_000);
  expect(machines().map(({ state }) => state)).toEqual(machines().map(() => 'stopped'));
}

async function sync() {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

describe('machines that the proxy stopped', () => {
  test('get a new config without being started', async () => {
    world = await prepared([serving()], serving({ color: 'blue' }));
    await stopAll();
    const booted = boots();
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect([colors(), [...booted]]).toEqual([['blue', 'blue', 'blue'], []]);
  });

  test('get a new image without being started, but for one that shows whether it runs', async () => {
    world = await prepared([serving()], serving({ image: 'shop:2' }));
    await stopAll();
    const booted = boots();
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(said).not.toContain('unverified');
    expect([images(), [...booted]]).toEqual([['shop:2', 'shop:2', 'shop:2'], ['app-arn-1-g1']]);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });

  test('run on where the proxy starts them while Fly asks for patience', async () => {
    let isRefused = true;
    const others = ({ pathname }: URL, method: string): Response | undefined => {
      if (method !== 'POST' || !/\/machines\/[^/]+$/.test(pathname) || !isRefused) return undefined;
      isRefused = false;
      world.clock.timer(5000, () => machines().forEach((machine) => start(world.simulator.world, machine, 'flyd')));
      return Response.json({ error: 'later' }, { status: 429, headers: { 'retry-after': '40' } });
    };
    isRefused = false;
    world = await prepared([serving()], serving({ color: 'blue' }), { others });
    await stopAll();
    isRefused = true;
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(machines().map(({ state, config }) => [state, config.env?.['COLOR']])).toEqual(
      machines().map(() => ['started', 'blue']),
    );
  });

  test('keep the old image where that one does not become healthy, and it goes back to it', async () => {
    world = await prepared([serving()], serving({ image: 'failing-check:2' }));
    await stopAll();
    for (let pass = 0; pass < 3; pass += 1) {
      const { code, said } = await sync();
      expect(code, said).toBe(pass === 0 ? 1 : 4);
      if (pass === 0) expect(said).toMatch(/release shop failed .*\n.*0 of 3 machines done/);
      expect(images()).toEqual(['shop:1', 'shop:1', 'shop:1']);
    }
    world.write(serving({ image: 'shop:3' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:3', 'shop:3', 'shop:3']);
  });
});

test('a job that waits for its hour is not run for a new image, and the release says that nobody saw it', async () => {
  world = await prepared([resting()], resting({ image: 'shop:2' }));
  await stopAll();
  const booted = boots();
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(said).toContain('unverified: no machine of job was started to see the image run');
  expect([images(), [...booted]]).toEqual([['shop:2'], []]);
});
