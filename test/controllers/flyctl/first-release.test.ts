/** What is not destroyed at once of a deployment by hand stays known for one, to a FlyCD whose database came later as well. */
import { afterEach, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';
import { groupOf, groupsOf, machinesOf, pinned } from './groups.ts';

let world: Arena;
afterEach(() => world.close());

const shop = (greeting: string, fleet = 'fleet: hands\n') => ({
  'flycd.yaml': fleet,
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "${pinned('shop:1')}" }
env: { GREETING: ${greeting} }
processes: { web: web }
network: { ips: [] }
machines: { groups: { web: { count: 1 } } }
`,
});

const machines = () => machinesOf(world);
const groups = () => groupsOf(world);

async function run(state: string, command: readonly string[], signal?: AbortSignal) {
  const { code, stdout, stderr } = await world.flycd(command, state, signal);
  await world.clock.sleep(60_000);
  return { code, groups: groups(), said: stderr + stdout };
}

const sync = ['sync', '--once'] as const;

/** FlyCD made the app from one database; then flyctl added these groups, one deployment each. */
async function deployed(...added: readonly string[]): Promise<void> {
  world = await arena();
  world.write(shop('hello'));
  expect(await run('made it', sync)).toMatchObject({ code: 0, groups: 'web' });
  await world.clock.sleep(600_000);
  for (const [index] of added.entries()) {
    const [web] = machines().filter((machine) => groupOf(machine) === 'web');
    const { metadata: _, ...config } = web?.config ?? {};
    const names = ['web', ...added.slice(0, index + 1)];
    const configs = Object.fromEntries(names.map((name) => [name, config]));
    expect(await world.simulator.flyctl.deploy('shop', { configs, highAvailability: false })).toEqual({ ok: true });
  }
  await world.clock.sleep(60_000);
  // Each run of a CI job begins with none.
  expect(await run('new 1', ['diff'])).toMatchObject({ code: 4 });
  expect(await run('sees the next commit', sync)).toMatchObject({ code: 4 });
  world.write(shop('bye'));
}

test('a removal that the brake holds is held in every later run, and goes by the command that the hold names', async () => {
  await deployed('one', 'two');
  const first = await run('sees the next commit', sync);
  expect(first).toMatchObject({ code: 4, groups: 'one two web' });
  expect(first.said).toContain('flycd sync --once --accept-only brake');
  for (const state of ['new 2', 'sees the next commit', 'made it'])
    expect(await run(state, ['diff'])).toMatchObject({ code: 4, groups: 'one two web' });
  const accepting = [...sync, '--accept-only', 'brake'];
  expect(await run('sees the next commit', accepting)).toMatchObject({ code: 0, groups: 'web' });
});

test('--now of another database takes what the brake let stay', async () => {
  await deployed('one', 'two');
  expect(await run('sees the next commit', sync)).toMatchObject({ code: 4 });
  const { said } = await run('new 3', [...sync, '--now', '--accept-only', 'brake']);
  expect(groups(), said).toBe('web');
});

test('a stop between the release and the destroys leaves them to the next run', async () => {
  await deployed('one');
  const stop = new AbortController();
  const isMoved = () =>
    machines().some(({ config }) => groupOf({ config }) === 'web' && config.metadata?.['fly_release_version'] === '3');
  world.simulator.world.onRequest = ({ request, phase }) => {
    if (phase === 'before' && request.template.includes('metadata') && isMoved()) stop.abort(new Error('SIGTERM'));
  };
  const stopped = await run('sees the next commit', sync, stop.signal);
  expect(stopped).toMatchObject({ code: 130, groups: 'one web' });
  world.simulator.world.onRequest = undefined;
  expect(await run('sees the next commit', sync)).toMatchObject({ code: 0, groups: 'web' });
});

test.each([
  [['adopt', 'shop'], 'theirs'],
  [['adopt', 'shop', '--from', 'hands'], 'theirs'],
  [['adopt', 'shop'], 'made it'],
  [['adopt', 'shop', '--from', 'hands'], 'made it'],
  [['adopt', '--all', '--from', 'hands'], 'made it'],
])(
  '%j: what the earlier owner left there stays, and is no news to the new one, whose database is that of %s',
  async (adopt, state) => {
    world = await arena();
    const off = 'fleet: hands\nsync: { drift: off }\n';
    world.write(shop('hello', off));
    expect(await run('made it', sync)).toMatchObject({ code: 0 });
    await world.clock.sleep(600_000);
    const { metadata: _, ...config } = machines()[0]?.config ?? {};
    const configs = { web: config, extra: config };
    expect(await world.simulator.flyctl.deploy('shop', { configs, highAvailability: false })).toEqual({ ok: true });
    await world.clock.sleep(120_000);
    world.write(shop('again', off));
    expect(await run('made it', sync)).toMatchObject({ code: 0, groups: 'extra web' });
    await world.clock.sleep(600_000);
    for (const greeting of ['again', 'bye']) {
      world.write(shop(greeting, 'fleet: theirs\n'));
      if (greeting === 'again') expect(await run(state, adopt)).toMatchObject({ code: 0 });
      expect(await run(state, sync)).toMatchObject({ code: 0, groups: 'extra web' });
    }
  },
);
