import { afterEach, describe, expect, test } from 'vitest';
import { hostDown } from '../../../simulator/machines/host-failures.ts';
import { arena, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

interface App {
  readonly image?: string;
  readonly dependsOn?: readonly string[];
  readonly greeting?: string;
}

function fleet(apps: Readonly<Record<string, App>>): Files {
  const files = Object.entries(apps).map(([name, { image = 'nginx:1', dependsOn = [], greeting = 'hello' }]) => [
    `${name}/app.yaml`,
    `app: ${name}
primary_region: arn
build:
  image: docker.io/library/${image}
env:
  GREETING: ${greeting}
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
deploy: { wait_timeout: 30s }
depends_on: [${dependsOn.join(', ')}]
machines: { count: 1 }
`,
  ]);
  return { 'flycd.yaml': 'fleet: chain\n', ...(Object.fromEntries(files) as Files) };
}

const chain = (db: App = {}, api: App = {}, web: App = {}): Files =>
  fleet({ web: { ...web, dependsOn: ['api'] }, api: { ...api, dependsOn: ['db'] }, db, free: {} });

const machines = (app: string) =>
  [...(world.simulator.world.apps.get(app)?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const greeting = (app: string) => machines(app).map(({ config }) => config.env?.['GREETING']);

async function flycd(...argv: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

test('sync --once goes in order, others beside it, and diff shows who waits for whom', async () => {
  world = await arena();
  world.write(chain());
  const diff = await flycd('diff');
  expect(diff.code).toBe(2);
  expect(diff.said).toContain('its release waits: db is not at its newest version yet');
  expect(diff.said).toContain('its release waits: api is not at its newest version yet');
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(0);
  const at = (app: string) => Math.min(...machines(app).map(({ createdAt }) => createdAt));
  const healthyAt = (app: string): number =>
    Math.max(...machines(app).flatMap(({ checks }) => checks.map(({ updated_at: at }) => Date.parse(at ?? ''))));
  expect(at('api')).toBeGreaterThanOrEqual(healthyAt('db'));
  expect(at('web')).toBeGreaterThanOrEqual(healthyAt('api'));
  expect(at('free')).toBeLessThan(at('api'));
  expect((await flycd('diff')).code).toBe(0);
});

test('while what it depends on does not become healthy, an app is not released, and all else of it goes on', async () => {
  world = await arena();
  world.write(chain());
  expect((await flycd('sync', '--once')).code).toBe(0);
  world.write(chain({ image: 'nginx:failing-check' }, { greeting: 'bye' }, { greeting: 'bye' }));
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(1);
  expect([greeting('api'), greeting('web')]).toEqual([['hello'], ['hello']]);
  const diff = await flycd('diff');
  expect(diff.said).toContain('its release waits: db is not');
  world.write(chain({}, { greeting: 'bye' }, { greeting: 'bye' }));
  const mended = await flycd('sync', '--once');
  expect(mended.code, mended.said).toBe(0);
  expect([greeting('api'), greeting('web')]).toEqual([['bye'], ['bye']]);
});

test('one whose machines crashed and were given up is not healthy', async () => {
  world = await arena();
  world.write(chain());
  expect((await flycd('sync', '--once')).code).toBe(0);
  const [machine] = world.simulator.world.apps.get('db')?.machines.values() ?? [];
  if (machine === undefined) throw new Error('no machine');
  machine.state = 'stopped';
  const request = { exit_event: { exit_code: 1, requested_stop: false, restarting: false }, restart_count: 10 };
  machine.events.unshift({ id: 'exit', type: 'exit', status: 'stopped', timestamp: world.clock.now(), request });
  world.write(chain({}, { greeting: 'bye' }));
  const { code, said } = await flycd('sync', '--once');
  expect(code, said).toBe(4);
  expect(said).toContain('its release waits: db is not healthy yet');
  expect(greeting('api')).toEqual(['hello']);
});

describe('one whose host does not answer', () => {
  test.each([
    ['its only machine', 1, 'its release waits: db has no machine of app on a host that answers', 'hello'],
    ['one of two', 2, '', 'bye'],
  ])('%s', async (_what, count, words, expected) => {
    const counted = (files: Files): Files => ({
      ...files,
      'db/app.yaml': (files['db/app.yaml'] ?? '').replace('count: 1', `count: ${count}`),
    });
    world = await arena();
    world.write(counted(chain()));
    expect((await flycd('sync', '--once')).code).toBe(0);
    const [machine] = machines('db');
    if (machine === undefined) throw new Error('no machine');
    const other = machines('db').find(({ host }) => host !== machine.host);
    expect(count === 1 || other !== undefined, 'they are not on one host').toBe(true);
    hostDown(world.simulator.world, machine.host);
    world.write(counted(chain({}, { greeting: 'bye' })));
    const { said } = await flycd('sync', '--once');
    expect(said).toContain(words);
    expect(greeting('api')).toEqual([expected]);
  });
});

describe('one with a machine that runs what an older commit said, on a host that does not answer', () => {
  test.each([false, true])('replace_unreachable: %s', async (replace) => {
    const db = (files: Files, image: string): Files => ({
      ...files,
      'db/app.yaml': `${(files['db/app.yaml'] ?? '')
        .replace('count: 1', 'count: 2')
        .replace('nginx:1', image)}sync: { replace_unreachable: ${replace} }\n`,
    });
    world = await arena();
    world.write(db(chain(), 'nginx:1'));
    expect((await flycd('sync', '--once')).code).toBe(0);
    const [machine] = machines('db');
    if (machine === undefined) throw new Error('no machine');
    hostDown(world.simulator.world, machine.host);
    world.write(db(chain({}, { greeting: 'bye' }), 'nginx:2'));
    const { said, code } = await flycd('sync', '--once');
    expect(said).toContain(
      'its release waits: db has a machine that does not run what git says, on a host that does not answer',
    );
    expect(code).toBe(4);
    expect(greeting('api')).toEqual(['hello']);
  });
});

describe('one that stands still: what lifts that is said to who waits', () => {
  test.each([
    ['a release that failed', [], 'db is not at its newest version yet: the release of what git says failed'],
    ['a rollback', ['rollback', 'db'], 'rolled back to'],
    ['a suspension', ['suspend', 'db', '--reason', 'an incident'], 'an incident'],
  ])('%s', async (_what, argv, because) => {
    world = await arena({ repository: true });
    world.write(chain());
    expect((await flycd('sync', '--once')).code).toBe(0);
    if (argv[0] === 'rollback') {
      world.write(chain({ greeting: 'good' }));
      expect((await flycd('sync', '--once')).code).toBe(0);
    }
    const [command, ...more] = argv;
    if (command !== undefined) expect((await flycd(command, ...more)).code).toBe(0);
    world.write(chain({ image: command === undefined ? 'nginx:failing-check' : 'nginx:2' }, { greeting: 'bye' }));
    await flycd('sync', '--once');
    const diff = await flycd('diff');
    const waiting = diff.said.split('\n').findIndex((line) => line.includes('its release waits: db'));
    const [said = '', next = ''] = diff.said.split('\n').slice(waiting);
    expect(said).toContain(because);
    expect(next).toContain('db: ');
    expect(next).toContain('flycd resume db');
    expect(greeting('api')).toEqual(['hello']);
    expect((await flycd('why', 'api')).said).toContain('flycd resume db');
  });
});

test('going back to an earlier version waits for nobody', async () => {
  world = await arena({ repository: true });
  world.write(chain());
  expect((await flycd('sync', '--once')).code).toBe(0);
  world.write(chain({}, { greeting: 'bye' }));
  expect((await flycd('sync', '--once')).code).toBe(0);
  const [machine] = machines('db');
  await fetch(`${world.simulator.url}/_simulator/apps/db/machines/${machine?.id ?? ''}/checks`, {
    method: 'POST',
    body: JSON.stringify({ rule: 'fail' }),
  });
  await world.clock.sleep(30_000);
  const { code, said } = await flycd('rollback', 'api');
  expect(code, said).toBe(0);
  expect(greeting('api')).toEqual(['hello']);
});

test('a heal and a machine more wait for nobody', async () => {
  world = await arena();
  world.write(chain());
  expect((await flycd('sync', '--once')).code).toBe(0);
  world.write(chain({ image: 'nginx:failing-check' }));
  await flycd('sync', '--once');
  const [machine] = machines('web');
  await world.asPerson('POST', `/apps/web/machines/${machine?.id ?? ''}`, {
    config: { ...machine?.config, env: { GREETING: 'changed by hand' } },
  });
  await world.clock.sleep(60_000);
  await flycd('sync', '--once');
  expect(greeting('web')).toEqual(['hello']);
});

test('with --app only the app itself is touched, and waits for one that is not at its version', async () => {
  world = await arena();
  world.write(chain());
  const { code, said } = await flycd('sync', '--once', '--app', 'web');
  expect(code, said).toBe(4);
  expect(said).toContain('its release waits: api is not at its newest version yet');
  expect([machines('web'), machines('api'), machines('db')].map(({ length }) => length)).toEqual([0, 0, 0]);
});

test('the loop releases one after the other by itself', async () => {
  world = await arena();
  world.write(chain());
  const stop = new AbortController();
  const done = Promise.withResolvers<void>();
  world.simulator.world.onStateChange = () => {
    const [machine] = machines('web');
    if (machine?.state === 'started') done.resolve();
  };
  const began = world.clock.now();
  const looping = world.flycd(['sync'], 'state', stop.signal);
  await done.promise;
  expect(world.clock.now() - began).toBeLessThan(120_000);
  expect([machines('api').length, machines('db').length]).toEqual([1, 1]);
  stop.abort(new Error('stopped by SIGTERM'));
  expect((await looping).code).toBe(0);
});
