import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import type { FaultKind } from '../../../simulator/world/fault-answers.ts';
import { callOf } from '../calls.ts';
import { arena, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const pinned = (image: string): string =>
  `docker.io/library/${image}@sha256:${createHash('sha256').update(image).digest('hex')}`;

interface Parts {
  readonly image?: string;
  readonly greeting?: string;
  readonly count?: number;
  readonly deploy?: string;
  readonly secret?: string;
}

function shop({ image = 'shop:1', greeting = 'hello', count = 2, deploy = '', secret }: Parts = {}): Files {
  const secrets = secret === undefined ? '' : `secrets: [{ name: PASSWORD, type: raw, raw: ${secret} }]\n`;
  return {
    'flycd.yaml': 'fleet: told\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: ${pinned(image)}
env:
  GREETING: ${greeting}
http_service:
  internal_port: 8080
${deploy}${secrets}machines:
  count: ${count}
`,
  };
}

const platform = () => world.simulator.world;
const app = () => platform().apps.get('shop');
const machines = () => [...(app()?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
/** Newest first. */
const releases = () => app()?.releases.map(({ version, status }) => [version, status]);
const told = () => machines().map(({ config }) => config.metadata?.['fly_release_version']);

async function sync(
  files?: Files,
  ...flags: readonly string[]
): Promise<{ readonly code: number; readonly said: string }> {
  if (files !== undefined) world.write(files);
  const { code, stdout, stderr } = await world.flycd(['sync', '--once', ...flags]);
  return { code, said: stderr + stdout };
}

async function synced(files: Files = shop(), ...flags: readonly string[]): Promise<void> {
  const { code, said } = await sync(files, ...flags);
  expect(code, said).toBe(0);
}

async function start(files: Files = shop()): Promise<void> {
  world = await arena({ orderly: true });
  await synced(files);
}

describe('a release is told to Fly', () => {
  test('with its config and image, running while machines change, and complete at the end', async () => {
    world = await arena();
    const seen = new Set<string>();
    platform().onStateChange = () => {
      for (const { status } of app()?.releases ?? []) seen.add(status);
    };
    await synced();
    expect([...seen]).toEqual(['pending', 'running']);
    expect(app()?.releases).toMatchObject([
      {
        version: 1,
        status: 'complete',
        strategy: 'ROLLING',
        image: pinned('shop:1'),
        definition: { app: 'shop', primary_region: 'arn', env: { GREETING: 'hello' } },
      },
    ]);
    const id = app()?.releases[0]?.id;
    for (const { config } of machines()) {
      expect(config.metadata).toMatchObject({
        fly_release_id: id,
        fly_release_version: '1',
        fly_platform_version: 'v2',
        fly_process_group: 'app',
        fly_flyctl_version: 'flycd',
      });
    }
    const diff = await world.flycd(['diff']);
    expect(diff.code, diff.stdout).toBe(0);
  });

  test('once for each new config or image, and not for a scale up or a secret', async () => {
    await start(shop({ secret: 'one' }));
    await synced(shop({ secret: 'one', greeting: 'bye' }));
    expect([releases(), told()]).toEqual([
      [
        [2, 'complete'],
        [1, 'complete'],
      ],
      ['2', '2'],
    ]);
    await synced(shop({ secret: 'one', greeting: 'bye', count: 3 }));
    await synced(shop({ secret: 'two', greeting: 'bye', count: 3 }));
    expect([releases()?.length, told()]).toEqual([2, ['2', '2', '2']]);
  });

  test('as failed where a machine does not become healthy, and the same record is complete after a retry', async () => {
    await start(shop());
    const check = 'checks: { up: { type: tcp, port: 8080, interval: 5s, timeout: 2s } }\n';
    const bad = shop({ image: 'shop:2', deploy: `deploy: { wait_timeout: 20s }\n${check}` });
    platform().faults.add({ template: 'POST /apps/{app}/machines/{machine}', fault: '500', times: 10 });
    expect((await sync(bad)).code).toBe(1);
    expect(releases()).toEqual([
      [2, 'failed'],
      [1, 'complete'],
    ]);
    platform().faults.clear();
    await synced(bad);
    expect([releases(), told()]).toEqual([
      [
        [2, 'complete'],
        [1, 'complete'],
      ],
      ['2', '2'],
    ]);
  });

  test('as failed where its release command fails', async () => {
    await start();
    const command = 'deploy: { release_command: migrate }\n';
    expect((await sync(shop({ image: 'shop:failing-release', deploy: command }))).code).toBe(1);
    expect([releases(), told()]).toEqual([
      [
        [2, 'failed'],
        [1, 'complete'],
      ],
      ['1', '1'],
    ]);
  });

  test('a hand-made deploy that is put back is a release of its own again', async () => {
    await start();
    expect(await world.simulator.flyctl.deploy('shop', { image: 'shop:9' })).toEqual({ ok: true });
    const { code, said } = await sync();
    expect(code, said).toBe(4);
    expect(said).toContain('changed by flyctl (release v2)');
    await synced(shop(), '--now');
    expect([releases(), told()]).toEqual([
      [
        [3, 'complete'],
        [2, 'complete'],
        [1, 'complete'],
      ],
      ['3', '3'],
    ]);
  });

  test('and flyctl by hand goes on from it: its deploy updates the same machines', async () => {
    await start();
    const before = machines().map(({ id }) => id);
    expect(await world.simulator.flyctl.deploy('shop', { image: 'shop:9' })).toEqual({ ok: true });
    expect(machines().map(({ id }) => id)).toEqual(before);
    expect(told()).toEqual(['2', '2']);
  });
});

describe('a FlyCD that dies', () => {
  async function killed(template: string, when: 'before' | 'after', heir?: string): Promise<void> {
    const before = [shop()];
    const files = shop({ greeting: 'bye' });
    const call = await callOf(template, 1, { before, files });
    await start();
    world.write(files);
    await world.mortalFlycd(['sync', '--once'], { call, when });
    const { code, stderr } = await world.flycd(['sync', '--once'], heir);
    expect(code, stderr).toBe(0);
    expect(machines().map(({ config }) => config.env?.['GREETING'])).toEqual(['bye', 'bye']);
    expect(told()).toEqual(['2', '2']);
  }

  test.each([
    ['POST /api/v1/releases', 'after'],
    ['POST /apps/{app}/machines/{machine}', 'before'],
    ['POST /apps/{app}/machines/{machine}', 'after'],
    ['PATCH /api/v1/releases/{release}', 'after'],
  ] as const)('at %s (%s): the next one takes up its record, with and without its database', async (template, when) => {
    for (const heir of [undefined, 'another']) {
      await killed(template, when, heir);
      expect(releases()).toEqual([
        [2, 'complete'],
        [1, 'complete'],
      ]);
      await world.close();
    }
    await start();
  });

  test('with all machines done: the record it left running is closed by the next one, which changes nothing', async () => {
    const files = shop({ greeting: 'bye' });
    const call = await callOf('PATCH /api/v1/releases/{release}', 2, { before: [shop()], files });
    await start();
    world.write(files);
    await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
    expect(releases()).toEqual([
      [2, 'running'],
      [1, 'complete'],
    ]);
    await synced(files);
    expect(releases()).toEqual([
      [2, 'complete'],
      [1, 'complete'],
    ]);
  });

  test.each([
    [false, { greeting: 'later' }],
    [true, { greeting: 'later' }],
    [true, { greeting: 'bye', image: 'acme/shop:3' }],
  ])('and git has moved on: its record is interrupted; its database lost: %s; to %o', async (isLost, next) => {
    const files = shop({ greeting: 'bye' });
    const call = await callOf('POST /apps/{app}/machines/{machine}', 2, { before: [shop()], files });
    await start();
    world.write(files);
    await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
    if (isLost) world.forget();
    await synced(shop(next));
    expect(releases()).toEqual([
      [3, 'complete'],
      [2, 'interrupted'],
      [1, 'complete'],
    ]);
  });
});

/** Only machines say whose a record is, once its database is lost: also those that somebody has destroyed since. */
describe('a record whose machine somebody has destroyed, and its FlyCD died', () => {
  /** Its first machine names record 2, which is left running. */
  async function cutShort(): Promise<void> {
    const files = shop({ greeting: 'bye' });
    const call = await callOf('POST /apps/{app}/machines/{machine}', 2, { before: [shop()], files });
    await start();
    world.write(files);
    await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
    const [named] = machines().filter(({ config }) => config.metadata?.['fly_release_version'] === '2');
    expect(await world.simulator.flyctl.destroy('shop', { machine: named?.id ?? '' })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    expect(releases()).toEqual([
      [2, 'running'],
      [1, 'complete'],
    ]);
  }

  test.each(['another', 'state'])('is taken up by the next one (its database: %s, new)', async (heir) => {
    await cutShort();
    if (heir === 'state') world.forget();
    const { code, stdout, stderr } = await world.flycd(['sync', '--once'], heir);
    expect(code, stderr + stdout).toBe(0);
    expect(releases()).toEqual([
      [2, 'complete'],
      [1, 'complete'],
    ]);
    expect(told()).toEqual(['2', '2']);
  });

  test('is closed by the next one where git has moved on', async () => {
    await cutShort();
    world.forget();
    await synced(shop({ greeting: 'later' }));
    expect(releases()).toEqual([
      [3, 'complete'],
      [2, 'interrupted'],
      [1, 'complete'],
    ]);
  });

  test('does not make a release of somebody else’s ours', async () => {
    await cutShort();
    world.forget();
    void world.simulator.flyctl.deploy('shop', { image: 'shop:9', stops: 'killed' });
    const { code, said } = await sync();
    expect(code, said).toBe(4);
    expect(said).toContain('human@example.com runs release v3');
  });

  test('costs no list more where nobody seems to be at work', async () => {
    await start();
    platform().requests.length = 0;
    await synced(shop({ greeting: 'bye' }));
    const lists = platform().requests.filter(({ template }) => template === 'GET /apps/{app}/machines');
    expect(lists).toHaveLength(3);
  });
});

describe('an interface that fails holds up nothing', () => {
  test.each<[string, FaultKind]>([
    ['answers 500', '500'],
    ['is gone', { status: 404, body: { error: 'not found' } }],
    ['answers garbage', { status: 200, body: '<html>welcome</html>' }],
    ['cuts the connection', 'reset-before'],
    ['takes an hour', { latencyMs: 3_600_000 }],
  ])('that %s: machines get what git wants, seconds later at most', async (_name, fault) => {
    world = await arena();
    for (const template of [
      'POST /api/v1/releases',
      'PATCH /api/v1/releases/{release}',
      'GET /api/v1/apps/{app}/releases',
    ])
      platform().faults.add({ template, fault, times: 1000 });
    let firstAt: number | undefined;
    const began = world.clock.now();
    platform().onStateChange = () => {
      firstAt ??= world.clock.now();
    };
    await synced();
    expect((firstAt ?? Infinity) - began).toBeLessThan(15_000);
    expect(told()).toEqual([undefined, undefined]);
    await synced(shop({ greeting: 'bye' }));
    const diff = await world.flycd(['diff']);
    expect(diff.code, diff.stdout).toBe(0);
  });

  test('that hangs is waited for once, not for each app', async () => {
    world = await arena();
    const names = Array.from({ length: 12 }, (_, index) => `shop-${index}`);
    const files = Object.fromEntries(
      names.map((name) => [`${name}/app.yaml`, (shop()['shop/app.yaml'] ?? '').replace('app: shop', `app: ${name}`)]),
    );
    const began = world.clock.now();
    await synced({ 'flycd.yaml': 'fleet: told\n', ...files });
    const healthyMs = world.clock.now() - began;
    for (const template of ['POST /api/v1/releases', 'GET /api/v1/apps/{app}/releases'])
      platform().faults.add({ template, fault: { latencyMs: 3_600_000 }, times: 1000 });
    const moved = Object.fromEntries(
      Object.entries(files).map(([path, text]) => [path, text.replace('hello', 'good morning')]),
    );
    const again = world.clock.now();
    await synced(moved);
    expect(world.clock.now() - again).toBeLessThan(healthyMs + 15_000);
  });
});

describe('an app that was destroyed and is made anew gets a release of its own', () => {
  const remade = async (): Promise<void> => {
    await world.asPerson('DELETE', '/apps/shop?force=true');
    await world.asPerson('POST', '/apps', { app_name: 'shop', org_slug: 'personal' });
  };
  /** As the database of a FlyCD that did not write down which app it knew. */
  const forgetWhich = (): void => {
    const database = new Sqlite(join(world.stateFolder, 'flycd', 'flycd.db'));
    expect(database.prepare('UPDATE app_memory SET app_id = NULL').run().changes).toBe(1);
    database.close();
  };
  const killed = async (call: number): Promise<void> => {
    await world.asPerson('DELETE', '/apps/shop?force=true');
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    await world.clock.sleep(60_000);
  };

  test.each<[string, () => unknown]>([
    ['by FlyCD', () => world.asPerson('DELETE', '/apps/shop?force=true')],
    ['by somebody', remade],
    ['by somebody, which an older database cannot tell', () => remade().then(forgetWhich)],
    ['by a FlyCD that was killed before there was one', () => killed(8)],
    ['by a FlyCD that was killed with the first machine', () => killed(14)],
  ])('%s', async (_who, befalls) => {
    await start();
    await synced(shop({ greeting: 'servus' }));
    const earlier = new Set(app()?.releases.map(({ id }) => id));
    await befalls();
    expect((await sync(undefined, '--now')).code).toBe(0);
    expect(releases()).toEqual([[1, 'complete']]);
    expect(app()?.releases.filter(({ id }) => earlier.has(id))).toEqual([]);
    expect(told()).toEqual(['1', '1']);
  });
});
