import { hash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { arena, prepared, type Arena, type Files } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const fleet = (image: string, more = ''): Files => ({
  '../flycd.yaml': 'interval: 30s\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
deploy:
  wait_timeout: 30m
  max_unavailable: 1
${more}machines: { count: 3 }
`,
});

const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ state, name }) => state !== 'destroyed' && !name.startsWith('release-'),
  );
const tag = (image: string | undefined): string => /acme\/([\w-]+:\d)/.exec(image ?? '')?.[1] ?? '';

/** The loop from one commit on; `when` sees every machine that changes, and writes what comes next. */
async function loop(first: Files, last: string, when: (image: string) => void): Promise<readonly string[]> {
  world = await arena();
  world.write(fleet('shop:1'));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  world.write(first);
  const seen: string[] = [];
  const done = Promise.withResolvers<void>();
  world.simulator.world.onStateChange = (machine) => {
    if (machine.name.startsWith('release-')) when('release');
    else if (machine.state === 'started') {
      const change = `${machine.name.slice(0, 9)} ${tag(machine.config.image)}`;
      if (!seen.includes(change)) seen.push(change);
      when(tag(machine.config.image));
    }
    if (machines().every(({ config, state }) => tag(config.image) === last && state === 'started')) done.resolve();
  };
  const stop = new AbortController();
  const looping = world.flycd(['sync'], 'state', stop.signal);
  await done.promise;
  stop.abort(new Error('stopped by SIGTERM'));
  expect((await looping).code).toBe(0);
  return seen;
}

test('a commit that mends a release is not kept waiting by the machine that does not become healthy', async () => {
  let began = 0;
  const seen = await loop(fleet('failing-check:2'), 'shop:3', (image) => {
    if (image !== 'failing-check:2' || began > 0) return;
    began = world.clock.now();
    world.write(fleet('shop:3'));
  });
  expect(world.clock.now() - began).toBeLessThan(3 * 60_000);
  expect(seen.filter((change) => change.endsWith('failing-check:2'))).toHaveLength(1);
});

test('a newer commit half-way: machines that were not begun get it at once', async () => {
  let written = false;
  const seen = await loop(fleet('slow-start:2'), 'shop:3', (image) => {
    if (image !== 'slow-start:2' || written) return;
    written = true;
    world.write(fleet('shop:3'));
  });
  expect(seen.filter((change) => change.endsWith('slow-start:2')).length).toBeLessThan(3);
  expect(seen.filter((change) => change.endsWith('shop:3'))).toHaveLength(3);
});

test('a release command runs to its end, whatever git says meanwhile', async () => {
  let written = false;
  const command = (image: string): Files => fleet(image, '  release_command: migrate\n');
  await loop(command('shop:2'), 'shop:3', (what) => {
    if (what !== 'release' || written) return;
    written = true;
    world.write(command('shop:3'));
  });
  const all = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  const exits = all
    .filter(({ name }) => name.startsWith('release-'))
    .map(({ events }) => events.some(({ type }) => type === 'exit'));
  expect(exits).toEqual([true, true]);
});

const named = (more: string, image = 'shop:1'): Files => ({
  'flycd.yaml': 'fleet: once\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
${more}`,
});

const changes = [
  ['a create', 'machines: { count: 3 }\n', 'shop:1', 3],
  ['an update', 'machines: { count: 2 }\n', 'shop:2', 2],
] as const;

/** By hand, to what it is. */
const touched = (id: string) => {
  const config = machines().find((machine) => machine.id === id)?.config;
  return world.asPerson('POST', `/apps/shop/machines/${id}`, { config });
};

test.each(changes)('%s goes on where lists never show what is seen by its id', async (_what, more, image, count) => {
  world = await prepared([named('machines: { count: 2 }\n')], named(more, image));
  world.simulator.world.lag.set({ listMs: 24 * 60 * 60_000 });
  for (const machine of machines()) await touched(machine.id);
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(machines().map(({ config }) => tag(config.image))).toEqual(Array.from({ length: count }, () => image));
});

test.each(changes)(
  '%s: sync --once ends and says what to do where somebody is faster each time',
  async (_what, more, image) => {
    world = await prepared([named('machines: { count: 2 }\n')], named(more, image));
    const { clock, simulator } = world;
    const began = clock.now();
    let times = 0;
    simulator.world.onRequest = ({ phase, request }) => {
      if (phase !== 'before' || !request.path.endsWith('/lease') || request.method !== 'POST') return;
      for (const machine of machines()) machine.instanceId = `01BYHAND${(times += 1)}`;
    };
    const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
    const said = stderr + stdout;
    expect(code, said).toBe(4);
    expect(clock.now() - began, said).toBeLessThan(2 * 60_000);
    expect(said).toContain('shop has moved on since it was planned: machine');
    expect(said).toContain('run `flycd sync --once` again later');
    const history = JSON.parse((await world.flycd(['history', '--output', 'json'])).stdout) as { runs: unknown[] };
    expect(history.runs).toHaveLength(2);
  },
);
