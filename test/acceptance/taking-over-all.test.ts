/** `adopt --all --from OLD`: what it says, of which apps, and what it does not know. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { hostDown } from '../../simulator/machines/host-failures.ts';
import { arena, type Arena } from '../controllers/arena.ts';

const app = (name: string, greeting = 'hello', count = 2): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1.27" }\nenv: { GREETING: ${greeting} }\nmachines: { count: ${count} }\n`;

/** Apps of fleet acme, which is then called shops. */
async function renamed(apps: Readonly<Record<string, string>>, after: Readonly<Record<string, string>> = {}) {
  const world = await arena();
  onTestFinished(() => world.close());
  world.write({ 'flycd.yaml': 'fleet: acme\n', ...apps });
  const first = await run(world, 'sync', '--once');
  expect(first.code, first.said).toBe(0);
  world.write({ 'flycd.yaml': 'fleet: shops\n', ...after });
  return world;
}

async function run(world: Arena, ...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, stdout, said: stdout + stderr };
}

const adoptAll = ['adopt', '--all', '--from', 'acme'];
const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1);
const fleets = (world: Arena) =>
  world.simulator.world
    .snapshot()
    .flatMap(({ machines }) => machines.map(({ config }) => config.metadata?.['flycd_fleet']));

interface Said {
  readonly apps: readonly { readonly app: string; readonly status: string }[];
}

test('what was not compared is pending, and an app that did not carry OLD is not listed', async () => {
  const world = await renamed(
    { 'cart/app.yaml': app('cart'), 'shop/app.yaml': app('shop') },
    { 'shop/app.yaml': app('shop', 'moved'), 'new/app.yaml': app('new') },
  );
  const taken = await run(world, ...adoptAll);
  expect(taken.code, taken.said).toBe(0);
  expect(taken.said).not.toContain('synced');
  expect(taken.stdout).not.toContain('new');
  expect(lastLine(taken.stdout)).toBe('2 apps taken over from acme; run flycd diff for what git still wants.');
  expect(new Set(fleets(world))).toEqual(new Set(['shops']));
  const status = JSON.parse((await run(world, 'status', '--output', 'json')).stdout) as Said;
  expect(status.apps.filter(({ app: name }) => name !== 'new').map((one) => one.status)).toEqual([
    'pending',
    'pending',
  ]);
  const diff = await run(world, 'diff');
  expect(diff.code, diff.said).toBe(2);
});

test.each(['json', 'markdown'])('as %s it lists them alike', async (output) => {
  const world = await renamed({ 'shop/app.yaml': app('shop') }, { 'new/app.yaml': app('new') });
  const { code, stdout } = await run(world, ...adoptAll, '--output', output);
  expect(code, stdout).toBe(0);
  expect(stdout).not.toMatch(/"status": "synced"|\| synced \|/);
  expect(stdout).toContain('pending');
  expect(stdout).not.toContain('new/app.yaml');
  expect(stdout).not.toContain('| new |');
});

test('with nothing to take over it says so, and does not claim that the rest is synced', async () => {
  const world = await renamed({ 'shop/app.yaml': app('shop') });
  await run(world, ...adoptAll);
  const again = await run(world, ...adoptAll);
  expect(again.code, again.said).toBe(0);
  expect(again.said).not.toContain('synced');
  expect(lastLine(again.stdout)).toBe('No app taken over from acme.');
});

test('what another owner holds is counted beside what was taken over', async () => {
  const world = await renamed({ 'cart/app.yaml': app('cart'), 'shop/app.yaml': app('shop') });
  for (const machine of world.simulator.world.apps.get('cart')?.machines.values() ?? [])
    machine.config.metadata = { ...machine.config.metadata, flycd_fleet: 'third' };
  const taken = await run(world, ...adoptAll);
  expect(taken.code, taken.said).toBe(4);
  expect(lastLine(taken.stdout)).toBe(
    '1 app taken over from acme, 1 blocked; run flycd diff for what git still wants.',
  );
});

test('a machine on a host that does not answer keeps its owner, and is not called taken over', async () => {
  const world = await renamed({ 'shop/app.yaml': app('shop', 'hello', 3) });
  const [dead] = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  hostDown(world.simulator.world, dead?.host ?? '');
  const lost = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ hostStatus }) => hostStatus !== 'ok',
  ).length;
  const taken = await run(world, ...adoptAll);
  expect(taken.code, taken.said).not.toBe(0);
  expect(taken.said).toContain('host that does not answer');
  expect(fleets(world).filter((fleet) => fleet === 'acme')).toHaveLength(lost);
});

test('one app is adopted although one of its hosts does not answer', async () => {
  const world = await renamed({ 'shop/app.yaml': app('shop', 'hello', 3) });
  const [dead] = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  hostDown(world.simulator.world, dead?.host ?? '');
  const adopted = await run(world, 'adopt', 'shop');
  expect(adopted.said).not.toMatch(/app\.adopt shop failed/);
  expect(fleets(world)).toContain('shops');
});

describe('an app whose machines are in a group that only the earlier owner names', () => {
  const worker = app('shop', 'hello', 1).concat('processes: { worker: ./work }\n');
  const renamedGroup = () =>
    renamed({ 'shop/app.yaml': worker, 'cart/app.yaml': app('cart') }, { 'shop/app.yaml': app('shop', 'hello', 1) });

  test('is taken over whole by its name and that owner, and by nothing else of that owner’s', async () => {
    const world = await renamedGroup();
    const before = world.simulator.world.snapshot().flatMap(({ machines }) => machines.map(({ id }) => id));
    const taken = await run(world, 'adopt', 'shop', '--from', 'acme');
    expect(taken.code, taken.said).toBe(0);
    expect(lastLine(taken.stdout)).toBe('1 app taken over from acme; run flycd diff for what git still wants.');
    const after = world.simulator.world.snapshot().flatMap(({ machines }) => machines.map(({ id }) => id));
    expect(after).toEqual(before);
    expect(fleets(world)).toEqual(['acme', 'acme', 'shops']);
    expect((await run(world, 'diff', '--app', 'shop')).stdout).toContain(
      'git no longer names the process group worker',
    );
    expect((await run(world, 'history', '--app', 'shop')).stdout.match(/shop/g)?.length).toBeGreaterThan(1);
  });

  test('is left alone whole by its name alone, which says how it is taken over', async () => {
    const world = await renamedGroup();
    const held = await run(world, 'adopt', 'shop');
    expect(held.code, held.said).toBe(4);
    expect(held.said.replaceAll(/\s+/g, ' ')).toContain(
      'fleet acme has 1 machine of process group worker, which git does not name flycd adopt shop --from acme takes over all that it has in the app',
    );
    expect(new Set(fleets(world))).toEqual(new Set(['acme']));
    expect((await run(world, 'adopt', 'shop', '--from', 'acme')).code).toBe(0);
    const synced = await run(world, 'sync', '--once', '--app', 'shop');
    expect(synced.said).not.toContain('owner');
  });

  test('by a name that git does not know nothing is taken over', async () => {
    const world = await renamedGroup();
    const refused = await run(world, 'adopt', 'shops', '--from', 'acme');
    expect(refused.code).toBe(1);
    expect(refused.said).toContain('no app is called shops');
    expect(new Set(fleets(world))).toEqual(new Set(['acme']));
  });

  test('and one of which that owner has nothing is said to be so', async () => {
    const world = await renamedGroup();
    await run(world, 'adopt', 'shop', '--from', 'acme');
    const again = await run(world, 'adopt', 'shop', '--from', 'acme');
    expect(again.code).toBe(0);
    expect(again.said).toContain('shop has no machine with the owner "acme"');
  });
});

test('of an app that others need nothing follows by the name of those', async () => {
  const needy = app('web').concat('depends_on: [api]\n');
  const world = await renamed({ 'web/app.yaml': needy, 'api/app.yaml': app('api') });
  await run(world, 'adopt', 'web', '--from', 'acme');
  const old = await run(world, 'history', '--fleet', 'acme');
  expect(old.stdout).toContain('api');
  expect(old.stdout).not.toContain('web');
  expect((await run(world, 'history', '--app', 'web')).stdout).toContain('created');
});
