/** A run that tells nothing new goes, and the one before it says when the app is tried again: both at once, or neither. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { GoodVersion } from '../../src/model/stamps/app-version.ts';
import type { Store } from '../../src/record/store.ts';
import { runStart, temporaryFolder, testStore } from './stores.ts';

const good: GoodVersion = { config: 'd', digest: '', image: 'nginx:1', revision: 'c0ffee', at: 1 };

async function ended(store: Store, nextWakeAt?: number): Promise<number> {
  const id = await store.startRun(runStart('web'));
  const skipped = {
    kind: 'machine.update',
    target: 'web/app/arn/1',
    outcome: 'skipped',
    startedAt: 1,
    finishedAt: 2,
  } as const;
  await store.addResult(id, { ...skipped, message: undefined, next: undefined });
  await store.finishRun(id, { outcome: 'held', status: 'held', nextWakeAt });
  return id;
}

const told = async (store: Store) =>
  (await store.runs({ all: true, limit: 10 })).map(({ id, results, nextWakeAt }) => [id, results.length, nextWakeAt]);

test('the later of two goes, and the earlier one is tried again when that one was to be', async () => {
  const store = testStore();
  const [first, second] = [await ended(store, 5), await ended(store, 9)];
  expect(await store.dropRun(second, { id: first, nextWakeAt: 9 })).toBe(true);
  expect(await told(store)).toEqual([[first, 1, 9]]);
});

test.each<[string, (store: Store, runs: { readonly first: number; readonly second: number }) => Promise<unknown>]>([
  ['another one has been recorded since', (store) => ended(store)],
  ['another one goes on', (store) => store.startRun(runStart('web'))],
  ['a version is known by it', (store, { second }) => store.addGood('web', good, second)],
])('nothing goes where %s', async (_what, between) => {
  const store = testStore();
  const runs = { first: await ended(store, 5), second: await ended(store, 9) };
  await between(store, runs);
  const before = await told(store);
  expect(await store.dropRun(runs.second, { id: runs.first, nextWakeAt: 9 })).toBe(false);
  expect(await told(store)).toEqual(before);
});

test('nothing goes where the one that it was compared with is not the one right before it, or is its own', async () => {
  const store = testStore();
  const [first, , third] = [await ended(store), await ended(store), await ended(store)];
  const before = await told(store);
  for (const id of [first, third, 99]) expect(await store.dropRun(third, { id, nextWakeAt: 9 })).toBe(false);
  expect(await told(store)).toEqual(before);
});

test('one that another process has dropped at the same time is dropped once', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const [one, two] = [testStore({ path }), testStore({ path })];
  const [first, second] = [await ended(one, 5), await ended(one, 9)];
  const dropped = [one, two].map((store) => store.dropRun(second, { id: first, nextWakeAt: 9 }));
  expect((await Promise.all(dropped)).filter(Boolean)).toHaveLength(1);
  expect(await told(two)).toEqual([[first, 1, 9]]);
});

test.each(['DELETE ON run', 'UPDATE OF next_wake_at ON run'])(
  'cut off at %s nothing is half done',
  async (statement) => {
    const path = join(temporaryFolder(), 'flycd.db');
    const store = testStore({ path });
    const [first, second] = [await ended(store, 5), await ended(store, 9)];
    const before = await told(store);
    const disk = new Sqlite(path);
    disk.exec(`CREATE TRIGGER full BEFORE ${statement} BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
    disk.close();
    await expect(store.dropRun(second, { id: first, nextWakeAt: 9 })).rejects.toThrow('disk full');
    expect(await told(store)).toEqual(before);
  },
);

const quiet = async (store: Store, revision: string): Promise<number> => {
  const id = await store.startRun(runStart('web', { revision }));
  await store.finishRun(id, { outcome: 'no-change', status: 'synced', nextWakeAt: 5 });
  return id;
};

test('of two that found the same the later one stays, as it is', async () => {
  const store = testStore();
  const changed = await ended(store);
  const [first, second] = [await quiet(store, 'one'), await quiet(store, 'two')];
  const later = await store.run(second);
  expect(await store.foldRun(second, changed)).toBe(false);
  expect(await store.foldRun(second, first)).toBe(true);
  expect(await store.run(second)).toEqual(later);
  expect((await told(store)).map(([id]) => id)).toEqual([second, changed]);
  // Its steps go with it.
  expect(await store.foldRun(second, changed)).toBe(true);
  expect(await told(store)).toEqual([[second, 0, 5]]);
});

test.each<[string, (store: Store, runs: readonly number[]) => Promise<unknown>, boolean]>([
  ['a version is known by the one that would go', (store, [first]) => store.addGood('web', good, first ?? 0), false],
  ['a version is known by the one that stays', (store, [, second]) => store.addGood('web', good, second ?? 0), true],
  ['another app has a run since', (store) => store.startRun(runStart('api')), true],
  ['another one of the app goes on', (store) => store.startRun(runStart('web')), false],
])('two that found the same, where %s', async (_what, between, isFolded) => {
  const store = testStore();
  const runs = [await quiet(store, 'one'), await quiet(store, 'two')] as const;
  await between(store, runs);
  const before = await told(store);
  expect(await store.foldRun(runs[1], runs[0])).toBe(isFolded);
  expect(await told(store)).toEqual(before.filter(([id]) => !isFolded || id !== runs[0]));
});

test.each(['first', 'second'])('no two become one while the %s goes on', async (which) => {
  const store = testStore();
  const open = async (isOpen: boolean) => (isOpen ? store.startRun(runStart('web')) : quiet(store, 'one'));
  const [first, second] = [await open(which === 'first'), await open(which === 'second')];
  const before = await told(store);
  expect(await store.foldRun(second, first)).toBe(false);
  expect(await store.dropRun(second, { id: first, nextWakeAt: 9 })).toBe(false);
  expect(await told(store)).toEqual(before);
});
