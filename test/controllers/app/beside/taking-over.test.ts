import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const image = (name: string): string => `docker.io/library/${name}@sha256:${hash('sha256', name)}`;

function shop(greeting = 'hello', more = ''): Record<string, string> {
  return {
    'flycd.yaml': 'fleet: takes\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: ${image('shop:1')}
env:
  GREETING: ${greeting}
deploy:
  wait_timeout: 60s
http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
machines:
  count: 3
${more}`,
  };
}

async function run(...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}
const sync = (...flags: readonly string[]) => run('sync', '--once', ...flags);

/** And a while later. */
async function asPerson(method: string, path: string, body?: unknown): Promise<void> {
  await world.asPerson(method, path, body);
  await world.clock.sleep(5000);
}

const machines = () => world.simulator.world.snapshot().find((app) => app.name === 'shop')?.machines ?? [];
const greetings = (): unknown[] => machines().map(({ config }) => config.env?.['GREETING']);
const writes = (): number => world.simulator.world.writes().length;

/** As `fly deploy` leaves a machine: its own release written on it. */
async function deployByHand(release: number, env: Record<string, string>): Promise<void> {
  for (const { id, config } of machines()) {
    const metadata = { ...config.metadata, fly_release_id: `r${release}`, fly_release_version: String(release) };
    await asPerson('POST', `/apps/shop/machines/${id}`, {
      config: { ...config, metadata, env: { ...config.env, ...env } },
    });
  }
}

describe('an app that somebody else made', () => {
  test('is not touched until a person says so, and then taken over once', async () => {
    world = await arena();
    await asPerson('POST', '/apps', { name: 'shop', org_slug: 'personal' });
    for (const name of ['one', 'two']) {
      const metadata = { fly_platform_version: 'v2', fly_process_group: 'app' };
      const config = { image: image('shop:1'), env: { GREETING: 'by hand' }, metadata };
      await asPerson('POST', '/apps/shop/machines', { name, region: 'arn', config });
    }
    world.write(shop());
    const before = writes();
    for (let pass = 0; pass < 2; pass += 1) {
      const ran = await sync();
      expect(ran.code, ran.said).toBe(4);
      expect(ran.said).toContain('flycd adopt shop');
    }
    expect(writes()).toBe(before);
    const adopted = await run('adopt', 'shop');
    expect(adopted.code, adopted.said).toBe(0);
    expect(greetings()).toEqual(['hello', 'hello', 'hello']);
    expect(machines().map(({ name }) => name)).toEqual(['app-arn-3-g1', 'one', 'two']);
    expect((await run('diff')).code).toBe(0);
  });

  test('is asked for, too, where FlyCD made it and nothing says so any more', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    await asPerson('POST', '/apps/shop/machines', { name: 'theirs', region: 'arn', config: { image: image('other') } });
    for (const { id, name } of machines()) {
      if (name !== 'theirs') await asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
    }
    world.forget();
    for (const flags of [[], ['--accept', '--now']]) {
      const ran = await sync(...flags);
      expect(ran.code, ran.said).toBe(4);
      expect(ran.said).toContain('nothing says that FlyCD made the app, and its machines are none that git names');
    }
    const adopted = await run('adopt', 'shop');
    expect(adopted.code, adopted.said).toBe(0);
    expect(machines().map(({ name }) => name)).toEqual(['app-arn-1-g2', 'app-arn-2-g2', 'app-arn-3-g2', 'theirs']);
    expect((await run('diff')).code).toBe(0);
  });

  test('gets evidence of a secret that is set in the pass that labels its machine', async () => {
    world = await arena();
    world.write(shop('hello', 'secrets:\n  - { name: TOKEN, type: raw, raw: correct-horse }\n'));
    expect((await sync()).code).toBe(0);
    // As flyctl made them: none of our stamps, and the secret is gone.
    for (const { id, config } of machines()) {
      const theirs = Object.keys(config.metadata ?? {}).filter((key) => key.startsWith('flycd_'));
      for (const key of theirs) await asPerson('DELETE', `/apps/shop/machines/${id}/metadata/${key}`);
      await asPerson('POST', `/apps/shop/machines/${id}/stop`);
    }
    await asPerson('POST', '/apps/shop/secrets', { values: { TOKEN: null } });
    await world.clock.sleep(60_000);
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect(machines().map(({ metadata }) => metadata['flycd_secrets'] ?? '')).toEqual(
      Array(3).fill(expect.stringContaining('TOKEN')),
    );
    const diff = await run('diff');
    expect(diff.code, diff.said).toBe(0);
  });
});

/** Each command that the hold names is run, in its order, once the leases are over. */
describe('a word to adopt that is held with the rest goes on by what the hold names', () => {
  const asked = (said: string): readonly string[][] =>
    [...said.matchAll(/flycd ((?:adopt|resume) shop)/g)].map(([, command = '']) => command.split(' '));

  test.each([
    ['somebody deploys', 'app', () => lease(), [['adopt', 'shop']]],
    ['somebody deploys', 'worker', () => lease(), [['adopt', 'shop']]],
    [
      'it is suspended',
      'app',
      () => run('suspend', 'shop', '--reason', 'x'),
      [
        ['resume', 'shop'],
        ['adopt', 'shop'],
      ],
    ],
    [
      'it is suspended',
      'worker',
      () => run('suspend', 'shop', '--reason', 'x'),
      [
        ['resume', 'shop'],
        ['adopt', 'shop'],
      ],
    ],
  ] as const)('%s (its machines are of the group %s)', async (_what, group, meanwhile, commands) => {
    world = await arena();
    await asPerson('POST', '/apps', { name: 'shop', org_slug: 'personal' });
    for (const name of ['one', 'two']) {
      const config = { image: image('other'), metadata: { fly_platform_version: 'v2', fly_process_group: group } };
      await asPerson('POST', '/apps/shop/machines', { name, region: 'arn', config });
    }
    world.write(shop());
    await meanwhile();
    const adopted = await run('adopt', 'shop');
    expect(adopted.code, adopted.said).toBe(4);
    expect(adopted.said).not.toContain('goes on by itself');
    expect(asked(adopted.said)).toEqual(commands);
    await world.clock.sleep(600_000);
    for (const command of commands) {
      const { code, said } = await run(...command);
      expect(code, said).toBe(0);
    }
    const done = await sync();
    expect(done.code, done.said).toBe(0);
    expect((await run('diff')).code).toBe(0);
  });

  async function lease(): Promise<void> {
    for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/lease`, { ttl: 100 });
  }
});

describe('a person insists', () => {
  test('deploy --force updates every machine once, without a change in git', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    const old = machines().map(({ version }) => version);
    const forced = await run('deploy', '--force');
    expect(forced.code, forced.said).toBe(0);
    expect(
      machines()
        .map(({ version }) => version)
        .filter((version) => old.includes(version)),
    ).toEqual([]);
    const before = writes();
    expect((await sync()).code).toBe(0);
    expect(writes()).toBe(before);
  });
});

describe('a `fly deploy` by hand', () => {
  test('is held until a new commit; put back and done again later, it is held again', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    await deployByHand(7, { GREETING: 'by hand' });
    const held = await sync();
    expect(held.code, held.said).toBe(4);
    expect(held.said).toContain('changed by flyctl (release v7)');
    expect(greetings()).toEqual(['by hand', 'by hand', 'by hand']);
    await deployByHand(8, { GREETING: 'hello' });
    expect((await sync()).code).toBe(0);
    // A commit that has nothing to do with this app.
    world.write({ 'README.md': 'words' });
    expect((await sync()).code).toBe(0);
    await deployByHand(9, { GREETING: 'again' });
    expect((await sync()).code).toBe(4);
    expect(greetings()).toEqual(['again', 'again', 'again']);
    world.write(shop('new'));
    expect((await sync()).code).toBe(0);
    expect(greetings()).toEqual(['new', 'new', 'new']);
  });

  test('--now heals it at once', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    await deployByHand(7, { GREETING: 'by hand' });
    expect((await sync('--now')).code).toBe(0);
    expect(greetings()).toEqual(['hello', 'hello', 'hello']);
  });
});

describe('healing', () => {
  test('what breaks the first machine it heals is not done to the others, also by the next passes', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    for (const { id, config } of machines()) {
      await asPerson('POST', `/apps/shop/machines/${id}`, { config: { ...config, env: { GREETING: 'hotfix' } } });
    }
    // What git says does not work any more.
    checksSay((machine) => machine.config.env?.['GREETING'] !== 'hello');
    for (let pass = 0; pass < 3; pass += 1) {
      const ran = await sync();
      expect(ran.code, ran.said).toBe(1);
      expect(greetings(), ran.said).toEqual(['hello', 'hotfix', 'hotfix']);
    }
  });

  test('a boot that takes longer than five minutes fails, and one of twenty seconds is none of wait_timeout', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    const [file = '', text = ''] = Object.entries(shop())[1] ?? [];
    const patience = text.replace('wait_timeout: 60s', 'wait_timeout: 14s');
    world.write({ [file]: patience.replace(image('shop:1'), image('slow-start:2')) });
    world.simulator.world.pace.add({ state: 'starting', extraMs: 300_000, times: 1 });
    const stuck = await sync();
    expect(stuck.said).toContain('no progress for 300 s: it is starting');
    expect(stuck.code).toBe(1);
    expect((await run('resume', 'shop')).code).toBe(0);
    const slow = await sync();
    expect(slow.code, slow.said).toBe(0);
  });

  test('a check that comes and goes is no progress: the wait ends', async () => {
    world = await arena();
    world.write(shop());
    expect((await sync()).code).toBe(0);
    world.write(shop('bye', 'checks:\n  other:\n    type: tcp\n    port: 9000\n    interval: 5s\n    timeout: 2s\n'));
    const turn = (): number => Math.floor(world.clock.now() / 20_000) % 2;
    checksSay((_machine, index) => index === 0 && turn() === 0);
    const startedAt = world.clock.now();
    const ran = await sync();
    expect(ran.code, ran.said).toBe(1);
    expect(ran.said).toContain('no progress for 60 s');
    expect(world.clock.now() - startedAt).toBeLessThan(600_000);
  });
});

type Live = Parameters<NonNullable<Arena['simulator']['world']['onStateChange']>>[0];

/** From now on whoever looks at a machine sees its checks say this, whatever the simulator made of them. */
function checksSay(passes: (machine: Live, index: number) => boolean): void {
  const { simulator } = world;
  simulator.world.onRequest = ({ phase, request }) => {
    if (phase !== 'before' || request.template !== 'GET /apps/{app}/machines/{machine}') return;
    for (const machine of simulator.world.apps.get('shop')?.machines.values() ?? []) {
      machine.checks = machine.checks.map((check, index) => ({
        ...check,
        status: passes(machine, index) ? 'passing' : 'critical',
      }));
    }
  };
}
