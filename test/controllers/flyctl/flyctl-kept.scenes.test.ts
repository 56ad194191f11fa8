/** What somebody did by flyctl's own words is kept or held, and never fought: by a newer commit or `--now` it is undone. */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { arena, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const pinned = (name: string): string =>
  `docker.io/acme/${name}@sha256:${createHash('sha256').update(name).digest('hex')}`;

interface Parts {
  readonly greeting?: string;
  readonly groups?: readonly string[];
  /** Given counts; default none. */
  readonly counts?: boolean;
  readonly drift?: string;
  readonly comment?: string;
  /** Machines of web where counts are given. Default 2. */
  readonly webs?: number;
}

function shop({
  greeting = 'hello',
  groups = ['web', 'worker'],
  counts = true,
  drift,
  comment = '',
  webs = 2,
}: Parts = {}): Files {
  const named = groups.map((group) => `  ${group}: run ${group}\n`).join('');
  const counted = groups.map((group) => `    ${group}: { count: ${group === 'web' ? webs : 1} }\n`).join('');
  return {
    'flycd.yaml': `fleet: kept\n${drift === undefined ? '' : `sync: { drift: ${drift} }\n`}`,
    'shop/app.yaml': `# ${comment}
app: shop
primary_region: arn
build: { image: "${pinned('shop:1')}" }
env: { GREETING: ${greeting} }
processes:
${named}http_service:
  internal_port: 8080
  processes: [web]
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
network: { ips: [] }
${counts ? `machines:\n  groups:\n${counted}` : ''}`,
  };
}

const human = () => world.simulator.flyctl;
const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ state }) => state !== 'destroyed' && state !== 'destroying',
  );
const groupOf = ({ config }: { readonly config: MachineConfig }): string =>
  config.metadata?.['fly_process_group'] ?? '';
const groups = () => machines().map(groupOf).toSorted();

/** What flyctl makes of a fly.toml that names these groups: as they run, a new one like web without services. */
function toml(...names: readonly string[]): Record<string, MachineConfig> {
  const live = (name: string): MachineConfig => {
    const config = machines().find((machine) => groupOf(machine) === name)?.config;
    if (config !== undefined) return { ...config, metadata: {} };
    const { services: _served, checks: _checks, standbys: _standbys, ...rest } = live('web');
    return rest;
  };
  return Object.fromEntries(names.map((name) => [name, live(name)]));
}

async function run(...argv: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

async function start(parts: Parts = {}): Promise<void> {
  world = await arena();
  // An earlier commit: with the first one that a database knows nobody can say when it came.
  world.write(shop({ ...parts, comment: 'before' }));
  expect((await run('sync', '--once')).code).toBe(0);
  await world.clock.sleep(60_000);
  await synced(parts);
}

async function synced(parts: Parts = {}, ...flags: readonly string[]): Promise<void> {
  world.write(shop(parts));
  const { code, said } = await run('sync', '--once', ...flags);
  expect(code, said).toBe(0);
  const diff = await run('diff');
  expect(diff.code, diff.said).toBe(0);
  await world.clock.sleep(60_000);
}

/** Held, pass after pass, and nothing of the app touched. */
async function held(words: string): Promise<void> {
  for (let pass = 0; pass < 2; pass += 1) {
    const before = world.simulator.world.writes().length;
    const { code, said } = await run('sync', '--once');
    expect(code, said).toBe(4);
    expect(said).toContain(words);
    const diff = await run('diff');
    expect(diff.said).toContain('flycd sync --now --app shop');
    expect(world.simulator.world.writes().length).toBe(before);
    await world.clock.sleep(60_000);
  }
}

type Hand = readonly [what: string, does: () => Promise<unknown>, words: string, left: readonly string[]];
const hands: readonly Hand[] = [
  [
    'removes a group',
    () => human().deploy('shop', { configs: toml('web') }),
    'changed by flyctl (release v2): worker has no machine',
    ['web', 'web'],
  ],
  [
    'adds a group',
    () => human().deploy('shop', { configs: toml('web', 'worker', 'cron'), highAvailability: false }),
    'changed by flyctl (release v2): 1 machine of cron, which git does not name',
    ['cron', 'web', 'web', 'worker'],
  ],
  [
    'renames a group',
    () => human().deploy('shop', { configs: toml('web', 'jobs'), highAvailability: false }),
    'changed by flyctl (release v2): worker has no machine',
    ['jobs', 'web', 'web'],
  ],
  [
    'fails, and leaves the group that it added',
    async () => {
      const configs = toml('web', 'worker', 'cron');
      const cron = { ...configs['cron'], image: 'docker.io/acme/crash-loop:1' };
      return human().deploy('shop', { configs: { ...configs, cron }, highAvailability: false });
    },
    '1 machine of cron, which git does not name',
    ['cron', 'web', 'web', 'worker'],
  ],
];

test.each([
  ['renames all of its groups', ['jobs']],
  ['renames one of two', ['web', 'jobs']],
] as const)('the database is lost, and flyctl %s: adopt and --now, each said once, go on', async (_what, names) => {
  await start({ counts: false });
  await human().deploy('shop', { configs: toml(...names), highAvailability: false });
  await world.clock.sleep(60_000);
  world.forget();
  const said: string[] = [];
  for (let times = 0; times < 3; times += 1) {
    const asked = await world.flycd(['sync', '--once']);
    said.push(asked.stderr + asked.stdout);
    if (asked.code === 0) break;
    const word = asked.stdout.includes('flycd adopt shop')
      ? ['adopt', 'shop']
      : ['sync', '--once', '--now', '--app', 'shop'];
    await world.flycd(word);
    await world.clock.sleep(60_000);
  }
  expect(said.length, said.join('\n')).toBeLessThanOrEqual(3);
  expect((await world.flycd(['diff'])).code, said.join('\n')).toBe(0);
});

test('of a bluegreen deployment that died the release by hand is named, and not what FlyCD released before', async () => {
  await start();
  const deploy = {
    image: pinned('shop:1'),
    strategy: 'bluegreen',
    stops: 'interrupted',
    stopsAt: 'replacing',
  } as const;
  expect(await human().deploy('shop', deploy)).toMatchObject({ ok: false });
  await world.clock.sleep(60_000);
  await held('changed by flyctl (release v2): 3 machines that a bluegreen deployment replaced');
  await synced({}, '--now');
  expect(groups()).toEqual(['web', 'web', 'worker']);
});

const webs = () => machines().filter((machine) => groupOf(machine) === 'web');

test('of a bluegreen deployment that died between two tags no more goes than has a green one in its place', async () => {
  const parts = { counts: false, groups: ['web'] };
  await start(parts);
  const [first, second] = webs();
  const deploy = { image: pinned('shop:9'), strategy: 'bluegreen', stops: 'killed', stopsAt: 'replacing' } as const;
  expect(await human().deploy('shop', deploy)).toMatchObject({ ok: false });
  // As if it had not come to the second one.
  const untagged = { metadata: { fly_bluegreen_deployment_tag: null } };
  await world.asPerson('PATCH', `/apps/shop/machines/${second?.id}/metadata`, untagged);
  const [green, other] = webs().filter((machine) => machine !== first && machine !== second);
  expect(await human().destroy('shop', { machine: green?.id ?? '' })).toEqual({ ok: true });
  await world.clock.sleep(1_800_000);
  await synced({ ...parts, comment: 'after' });
  expect(webs().map(({ id }) => id)).toEqual([second?.id, other?.id]);
});

test('what a bluegreen deployment makes is nobody’s copy, while it goes on and after it', async () => {
  await start({ counts: false });
  const deploying = human().deploy('shop', { image: pinned('shop:9'), strategy: 'bluegreen' });
  const heard: string[] = [];
  for (let looks = 0; looks < 4; looks += 1) {
    await world.clock.sleep(7000);
    heard.push((await run('diff')).said);
  }
  expect(await deploying).toEqual({ ok: true });
  heard.push((await run('diff')).said);
  expect(heard[0]).toContain('held (busy): somebody else is at work');
  expect(heard.at(-1)).toContain('changed by flyctl (release v2): 4 machines not as git says');
  expect(heard.join('')).not.toContain('copy');
});

describe.each(hands)('a fly deploy that %s', (_what, does, words, left) => {
  test('is held, and undone by --now', async () => {
    await start();
    await does();
    await world.clock.sleep(60_000);
    await held(words);
    expect(groups()).toEqual(left);
    await synced({}, '--now');
    expect(groups()).toEqual(['web', 'web', 'worker']);
  });

  test('is undone by a commit that comes after it, and not by going back to one from before', async () => {
    await start();
    await does();
    await world.clock.sleep(60_000);
    await held(words);
    world.write(shop({ comment: 'before' }));
    await held(words);
    expect(groups()).toEqual(left);
    await synced({ comment: 'after' });
    expect(groups()).toEqual(['web', 'web', 'worker']);
  });

  test('is held by a FlyCD whose database is lost', async () => {
    await start();
    await does();
    await world.clock.sleep(60_000);
    world.forget();
    await held(words);
    expect(groups()).toEqual(left);
  });

  test('is undone at once where git heals all', async () => {
    await start({ drift: 'heal_all' });
    await does();
    await world.clock.sleep(60_000);
    await synced({ drift: 'heal_all' });
    expect(groups()).toEqual(['web', 'web', 'worker']);
  });
});

test('a commit that nobody has seen before the deployment lifts the hold before there is one', async () => {
  await start();
  expect(await human().deploy('shop', { image: pinned('shop:9') })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
  await synced({ comment: 'after' });
  expect(machines().map(({ config }) => config.image)).toEqual(Array(3).fill(pinned('shop:1')));
});

test('a later deployment by hand is held at the commit that undid an earlier one', async () => {
  await start();
  for (const number of [9, 10]) {
    expect(await human().deploy('shop', { image: pinned(`shop:${number}`) })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    await held('3 machines not as git says');
    await synced({ comment: `after ${number}` });
  }
});

test('a group that git names newly is made, though somebody set a secret by hand meanwhile', async () => {
  await start({ groups: ['web'] });
  expect(await human().setSecrets('shop', { values: { TOKEN: 'x' } })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
  await synced();
  expect(groups()).toEqual(['web', 'web', 'worker']);
});

/** A release that has reached one web machine of three when somebody does that. */
async function inTheMiddle(does: () => Promise<unknown>): Promise<void> {
  await start({ webs: 3 });
  world.write(shop({ webs: 3, greeting: 'bye' }));
  const syncing = run('sync', '--once');
  await world.clock.sleep(6000);
  expect(await does()).toEqual({ ok: true });
  expect(await syncing).toMatchObject({ code: 4, said: expect.stringContaining('is working on the machine') });
  await world.clock.sleep(60_000);
}

const greetings = () => machines().map(({ config }) => config.env?.['GREETING']);

test('fly secrets set in the middle of a release deploys nothing: the release goes on when it is done', async () => {
  await inTheMiddle(() => human().setSecrets('shop', { values: { TOKEN: 'x' } }));
  expect(greetings().filter((greeting) => greeting === 'bye')).toHaveLength(2);
  await synced({ webs: 3, greeting: 'bye' });
  expect(greetings()).toEqual(['bye', 'bye', 'bye', 'bye']);
});

test('fly deploy in the middle of a release is held', async () => {
  await inTheMiddle(() => human().deploy('shop', { image: pinned('shop:9') }));
  await held('changed by flyctl (release v3): 4 machines not as git says');
});

describe('fly scale count, where git gives no count', () => {
  test('to 0 stays, and back up as well', async () => {
    await start({ counts: false });
    const before = groups();
    expect(await human().scaleCount('shop', { count: 0, group: 'web' })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    for (const flags of [[], ['--accept'], []]) {
      const { code, said } = await run('sync', '--once', ...flags);
      expect(code, said).toBe(4);
      expect(said).toContain('web has no machine: somebody scaled it to 0');
      expect(groups()).toEqual(before.filter((group) => group !== 'web'));
    }
    expect((await run('status')).said).toContain('held');
    expect(await human().scaleCount('shop', { count: 1, group: 'worker' })).toMatchObject({ ok: true });
  });

  test.each<readonly [string, Parts, readonly string[]]>([
    ['a commit that changes the app', { counts: false, greeting: 'bye' }, []],
    ['a count in git', {}, []],
    ['a person who insists', { counts: false }, ['--now']],
  ])('to 0 stays until %s', async (_what, wish, flags) => {
    await start({ counts: false });
    expect(await human().scaleCount('shop', { count: 0, group: 'web' })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    await synced(wish, ...flags);
    expect(groups().filter((group) => group === 'web')).toHaveLength(2);
  });

  test('of the whole app to 0 stays, until git gives a count', async () => {
    await start({ counts: false, groups: ['web'] });
    expect(await human().scaleCount('shop', { count: 0 })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    expect((await run('sync', '--once')).code).toBe(4);
    expect(groups()).toEqual([]);
    await synced({ groups: ['web'] });
    expect(groups()).toEqual(['web', 'web']);
  });

  test.each([1500, 2500, 4000])('is not what a first sync says that was stopped after %d ms', async (ms) => {
    world = await arena();
    world.write(shop({ counts: false }));
    world.simulator.world.faults.add({ fault: { latencyMs: 400 }, probability: 1 });
    const stop = new AbortController();
    world.clock.timer(ms, () => stop.abort());
    await world.flycd(['sync', '--once'], undefined, stop.signal);
    world.simulator.world.faults.clear();
    await world.clock.sleep(120_000);
    await run('sync', '--once');
    await synced({ counts: false });
    expect(groups()).toEqual(['web', 'web', 'worker', 'worker']);
  });

  test('is not what the last machine of a version says that failed', async () => {
    await start({ counts: false, groups: ['web'] });
    for (const { id } of machines()) expect(await human().destroy('shop', { machine: id })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    await synced({ counts: false, groups: ['web'], greeting: 'mended' });
    expect(groups()).toEqual(['web', 'web']);
  });

  test('and a deployment by hand after it is held, not the group', async () => {
    await start({ counts: false });
    expect(await human().deploy('shop', { configs: toml('web') })).toEqual({ ok: true });
    await world.clock.sleep(60_000);
    await held('worker has no machine');
  });
});

test('where git gives a count, a group scaled to 0 is put right', async () => {
  await start();
  expect(await human().scaleCount('shop', { count: 0, group: 'worker' })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
  await synced();
  expect(groups()).toEqual(['web', 'web', 'worker']);
});

describe('fly apps suspend', () => {
  test('is refused by flyctl, and changes nothing', async () => {
    await start();
    expect(await human().suspendApp('shop')).toMatchObject({ ok: false });
    await synced();
    expect(machines().every(({ state }) => state === 'started')).toBe(true);
  });

  test.each(['--now', 'a commit', 'fly apps resume'])(
    'of before, by Fly itself, is held, and undone by %s',
    async (undo) => {
      await start();
      expect(await human().pauseApp('shop')).toEqual({ ok: true });
      await world.clock.sleep(60_000);
      for (let pass = 0; pass < 2; pass += 1) {
        const { code, said } = await run('sync', '--once');
        expect(code, said).toBe(4);
        expect(said).toContain('the app is suspended on Fly: 3 machines stopped by hand');
        expect((await run('diff')).said).toContain(
          'fly machine start --app shop for each, a commit, or flycd sync --now --app shop',
        );
      }
      expect(machines().every(({ state }) => state === 'stopped')).toBe(true);
      if (undo === 'fly apps resume') expect(await human().resumeApp('shop')).toEqual({ ok: true });
      await synced({ comment: undo === 'a commit' ? 'after' : '' }, ...(undo === '--now' ? ['--now'] : []));
      expect(machines().every(({ state }) => state === 'started')).toBe(true);
    },
  );
});
