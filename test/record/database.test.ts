import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import { openConnections, closeConnections } from '../../src/record/file/connection.ts';
import { openStore } from '../../src/record/database.ts';
import { migrations } from '../../src/record/file/migrations.ts';

import { runStart, temporaryFolder, testStore } from './stores.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

function faultOf(open: () => unknown): Fault {
  try {
    open();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it opened');
}

test('migrations are numbered from 1 without gaps and named by their number', () => {
  expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_unused, index) => index + 1));
  for (const { number, name } of migrations) expect(name).toMatch(new RegExp(`^${String(number).padStart(4, '0')}-`));
});

test('the database, its -wal and its -shm are readable by their owner alone, whatever the umask', async () => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const folder = join(temporaryFolder(), 'state', 'flycd');
  const path = join(folder, 'flycd.db');
  const store = testStore({ path });
  await store.startRun(runStart('web'));
  await store.storeDelivery({ id: 'd1', repo: 'r', ref: 'refs/heads/main', receivedAt: 1 });
  expect(readdirSync(folder).toSorted()).toEqual(['flycd.db', 'flycd.db-shm', 'flycd.db-wal']);
  for (const name of readdirSync(folder)) expect([name, modeOf(join(folder, name))]).toEqual([name, 0o600]);
  expect(modeOf(folder)).toBe(0o700);
});

test('a database left open to others is closed to them', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  await testStore({ path }).close();
  chmodSync(path, 0o644);
  testStore({ path });
  expect(modeOf(path)).toBe(0o600);
});

test('runs wait for nothing, deliveries and intents for the disk', () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const connections = openConnections({ path, mode: 'write' });
  expect(connections.main.pragma('journal_mode', { simple: true })).toBe('wal');
  const [normal, full] = [1, 2];
  expect(connections.main.pragma('synchronous', { simple: true })).toBe(normal);
  expect(connections.durable.pragma('synchronous', { simple: true })).toBe(full);
  closeConnections(connections);
});

test('an older binary refuses a newer database, says why and what to do, and leaves it as it is', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  await testStore({ path }).close();
  const newer = new Sqlite(path);
  newer.pragma(`user_version = ${migrations.length + 1}`);
  newer.close();
  for (const mode of ['write', 'read'] as const) {
    const fault = faultOf(() => testStore({ path, mode }));
    expect(fault.kind).toBe('stalled');
    expect(fault.what).toBe(`the database ${path} was written by a newer FlyCD`);
    expect(fault.why).toContain(`schema is number ${migrations.length + 1}`);
    expect(fault.next).toContain('newer FlyCD');
  }
});

test("another program's database and a damaged file are refused", () => {
  const folder = temporaryFolder();
  const foreign = join(folder, 'firefox.db');
  const other = new Sqlite(foreign);
  other.exec('CREATE TABLE bookmarks (url TEXT)');
  other.close();
  expect(faultOf(() => testStore({ path: foreign })).what).toBe(`${foreign} is not FlyCD's database`);
  const damaged = join(folder, 'damaged.db');
  writeFileSync(damaged, 'not a database, '.repeat(100));
  const fault = faultOf(() => testStore({ path: damaged }));
  expect(fault.kind).toBe('stalled');
  expect(fault.next).toContain('move the file away');
});

test('a folder that cannot be made is a stalled fault', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(faultOf(() => testStore({ path: join(folder, 'file', 'flycd.db') })).kind).toBe('stalled');
});

test('an older schema is migrated when written to, and read through a copy when only read', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  // Schema 0: our application id, nothing made yet, as after a kill before the first migration.
  const old = new Sqlite(path);
  old.pragma('journal_mode = WAL');
  old.pragma('application_id = 0x466c7943');
  old.close();
  const bytes = readFileSync(path);
  const reader = testStore({ path, mode: 'read' });
  expect(await reader.latestRuns()).toEqual([]);
  expect(readFileSync(path)).toEqual(bytes);
  const writer = testStore({ path });
  await writer.startRun(runStart('web'));
  expect(await writer.latestRuns()).toHaveLength(1);
});

test('a failing migration leaves the old schema whole', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const blocked = new Sqlite(path);
  blocked.pragma('application_id = 0x466c7943');
  blocked.exec('CREATE TABLE dirty (in_the_way INTEGER)'); // the last table of the first migration
  blocked.close();
  expect(faultOf(() => testStore({ path })).why).toContain('dirty already exists');
  const after = new Sqlite(path, { readonly: true });
  expect(after.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['dirty']);
  after.close();
});

test('reading makes no file, changes none, and refuses to write', async () => {
  const folder = temporaryFolder();
  const missing = join(folder, 'missing', 'flycd.db');
  const empty = testStore({ path: missing, mode: 'read' });
  expect(await empty.runs({ limit: 10 })).toEqual([]);
  expect(await empty.memory('web')).toEqual({
    evidence: {},
    intents: [],
    made: [],
    heals: [],
    appId: undefined,
    underway: undefined,
    firstRun: undefined,
    known: false,
    defaultAddressesGiven: false,
    defaultAddressesOwed: false,
    populated: undefined,
    told: undefined,
    unreachable: {},
    standing: [],
  });
  await expect(empty.startRun(runStart('web'))).rejects.toThrow('readonly');
  await expect(empty.markDirty(['web'])).rejects.toThrow('readonly');
  await expect(empty.storeDelivery({ id: 'a', repo: 'r', ref: 'x', receivedAt: 1 })).rejects.toThrow('readonly');
  expect(existsSync(join(folder, 'missing'))).toBe(false);

  const path = join(folder, 'flycd.db');
  const writer = testStore({ path });
  await writer.startRun(runStart('web'));
  const live = testStore({ path, mode: 'read' });
  expect(await live.latestRuns()).toHaveLength(1); // beside a writer that has it open
  await live.close();
  await writer.close();
  const bytes = readFileSync(path);
  const reader = testStore({ path, mode: 'read' });
  expect((await reader.latestRuns()).map(({ app }) => app)).toEqual(['web']);
  await expect(reader.startRun(runStart('web'))).rejects.toThrow('readonly');
  await reader.close();
  expect(readFileSync(path)).toEqual(bytes);
});

test('what a type let through, SQLite refuses to whoever opened a store for reading', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const writer = testStore({ path });
  const open = await writer.startRun(runStart('web'));
  const reader = testStore({ path, mode: 'read' });
  for (const write of [
    () => reader.startRun(runStart('web')),
    () => reader.markKnown('web'),
    () => reader.markDirty(['web']),
    () => reader.finishDeliveries([], ['web']),
    () => reader.storeDelivery({ id: 'a', repo: 'r', ref: 'x', receivedAt: 1 }),
    () => reader.finishRun(open, { outcome: 'no-change', status: 'synced', nextWakeAt: undefined }),
  ])
    await expect(write(), String(write)).rejects.toThrow('readonly');
  expect(await writer.runs({ limit: 9, all: true })).toMatchObject([{ id: open }]);
});

test('what is owed is written as an earlier FlyCD reads and wrote it', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const store = testStore({ path });
  await store.markDefaultAddressesGiven('given');
  await store.markDefaultAddressesOwed('owed');
  await store.close();
  const raw = new Sqlite(path, { readonly: true });
  expect(raw.prepare('SELECT app, default_addresses_given FROM app_memory ORDER BY app').raw().all()).toEqual([
    ['given', 1],
    ['owed', 2],
  ]);
  raw.close();
});

test('two openers at once, and fleets that share one file, do not disturb each other', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const one = testStore({ path, fleet: { name: 'one' } });
  const two = testStore({ path, fleet: { name: 'two' } });
  const id = await one.startRun(runStart('web'));
  await one.markDirty(['web']);
  await one.setEvidence('web', 'TOKEN', { mark: 'm', keyId: 'k', digest: 'd' });
  await one.storeDelivery({ id: 'd', repo: 'r', ref: 'x', receivedAt: 1 });
  expect(await two.latestRuns()).toEqual([]);
  expect(await two.run(id)).toBeUndefined();
  await expect(two.finishRun(id, { outcome: 'failed', status: 'failed', nextWakeAt: undefined })).rejects.toThrow();
  expect(await two.closeInterrupted()).toBe(0);
  expect(await two.dirtyApps()).toEqual([]);
  expect((await two.memory('web')).evidence).toEqual({});
  expect(await two.pendingDeliveries()).toEqual([]);
  expect(await two.storeDelivery({ id: 'd', repo: 'r', ref: 'x', receivedAt: 1 })).toBe(true);
  expect((await one.run(id))?.finishedAt).toBeUndefined();
});

test('a store in memory needs no folder', async () => {
  const store = openStore({
    path: ':memory:',
    fleet: { name: 'test' },
    clock: new IdleClock(),
    redactor: new Redactor(),
  });
  expect(await store.storeDelivery({ id: 'a', repo: 'r', ref: 'x', receivedAt: 1 })).toBe(true);
  expect(await store.pendingDeliveries()).toHaveLength(1);
  await store.close();
  await store.close();
});

test('no pass begins, and no delivery is called stored, where the file was moved away', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const store = testStore({ path });
  const delivery = { id: 'a', repo: 'r', ref: 'refs/heads/main', receivedAt: 1 };
  expect(await store.storeDelivery(delivery)).toBe(true);
  renameSync(path, `${path}.away`);
  await expect(store.storeDelivery({ ...delivery, id: 'b' })).rejects.toThrow('is not there any more');
  await expect(store.startRun(runStart('shop'))).rejects.toThrow('is not there any more');
  renameSync(`${path}.away`, path);
  expect(await store.storeDelivery({ ...delivery, id: 'b' })).toBe(true);
});
