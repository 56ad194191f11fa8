/** Two or three that sync one app at once: what was planned before the wait for its lock is planned again after it. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';

let world: Arena;
afterEach(() => world.close());

interface Parts {
  readonly image?: string;
  readonly count?: number;
  readonly command?: string;
  readonly more?: string;
}

function shop({ image = 'shop:1', count = 2, command, more = '' }: Parts = {}): Files {
  return {
    'flycd.yaml': 'fleet: jobs\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
machines:
  groups: { app: { count: ${count} } }
deploy:
  wait_timeout: 30s
${command === undefined ? '' : `  release_command: ${command}\n`}http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s, grace_period: 1s }]
${more}`,
  };
}

const all = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const there = () => all().filter(({ state }) => !state.startsWith('destroy'));
const imageOf = (image: string | undefined): string | undefined => /acme\/([^@]+)/.exec(image ?? '')?.[1];
const images = () => there().map(({ config }) => imageOf(config.image));
/** Machines on which the release command of an image ran. */
const commandsOf = (image: string) =>
  all().filter(({ name, config }) => name.startsWith('release') && imageOf(config.image) === image);
/** Newest first. */
const records = () => world.simulator.world.apps.get('shop')?.releases.map(({ version, status }) => [version, status]);

async function sync(state?: string) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], state);
  return { code, said: stderr + stdout };
}

/** One `sync --once` for each database named, two seconds apart. */
function jobs(...states: readonly string[]) {
  return Promise.all(states.map((state, index) => world.clock.sleep(index * 2000).then(() => sync(state))));
}

const denied = ['release failed', 'release command did not succeed', 'release command failed', 'machine version'];

function expectDone(ended: readonly { readonly code: number; readonly said: string }[]): void {
  for (const { code, said } of ended) {
    expect.soft(code, said).toBe(0);
    for (const words of denied) expect.soft(said).not.toContain(words);
  }
}

const databases = [
  ['a database each', ['state', 'b']],
  ['one database', ['state', 'state']],
  ['three, a database each', ['state', 'b', 'c']],
  ['three, one database', ['state', 'state', 'state']],
] as const;

describe('jobs two seconds apart', () => {
  test.each(databases)('with a release command, %s: it runs once, and all end well', async (_what, states) => {
    const parts = { image: 'long-job:2', command: 'migrate' };
    world = await prepared([shop({ command: 'migrate' })], shop(parts));
    const ended = await jobs(...states);
    expect.soft(commandsOf('long-job:2')).toHaveLength(1);
    expect.soft(images()).toEqual(['long-job:2', 'long-job:2']);
    expect.soft(records()).toEqual([
      [2, 'complete'],
      [1, 'complete'],
    ]);
    expectDone(ended);
  });

  test.each(databases)('without one, %s: each machine is updated once', async (_what, states) => {
    world = await prepared([shop()], shop({ image: 'shop:2' }));
    const ended = await jobs(...states);
    expect.soft(there().map(({ versions }) => versions.length)).toEqual([2, 2]);
    expect.soft(records()).toEqual([
      [2, 'complete'],
      [1, 'complete'],
    ]);
    expectDone(ended);
  });

  test.each(databases)('that scale up, %s: as many machines as git says', async (_what, states) => {
    world = await prepared([shop()], shop({ count: 4 }));
    expectDone(await jobs(...states));
    expect(images()).toHaveLength(4);
  });

  test.each(databases)('that scale down, %s', async (_what, states) => {
    world = await prepared([shop({ count: 4 })], shop({ count: 1, image: 'shop:2' }));
    expectDone(await jobs(...states));
    expect(images()).toEqual(['shop:2']);
  });

  test('where lists lag: the command runs once', async () => {
    world = await prepared([shop({ command: 'migrate' })], shop({ image: 'long-job:2', command: 'migrate' }));
    world.simulator.world.lag.set({ listMs: 10_000 });
    const ended = await jobs('state', 'b');
    expect.soft(commandsOf('long-job:2')).toHaveLength(1);
    expectDone(ended);
    expect(images()).toEqual(['long-job:2', 'long-job:2']);
  });

  test('of a command that fails: it runs once, and the version is held for both', async () => {
    const parts = { image: 'failing-release:2', command: 'migrate' };
    world = await prepared([shop({ command: 'migrate' })], shop(parts));
    const [, second] = await jobs('state', 'b');
    expect.soft(commandsOf('failing-release:2')).toHaveLength(1);
    expect.soft(records()?.[0]).toEqual([2, 'failed']);
    expect.soft(second?.code, second?.said).toBe(4);
    expect.soft(images()).toEqual(['shop:1', 'shop:1']);
  });
});

describe('a command that takes longer than a lease', () => {
  test.each([
    ['b', 'ends as waiting', 4],
    ['state', 'waits, and finds it done', 0],
  ])('the other one (its database: %s) %s, and its record stays', async (state, _how, code) => {
    world = await prepared([shop({ command: 'migrate' })], shop({ image: 'slow-pull:2', command: 'migrate' }));
    const seen = new Set<string>();
    world.simulator.world.onRequest = () => void seen.add(String(records()?.[0]?.[1]));
    const [first, second] = await Promise.all([sync(), world.clock.sleep(5000).then(() => sync(state))]);
    expect.soft(first.code, first.said).toBe(0);
    expect.soft(second.code, second.said).toBe(code);
    for (const words of [...denied, ' failed']) expect.soft(second.said).not.toContain(words);
    expect.soft([...seen]).toEqual(['complete', 'pending', 'running']);
    expect(commandsOf('slow-pull:2')).toHaveLength(1);
    expect((await sync(state)).code).toBe(0);
  });
});

describe('the first is killed', () => {
  test('while its command runs: the other one waits for that very machine', async () => {
    const [before, files] = [shop({ command: 'migrate' }), shop({ image: 'long-job:2', command: 'migrate' })];
    const call = await callOf('GET /apps/{app}/machines/{machine}/wait', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    const [, second] = await Promise.all([
      world.mortalFlycd(['sync', '--once'], { call, when: 'before' }),
      world.clock.sleep(2000).then(() => sync('b')),
    ]);
    expectDone([second]);
    expect.soft(images()).toEqual(['long-job:2', 'long-job:2']);
    expect(records()?.[0]?.[1]).toBe('complete');
  });

  test('when it has updated one machine: the other one goes on with the rest, without the command', async () => {
    const [before, files] = [shop({ command: 'migrate' }), shop({ image: 'long-job:2', command: 'migrate' })];
    const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [before], files });
    world = await prepared([before], files, { orderly: true });
    const [, second] = await Promise.all([
      world.mortalFlycd(['sync', '--once'], { call, when: 'after' }),
      // While the command runs: neither is refused for Fly's limits, so that the call is the same one.
      world.clock.sleep(8000).then(() => sync('b')),
    ]);
    expectDone([second]);
    expect.soft(commandsOf('long-job:2')).toHaveLength(1);
    expect.soft(images()).toEqual(['long-job:2', 'long-job:2']);
    expect(records()?.[0]?.[1]).toBe('complete');
  });
});

test('one look that does not show the machine which is the lock ends nothing: it is held', async () => {
  const more = (ips: string) => ({ count: 1, more: `network: { ips: [${ips}] }\n` });
  world = await prepared([shop(more('{ v: v6 }'))], shop(more('{ v: v6 }, { v: v4 }')));
  const hidden = { status: 404, body: { error: 'machine not found' } };
  world.simulator.world.faults.add({ template: 'GET /apps/{app}/machines/{machine}', times: 1, fault: hidden });
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(world.simulator.world.apps.get('shop')?.addresses.size).toBe(2);
});
