/** A fleet that somebody named beside one that nobody did. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../controllers/arena.ts';
import { makeClone } from './clones.ts';

const app = (greeting: string, name = 'shop'): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1.27" }\nenv: { GREETING: ${greeting} }\nmachines: { count: 1 }\n`;
const sync = ['sync', '--once'];
const github = (name: string): string => `https://github.com/${name}/config`;

async function open(): Promise<Arena> {
  const world = await arena();
  onTestFinished(() => world.close());
  return world;
}

function plainFolder(world: Arena, name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(dirname(world.folder), name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const machines = (world: Arena) => world.simulator.world.snapshot().flatMap((one) => one.machines);
const stamps = (world: Arena) =>
  machines(world).map(({ id, version, config }) => [id, version, config.env, config.metadata]);

function unstamp(world: Arena): void {
  for (const { name } of world.simulator.world.snapshot())
    for (const machine of world.simulator.world.apps.get(name)?.machines.values() ?? [])
      delete machine.config.metadata?.['flycd_origin'];
}

test.each(['marked', 'as an earlier FlyCD left it'])(
  'a repo whose project is called as a named fleet takes nothing of it: %s',
  async (how) => {
    const world = await open();
    const acme = makeClone(world, 'acme', { 'flycd.yaml': 'fleet: acme\n', 'shop/app.yaml': app('acme') });
    acme.remote('origin', github('acme'));
    expect((await acme.flycd(sync)).code).toBe(0);
    if (how !== 'marked') unstamp(world);
    const before = stamps(world);
    const bob = makeClone(world, 'bob', {
      'project.yaml': 'project: acme\nsource: { type: local, path: . }\n',
      'shop/app.yaml': app('bob'),
    });
    bob.remote('origin', github('bob'));
    const held = await bob.flycd(sync);
    expect(held.code, held.stdout).toBe(4);
    expect(held.stdout + held.stderr).toContain('adopt --all --from acme');
    expect(stamps(world)).toEqual(before);
    expect((await acme.flycd(sync)).code).toBe(0);
  },
);

test('on the database of a repo that names no fleet, a new named one takes neither its rows nor its app', async () => {
  const world = await open();
  const acme = makeClone(world, 'acme', { 'shop/app.yaml': app('acme') });
  acme.remote('origin', github('acme'));
  expect((await acme.flycd(sync, 'one')).code).toBe(0);
  const before = stamps(world);
  for (const greeting of ['bob', 'acme']) {
    const bob = plainFolder(world, 'bob', { 'flycd.yaml': 'fleet: bob\n', 'shop/app.yaml': app(greeting) });
    const held = await world.flycdAt(bob, sync, 'one');
    expect(held.code, held.stdout).toBe(4);
    // Nor by a name that says nothing of which repo is meant.
    const adopted = await world.flycdAt(bob, ['adopt', '--all', '--from', 'flycd'], 'one');
    expect(adopted.stdout + adopted.stderr).toContain('No app taken over from flycd');
    expect(stamps(world)).toEqual(before);
  }
  expect((await acme.flycd(['status'], 'one')).stdout).toContain('synced');
  expect((await acme.flycd(sync, 'one')).code).toBe(0);
});

test('a written name that is everybody’s default destroys nothing that an earlier FlyCD stamped', async () => {
  const world = await open();
  const acme = makeClone(world, 'acme', { 'shop/app.yaml': app('acme') });
  expect((await acme.flycd(sync)).code).toBe(0);
  unstamp(world);
  const bob = plainFolder(world, 'bob', {
    'flycd.yaml': 'fleet: flycd\nsync: { prune: [app] }\n',
    'blog/app.yaml': app('bob', 'blog'),
  });
  await world.flycdAt(bob, sync, 'bob');
  expect([...world.simulator.world.apps.keys()].toSorted()).toEqual(['blog', 'shop']);
});

test('a fork destroys nothing of a repo that knows no address of its own, whose apps it takes for its own', async () => {
  const world = await open();
  const original = makeClone(world, 'original', {
    'shop/app.yaml': app('hello'),
    'cart/app.yaml': app('hello', 'cart'),
  });
  const fork = original.clone('fork');
  fork.remote('origin', github('fork'));
  expect((await original.flycd(sync)).code).toBe(0);
  const running = () => machines(world).map(({ id, version }) => `${id} ${version}`);
  const before = running();
  fork.remove('shop');
  for (const fleet of ['flycd', 'fork']) {
    fork.commit({ 'flycd.yaml': `fleet: ${fleet}\nsync: { prune: [app], max_deletes: 100 }\n` });
    const { stdout } = await fork.flycd([...sync, '--accept'], fleet);
    expect(stdout).not.toContain('deleted');
    expect(running()).toEqual(before);
  }
});
