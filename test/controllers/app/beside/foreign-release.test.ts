import { afterEach, describe, expect, test } from 'vitest';
import type { FaultKind } from '../../../../simulator/world/fault-answers.ts';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const listOfReleases = 'GET /api/v1/apps/{app}/releases';

function shop(greeting: string, drift = 'heal') {
  return {
    'flycd.yaml': `fleet: polite\nsync: { drift: ${drift} }\n`,
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/shop:1
env:
  GREETING: ${greeting}
http_service:
  internal_port: 8080
machines:
  count: 2
`,
  };
}

async function run(...argv: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

const sync = (...flags: readonly string[]) => run('sync', '--once', ...flags);

/** An app in sync, and git one greeting further. */
async function moved(): Promise<void> {
  world = await arena();
  world.write(shop('hello'));
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  world.write(shop('bye'));
}

const platform = () => world.simulator.world;
const app = () => platform().apps.get('shop');
const machines = () => [...(app()?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const greetings = () => machines().map(({ config }) => config.env?.['GREETING']);
const releases = () => app()?.releases.map(({ version, status }) => [version, status]);
/** Of the sync that made the app. */
const ours = [1, 'complete'];
const asked = (): number => platform().requests.filter(({ template }) => template === listOfReleases).length;

describe('somebody deploys by hand, and has not touched a machine yet', () => {
  test('FlyCD waits, says for whom, and goes on once the release is complete', async () => {
    await moved();
    const answered = Promise.withResolvers<void>();
    const deploying = world.simulator.flyctl.deploy('shop', { image: 'shop:2', waitsFor: answered.promise });
    expect(releases()).toEqual([[2, 'running'], ours]);
    expect(machines().every(({ lease }) => lease === undefined)).toBe(true);
    const writes = platform().writes().length;
    const diff = await run('diff');
    expect(diff.said).toContain('human@example.com runs release v2, since 00:0');
    expect(diff.code, diff.said).toBe(4);
    const first = await sync();
    expect(first.said).toContain('somebody else is at work: human@example.com runs release v2');
    expect(first.code, first.said).toBe(4);
    expect(platform().writes().length).toBe(writes);
    expect(greetings()).toEqual(['hello', 'hello']);

    answered.resolve();
    expect(await deploying).toEqual({ ok: true });
    expect(releases()).toEqual([[2, 'complete'], ours]);
    expect(machines().map(({ config }) => config.image)).toEqual(['shop:2', 'shop:2']);
    const second = await sync('--now');
    expect(second.code, second.said).toBe(0);
    expect(greetings()).toEqual(['bye', 'bye']);
  });

  test('a tag that a finished deployment left on a young machine stops nobody', async () => {
    await moved();
    const [first] = machines();
    const tag = `/apps/shop/machines/${first?.id ?? ''}/metadata/fly_bluegreen_deployment_tag`;
    await world.asPerson('POST', tag, { value: '1767225600' });
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(greetings()).toEqual(['bye', 'bye']);
  });

  test.each(['failed', 'interrupted'] as const)('a release that %s is over', async (end) => {
    await moved();
    const how = end === 'interrupted' ? { stops: end } : { releaseCommand: 'migrate', image: 'shop:failing-release' };
    expect(await world.simulator.flyctl.deploy('shop', { ...how, slowMs: 1000 })).toMatchObject({ ok: false });
    expect(releases()).toEqual([[2, end], ours]);
    // The machine of the release command is gone.
    await world.clock.sleep(60_000);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(greetings()).toEqual(['bye', 'bye']);
  });

  test('a release left running by a killed process stops FlyCD for half an hour, and no longer', async () => {
    await moved();
    expect(await world.simulator.flyctl.deploy('shop', { stops: 'killed' })).toEqual({ ok: false, error: 'killed' });
    const began = world.clock.now();
    for (let minute = 0; minute < 30; minute += 10) {
      const { code, said } = await sync();
      expect(code, said).toBe(4);
      await world.clock.sleep(began + (minute + 10) * 60_000 - world.clock.now());
    }
    expect(greetings()).toEqual(['hello', 'hello']);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(releases()).toEqual([[3, 'complete'], [2, 'running'], ours]);
    expect(greetings()).toEqual(['bye', 'bye']);
  });

  test('the loop looks again every minute, and goes on by itself when the release is complete', async () => {
    await moved();
    world.write(shop('bye', 'heal_all'));
    const answered = Promise.withResolvers<void>();
    const deploying = world.simulator.flyctl.deploy('shop', { image: 'shop:2', waitsFor: answered.promise });
    const looks: number[] = [];
    platform().onRequest = ({ phase, request }) => {
      if (phase === 'after' && request.template === listOfReleases) looks.push(request.at);
      if (looks.length === 5) answered.resolve();
    };
    const stop = new AbortController();
    const healed = Promise.withResolvers<void>();
    platform().onStateChange = () => {
      const done = machines().every(({ config, state }) => config.env?.['GREETING'] === 'bye' && state === 'started');
      if (done) healed.resolve();
    };
    const looping = world.flycd(['sync'], 'state', stop.signal);
    await deploying;
    expect(greetings()).toEqual(['hello', 'hello']);
    expect(machines().map(({ config }) => config.image)).toEqual(['shop:2', 'shop:2']);
    await healed.promise;
    expect(machines().map(({ config }) => config.image?.includes('library/shop:1'))).toEqual([true, true]);
    stop.abort(new Error('stopped by SIGTERM'));
    expect((await looping).code).toBe(0);
    const apart = looks.slice(1, 5).map((at, index) => at - (looks[index] ?? 0));
    expect(Math.max(...apart)).toBeLessThan(65_000);
  });

  test('an app in sync is not asked for its releases, whoever is at work', async () => {
    await moved();
    world.write(shop('hello'));
    void world.simulator.flyctl.deploy('shop', { stops: 'killed' });
    const before = asked();
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(said).toContain('1 synced');
    expect(asked()).toBe(before);
  });
});

describe('an interface that fails is only a detector less', () => {
  const page = { status: 200, body: '<html>welcome</html>' };
  test.each<[string, FaultKind]>([
    ['answers 500', '500'],
    ['is gone', { status: 404, body: { error: 'not found' } }],
    ['refuses the token', { status: 401, body: { error: 'unauthorized' } }],
    ['answers garbage', page],
    ['answers something else', { status: 200, body: { data: { releases: {} } } }],
    ['cuts the connection', 'reset-before'],
    ['takes an hour', { latencyMs: 3_600_000 }],
  ])('that %s: the app is synced, with one note, and is never pending', async (_name, fault) => {
    await moved();
    platform().faults.add({ template: listOfReleases, fault, times: 1000 });
    const note = 'a deployment in progress is seen only by its machines and leases';
    const diff = await run('diff');
    expect(diff.code, diff.said).toBe(2);
    expect(diff.said.split(note)).toHaveLength(2);
    const began = world.clock.now();
    const first = await sync();
    expect(first.code, first.said).toBe(0);
    expect(greetings()).toEqual(['bye', 'bye']);
    expect(world.clock.now() - began).toBeLessThan(60_000);
    const again = await run('diff');
    expect(again.code, again.said).toBe(0);
    expect(again.said).not.toContain(note);
    expect(platform().faults.list()[0]?.hit).toBeGreaterThan(0);
  });

  test('a new app has no releases to ask for', async () => {
    world = await arena();
    world.write(shop('hello'));
    expect((await run('diff')).code).toBe(2);
    expect(asked()).toBe(0);
  });
});
