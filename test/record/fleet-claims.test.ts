/** Whose rows stand under which name, on the tables alone: what several repos and configs of one repo claim beside each other. */
import Sqlite from 'better-sqlite3';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import type { Origin } from '../../src/model/stamps/origin.ts';
import type { FleetOwner } from '../../src/model/stamps/owner.ts';
import { settleRows, takeRows, type RowsRequest } from '../../src/record/memory/fleet-rows.ts';
import { migrations } from '../../src/record/file/migrations.ts';

const address = (letter: string): string => letter.repeat(32);
const root = (digit: string): string => digit.repeat(40);
const a: Origin = { address: address('a'), root: root('1') };
const b: Origin = { address: address('b'), root: root('2') };
const rootOfB: Origin = { address: undefined, root: root('2') };
const unnamed = (name: string, origin?: Origin): FleetOwner => ({ name, origin });
const named = (name: string, unwritten: string, origin?: Origin): FleetOwner => ({ name, unwritten, origin });
const only = (...apps: readonly string[]): ReadonlySet<string> => new Set(apps);
const every = only('shop', 'cart', 'blog');

function tables() {
  const connection = new Sqlite(':memory:');
  onTestFinished(() => void connection.close());
  for (const { sql } of migrations) connection.exec(sql);
  const settle = (fleet: FleetOwner, names: RowsRequest['names'], mode: RowsRequest['mode'] = 'write'): string =>
    settleRows(connection, { fleet, names, mode });
  const column = (sql: string, value: string) => connection.prepare<[string], string>(sql).pluck().all(value);
  const under = (name: string) => column('SELECT app FROM app_memory WHERE fleet = ? ORDER BY app', name);
  return {
    connection,
    settle,
    under,
    /** What this fleet remembers of apps, and a push that came for it. */
    leave: (fleet: FleetOwner, ...apps: readonly string[]): void => {
      const name = settle(fleet, undefined);
      for (const app of apps) connection.prepare('INSERT INTO app_memory (fleet, app) VALUES (?, ?)').run(name, app);
      connection
        .prepare("INSERT INTO delivery (fleet, id, repo, ref, received_at) VALUES (?, ?, 'r', 'x', 1)")
        .run(name, apps.join());
    },
    written: (fleet: FleetOwner, names: RowsRequest['names'] = every) => under(settle(fleet, names)),
    read: (fleet: FleetOwner, names: RowsRequest['names'] = every) => under(settle(fleet, names, 'read')),
    pushes: (name: string) => column('SELECT id FROM delivery WHERE fleet = ?', name),
    take: (fleet: FleetOwner, app: string) => takeRows(connection, { owner: fleet, name: settle(fleet, every), app }),
  };
}

describe('a repo that nobody has named', () => {
  it('and that came second is found again by a clone that does not know its address', () => {
    const { leave, written, read } = tables();
    leave(unnamed('flycd', a), 'shop');
    leave(unnamed('flycd', b), 'cart');
    expect(read(unnamed('flycd', rootOfB))).toEqual(['cart']);
    expect(written(unnamed('flycd', rootOfB))).toEqual(['cart']);
  });

  it('and that comes second takes nothing of a config beside it that is called otherwise', () => {
    const { leave, written } = tables();
    leave(unnamed('one', b), 'shop');
    leave(unnamed('flycd', a), 'cart');
    expect(written(unnamed('flycd', b))).toEqual([]);
    expect(written(unnamed('one', b))).toEqual(['shop']);
  });

  it('shows nothing of a config beside it that is called otherwise', () => {
    const { leave, read } = tables();
    leave(unnamed('one', a), 'shop');
    expect(read(unnamed('two', a))).toEqual([]);
  });

  it('is told from a fork that has its history, though a clone without an address came between', () => {
    for (const order of [
      [a, { ...a, address: undefined }],
      [{ ...a, address: undefined }, a],
    ]) {
      const { leave, settle, written } = tables();
      leave(unnamed('flycd', order[0]), 'shop');
      settle(unnamed('flycd', order[1]), every);
      expect(written(unnamed('flycd', { ...a, address: address('c') }))).toEqual([]);
      expect(written(unnamed('flycd', { ...a, address: undefined }))).toEqual(['shop']);
    }
  });

  it('learns nothing from one of which nobody knows whether it is the same', () => {
    const { leave, written } = tables();
    leave(unnamed('flycd', { ...a, root: undefined }), 'shop');
    for (const digit of ['2', '3'])
      expect(written(unnamed('flycd', { address: undefined, root: root(digit) }))).toEqual(['shop']);
    expect(written(unnamed('flycd'))).toEqual(['shop']);
  });

  it('and of which nothing is known has a place of its own beside a fleet that somebody named so', () => {
    const { leave, settle } = tables();
    leave(named('acme', 'flycd', a), 'shop');
    expect(settle(unnamed('acme'), every)).toBe('acme@unnamed');
    expect(settle(unnamed('acme', b), every)).toBe(`acme@${'b'.repeat(12)}`);
  });

  it('counts a claim of a later FlyCD for none', () => {
    const { connection, leave, written, take } = tables();
    leave(unnamed('flycd'), 'shop', 'cart');
    connection.prepare("INSERT INTO fleet_origin (fleet, origin) VALUES ('flycd', 'o9:x')").run();
    const other = { ...named('acme', 'acme', b), from: { text: 'flycd', name: 'flycd', digits: undefined } };
    take(other, 'cart');
    expect(written(other)).toEqual(['cart']);
    expect(written(unnamed('flycd', a))).toEqual(['shop']);
    expect(written(unnamed('flycd', b))).toEqual([]);
  });
});

describe('a name is written', () => {
  const acme = named('acme', 'flycd', a);

  it('and where nobody knows the apps of the config nothing moves, and what was there is shown', () => {
    const { leave, settle, under } = tables();
    leave(unnamed('flycd', a), 'shop');
    expect(under(settle(acme, undefined, 'read'))).toEqual(['shop']);
    expect(under(settle(acme, undefined))).toEqual([]);
    expect(under('flycd')).toEqual(['shop']);
    expect(tables().settle(acme, undefined, 'read')).toBe('acme');
  });

  it('and what stands under it is shown, not what stood before', () => {
    const { leave, read } = tables();
    leave(acme, 'cart');
    leave(unnamed('flycd', a), 'shop', 'cart');
    expect(read(acme)).toEqual(['cart']);
  });

  it('and before anything moves all that stood before is shown, if one app of it is the config’s', () => {
    const { leave, read } = tables();
    leave(unnamed('flycd', a), 'shop', 'cart');
    expect(read(acme, only('shop'))).toEqual(['cart', 'shop']);
    expect(read(acme, only('blog'))).toEqual([]);
  });

  it('in a repo that came second, beside another config of it', () => {
    const { leave, written } = tables();
    leave(unnamed('flycd', b), 'blog');
    leave(unnamed('flycd', a), 'cart');
    leave(unnamed('other', a), 'shop');
    expect(written(acme)).toEqual(['cart']);
  });

  it('that one config had by itself, and the only other one is told by what it was called, too', () => {
    const { leave, written } = tables();
    leave(unnamed('acme', a), 'shop');
    leave(unnamed('one', a), 'cart');
    expect(written(named('acme', 'three', a))).toEqual(['cart', 'shop']);
  });

  it('that one config had by itself: its own apps stay under it, whatever the others do', () => {
    const { leave, written, under } = tables();
    leave(unnamed('acme', a), 'shop', 'cart');
    leave(unnamed('flycd', a), 'blog');
    expect(written(acme, only('shop', 'blog'))).toEqual(['blog', 'shop']);
    expect(under(`acme@${'a'.repeat(12)}`)).toEqual(['cart']);
  });

  it('and an app that the config takes in later is found beside it', () => {
    const { leave, written } = tables();
    leave(unnamed('acme', a), 'shop', 'cart');
    expect(written(acme, only('shop'))).toEqual(['shop']);
    expect(written(acme, only('shop', 'cart'))).toEqual(['cart', 'shop']);
  });

  it.each<readonly [string, FleetOwner]>([
    ['it was named', acme],
    ['an earlier FlyCD wrote them', unnamed('acme')],
  ])('and rows of apps that git no longer names stay under it where %s', (_what, before) => {
    const { leave, written } = tables();
    leave(before, 'shop', 'cart');
    for (let times = 0; times < 2; times += 1) expect(written(acme, only('shop'))).toEqual(['cart', 'shop']);
  });

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['all apps that stood there are its', ['shop', 'cart'], ['shop,cart']],
    ['some are', ['shop', 'blog'], []],
    ['nobody knows of any', [], []],
  ])('and pushes follow where %s', (_what, apps, pushes) => {
    const { leave, settle, written, pushes: pushesOf } = tables();
    leave(unnamed('flycd', a), ...apps);
    settle(acme, only('shop', 'cart'));
    expect(pushesOf('acme')).toEqual(pushes);
    expect(pushesOf('flycd')).toEqual(pushes.length > 0 ? [] : [apps.join()]);
    // What is left is no other repo's, which would take it for its own.
    expect(written(unnamed('flycd', b))).toEqual([]);
  });

  it('and a run that is under way follows as well', () => {
    const { connection, settle } = tables();
    settle(unnamed('flycd', a), undefined);
    connection.exec(`INSERT INTO run (fleet, app, trigger, actor, revision, started_at, status, plan)
      VALUES ('flycd', 'shop', 'timer', 'flycd', 'x', 1, 'applying', '{}')`);
    settle(acme, every);
    expect(connection.prepare('SELECT fleet FROM run').pluck().all()).toEqual(['acme']);
  });
});

test.each<readonly [string, { readonly name?: string; readonly digits?: string }, readonly string[]]>([
  ['a config of the same repo by its name', { name: 'one' }, ['shop']],
  ['and none beside it', { name: 'three' }, []],
  [
    'a repo by its digits, also where a fleet without a claim is called so',
    { name: address('b'), digits: address('b') },
    ['shop'],
  ],
])('takes the place of %s', (_what, { name, digits }, apps) => {
  const { leave, take, written } = tables();
  leave(unnamed('one', name === undefined || digits === undefined ? a : b), 'shop');
  const two = { ...unnamed('two', a), from: { text: '', name, digits } };
  take(two, 'shop');
  take(two, 'cart');
  expect(written(two)).toEqual(apps);
});
