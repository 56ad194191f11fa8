/** What the database remembers goes with an app to whoever it goes to, and with no other. */
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { arena, type Arena } from '../controllers/arena.ts';
import type { Ran } from '../cli/terminal.ts';
import { git } from '../servers/git-server.ts';
import { makeClone, type Clone } from './clones.ts';

const app = (name: string, greeting = 'hello'): string =>
  `app: ${name}\nprimary_region: arn\norg: personal\nbuild: { image: "nginx:1.27" }\nenv: { GREETING: ${greeting} }\nmachines: { count: 1 }\n`;
const sync = ['sync', '--once'];
const state = 'one-database';
const github = (name: string): string => `https://github.com/acme/${name}`;

async function open(): Promise<Arena> {
  const world = await arena();
  onTestFinished(() => world.close());
  return world;
}

function done({ code, stdout, stderr }: Ran): string {
  expect(code, stdout + stderr).toBe(0);
  return stdout;
}

interface Told {
  readonly runs: readonly { readonly app: string; readonly outcome: string }[];
}

/** Apps whose creation the history of this config tells of. */
async function created(flycd: (argv: readonly string[]) => Promise<Ran>): Promise<readonly string[]> {
  const { runs } = JSON.parse(done(await flycd(['history', '--output', 'json']))) as Told;
  return runs.flatMap((run) => (run.outcome === 'created' ? [run.app] : [])).toSorted();
}

const createdBy = (clone: Clone) => created((argv) => clone.flycd(argv, state));
const versions = (world: Arena) =>
  world.simulator.world.snapshot().flatMap(({ name, machines }) => machines.map((one) => `${name} ${one.version}`));

test('whoever takes over no app takes no history with it', async () => {
  const world = await open();
  const prod = makeClone(world, 'prod', { 'flycd.yaml': 'fleet: prod\n', 'shop/app.yaml': app('shop') });
  const dev = makeClone(world, 'dev', { 'flycd.yaml': 'fleet: dev\n', 'lab/app.yaml': app('lab') });
  for (const one of [prod, dev]) done(await one.flycd(sync, state));
  expect(done(await dev.flycd(['adopt', '--all', '--from', 'prod'], state))).toContain('No app taken over');
  expect(await createdBy(prod)).toEqual(['shop']);
  expect(await createdBy(dev)).toEqual(['lab']);
});

test.each(['fleets with a name', 'repos that moved'])(
  '%s: what is taken over follows, the rest stays',
  async (kind) => {
    const world = await open();
    const isNamed = kind === 'fleets with a name';
    const name = (fleet: string) => (isNamed ? { 'flycd.yaml': `fleet: ${fleet}\n` } : {});
    const old = makeClone(world, 'old', { ...name('old'), 'shop/app.yaml': app('shop'), 'cart/app.yaml': app('cart') });
    const moved = makeClone(world, 'moved', { ...name('moved'), 'shop/app.yaml': app('shop') });
    for (const one of [old, moved]) one.remote('origin', github(one === old ? 'old' : 'moved'));
    done(await old.flycd(sync, state));
    expect((await moved.flycd(sync, state)).code).toBe(4);
    done(await moved.flycd(['adopt', '--all', '--from', isNamed ? 'old' : github('old')], state));
    expect(await createdBy(moved)).toEqual(['shop']);
    expect(await createdBy(old)).toEqual(['cart']);
    done(await moved.flycd(sync, state));
  },
);

test('where Fly does not answer nothing follows, and it does when that is done again', async () => {
  const world = await open();
  const old = makeClone(world, 'old', { 'flycd.yaml': 'fleet: old\n', 'shop/app.yaml': app('shop') });
  const heir = makeClone(world, 'heir', { 'flycd.yaml': 'fleet: heir\n', 'shop/app.yaml': app('shop') });
  done(await old.flycd(sync, state));
  world.simulator.world.faults.add({ template: 'GET /apps/{app}/machines', times: 99, fault: '503' });
  const adopt = ['adopt', '--all', '--from', 'old'];
  expect((await heir.flycd(adopt, state)).code).not.toBe(0);
  expect(await createdBy(old)).toEqual(['shop']);
  world.simulator.world.faults.clear();
  done(await heir.flycd(adopt, state));
  expect(await createdBy(heir)).toEqual(['shop']);
});

test('history follows also where another FlyCD has written the labels', async () => {
  const world = await open();
  const old = makeClone(world, 'old', { 'shop/app.yaml': app('shop') });
  const moved = old.clone('moved');
  for (const one of [old, moved]) one.remote('origin', github(one === old ? 'old' : 'moved'));
  done(await old.flycd(sync, state));
  const adopt = ['adopt', '--all', '--from', github('old')];
  done(await moved.flycd(adopt, 'a laptop'));
  done(await moved.flycd(adopt, state));
  expect(await createdBy(moved)).toEqual(['shop']);
});

test('a word about an app that has no machine yet follows, and an app of a third party does not', async () => {
  const world = await open();
  const old = makeClone(world, 'old', { 'shop/app.yaml': app('shop'), 'cart/app.yaml': app('cart') });
  const moved = old.clone('moved');
  for (const one of [old, moved]) one.remote('origin', github(one === old ? 'old' : 'moved'));
  done(await old.flycd([...sync, '--app', 'shop'], state));
  done(await old.flycd(['suspend', 'cart', '--reason', 'sale'], state));
  const [machine] = world.simulator.world.apps.get('shop')?.machines.values() ?? [];
  if (machine !== undefined)
    machine.config.metadata = { ...machine.config.metadata, flycd_fleet: 'third', flycd_origin: 'n1:' };
  await moved.flycd(['adopt', '--all', '--from', github('old')], state);
  expect((await moved.flycd(sync, state)).stdout).toContain('sale');
  expect(world.simulator.world.apps.get('cart')?.machines.size ?? 0).toBe(0);
  expect(await createdBy(old)).toEqual(['shop']);
});

const folders = (fleet: Readonly<Record<string, string>> = {}) => ({
  'prod/shop/app.yaml': app('shop'),
  'staging/lab/app.yaml': app('lab'),
  ...fleet,
});

/** Neither an error nor a config that could not be read: what it does not name it may hold, and leaves alone. */
function quiet({ code, stdout, stderr }: Ran): void {
  expect([0, 4], stdout + stderr).toContain(code);
}

// Under the name that nobody had to write, what the other one runs looks as if this one had removed it.
test.each([
  ['prod', 0],
  ['flycd', 4],
])('of two configs in one repo the one that gets the name %s takes its own', async (fleet, code) => {
  const world = await open();
  const repo = makeClone(world, 'repo', folders());
  const at = (folder: string) => (argv: readonly string[]) => world.flycdAt(join(repo.folder, folder), argv, state);
  for (const folder of ['prod', 'staging']) done(await at(folder)(sync));
  const before = versions(world);
  repo.commit({ 'prod/flycd.yaml': `fleet: ${fleet}\nsync: { prune: [app] }\n` });
  for (let pass = 0; pass < 2; pass += 1) {
    expect((await at('prod')(sync)).code).toBe(code);
    done(await at('staging')(sync));
    expect(await created(at('prod'))).toEqual(['shop']);
    expect(await created(at('staging'))).toEqual(['lab']);
  }
  repo.commit({ 'staging/flycd.yaml': 'fleet: staging\nsync: { prune: [app] }\n' });
  done(await at('staging')(sync));
  done(await at('prod')(sync));
  expect(await created(at('staging'))).toEqual(['lab']);
  expect(versions(world)).toEqual(before);
});

test('a config that is new in a repo takes nothing of the one beside it', async () => {
  const world = await open();
  const repo = makeClone(world, 'repo', { 'prod/shop/app.yaml': app('shop') });
  const at = (folder: string) => (argv: readonly string[]) => world.flycdAt(join(repo.folder, folder), argv, state);
  done(await at('prod')(sync));
  repo.commit({ 'staging/flycd.yaml': 'fleet: staging\nsync: { prune: [app] }\n', 'staging/lab/app.yaml': app('lab') });
  expect(done(await at('staging')(['status']))).not.toContain('shop');
  done(await at('staging')(sync));
  expect(await created(at('staging'))).toEqual(['lab']);
  expect(await created(at('prod'))).toEqual(['shop']);
  expect(versions(world).map((one) => one.split(' ')[0])).toEqual(['lab', 'shop']);
});

test('so it is with two branches of one repo, and where one is merged into the other', async () => {
  const world = await open();
  const main = makeClone(world, 'main', { 'shop/app.yaml': app('shop') });
  const staging = main.clone('staging');
  staging.remove('shop');
  staging.commit({ 'lab/app.yaml': app('lab') });
  for (const one of [main, staging]) {
    one.remote('origin', github('config'));
    done(await one.flycd(sync, state));
  }
  const before = versions(world);
  main.commit({ 'flycd.yaml': 'fleet: flycd\nsync: { prune: [app] }\n' });
  for (const one of [main, staging, main]) quiet(await one.flycd(sync, state));
  git(main.folder, ['fetch', '--quiet', staging.folder, 'main']);
  git(main.folder, ['merge', '--quiet', '--strategy=ours', '--message', 'Merge', 'FETCH_HEAD']);
  for (const one of [main, staging, main]) quiet(await one.flycd([...sync, '--accept'], state));
  expect(await createdBy(main)).toEqual(['shop']);
  expect(await createdBy(staging)).toEqual(['lab']);
  expect(versions(world)).toEqual(before);
});

test('of two repos on a database of before one gets the rows, and the other loses no app for it', async () => {
  const world = await open();
  const [one, two] = ['one', 'two'].map((name) => makeClone(world, name, { [`${name}/app.yaml`]: app(name) }));
  if (one === undefined || two === undefined) throw new Error('two repos');
  for (const each of [one, two]) each.remote('origin', github(each === one ? 'one' : 'two'));
  for (const each of [one, two]) done(await each.flycd(sync, state));
  asBefore(world);
  const before = versions(world);
  for (const each of [two, one, two]) done(await each.flycd(sync, state));
  expect(await createdBy(two)).toEqual(['one', 'two']);
  expect(await createdBy(one)).toEqual([]);
  for (const each of [one, two]) done(await each.flycd(['diff'], state));
  // Not even where it gets a name, and destroys what git does not name.
  two.commit({ 'flycd.yaml': 'fleet: two\nsync: { prune: [app] }\n' });
  for (const each of [two, one, two]) done(await each.flycd(sync, state));
  expect(await createdBy(two)).toEqual(['two']);
  expect(done(await two.flycd(['history', '--fleet', 'flycd'], state))).toContain('one');
  expect(versions(world)).toEqual(before);
});

/** As the version before `flycd_origin` left Fly and the database of both. */
function asBefore(world: Arena): void {
  for (const { machines } of world.simulator.world.apps.values())
    for (const machine of machines.values()) delete machine.config.metadata?.['flycd_origin'];
  const database = new Sqlite(join(dirname(world.stateFolder), state, 'flycd', 'flycd.db'));
  for (const table of ['run', 'evidence', 'intent', 'made', 'app_memory', 'standing', 'good_version', 'dirty'])
    database.prepare(`UPDATE ${table} SET fleet = 'flycd'`).run();
  database.exec('DELETE FROM fleet_origin');
  database.close();
}
