/** `sync --now`: what it goes over is asked on a terminal, and said elsewhere; who is at work now is never gone over. */
import { afterEach, describe, expect, test } from 'vitest';
import { run } from './terminal.ts';
import { fetchFrom } from './terminal.ts';
import { arena, type Arena } from '../controllers/arena.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (greeting: string, sync = '', machines = 'machines: { count: 2 }\n') => ({
  'flycd.yaml': `fleet: asked\n${sync}`,
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: docker.io/library/shop:1 }
env: { GREETING: ${greeting} }
http_service: { internal_port: 8080 }
network: { ips: [] }
${machines}`,
});

interface How {
  /** undefined: no terminal. */
  readonly typed?: readonly string[];
  readonly flags?: readonly string[];
}

async function insist({ typed, flags = ['--now'] }: How): Promise<{ readonly code: number; readonly stderr: string }> {
  const { simulator, clock, folder } = world;
  return run(['sync', '--once', ...flags, folder], {
    env: { ...simulator.environment, XDG_STATE_HOME: `${folder}/../state`, USER: 'alice', NO_COLOR: '1' },
    cwd: folder,
    clock,
    fetch: fetchFrom(simulator.url),
    ...(typed === undefined ? {} : { typed, isTTY: true }),
  });
}

const fly = () => world.simulator.world;
const ids = () => [...(fly().apps.get('shop')?.machines.keys() ?? [])];
const images = () => [...(fly().apps.get('shop')?.machines.values() ?? [])].map(({ config }) => config.image);
const deployed = 'shop: changed by flyctl (release v2): 2 machines not as git says';
const asked = `--now goes over:\n  ${deployed}\n`;

async function byHand(sync?: string): Promise<void> {
  world = await arena();
  world.write(shop('hello', sync));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect(await world.simulator.flyctl.deploy('shop', { image: 'shop:9' })).toEqual({ ok: true });
  await world.clock.sleep(60_000);
}

describe('a deployment by hand', () => {
  test.each(['y', 'Y', 'yes', ' YES '])('is undone where a person on a terminal says %j', async (word) => {
    await byHand();
    const { code, stderr } = await insist({ typed: [word] });
    expect(code, stderr).toBe(0);
    expect(stderr.startsWith(`${asked}Go on? [y/N] `), stderr).toBe(true);
    expect(stderr.split('Go on?')).toHaveLength(2);
    expect(images().some((image) => image === 'shop:9')).toBe(false);
  });

  test.each([['n'], [''], ['yep'], []])('stays where they say otherwise: %j', async (...typed) => {
    await byHand();
    const writes = fly().writes().length;
    const { code, stderr } = await insist({ typed });
    expect([code, stderr]).toEqual([4, `${asked}Go on? [y/N] Nothing was done.\n`]);
    expect([images(), fly().writes().length]).toEqual([['shop:9', 'shop:9'], writes]);
  });

  test('is undone without a question where there is no terminal, which is told of it', async () => {
    await byHand();
    const { code, stderr } = await insist({});
    expect(code, stderr).toBe(0);
    expect(stderr.startsWith(asked), stderr).toBe(true);
    expect(stderr).not.toContain('Go on?');
    expect(images().some((image) => image === 'shop:9')).toBe(false);
  });

  test('is no question without --now, nor where --now goes over nothing', async () => {
    await byHand();
    expect((await insist({ typed: ['y'], flags: [] })).stderr).not.toContain('goes over');
    expect((await insist({ typed: ['y'] })).code).toBe(0);
    const again = await insist({ typed: [] });
    expect([again.code, again.stderr.includes('goes over')]).toEqual([0, false]);
  });
});

describe('where drift is off, and nothing is held for what a person did', () => {
  const off = 'sync: { drift: off }\n';
  const left = 'shop: Fly differs from git, and drift is left alone here (sync.drift: off)';

  test.each<readonly [string, () => Promise<unknown>, string]>([
    ['a deployment', () => world.simulator.flyctl.deploy('shop', { image: 'shop:9' }), deployed],
    [
      'a machine updated',
      () => world.simulator.flyctl.update('shop', { machine: ids()[0] ?? '', config: { env: { GREETING: 'x' } } }),
      left,
    ],
    ['a machine stopped', () => world.asPerson('POST', `/apps/shop/machines/${ids()[0]}/stop`, {}), left],
    ['a group emptied', () => world.simulator.flyctl.scaleCount('shop', { count: 0 }), 'shop: app has no machine'],
  ])('%s is asked for all the same', async (_what, does, words) => {
    world = await arena();
    world.write(shop('hello', off, ''));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    await does();
    await world.clock.sleep(60_000);
    const calm = await insist({ flags: [] });
    expect(calm.code, calm.stderr).toBe(0);
    const writes = fly().writes().length;
    const declined = await insist({ typed: ['n'] });
    expect(declined.code).toBe(4);
    expect(declined.stderr).toContain(`--now goes over:\n  ${words}`);
    expect(fly().writes().length).toBe(writes);
    const { code, stderr } = await insist({ typed: ['y'] });
    expect(code, stderr).toBe(0);
    const again = await insist({ typed: [] });
    expect([again.code, again.stderr.includes('goes over')]).toEqual([0, false]);
  });
});

test('a window and a deployment by hand are both named', async () => {
  const never = "sync: { windows: [{ kind: deny, schedule: '* * * * *', duration: 1h }] }\n";
  await byHand();
  world.write(shop('bye', never));
  await world.clock.sleep(60_000);
  const { code, stderr } = await insist({ typed: ['y'] });
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('shop: outside of its windows for releases');
  expect(images().some((image) => image === 'shop:9')).toBe(false);
});

describe.each([
  ['on a terminal', { typed: ['y'] }],
  ['elsewhere', {}],
])('who is at work is not gone over, %s', (_where, how) => {
  test.each([['--now'], ['--now', '--force'], ['--now', '--accept'], ['--now', '--accept-only', 'shop']])(
    'by %s %s %s',
    async (...flags) => {
      await byHand();
      void world.simulator.flyctl.deploy('shop', { stops: 'killed' });
      const writes = fly().writes().length;
      const { code, stderr } = await insist({ ...how, flags });
      expect(code, stderr).toBe(4);
      expect(stderr).not.toContain('goes over');
      expect([images(), fly().writes().length]).toEqual([['shop:9', 'shop:9'], writes]);
    },
  );

  test('that is a lease', async () => {
    await byHand();
    const [machine] = [...(fly().apps.get('shop')?.machines.values() ?? [])];
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}/lease`, { ttl: 600, description: 'alice' });
    const { code, stderr } = await insist({ ...how, flags: ['--now', '--force'] });
    expect(code, stderr).toBe(4);
    expect(images()).toEqual(['shop:9', 'shop:9']);
  });
});

test('one that begins while a person thinks is not gone over either', async () => {
  await byHand();
  const { simulator, clock, folder } = world;
  const { code } = await run(['sync', '--once', '--now', folder], {
    env: { ...simulator.environment, XDG_STATE_HOME: `${folder}/../state`, USER: 'alice' },
    cwd: folder,
    clock,
    fetch: fetchFrom(simulator.url),
    typed: ['y'],
    isTTY: true,
    onStderr(text) {
      if (text.includes('Go on?')) void simulator.flyctl.deploy('shop', { stops: 'killed' });
    },
  });
  expect([code, images()]).toEqual([4, ['shop:9', 'shop:9']]);
});
