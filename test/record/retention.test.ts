import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import { forgetOldRuns, retentionOf, startRetention } from '../../src/loop/retention.ts';
import { silentLog } from '../../src/model/base/log.ts';
import type { GoodVersion } from '../../src/model/stamps/app-version.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import type { Store } from '../../src/record/store.ts';
import { planOf, runStart, temporaryFolder, testStore } from './stores.ts';

const dayMs = 24 * 60 * 60 * 1000;
const unchanged = { outcome: 'no-change', status: 'synced', nextWakeAt: undefined } as const;

function history() {
  const path = join(temporaryFolder(), 'flycd.db');
  const clock = new IdleClock();
  const store = testStore({ path, clock });
  return { path, clock, store };
}

/** So many runs, a day apart. */
async function runs(
  { clock, store }: { clock: IdleClock; store: Store },
  app: string,
  count: number,
): Promise<number[]> {
  const ids: number[] = [];
  for (let day = 0; day < count; day += 1) {
    const id = await store.startRun(runStart(app, { plan: planOf(app, { org: undefined }) }));
    await store.finishRun(id, unchanged);
    ids.push(id);
    clock.set(dayMs);
  }
  return ids;
}

const all = async (store: Store, app: string): Promise<readonly number[]> =>
  (await store.runs({ app, all: true, limit: 10_000 })).map(({ id }: Run) => id).toReversed();

const result: StepResult = {
  kind: 'app.create',
  target: 'web',
  outcome: 'created',
  message: undefined,
  next: undefined,
  startedAt: 1,
  finishedAt: 2,
};

describe('runs that are forgotten', () => {
  test('are older, and not among the newest of their app', async () => {
    const it = history();
    const web = await runs(it, 'web', 40);
    const api = await runs(it, 'api', 5);
    const retention = { keepDays: 20, keepRuns: 10 };
    expect(await forgetOldRuns({ ...it, retention })).toBeGreaterThan(0);
    // The last of api's five days was yesterday: web's newest run is six days old.
    expect(await all(it.store, 'api')).toEqual(api);
    expect(await all(it.store, 'web')).toEqual(web.slice(-15));
    it.clock.set(100 * dayMs);
    await forgetOldRuns({ ...it, retention });
    expect(await all(it.store, 'web')).toEqual(web.slice(-10));
    expect(await all(it.store, 'api')).toEqual(api);
    expect(await forgetOldRuns({ ...it, retention })).toBe(0);
  });

  test('are never one that goes on, a good version’s, or the last that says where the app is or that git names it', async () => {
    const it = history();
    const { store, clock } = it;
    const open = await store.startRun(runStart('web', { plan: planOf('web', { org: undefined }) }));
    const [good = 0, located = 0] = await runs(it, 'web', 2);
    const version: GoodVersion = {
      revision: 'c0ffee',
      config: '0'.repeat(32),
      digest: `sha256:${'0'.repeat(64)}`,
      image: '0'.repeat(32),
      at: 1,
    };
    await store.addGood('web', version, good);
    const raw = new Sqlite(it.path);
    raw.prepare(`UPDATE run SET plan = json_set(plan, '$.org', 'acme') WHERE id = ?`).run(located);
    const [named = 0, ...orphaned] = await runs(it, 'web', 30);
    for (const id of orphaned)
      raw.prepare(`UPDATE run SET plan = json_set(plan, '$.status', 'orphaned') WHERE id = ?`).run(id);
    raw.close();
    clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    expect(await all(store, 'web')).toEqual([open, good, located, named, orphaned.at(-1)]);
    expect(await store.organizationsOf(['web'])).toEqual(new Map([['web', 'acme']]));
    expect((await store.goodVersions('web')).map(({ runId }) => runId)).toEqual([good]);
    expect(await store.namedRevision('web')).toBe('c0ffee');
  });

  test('go with their steps, in small transactions, and give their room back', async () => {
    const it = history();
    const { store, clock, path } = it;
    for (let run = 0; run < 450; run += 1) {
      const id = await store.startRun(runStart('web', { plan: planOf('web', { notes: ['x'.repeat(4000)] }) }));
      await store.addResult(id, result);
      await store.finishRun(id, unchanged);
    }
    clock.set(400 * dayMs);
    const what = { finishedBefore: clock.now(), keepNewest: 1 };
    expect(await store.forgetRuns('web', what)).toBe(50);
    expect(await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } })).toBe(399);
    const raw = new Sqlite(path);
    expect(raw.prepare('SELECT count(*) FROM step_result').pluck().get()).toBe(1);
    raw.pragma('wal_checkpoint(TRUNCATE)');
    expect(Number(raw.pragma('page_count', { simple: true }))).toBeLessThan(60);
    raw.close();
  });

  test('give all their room back in small steps, however large they are, and what was left free before', async () => {
    const it = history();
    const { store, clock, path } = it;
    for (let run = 0; run < 60; run += 1) {
      const id = await store.startRun(runStart('web', { plan: planOf('web', { notes: ['x'.repeat(400_000)] }) }));
      await store.finishRun(id, unchanged);
    }
    clock.set(400 * dayMs);
    const raw = new Sqlite(path);
    const pages = (what: 'freelist_count' | 'page_count') => Number(raw.pragma(what, { simple: true }));
    const full = pages('page_count');
    const what = { finishedBefore: clock.now(), keepNewest: 1 };
    expect(await store.forgetRuns('web', what)).toBe(50);
    expect(await store.giveBackRoom()).toBe(true);
    expect(full - pages('page_count')).toBeLessThanOrEqual(300);
    expect(pages('freelist_count')).toBeGreaterThan(4000);
    await store.forgetRuns('web', what);
    expect(await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } })).toBe(0);
    expect(pages('freelist_count')).toBe(0);
    expect(pages('page_count')).toBeLessThan(200);
    expect(await store.giveBackRoom()).toBe(false);
    raw.close();
  });

  test('leave their room in a file that gives none back', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const raw = new Sqlite(path);
    raw.exec('CREATE TABLE earlier (id INTEGER); DROP TABLE earlier');
    const it = { path, clock: new IdleClock() };
    const store = testStore(it);
    await runs({ ...it, store }, 'web', 20);
    it.clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, store, retention: { keepDays: 1, keepRuns: 1 } });
    expect(Number(raw.pragma('freelist_count', { simple: true }))).toBeGreaterThan(0);
    raw.close();
  });

  test('are never the one that ended last, whenever it began and whatever goes on', async () => {
    const it = history();
    const { store, clock } = it;
    const plan = planOf('web', { org: undefined });
    const ids: number[] = [];
    for (let run = 0; run < 4; run += 1) ids.push(await store.startRun(runStart('web', { plan })));
    const [first = 0, second = 0, third = 0, open = 0] = ids;
    for (const id of [third, second, first]) {
      await clock.sleep(1000);
      await store.finishRun(id, unchanged);
    }
    clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    expect(await all(store, 'web')).toEqual([first, open]);
  });

  test('are those of one fleet', async () => {
    const it = history();
    const { path, clock } = it;
    const other = testStore({ path, clock, fleet: { name: 'other' } });
    const theirs = await runs({ clock, store: other }, 'web', 5);
    await runs(it, 'web', 5);
    clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    expect(await all(it.store, 'web')).toHaveLength(1);
    expect(await all(other, 'web')).toEqual(theirs);
  });
});

describe('revisions of git that are forgotten', () => {
  const seen = (path: string): readonly unknown[] => {
    const raw = new Sqlite(path, { readonly: true });
    try {
      return raw.prepare('SELECT revision FROM seen_revision ORDER BY at').pluck().all();
    } finally {
      raw.close();
    }
  };
  const nameOf = (commit: number): string => `commit-${commit}`;

  /** So many commits, an hour apart. */
  async function commits({ clock, store }: { clock: IdleClock; store: Store }, count: number): Promise<void> {
    for (let commit = 0; commit < count; commit += 1) {
      await store.seeRevision(nameOf(commit));
      clock.set(60 * 60_000);
    }
  }

  test('are older, and not among the newest thousand', async () => {
    const it = history();
    await commits(it, 1_700);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    const newest = Array.from({ length: 1_000 }, (_unused, index) => nameOf(700 + index));
    expect(seen(it.path)).toEqual([nameOf(0), ...newest]);
    await forgetOldRuns({ ...it, retention: { keepDays: 60, keepRuns: 1 } });
    expect(seen(it.path)).toHaveLength(1_001);
  });

  test('are none of the last days, however many came', async () => {
    const it = history();
    await commits(it, 1_700);
    await forgetOldRuns({ ...it, retention: { keepDays: 60, keepRuns: 1 } });
    expect(seen(it.path)).toEqual([nameOf(0), ...Array.from({ length: 1_440 }, (_unused, at) => nameOf(260 + at))]);
  });

  test('are never what an app was last found at: a commit that stays is no new one, whatever others see', async () => {
    const it = history();
    const { store, clock } = it;
    await store.seeRevision('the first');
    clock.set(dayMs);
    await store.seeRevision('stays');
    const since = clock.now();
    for (const revision of ['the first', 'stays'])
      await store.finishRun(await store.startRun(runStart('web', { revision })), unchanged);
    clock.set(dayMs);
    await commits(it, 1_500);
    clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    expect(seen(it.path)).toHaveLength(1_002);
    expect(await store.revisionSeenAt('stays')).toBe(since);
    expect(await store.revisionSeenAt(nameOf(10))).toBe(clock.now());
  });

  test('leave the first one, without which nobody knows when the others came', async () => {
    const it = history();
    await it.store.seeRevision('the first');
    it.clock.set(dayMs);
    await it.store.seeRevision('stays');
    const since = it.clock.now();
    await it.store.finishRun(await it.store.startRun(runStart('web', { revision: 'stays' })), unchanged);
    it.clock.set(dayMs);
    await commits(it, 1_100);
    it.clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    expect(await it.store.revisionSeenAt('stays')).toBe(since);
    expect(await it.store.revisionSeenAt('the first')).toBeUndefined();
  });

  test('are those of one fleet', async () => {
    const it = history();
    const other = testStore({ path: it.path, clock: it.clock, fleet: { name: 'other' } });
    await commits({ ...it, store: other }, 1_200);
    await commits(it, 1_200);
    it.clock.set(400 * dayMs);
    await forgetOldRuns({ ...it, retention: { keepDays: 1, keepRuns: 1 } });
    expect(seen(it.path)).toHaveLength(1_200 + 1_001);
  });
});

describe('a service', () => {
  test('forgets once a day, and ends with it', async () => {
    const it = history();
    await runs(it, 'web', 30);
    it.clock.set(400 * dayMs);
    const stop = startRetention({ ...it, log: silentLog, retention: retentionOf({ keep_days: 1, keep_runs: 3 }) });
    await it.clock.sleep(11 * 60_000);
    expect(await all(it.store, 'web')).toHaveLength(3);
    await runs(it, 'web', 4);
    await it.clock.sleep(dayMs - 60 * 60_000);
    expect(await all(it.store, 'web')).toHaveLength(7);
    await it.clock.sleep(2 * 60 * 60_000);
    expect(await all(it.store, 'web')).toHaveLength(3);
    stop();
    expect(it.clock.pending).toBe(0);
  });

  test('goes on the next day where the database refuses', async () => {
    const it = history();
    await runs(it, 'web', 5);
    it.clock.set(400 * dayMs);
    let refusals = 1;
    const store: Store = {
      ...it.store,
      appsWithRuns: () => (refusals-- > 0 ? Promise.reject(new Error('locked')) : it.store.appsWithRuns()),
    };
    const stop = startRetention({ ...it, store, log: silentLog, retention: { keepDays: 1, keepRuns: 1 } });
    await it.clock.sleep(11 * 60_000);
    expect(await all(it.store, 'web')).toHaveLength(5);
    await it.clock.sleep(dayMs);
    expect(await all(it.store, 'web')).toHaveLength(1);
    stop();
  });
});

test('three months and a hundred runs stay, where nobody says otherwise', () => {
  expect(retentionOf(undefined)).toEqual({ keepDays: 90, keepRuns: 100 });
  expect(retentionOf({ keep_days: 7 })).toEqual({ keepDays: 7, keepRuns: 100 });
});
