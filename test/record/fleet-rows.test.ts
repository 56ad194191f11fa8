/** Under which name a fleet's rows stand, and when they follow it to another. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, it, test } from 'vitest';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import { migrations } from '../../src/record/file/migrations.ts';
import { runStart, temporaryFolder, testStore } from './stores.ts';

const root = (digit: string): string => digit.repeat(40);
const at = (letter: string, first = '1'): FleetOwner['origin'] => ({ address: letter.repeat(32), root: root(first) });
const unnamed = (letter: string): FleetOwner => ({ name: 'flycd', origin: at(letter) });
const named = (name: string, letter: string): FleetOwner => ({ name, unwritten: 'flycd', origin: at(letter) });
const outside = (name: string): FleetOwner => ({ name, unwritten: 'flycd' });
const ofOld = (letter: string, parts: { readonly name?: string; readonly digits?: string }): FleetOwner['from'] => ({
  text: letter,
  name: parts.name,
  digits: parts.digits,
});

const everyApp: ReadonlySet<string> = new Set(['shop', 'cart', 'blog']);

interface Opened {
  /** By a person's word. */
  readonly take: (app: string) => Promise<void>;
  /** Leaves a run, evidence and a dirty mark of the app. */
  readonly leave: (app: string) => Promise<void>;
  readonly apps: () => Promise<readonly string[]>;
  readonly fleets: () => Promise<readonly string[]>;
  readonly pushes: () => Promise<number>;
}

function opener(path = join(temporaryFolder(), 'flycd.db')) {
  const open = (fleet: FleetOwner, mode: 'read' | 'write' = 'write', names = everyApp): Opened => {
    const store = testStore({ path, fleet, names, mode });
    return {
      take: (app) => store.takeRows(app),
      async leave(app) {
        const id = await store.startRun(runStart(app));
        await store.finishRun(id, { outcome: 'updated', status: 'synced', nextWakeAt: undefined });
        await store.setEvidence(app, 'TOKEN', { mark: 'm', keyId: 'k', digest: 'd' });
        await store.markKnown(app);
        await store.markDirty([app]);
        await store.addIntent(app, { kind: 'volume.create', target: 'data', before: [] });
        await store.applyEvent(app, { kind: 'said', texts: { flycd_suspend: 'standing' }, appId: undefined });
        await store.storeDelivery({ id: app, repo: 'r', ref: 'x', receivedAt: 1 });
      },
      async apps() {
        const runs = (await store.latestRuns()).map(({ app }) => app);
        const kept = await Promise.all(
          runs.map(async (app) => {
            const { known, evidence, intents, standing } = await store.memory(app);
            return known && evidence['TOKEN'] !== undefined && intents.length > 0 && standing.length > 0 ? [app] : [];
          }),
        );
        const marked = new Set((await store.dirtyApps()).map(({ app }) => app));
        return kept
          .flat()
          .filter((app) => marked.has(app))
          .toSorted();
      },
      pushes: async () => (await store.pendingDeliveries()).length,
      fleets: async () => [...new Set((await store.latestRuns()).map(({ fleet }) => fleet))].toSorted(),
    };
  };
  return { path, open };
}

test('two repos without a name do not mix, and one repo is one whichever clone opens it', async () => {
  const { open } = opener();
  await open(unnamed('a')).leave('shop');
  await open(unnamed('b')).leave('cart');
  expect(await open(unnamed('a')).apps()).toEqual(['shop']);
  expect(await open(unnamed('b')).apps()).toEqual(['cart']);
  expect(await open({ name: 'flycd', origin: { address: 'a'.repeat(32), root: undefined } }).apps()).toEqual(['shop']);
  expect(await open(unnamed('b'), 'read').apps()).toEqual(['cart']);
  expect(await open(unnamed('c'), 'read').apps()).toEqual([]);
  // By its own name, as `--fleet` gives it.
  const [other = ''] = await open(unnamed('b')).fleets();
  expect(other).toBe(`flycd@${'b'.repeat(12)}`);
  expect(await open({ name: other }, 'read').apps()).toEqual(['cart']);
});

test('rows of before belong to the repo that comes first', async () => {
  const { open } = opener();
  await open({ name: 'flycd' }).leave('shop');
  expect(await open(unnamed('a')).apps()).toEqual(['shop']);
  expect(await open(unnamed('b')).apps()).toEqual([]);
  expect(await open(unnamed('a')).fleets()).toEqual(['flycd']);
});

describe('a name is written', () => {
  it.each<readonly [string, FleetOwner, FleetOwner]>([
    ['over one that was stamped', unnamed('a'), named('acme', 'a')],
    ['over its own default name', unnamed('a'), named('flycd', 'a')],
    ['over one whose root project had a name', { name: 'shop', origin: at('a') }, named('acme', 'a')],
  ])('%s', async (_what, before, after) => {
    const { open } = opener();
    await open(before).leave('shop');
    expect(await open(after, 'read').apps()).toEqual(['shop']);
    const opened = open(after);
    expect(await opened.apps()).toEqual(['shop']);
    expect(await opened.fleets()).toEqual([after.name]);
    expect(await opened.pushes()).toBe(1);
    expect(await open(after, 'read').apps()).toEqual(['shop']);
    expect(await open({ ...named(after.name, 'c'), origin: undefined }, 'read').apps()).toEqual(['shop']);
  });

  it.each<readonly [string, FleetOwner, FleetOwner]>([
    ['another repo', unnamed('b'), named('acme', 'a')],
    ['another name', named('other', 'a'), named('acme', 'a')],
    ['another repo, outside of git', unnamed('b'), outside('bob')],
    ['another repo that is called so by nobody', unnamed('b'), named('flycd', 'a')],
    ['another repo that is called so by nobody, outside of git', unnamed('b'), outside('flycd')],
    ['an earlier FlyCD', { name: 'flycd' }, named('acme', 'a')],
    ['an earlier FlyCD, outside of git', { name: 'flycd' }, outside('bob')],
    ['a fleet with the name of its project', named('acme', 'a'), { name: 'acme', origin: at('b') }],
    ['a fleet with the name of its project, outside of git', named('acme', 'a'), { name: 'acme' }],
  ])('and takes nothing of %s', async (_what, before, after) => {
    const { open } = opener();
    await open(before).leave('shop');
    expect(await open(after, 'read').apps()).toEqual([]);
    expect(await open(after).apps()).toEqual([]);
    await open(after).leave('cart');
    expect(await open(before).apps()).toEqual(['shop']);
    expect(await open(after).apps()).toEqual(['cart']);
    expect(await open(before, 'read').apps()).toEqual(['shop']);
  });

  it('and of two configs in one repo takes the one that was called so', async () => {
    const { open } = opener();
    await open({ name: 'one', origin: at('a') }).leave('shop');
    await open({ name: 'two', origin: at('a') }).leave('cart');
    const after = { name: 'acme', origin: at('a') };
    expect(await open({ ...after, unwritten: 'three' }).apps()).toEqual([]);
    expect(await open({ ...after, unwritten: 'two' }).apps()).toEqual(['cart']);
  });

  it('and takes what stands after its name for a repo that came second', async () => {
    const { open } = opener();
    await open(unnamed('b')).leave('shop');
    await open(unnamed('a')).leave('cart');
    expect(await open(named('acme', 'a')).apps()).toEqual(['cart']);
    expect(await open(unnamed('b')).apps()).toEqual(['shop']);
  });

  it('that has rows already: those of an app stay, and none of the other name are mixed into them', async () => {
    const { open } = opener();
    await open(named('acme', 'a')).leave('cart');
    for (const app of ['cart', 'shop']) await open(unnamed('a')).leave(app);
    expect(await open(named('acme', 'a')).apps()).toEqual(['cart', 'shop']);
    expect(await open(unnamed('a')).apps()).toEqual(['cart']);
  });

  it.each<readonly [string, FleetOwner, FleetOwner]>([
    ['another name', named('acme', 'a'), unnamed('a')],
    ['the name that it had', named('flycd', 'a'), unnamed('a')],
    ['the name of its project', { ...named('acme', 'a'), unwritten: 'acme' }, { name: 'acme', origin: at('a') }],
    ['the name of the project beside it', named('acme', 'a'), { name: 'acme', origin: at('a') }],
  ])('and what this config does not name stays for one that still has none: %s', async (_what, after, beside) => {
    const { open } = opener();
    const names = new Set(['shop']);
    for (const app of ['shop', 'cart']) await open(beside).leave(app);
    expect(await open(after, 'write', names).apps()).toEqual(['shop']);
    for (let times = 0; times < 2; times += 1) {
      expect(await open(beside).apps()).toEqual(['cart']);
      expect(await open(after, 'read', names).apps()).toEqual(['shop']);
      expect(await open(after, 'write', names).apps()).toEqual(['shop']);
    }
    // An app that moves from one to the other brings what is remembered of it.
    expect(await open(after, 'write', new Set(['shop', 'cart'])).apps()).toEqual(['cart', 'shop']);
  });

  it('and a config that names none of its apps neither takes nor shows the rows of one beside it', async () => {
    const { open } = opener();
    await open(unnamed('a')).leave('shop');
    for (const mode of ['read', 'write', 'read'] as const)
      expect(await open(named('acme', 'a'), mode, new Set(['lab'])).apps()).toEqual([]);
    expect(await open(unnamed('a')).apps()).toEqual(['shop']);
  });
});

describe('whoever takes the place of another takes up what is remembered of an app, and of no other', () => {
  it.each<readonly [string, FleetOwner, FleetOwner]>([
    ['a fleet by its name', named('old', 'a'), { ...named('acme', 'b'), from: ofOld('old', { name: 'old' }) }],
    [
      'a repo, by one with a name',
      unnamed('a'),
      { ...named('acme', 'b'), from: ofOld('a', { digits: 'a'.repeat(12) }) },
    ],
    ['a repo, by one without', unnamed('a'), { ...unnamed('b'), from: ofOld('a', { digits: 'a'.repeat(32) }) }],
    ['rows of nobody knows which repo', { name: 'old' }, { ...unnamed('b'), from: ofOld('old', { name: 'old' }) }],
  ])('%s', async (_what, before, after) => {
    const { open } = opener();
    for (const app of ['shop', 'cart']) await open(before).leave(app);
    const taking = open(after);
    expect(await taking.apps()).toEqual([]);
    for (let times = 0; times < 2; times += 1) await taking.take('shop');
    expect(await taking.apps()).toEqual(['shop']);
    expect(await open({ ...after, from: undefined }).apps()).toEqual(['shop']);
    expect(await open(before).apps()).toEqual(['cart']);
  });

  it('and its own word goes before, where it has run the app', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const after: FleetOwner = { ...unnamed('b'), from: ofOld('a', { digits: 'a'.repeat(32) }) };
    const say = async (fleet: FleetOwner, text: string): Promise<void> =>
      testStore({ path, fleet }).applyEvent('shop', {
        kind: 'said',
        texts: { flycd_suspend: text },
        appId: undefined,
      });
    const told = async () => (await testStore({ path, fleet: after }).memory('shop')).standing;
    await say(unnamed('a'), 'theirs');
    await say(after, 'of when it was held');
    await testStore({ path, fleet: after }).takeRows('shop');
    expect(await told()).toMatchObject([{ text: 'theirs' }]);
    await testStore({ path, fleet: after }).markKnown('shop');
    await say(unnamed('a'), 'theirs, later');
    await testStore({ path, fleet: after }).takeRows('shop');
    expect(await told()).toMatchObject([{ text: 'theirs' }]);
    expect((await testStore({ path, fleet: unnamed('a') }).memory('shop')).standing).toMatchObject([
      { text: 'theirs, later' },
    ]);
  });

  it('and leaves a run that is under way to its process', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const old = testStore({ path, fleet: unnamed('a') });
    const id = await old.startRun(runStart('shop'));
    await testStore({ path, fleet: { ...unnamed('b'), from: ofOld('a', { digits: 'a'.repeat(32) }) } }).takeRows(
      'shop',
    );
    const run = await old.finishRun(id, { outcome: 'updated', status: 'synced', nextWakeAt: undefined });
    expect(run.outcome).toBe('updated');
  });

  it.each<readonly [string, FleetOwner, FleetOwner]>([
    ['by the name of every repo', unnamed('a'), { ...unnamed('b'), from: ofOld('flycd', { name: 'flycd' }) }],
    ['by the digits of a third', unnamed('a'), { ...unnamed('b'), from: ofOld('c', { digits: 'c'.repeat(32) }) }],
    ['without a word', unnamed('a'), unnamed('b')],
    [
      'by the name of a repo that somebody has named',
      named('acme', 'a'),
      { ...unnamed('b'), from: ofOld('x', { name: 'flycd' }) },
    ],
  ])('but nobody takes what was not meant: %s', async (_what, before, after) => {
    const { open } = opener();
    await open(before).leave('shop');
    await open(after).take('shop');
    expect(await open(after).apps()).toEqual([]);
    expect(await open(before).apps()).toEqual(['shop']);
  });
});

test('rows are read by just the name that somebody asks for, whoever wrote it', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  for (const fleet of [named('acme', 'a'), unnamed('a')])
    await testStore({ path, fleet }).startRun(runStart(fleet.name));
  for (const name of ['acme', 'flycd'])
    expect((await testStore({ path, fleet: name, mode: 'read' }).latestRuns()).map(({ app }) => app)).toEqual([name]);
});

test('a file that is damaged further in is refused as one that is damaged at its head', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const store = testStore({ path, fleet: unnamed('a') });
  await store.startRun(runStart('shop'));
  await store.close();
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(7, 4096));
  expect(() => testStore({ path, fleet: named('acme', 'a') })).toThrow(`the database ${path} could not be opened`);
});

test('every table with a fleet follows', async () => {
  const memory = new Sqlite(':memory:');
  for (const { sql } of migrations) memory.exec(sql);
  const tables = memory
    .prepare<[], { readonly name: string }>(
      "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'fleet'",
    )
    .all()
    .map(({ name }) => name);
  const path = join(temporaryFolder(), 'flycd.db');
  await testStore({ path, fleet: unnamed('a') }).close();
  const database = new Sqlite(path);
  database.pragma('foreign_keys = off');
  for (const table of tables.filter((name) => name !== 'fleet_origin')) {
    const columns = database
      .prepare<
        [string],
        { readonly name: string; readonly type: string; readonly notnull: number; readonly pk: number }
      >('SELECT name, type, "notnull", pk FROM pragma_table_info(?)')
      .all(table)
      .filter(({ name, notnull, pk }) => name !== 'fleet' && (notnull === 1 || pk > 0));
    const names = ['fleet', ...columns.map(({ name }) => name)];
    const values = ["'flycd'", ...columns.map(({ type }) => (type === 'TEXT' ? "'x'" : '1'))];
    database.exec(
      `INSERT INTO ${table} (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${values.join(', ')})`,
    );
  }
  await testStore({ path, fleet: named('acme', 'a'), names: new Set(['x']) }).close();
  const left = tables.filter(
    (table) => database.prepare(`SELECT 1 FROM ${table} WHERE fleet = 'flycd'`).get() !== undefined,
  );
  database.close();
  expect(left).toEqual([]);
});
