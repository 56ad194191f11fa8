import Sqlite from 'better-sqlite3';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { patiently } from '../../src/record/database.ts';
import { recordFault } from '../../src/record/file/faults.ts';
import type { Store } from '../../src/record/store.ts';
import { runStart, temporaryFolder, testStore } from './stores.ts';

/** A store on a file that another process may hold, as `sqlite3` does that somebody has left in a transaction. */
function contended() {
  const path = join(temporaryFolder(), 'flycd.db');
  const clock = new IdleClock();
  const store = testStore({ path, clock });
  const other = new Sqlite(path);
  onTestFinished(() => void other.close());
  return { path, clock, store, other };
}

const faultOf = async (work: Promise<unknown>): Promise<Fault> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no Fault: ${String(error)}`);
};

const delivery = { id: 'a', repo: 'r', ref: 'x', receivedAt: 1 };
const writes: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ['a run', (store) => store.startRun(runStart('web'))],
  ['a mark', (store) => store.markDirty(['web'])],
  ['a delivery', (store) => store.storeDelivery(delivery)],
  ['an intent', (store) => store.addIntent('web', { kind: 'volume.create', target: 'data', before: [] })],
  ['the end of a delivery', (store) => store.finishDeliveries(['a'], ['web'])],
];

describe('a database that another process holds', () => {
  test.each(writes)('is waited for on the clock, and written once it is free: %s', async (_what, write) => {
    const { clock, store, other } = contended();
    other.exec('BEGIN IMMEDIATE');
    const beganAt = clock.now();
    const free = clock.timer(2000, () => other.exec('COMMIT'));
    await write(store);
    free();
    expect(clock.now() - beganAt).toBeGreaterThanOrEqual(2000);
    expect(clock.now() - beganAt).toBeLessThan(2500);
  });

  test.each(writes)('for good is said, with who may hold it: %s', async (_what, write) => {
    const { path, clock, store, other } = contended();
    other.exec('BEGIN IMMEDIATE');
    const beganAt = clock.now();
    const fault = await faultOf(write(store));
    expect(clock.now() - beganAt).toBeGreaterThanOrEqual(5000);
    expect(clock.now() - beganAt).toBeLessThan(6000);
    expect([fault.kind, fault.what]).toEqual(['transient', `the database ${path} could not be used`]);
    expect(fault.why).toMatch(/^it is locked: another process/);
    expect(fault.next).toContain('FlyCD tries again');
    other.exec('ROLLBACK');
    // Nothing of it is half done.
    expect(await store.runs({ all: true, limit: 9 })).toEqual([]);
    expect([await store.dirtyApps(), await store.pendingDeliveries()]).toEqual([[], []]);
    await write(store);
  });

  test('is read all the same', async () => {
    const { store, other } = contended();
    other.exec('BEGIN IMMEDIATE');
    expect(await store.latestRuns()).toEqual([]);
  });

  test('is waited for by whoever opens it', async () => {
    const { path, clock, store, other } = contended();
    await store.close();
    other.pragma('journal_mode = DELETE');
    other.exec('BEGIN EXCLUSIVE');
    const open = () => testStore({ path, clock });
    const fault = await faultOf(patiently({ clock, path }, open));
    expect([fault.kind, fault.what]).toEqual(['transient', `the database ${path} could not be opened`]);
    expect(fault.why).toMatch(/^it is locked/);
    clock.timer(1000, () => other.exec('COMMIT'));
    expect(await (await patiently({ clock, path }, open)).latestRuns()).toEqual([]);
  });
});

test('a damaged database is said to be, with what to move away', async () => {
  const { path, store, other } = contended();
  for (let run = 0; run < 50; run += 1) await store.startRun(runStart(`app-${run}`));
  other.pragma('wal_checkpoint(TRUNCATE)');
  other.close();
  await store.close();
  const file = openSync(path, 'r+');
  // Behind the schema, which is on the first page.
  writeSync(file, Buffer.alloc(200_000, 0x5a), 0, 200_000, 4096);
  closeSync(file);
  const fault = await faultOf(
    (async () => {
      const damaged = testStore({ path });
      await damaged.latestRuns();
    })(),
  );
  expect(fault.kind).toBe('stalled');
  expect(fault.why).toMatch(/^it is damaged \(SQLite says: /);
  expect(fault.next).toContain('move the file away');
});

test.each([
  ['SQLITE_FULL', 'transient', 'its disk is full', 'free some space'],
  ['SQLITE_READONLY', 'transient', 'it may not be written (SQLite says: words)', 'belongs to the user'],
  ['SQLITE_READONLY_DBMOVED', 'transient', 'it may not be written', 'belongs to the user'],
  ['SQLITE_CANTOPEN', 'stalled', 'it may not be written', 'belongs to the user'],
  ['SQLITE_IOERR_WRITE', 'transient', 'SQLite says: words', 'check the disk'],
  ['SQLITE_BUSY_SNAPSHOT', 'transient', 'it is locked', 'end that process'],
  ['SQLITE_CORRUPT_INDEX', 'stalled', 'it is damaged', 'move the file away'],
  ['SQLITE_NOTADB', 'stalled', 'it is damaged', 'move the file away'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'stalled', 'SQLite says: words', 'check the disk'],
] as const)('%s is %s, in words', (code, kind, why, next) => {
  const fault = recordFault(new Sqlite.SqliteError('words', code), '/data/flycd.db');
  expect(fault).toMatchObject({ kind, what: 'the database /data/flycd.db could not be used' });
  expect(fault).toMatchObject({ why: expect.stringContaining(why), next: expect.stringContaining(next) });
});

test('what is not SQLite’s is left as it is', () => {
  const error = new Error('another');
  expect(recordFault(error, '/data/flycd.db')).toBe(error);
});
