/** Whose an app is, where neither of two config repos names its fleet. */
import { expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../controllers/arena.ts';
import { makeClone, type Clone } from './clones.ts';

const app = (greeting: string, name = 'shop', count = 2): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1.27" }\nenv: { GREETING: ${greeting} }\nmachines: { count: ${count} }\n`;

async function open(): Promise<Arena> {
  const world = await arena();
  onTestFinished(() => world.close());
  return world;
}

const machines = (world: Arena) => world.simulator.world.snapshot().flatMap((one) => one.machines);
/** Moves with every update of a machine, and with no label. */
const versions = (world: Arena) => machines(world).map(({ id, version }) => `${id} ${version}`);
const stampsOf = (world: Arena, key: string) => [
  ...new Set(machines(world).map(({ config }) => config.metadata?.[key])),
];
const sync = ['sync', '--once'];

async function done(clone: Clone, ...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await clone.flycd(argv);
  expect(code, stderr + stdout).toBe(0);
  return stdout + stderr;
}

async function heldBy(clone: Clone, ...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await clone.flycd(argv);
  expect(code, stderr + stdout).toBe(4);
  return stdout + stderr;
}

/** The digits of the other repo that a hold names. */
function originIn(text: string): string {
  return /--from ([0-9a-f]{12})/.exec(text)?.[1] ?? '';
}

test.each([
  ['with remotes of their own', (clone: Clone, name: string) => clone.remote('origin', `https://example.com/${name}`)],
  ['without remotes, by where their histories begin', () => undefined],
])('two repos do not restart one app for ever: %s', async (_how, connect) => {
  const world = await open();
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  const theirs = makeClone(world, 'theirs', { 'shop/app.yaml': app('theirs') });
  connect(ours, 'ours');
  connect(theirs, 'theirs');
  await done(ours, ...sync);
  const before = versions(world);
  for (let pass = 0; pass < 3; pass += 1) {
    const said = await heldBy(theirs, ...sync);
    expect(said).toContain('another config repo');
    await done(ours, ...sync);
  }
  expect(versions(world)).toEqual(before);
  expect(stampsOf(world, 'flycd_fleet')).toEqual(['flycd']);
  expect((await theirs.flycd(['why', 'shop'])).stdout).toContain(
    `flycd adopt --all --from ${originIn(await heldBy(theirs, 'diff'))}`,
  );
});

test('two repos that share a database keep their apps and rows apart', async () => {
  const world = await open();
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  const theirs = makeClone(world, 'theirs', { 'cart/app.yaml': app('theirs', 'cart'), 'shop/app.yaml': app('theirs') });
  await done(ours, ...sync);
  const before = versions(world);
  const shared = await theirs.flycd(sync, 'ours');
  expect(shared.code, shared.stderr + shared.stdout).toBe(4);
  expect(versions(world)).toEqual(expect.arrayContaining(before));
  await done(ours, ...sync);
  expect((await ours.flycd(['status'])).stdout).not.toContain('cart');
  expect((await theirs.flycd(['status'], 'ours')).stdout).toContain('cart');
  expect((await ours.flycd(['history'])).stdout).not.toContain('held');
});

test('every spelling of one address is one repo, and so is a shallow clone', async () => {
  const world = await open();
  const one = makeClone(world, 'one', { 'shop/app.yaml': app('hello') });
  const spellings = [
    'https://github.com/Acme/Config.git',
    'git@github.com:acme/config',
    'ssh://git@ssh.github.com:443/acme/config/',
    'https://token@github.com/acme/config',
  ];
  const clones = spellings.map((_address, index) => one.clone(`clone-${index}`, index === 1 ? 1 : undefined));
  for (const [index, address] of spellings.entries()) clones[index]?.remote(index === 2 ? 'only' : 'origin', address);
  for (const clone of clones) await done(clone, ...sync);
  const stamps = stampsOf(world, 'flycd_origin');
  expect(stamps).toHaveLength(1);
  for (const clone of [...clones, one]) await done(clone, 'diff');
  const mirrored = await world.flycdAt(`file://${one.folder}`, ['diff']);
  expect(mirrored.code, mirrored.stderr + mirrored.stdout).toBe(0);
  expect(stampsOf(world, 'flycd_origin')).toEqual(stamps);
  expect(JSON.stringify(machines(world))).not.toMatch(/acme|token@/i);
});

test('what one repo says of an app is not said of it to the other', async () => {
  const world = await open();
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  const theirs = makeClone(world, 'theirs', { 'shop/app.yaml': app('theirs') });
  await done(ours, ...sync);
  const before = machines(world).map(({ metadata }) => metadata);
  await theirs.flycd(['suspend', 'shop', '--reason', 'theirs']);
  await theirs.flycd(['rollback', 'shop']);
  await theirs.flycd([...sync, '--now', '--force', '--accept']);
  expect(machines(world).map(({ metadata }) => metadata)).toEqual(before);
  await theirs.flycd(['resume', 'shop']);
  await done(ours, 'suspend', 'shop', '--reason', 'ours');
  const held = await heldBy(theirs, 'diff');
  expect(held).toContain('(owner)');
  expect(held).not.toContain('suspended');
});

test('a person may hand over one app, and then the other repo is held', async () => {
  const world = await open();
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  const theirs = makeClone(world, 'theirs', { 'shop/app.yaml': app('theirs') });
  await done(ours, ...sync);
  await done(theirs, 'adopt', 'shop');
  const before = versions(world);
  expect(await heldBy(ours, ...sync)).toContain('another config repo');
  await done(theirs, 'diff');
  expect(versions(world)).toEqual(before);
});

test('an app that is handed over is the other repo’s at once, whatever of its plan waits', async () => {
  const world = await open();
  const secret = 'secrets: [{ name: TOKEN, type: env, env: NOT_SET }]\n';
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  const theirs = makeClone(world, 'theirs', { 'shop/app.yaml': `${app('theirs')}${secret}` });
  await done(ours, ...sync);
  const before = [versions(world), stampsOf(world, 'flycd_origin')] as const;
  expect(await heldBy(theirs, 'adopt', 'shop')).toContain('NOT_SET');
  expect(versions(world)).toEqual(before[0]);
  expect(stampsOf(world, 'flycd_origin')).not.toEqual(before[1]);
  expect(await heldBy(ours, ...sync)).toContain('another config repo');
});

test('a repo that has moved goes on by one command, and nothing restarts', async () => {
  const world = await open();
  const old = makeClone(world, 'old', { 'shop/app.yaml': app('hello'), 'cart/app.yaml': app('hello', 'cart') });
  const moved = old.clone('moved');
  old.remote('origin', 'git@github.com:acme/old.git');
  moved.remote('origin', 'git@github.com:acme/new.git');
  moved.commit({ 'shop/app.yaml': app('moved') });
  await done(old, ...sync);
  await done(old, 'suspend', 'cart', '--reason', 'sale');
  const before = versions(world);
  const held = await heldBy(moved, 'diff');
  expect(held).toContain('Both share a first commit');
  const wrong = await heldBy(moved, 'adopt', '--all', '--from', 'https://github.com/acme/other');
  expect(wrong).toContain('none of this config\'s apps has a machine with the owner "https://github.com/acme/other"');
  const said = await done(moved, 'adopt', '--all', '--from', 'https://x:secret@github.com/acme/old');
  expect(said).not.toContain('secret');
  expect(versions(world)).toEqual(before);
  expect(await heldBy(old, ...sync, '--app', 'shop')).toContain('--from');
  // What git wants besides waits for a sync, and what a person has suspended stays so.
  await done(moved, ...sync, '--app', 'shop');
  expect(machines(world).filter(({ config }) => config.env?.['GREETING'] === 'moved')).toHaveLength(2);
  const cart = await moved.flycd(['sync', '--once', '--app', 'cart']);
  expect(cart.stdout).toContain('suspended');
  await done(moved, 'adopt', '--all', '--from', originIn(held));
});

test.each(['the name of every repo', 'a name that nobody has'])(
  'adopt --all takes nothing from third parties: %s',
  async (how) => {
    const world = await open();
    const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
    const third = makeClone(world, 'third', { 'shop/app.yaml': app('third') });
    await done(third, ...sync);
    const before = stampsOf(world, 'flycd_origin');
    const from = how === 'the name of every repo' ? 'flycd' : 'acme';
    expect(await heldBy(ours, 'adopt', '--all', '--from', from)).toContain('another config repo');
    expect(stampsOf(world, 'flycd_origin')).toEqual(before);
  },
);

test('two halves of a command are refused with the whole of both', async () => {
  const world = await open();
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--all'], '--all needs --from OLD'],
    [['--from', 'acme'], 'name an app, or give --all'],
    [['shop', '--all', '--from', 'acme'], 'with --all only a config is expected, got shop and '],
  ];
  for (const [words, why] of cases) {
    const { code, stderr } = await ours.flycd(['adopt', ...words]);
    expect(code, words.join(' ')).toBe(1);
    expect(stderr).toContain(why);
    expect(stderr).toContain('flycd adopt --all --from OLD [CONFIG]');
  }
  expect((await ours.flycd(['adopt', '--all', '--from', './old'])).stderr).toContain('--from ./old is not an owner');
});

test('a fleet that gets its name written is taken over by labels, and its rows follow', async () => {
  const world = await open();
  const repo = makeClone(world, 'repo', { 'shop/app.yaml': app('hello'), 'cart/app.yaml': app('hello', 'cart') });
  await done(repo, ...sync);
  await done(repo, 'suspend', 'cart', '--reason', 'sale');
  const before = versions(world);
  repo.commit({ 'flycd.yaml': 'fleet: acme\n' });
  expect((await repo.flycd(['status'])).stdout).toContain('shop');
  expect((await repo.flycd(['diff'])).stdout).not.toContain('owner');
  await done(repo, ...sync, '--app', 'shop');
  const cart = await repo.flycd([...sync, '--app', 'cart']);
  expect(cart.stdout).toContain('suspended');
  await done(repo, 'resume', 'cart');
  await done(repo, ...sync);
  expect(versions(world)).toEqual(before);
  expect(stampsOf(world, 'flycd_fleet')).toEqual(['acme']);
  expect(stampsOf(world, 'flycd_origin')).toEqual(['n1:']);
  const runs = JSON.parse((await repo.flycd(['history', '--output', 'json'])).stdout) as {
    readonly runs: readonly { readonly outcome: string; readonly fleet: string }[];
  };
  expect(runs.runs.map(({ outcome }) => outcome)).toContain('created');
  expect(new Set(runs.runs.map(({ fleet }) => fleet))).toEqual(new Set(['acme']));
  // A name that was written is another's from then on.
  const other = makeClone(world, 'other', { 'flycd.yaml': 'fleet: other\n', 'shop/app.yaml': app('hello') });
  expect(await heldBy(other, ...sync)).toContain('fleet acme owns this app');
});

/** As a FlyCD of before left them: without the stamp, so that nothing says from which repo. */
function unstamp(world: Arena): void {
  for (const { name } of world.simulator.world.snapshot())
    for (const machine of world.simulator.world.apps.get(name)?.machines.values() ?? [])
      delete machine.config.metadata?.['flycd_origin'];
}

test('an upgrade holds and restarts nothing', async () => {
  const world = await open();
  const names = Array.from({ length: 12 }, (_one, index) => `app-${index}`);
  const repo = makeClone(
    world,
    'repo',
    Object.fromEntries(names.map((name) => [`${name}/app.yaml`, app('hello', name, 1)])),
  );
  await done(repo, ...sync);
  unstamp(world);
  const before = versions(world);
  const planned = await repo.flycd(['diff', '--output', 'json']);
  expect(planned.code, planned.stderr).toBe(0);
  const { apps } = JSON.parse(planned.stdout) as {
    readonly apps: readonly {
      readonly steps: readonly { readonly kind: string }[];
      readonly bookkeeping: readonly { readonly kind: string }[];
      readonly holds: readonly unknown[];
    }[];
  };
  expect(new Set(apps.flatMap(({ bookkeeping }) => bookkeeping.map(({ kind }) => kind)))).toEqual(
    new Set(['machine.label']),
  );
  expect(apps.flatMap(({ steps }) => steps)).toEqual([]);
  expect(apps.flatMap(({ holds }) => holds)).toEqual([]);
  await done(repo, ...sync);
  expect(versions(world)).toEqual(before);
  expect(stampsOf(world, 'flycd_origin')).toHaveLength(1);
  await done(repo, 'diff');
});

test('machines of before, which no repo has stamped, go to a fleet with a name only where nothing runs otherwise for it', async () => {
  const world = await open();
  const ours = makeClone(world, 'ours', { 'shop/app.yaml': app('ours') });
  await done(ours, ...sync);
  unstamp(world);
  const before = versions(world);
  const theirs = makeClone(world, 'theirs', { 'flycd.yaml': 'fleet: theirs\n', 'shop/app.yaml': app('theirs') });
  expect(await heldBy(theirs, ...sync)).toContain('flycd adopt --all --from flycd');
  expect(stampsOf(world, 'flycd_fleet')).toEqual(['flycd']);
  theirs.commit({ 'shop/app.yaml': app('ours') });
  await done(theirs, ...sync);
  expect(versions(world)).toEqual(before);
  expect(stampsOf(world, 'flycd_fleet')).toEqual(['theirs']);
});
