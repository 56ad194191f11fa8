import Sqlite from 'better-sqlite3';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Host } from '../../src/model/base/host.ts';
import { IdleClock, type Clock } from '../../src/model/base/clock.ts';
import { Kysely, SqliteDialect } from 'kysely';
import { createProcesses } from '../../src/record/file/processes.ts';
import type { Processes } from '../../src/record/file/rows.ts';
import type { Tables } from '../../src/record/file/tables.ts';
import type { Store } from '../../src/record/store.ts';
import { planOf, runStart, temporaryFolder, testStore } from './stores.ts';

const minuteMs = 60_000;
const beatMs = 10_000;

/** A database on which processes are at work, all by one clock. */
function database() {
  const path = join(temporaryFolder(), 'flycd.db');
  const clock = new IdleClock();
  /** From `die` on its timers never come back. */
  const mortal = (instance: string): { readonly store: Store; readonly die: () => void } => {
    let isDead = false;
    const own: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      busy: (work) => clock.busy(work),
      park: (ms, gone) => clock.park(ms, gone),
      timer: (ms, callback) =>
        clock.timer(ms, () => {
          if (!isDead) callback();
        }),
    };
    return { store: testStore({ path, clock: own, instance }), die: () => void (isDead = true) };
  };
  const beside = (instance = 'beside'): Store => testStore({ path, clock, instance });
  const rows = (): unknown => {
    const raw = new Sqlite(path, { readonly: true });
    const read = raw.prepare('SELECT instance FROM process ORDER BY id').pluck().all();
    raw.close();
    return read;
  };
  /** Another process's, without a store around them: what they do is done when they return. */
  const processes = (): Processes => {
    const main = new Sqlite(path);
    onTestFinished(() => void main.close());
    const queries = new Kysely<Tables>({ dialect: new SqliteDialect({ database: main }) });
    return createProcesses({ main, queries, clock, instance: 'sweeping', host: undefined });
  };
  return { path, clock, mortal, beside, rows, processes };
}

const unchanged = { outcome: 'no-change', status: 'synced', nextWakeAt: undefined } as const;

describe('runs of other processes', () => {
  test('a command beside a service leaves the run that the service is at', async () => {
    const { clock, mortal, beside } = database();
    const { store: service } = mortal('service');
    const open = await service.startRun(runStart('web'));
    for (let minutes = 0; minutes < 30; minutes += 1) {
      await clock.sleep(minuteMs);
      expect(await beside().closeInterrupted()).toBe(0);
    }
    expect(await beside().run(open)).toMatchObject({ outcome: undefined, status: 'applying' });
    expect(await service.finishRun(open, unchanged)).toMatchObject({ outcome: 'no-change' });
  });

  test('a run whose process has said nothing for a minute is interrupted, once, when it was last known to live', async () => {
    const { clock, mortal, beside, rows } = database();
    const { store, die } = mortal('died');
    const done = await store.startRun(runStart('api'));
    await store.finishRun(done, unchanged);
    const startedAt = clock.now();
    const open = await store.startRun(runStart('web'));
    const orphan = await store.startRun(runStart('old', { plan: planOf('old', { status: 'orphaned' }) }));
    await clock.sleep(25_000);
    die();
    const next = beside();
    // Its last beat is five seconds ago.
    await clock.sleep(54_999);
    expect(await next.closeInterrupted()).toBe(0);
    expect(await next.run(open)).toMatchObject({ outcome: undefined });
    await clock.sleep(1);
    const ended = { outcome: 'interrupted', status: 'pending', finishedAt: startedAt + 2 * beatMs };
    // Who only reads says so too, before anybody has written it.
    expect(await next.run(open)).toMatchObject(ended);
    expect(await next.latestRuns()).toMatchObject([{ app: 'old', status: 'orphaned' }, { app: 'web' }, { app: 'api' }]);
    expect(await next.closeInterrupted()).toBe(2);
    expect(await next.closeInterrupted()).toBe(0);
    expect(await next.run(open)).toMatchObject(ended);
    expect(await next.run(orphan)).toMatchObject({ outcome: 'interrupted', status: 'orphaned' });
    expect(await next.run(done)).toMatchObject({ outcome: 'no-change' });
    expect(rows()).toEqual([]);
  });

  test('a run of a FlyCD that named no process is interrupted', async () => {
    const { path, beside } = database();
    const store = beside();
    const open = await store.startRun(runStart('web'));
    const raw = new Sqlite(path);
    raw.exec('UPDATE run SET process = NULL');
    raw.close();
    expect(await beside().closeInterrupted()).toBe(1);
    const run = await store.run(open);
    expect(run).toMatchObject({ outcome: 'interrupted', finishedAt: run?.startedAt });
  });

  test('runs that a process left open when it closed are interrupted a minute later', async () => {
    const { clock, beside } = database();
    const left = beside('left');
    const open = await left.startRun(runStart('web'));
    await left.close();
    expect(clock.pending).toBe(0);
    await clock.sleep(minuteMs);
    expect(await beside().closeInterrupted()).toBe(1);
    expect(await beside().run(open)).toMatchObject({ outcome: 'interrupted' });
  });

  test('a run whose end could not be written is nobody’s, while its process goes on', async () => {
    const { path, clock, beside } = database();
    const store = beside('service');
    const lost = await store.startRun(runStart('web'));
    const other = new Sqlite(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.finishRun(lost, unchanged)).rejects.toThrow('could not be used');
    other.exec('COMMIT');
    other.close();
    const going = await store.startRun(runStart('api'));
    await clock.sleep(minuteMs);
    const next = beside('command');
    expect(await next.workedOnBefore(await next.startRun(runStart('web')))).toBeUndefined();
    expect(await next.run(lost)).toMatchObject({ outcome: 'interrupted' });
    expect(await next.run(going)).toMatchObject({ outcome: undefined });
    // Its own process knows at once.
    expect(await store.run(lost)).toMatchObject({ outcome: 'interrupted' });
    expect(await store.closeInterrupted()).toBe(1);
  });

  test('of two runs at once the second one is worked on after the first has ended', async () => {
    const { clock, beside } = database();
    const store = beside('service');
    const [first, second] = [await store.startRun(runStart('web')), await store.startRun(runStart('api'))];
    await store.finishRun(first, unchanged);
    await clock.sleep(5 * minuteMs);
    expect(await beside().closeInterrupted()).toBe(0);
    expect(await beside().run(second)).toMatchObject({ outcome: undefined });
  });

  test('a store is closed while another process holds the file', async () => {
    const { path, clock, beside } = database();
    const store = beside('closing');
    await store.startRun(runStart('web'));
    const other = new Sqlite(path);
    other.exec('BEGIN IMMEDIATE');
    await store.close();
    expect(clock.pending).toBe(0);
    other.close();
    expect(await beside().latestRuns()).toHaveLength(1);
  });

  test('a process that slept for an hour ends its run as it ended, and lives again', async () => {
    const { clock, mortal, beside } = database();
    const { store, die } = mortal('asleep');
    const open = await store.startRun(runStart('web'));
    die();
    await clock.sleep(60 * minuteMs);
    expect(await beside().closeInterrupted()).toBe(1);
    expect(await store.finishRun(open, unchanged)).toMatchObject({ outcome: 'no-change', finishedAt: clock.now() });
    const again = await store.startRun(runStart('web'));
    expect(await beside().closeInterrupted()).toBe(0);
    expect(await beside().run(again)).toMatchObject({ outcome: undefined });
  });

  test.each([-3_600_000, 3_600_000])(
    'a clock that somebody sets by %i ms stops nobody for longer than a beat',
    async (by) => {
      const { clock, mortal, beside } = database();
      const { store } = mortal('alive');
      const open = await store.startRun(runStart('web'));
      clock.set(by);
      await clock.sleep(beatMs);
      expect(await beside().closeInterrupted()).toBe(0);
      expect(await beside().run(open)).toMatchObject({ outcome: undefined });
    },
  );

  test('of a dead process a clock that was set back makes no living one', async () => {
    const { clock, mortal, beside } = database();
    const { store, die } = mortal('died');
    await store.startRun(runStart('web'));
    die();
    clock.set(-3_600_000);
    expect(await beside().closeInterrupted()).toBe(1);
  });

  test('without an open run nothing is written, and no timer waits', async () => {
    const { clock, beside, rows } = database();
    const store = beside('idle');
    await store.memory('web');
    expect(rows()).toEqual([]);
    await store.finishRun(await store.startRun(runStart('web')), unchanged);
    expect(clock.pending).toBe(0);
    expect(rows()).toEqual(['idle']);
    await beside().closeInterrupted();
    expect(rows()).toEqual([]);
    // Its row comes back with its next run.
    await store.startRun(runStart('web'));
    expect(rows()).toEqual(['idle']);
    await store.close();
  });
});

describe('a look for processes that are idle', () => {
  test('leaves each that has an open run, of whatever fleet, and takes the others, its own too', async () => {
    const { path, clock, beside, rows, processes } = database();
    const [busy, idle, own] = [beside('busy'), beside('idle'), beside('own')];
    const elsewhere = testStore({ path, clock, instance: 'elsewhere', fleet: { name: 'other' } });
    for (const store of [busy, idle, own, elsewhere]) {
      const run = await store.startRun(runStart('web'));
      if (store === idle || store === own) await store.finishRun(run, unchanged);
    }
    expect(rows()).toEqual(['busy', 'idle', 'own', 'elsewhere']);
    expect(await own.closeInterrupted()).toBe(0);
    expect(rows()).toEqual(['busy', 'elsewhere']);
    // Its number is its own all the same.
    const run = await own.startRun(runStart('api'));
    processes().sweep();
    expect(rows()).toEqual(['busy', 'own', 'elsewhere']);
    expect(await beside().run(run)).toMatchObject({ outcome: undefined });
  });

  test('at any moment of a beginning run takes nothing from it', async () => {
    const { clock, beside, rows, processes } = database();
    const sweeping = processes();
    const [store, reader] = [beside('service'), beside('reader')];
    for (let runs = 0; runs < 2; runs += 1) {
      const beginning = store.startRun(runStart('web'));
      sweeping.sweep();
      const run = await beginning;
      sweeping.sweep();
      expect(await reader.run(run)).toMatchObject({ outcome: undefined, status: 'applying' });
      expect(rows()).toEqual(['service']);
      await clock.sleep(5 * minuteMs);
      expect(await reader.closeInterrupted()).toBe(0);
      await store.finishRun(run, unchanged);
      sweeping.sweep();
      expect(rows()).toEqual([]);
    }
  });

  test('at any moment of a look at a run makes none interrupted that went well', async () => {
    const { path, beside, processes } = database();
    const sweeping = processes();
    const [store, reader] = [beside('service'), beside('reader')];
    const raw = new Sqlite(path);
    const end = raw.prepare("UPDATE run SET finished_at = started_at, outcome = 'updated' WHERE id = ?");
    for (let turns = 0; turns < 50; turns += 1) {
      const run = await store.startRun(runStart('web'));
      const looking = reader.run(run);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      end.run(run);
      sweeping.sweep();
      expect([undefined, 'updated']).toContain((await looking)?.outcome);
    }
    raw.close();
  });

  test('writes over no end that comes once a run was seen to be nobody’s', async () => {
    const { clock, path, mortal } = database();
    const { store, die } = mortal('slow');
    const run = await store.startRun(runStart('web'));
    die();
    await clock.sleep(minuteMs);
    let isOver = false;
    const reader = testStore({
      path,
      clock: withNow(clock, () => {
        if (isOver) return;
        isOver = true;
        const raw = new Sqlite(path);
        raw.prepare("UPDATE run SET finished_at = 7, outcome = 'updated', status = 'synced' WHERE id = ?").run(run);
        raw.close();
      }),
    });
    expect(await reader.closeInterrupted()).toBe(1);
    expect(isOver).toBe(true);
    expect(await reader.run(run)).toMatchObject({ outcome: 'updated', finishedAt: 7 });
  });
});

/** The same clock, which tells each time that it is asked for the date. */
function withNow(clock: Clock, asked: () => void): Clock {
  return {
    now: () => {
      asked();
      return clock.now();
    },
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    busy: (work) => clock.busy(work),
    park: (ms, gone) => clock.park(ms, gone),
    timer: (ms, callback) => clock.timer(ms, callback),
  };
}

describe('on one computer', () => {
  const on = (name: string, pid: number, living: readonly number[] = [], space = 'one'): Host => ({
    name,
    space,
    pid,
    isAlive: (id) => living.includes(id),
  });

  test.each([
    ['a process that is gone', on('one', 2), 1],
    ['one of the same id, perhaps in another container', on('one', 1, [1]), 0],
    ['one in a container that counts by itself', on('one', 2, [], 'two'), 0],
    ['one that runs', on('one', 2, [1]), 0],
    ['one on another computer', on('two', 2), 0],
  ])('%s: what is known at once', async (_what, host, interrupted) => {
    const { path, clock } = database();
    const store = testStore({ path, clock, host: on('one', 1, [1]) });
    await store.startRun(runStart('web'));
    const next = testStore({ path, clock, host });
    expect(await next.closeInterrupted()).toBe(interrupted);
    // Its own are its own, whoever else had its id.
    await next.startRun(runStart('web'));
    expect(await next.closeInterrupted()).toBe(0);
  });
});

describe('who has an app', () => {
  test('the first of two processes to begin a run of it, until that has ended', async () => {
    const { clock, beside } = database();
    const [one, two] = [beside('one'), beside('two')];
    const first = await one.startRun(runStart('web'));
    const startedAt = clock.now();
    await clock.sleep(5);
    const second = await two.startRun(runStart('web'));
    expect(await two.workedOnBefore(second)).toEqual({ instance: 'one', startedAt });
    expect(await one.workedOnBefore(first)).toBeUndefined();
    // Another app, and one that its own process has begun twice.
    expect(await two.workedOnBefore(await two.startRun(runStart('api')))).toBeUndefined();
    expect(await one.workedOnBefore(await one.startRun(runStart('api')))).toMatchObject({ instance: 'two' });
    expect(await two.workedOnBefore(await two.startRun(runStart('api')))).toMatchObject({ instance: 'one' });
    await one.finishRun(first, unchanged);
    expect(await two.workedOnBefore(second)).toBeUndefined();
  });

  test('nobody whose process is dead, of another fleet, or one that named none', async () => {
    const { path, clock, mortal, beside } = database();
    const { store, die } = mortal('died');
    await store.startRun(runStart('web'));
    await testStore({ path, clock, fleet: { name: 'other' } }).startRun(runStart('api'));
    const next = beside();
    expect(await next.workedOnBefore(await next.startRun(runStart('api')))).toBeUndefined();
    const run = await next.startRun(runStart('web'));
    expect(await next.workedOnBefore(run)).toMatchObject({ instance: 'died' });
    die();
    await clock.sleep(minuteMs);
    expect(await next.workedOnBefore(run)).toBeUndefined();
  });
});
