import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IdleClock } from '../../src/model/base/clock.ts';
import type { AppStatus } from '../../src/model/plan.ts';
import type { RunOutcome, StepResult } from '../../src/model/run.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import { machineUpdate, planOf, runStart, temporaryFolder, testStore } from './stores.ts';

const result = (parts: Partial<StepResult> = {}): StepResult => ({
  kind: 'machine.update',
  target: 'web/app/arn/1',
  outcome: 'updated',
  message: undefined,
  next: undefined,
  startedAt: 1,
  finishedAt: 2,
  ...parts,
});

describe('runs', () => {
  test('a run is recorded from start to end, with its results in order', async () => {
    const clock = new IdleClock();
    const store = testStore({ clock });
    const plan = planOf('web', { status: 'pending', notes: ['one note'] });
    const id = await store.startRun(runStart('web', { trigger: 'webhook', actor: 'flycd', plan }));
    expect(await store.run(id)).toMatchObject({ status: 'applying', finishedAt: undefined, outcome: undefined });
    await clock.sleep(500);
    const first = result({ message: 'rolled', outcome: 'failed', next: 'fly logs' });
    await Promise.all([store.addResult(id, first), store.addResult(id, result({ target: 'web/app/arn/2' }))]);
    const run = await store.finishRun(id, { outcome: 'failed', status: 'failed', nextWakeAt: clock.now() + 5_000 });
    expect(run).toEqual({
      id,
      fleet: 'test',
      app: 'web',
      trigger: 'webhook',
      actor: 'flycd',
      revision: 'c0ffee',
      startedAt: clock.now() - 500,
      finishedAt: clock.now(),
      outcome: 'failed',
      status: 'failed',
      plan,
      results: [first, result({ target: 'web/app/arn/2' })],
      nextWakeAt: clock.now() + 5_000,
    });
    expect(await store.run(id)).toEqual(run);
    expect(await store.run(id + 1)).toBeUndefined();
  });

  test('runs come newest first, by app where asked; latestRuns gives one an app', async () => {
    const store = testStore();
    const ids: number[] = [];
    for (const app of ['web', 'api', 'web', 'web']) ids.push(await store.startRun(runStart(app)));
    expect((await store.runs({ limit: 3 })).map((run) => run.id)).toEqual(ids.toReversed().slice(0, 3));
    expect((await store.runs({ app: 'web', limit: 2 })).map((run) => run.id)).toEqual([ids[3], ids[2]]);
    for (const id of ids) await store.finishRun(id, { outcome: 'updated', status: 'synced', nextWakeAt: undefined });
    expect((await store.latestRuns()).map((run) => [run.app, run.id])).toEqual([
      ['web', ids[3]],
      ['api', ids[1]],
    ]);
    expect(await store.runs({ limit: 0 })).toEqual([]);
  });

  test('of apps whose newest run is over and did not find them gone the status is told', async () => {
    const store = testStore();
    const ended = async (app: string, outcome: RunOutcome, status: AppStatus): Promise<void> => {
      const id = await store.startRun(runStart(app));
      await store.finishRun(id, { outcome, status, nextWakeAt: undefined });
    };
    await ended('web', 'updated', 'synced');
    await ended('web', 'failed', 'failed');
    await ended('old', 'no-change', 'orphaned');
    await ended('old', 'deleted', 'orphaned');
    await ended('back', 'deleted', 'orphaned');
    await ended('back', 'created', 'synced');
    await ended('busy', 'updated', 'synced');
    await store.startRun(runStart('busy'));
    const back = { app: 'back', org: 'personal', status: 'synced' };
    expect(await store.appsTold()).toEqual([back, { app: 'web', org: 'personal', status: 'failed' }]);
  });

  test('organizations of apps are those that the newest plan names which names one', async () => {
    const store = testStore();
    for (const [app, org] of [
      ['moved', 'personal'],
      ['moved', 'second'],
      ['moved', undefined],
      ['unsaid', undefined],
      ['other', 'personal'],
    ] as const)
      await store.startRun(runStart(app, { plan: planOf(app, { org }) }));
    expect(await store.organizationsOf(['moved', 'unsaid', 'nobody'])).toEqual(new Map([['moved', 'second']]));
    expect(await store.organizationsOf([])).toEqual(new Map());
  });

  test('secrets reach no row, not even those that JSON would escape', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const redactor = new Redactor();
    const secret = 'pa"ss\nword\\é';
    redactor.learn(secret);
    const store = testStore({ path, redactor });
    const leak = `got ${secret} from https://bot:${encodeURIComponent(secret)}@git.example/x`;
    const plan = planOf('web', { notes: [leak], steps: [{ ...machineUpdate(1, 1), because: leak }] });
    const id = await store.startRun(runStart('web', { plan, revision: leak, actor: leak }));
    await store.addResult(id, result({ message: leak, next: leak, target: leak }));
    await store.addHeals('web', [leak]);
    await store.seeRevision(leak);
    await store.addIntent('web', { kind: 'volume.create', target: leak, before: [] });
    await store.storeDelivery({ id: 'd', repo: 'https://x:token-of-mine@git.example/x', ref: 'r', receivedAt: 1 });
    const everything = JSON.stringify([await store.runs({ limit: 9 }), await store.memory('web')]);
    expect(everything).not.toContain('word');
    expect(everything).toContain('got [secret] from https://git.example/x');
    expect((await store.pendingDeliveries())[0]?.repo).toBe('https://git.example/x');
  });
});

describe('memory', () => {
  test('evidence is kept by app and name, replaced and removed', async () => {
    const store = testStore();
    await store.setEvidence('web', 'TOKEN', { mark: 'a', keyId: 'k', digest: 'd1' });
    await store.setEvidence('web', 'TOKEN', { mark: 'b', keyId: 'k', digest: 'd2' });
    await store.setEvidence('api', 'TOKEN', { mark: 'c', keyId: 'k', digest: 'd3' });
    expect((await store.memory('web')).evidence).toEqual({ TOKEN: { mark: 'b', keyId: 'k', digest: 'd2' } });
    await store.removeEvidence('web', 'TOKEN');
    expect((await store.memory('web')).evidence).toEqual({});
    expect(Object.keys((await store.memory('api')).evidence)).toEqual(['TOKEN']);
  });

  test('an intent outlives the process until it is settled; settling twice is the same as once', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const clock = new IdleClock();
    const intent = await testStore({ path, clock }).addIntent('web', {
      kind: 'volume.create',
      target: 'web/data/arn',
      before: ['vol_1'],
    });
    const next = testStore({ path, clock });
    expect((await next.memory('web')).intents).toEqual([intent]);
    expect(intent).toMatchObject({ kind: 'volume.create', createdAt: clock.now(), before: ['vol_1'] });
    await next.settleIntent('api', intent.id);
    expect((await next.memory('web')).intents).toHaveLength(1);
    await next.settleIntent('web', intent.id);
    await next.settleIntent('web', intent.id);
    expect((await next.memory('web')).intents).toEqual([]);
  });

  test('what a call made that another tells of is remembered by its app, once', async () => {
    const store = testStore();
    await store.addMade('web', 'address.allocate', '2a09::1');
    await store.addMade('web', 'address.allocate', '2a09::1');
    expect((await store.memory('web')).made).toEqual(['2a09::1']);
    expect((await store.memory('api')).made).toEqual([]);
  });

  test('what an intent made is known for an hour', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const clock = new IdleClock();
    const store = testStore({ path, clock });
    const wanted = { kind: 'address.allocate', target: 'web/v6 v6', before: [] } as const;
    const intent = await store.addIntent('web', wanted);
    await store.fulfilIntent('api', intent.id, '2a09::1');
    expect((await store.memory('web')).intents).toEqual([intent]);
    await store.fulfilIntent('web', intent.id, '2a09::1');
    const made = { ...intent, made: { id: '2a09::1', at: clock.now() } };
    expect((await testStore({ path, clock }).memory('web')).intents).toEqual([made]);
    await clock.sleep(3_600_000);
    const second = await store.addIntent('web', wanted);
    expect((await store.memory('web')).intents).toEqual([made, second]);
    await clock.sleep(1);
    const third = await store.addIntent('web', wanted);
    expect((await store.memory('web')).intents).toEqual([second, third]);
  });

  test('an extend that a restart may have to follow is kept by its volume', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const extend = { kind: 'volume.extend', target: 'vol_1', before: ['1', '1772366400000'] } as const;
    const intent = await testStore({ path }).addIntent('web', extend);
    const next = testStore({ path });
    expect((await next.memory('web')).intents).toEqual([{ ...extend, id: intent.id, createdAt: intent.createdAt }]);
    await next.settleIntent('web', intent.id);
    expect((await next.memory('web')).intents).toEqual([]);
  });

  test('heals are kept for a day, newest last', async () => {
    const clock = new IdleClock();
    const store = testStore({ clock });
    const start = clock.now();
    await store.addHeals('web', ['m1 guest.cpus', 'm1 env.A']);
    await clock.sleep(60_000);
    await store.addHeals('web', ['m1 guest.cpus']);
    expect((await store.memory('web')).heals).toEqual([
      { path: 'm1 guest.cpus', at: start },
      { path: 'm1 env.A', at: start },
      { path: 'm1 guest.cpus', at: start + 60_000 },
    ]);
    await clock.sleep(24 * 60 * 60 * 1000);
    expect((await store.memory('web')).heals).toEqual([{ path: 'm1 guest.cpus', at: start + 60_000 }]);
    await store.addHeals('web', []);
    await store.addHeals('web', ['m2 image']);
    await clock.sleep(1);
    expect((await store.memory('web')).heals.map(({ path }) => path)).toEqual(['m1 guest.cpus', 'm2 image'].slice(1));
  });

  test('the newest release of an app keeps the number of the first', async () => {
    const store = testStore();
    const release = (number: number) => ({ id: `r${number}`, number, version: 'v', image: 'nginx:1', isOpen: false });
    for (const number of [8, 12, 20]) await store.setTold('web', release(number));
    expect((await store.memory('web')).told).toEqual({ ...release(20), first: 8 });
    // As machines tell of another database's.
    for (const [first, kept] of [
      [9, 8],
      [3, 3],
    ] as const) {
      await store.setTold('web', { ...release(21), first });
      expect((await store.memory('web')).told).toEqual({ ...release(21), first: kept });
    }
    await store.setTold('cart', { ...release(21), first: 3 });
    expect((await store.memory('cart')).told?.first).toBe(3);
  });

  test('facts of an app are set one by one', async () => {
    const store = testStore();
    await store.markKnown('web');
    expect(await store.memory('web')).toMatchObject({ known: true, defaultAddressesGiven: false });
    await store.setPopulated('web', { web: 'i2:x' });
    await store.markDefaultAddressesOwed('web');
    expect(await store.memory('web')).toMatchObject({ defaultAddressesGiven: false, defaultAddressesOwed: true });
    await store.markDefaultAddressesGiven('web');
    expect(await store.memory('web')).toMatchObject({
      known: true,
      defaultAddressesGiven: true,
      defaultAddressesOwed: false,
      populated: { web: 'i2:x' },
    });
    expect(await store.memory('api')).toMatchObject({ known: false });
  });
});

describe('deliveries and marks', () => {
  const delivery = (id: string) => ({
    id,
    repo: 'https://github.com/acme/fleet.git',
    ref: 'refs/heads/main',
    receivedAt: 7,
  });

  test('a delivery survives kill -9 and is pending once, in order of arrival', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const died = testStore({ path });
    const stored = await Promise.all(['b', 'a', 'b'].map((id) => died.storeDelivery(delivery(id))));
    expect(stored).toEqual([true, true, false]);
    const next = testStore({ path });
    expect(await next.pendingDeliveries()).toEqual([delivery('b'), delivery('a')]);
    expect(await next.storeDelivery(delivery('a'))).toBe(false);
  });

  test('finishing deliveries and marking their apps is one transaction', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const store = testStore({ path });
    await store.storeDelivery(delivery('a'));
    await store.storeDelivery(delivery('b'));
    await store.finishDeliveries(['a'], ['web', 'api', 'web']);
    const next = testStore({ path });
    expect((await next.pendingDeliveries()).map(({ id }) => id)).toEqual(['b']);
    expect((await next.dirtyApps()).map(({ app }) => app)).toEqual(['web', 'api']);
    // The second mark fails: the delivery must stay.
    const broken = JSON.parse('["web", null]') as string[];
    await expect(next.finishDeliveries(['b'], broken)).rejects.toThrow('NOT NULL');
    expect((await next.pendingDeliveries()).map(({ id }) => id)).toEqual(['b']);
    expect(await next.storeDelivery(delivery('a'))).toBe(false);
  });

  test('ids are forgotten a week after they were finished, pending ones never', async () => {
    const clock = new IdleClock();
    const store = testStore({ clock });
    await store.storeDelivery(delivery('old'));
    await store.storeDelivery(delivery('waiting'));
    await store.finishDeliveries(['old'], []);
    await clock.sleep(7 * 24 * 60 * 60 * 1000 + 1);
    await store.finishDeliveries([], []);
    expect(await store.storeDelivery(delivery('old'))).toBe(true);
    expect(await store.storeDelivery(delivery('waiting'))).toBe(false);
  });

  test('closing writes what was on its way', async () => {
    const path = join(temporaryFolder(), 'flycd.db');
    const store = testStore({ path });
    const stored = store.storeDelivery(delivery('a'));
    await store.close();
    expect(await stored).toBe(true);
    expect(await testStore({ path }).pendingDeliveries()).toHaveLength(1);
  });

  test('a mark set again is another generation, and clearing an old one leaves it', async () => {
    const store = testStore();
    await store.markDirty(['web']);
    const [first] = await store.dirtyApps();
    await store.markDirty(['web']);
    const [second] = await store.dirtyApps();
    expect(second?.generation).toBeGreaterThan(first?.generation ?? 0);
    await store.clearDirty('web', first?.generation ?? 0);
    expect(await store.dirtyApps()).toEqual([second]);
    await store.clearDirty('web', second?.generation ?? 0);
    expect(await store.dirtyApps()).toEqual([]);
    await store.markDirty(['web']);
    expect((await store.dirtyApps())[0]?.generation).toBeGreaterThan(second?.generation ?? 0);
  });
});

test('builds of a key are kept newest first, the end of their output without secrets, one fleet’s apart', async () => {
  const clock = new IdleClock();
  const redactor = new Redactor();
  redactor.learn('s3cr3t-token');
  const store = testStore({ clock, redactor });
  const build = { key: 'k', app: 'shop', org: 'acme', startedAt: 1, digest: undefined };
  await store.addBuild({ ...build, outcome: 'failed', output: `${'x'.repeat(20_000)} s3cr3t-token` });
  await clock.sleep(1000);
  await store.addBuild({ ...build, outcome: 'built', digest: 'sha256:1', output: '', org: undefined });
  await store.addBuild({ ...build, key: 'other', outcome: 'built', output: '' });
  const found = await store.builds('k');
  expect(found.map(({ outcome, digest, org }) => [outcome, digest, org])).toEqual([
    ['built', 'sha256:1', undefined],
    ['failed', undefined, 'acme'],
  ]);
  expect(found[1]?.output).toMatch(/^x+ \[secret\]$/);
  expect(found[1]?.output.length).toBe(16_384);
  expect(await store.builds('none')).toEqual([]);
});

test('of runs that overlap, the newest is the one that somebody is at, then the one that ended last', async () => {
  const clock = new IdleClock();
  const path = join(temporaryFolder(), 'flycd.db');
  const [store, other] = [testStore({ path, clock }), testStore({ path, clock })];
  const first = await store.startRun(runStart('web'));
  await clock.sleep(10);
  const newest = async () => (await other.latestRuns()).map(({ id, status }) => [id, status]);
  for (const [trigger, outcome] of [
    ['timer', 'held'],
    ['timer', 'no-change'],
    ['command', 'updated'],
  ] as const) {
    const run = await other.startRun(runStart('web', { trigger }));
    // It waits for the first, or gave way to it.
    expect(await newest()).toEqual([[first, 'applying']]);
    await other.finishRun(run, { outcome, status: 'blocked', nextWakeAt: undefined });
    expect(await newest()).toEqual([[first, 'applying']]);
    expect(await other.appsTold()).toEqual([]);
    await clock.sleep(10);
  }
  for (const trigger of ['suspend', 'resume', 'rollback'] as const) {
    const word = await other.startRun(runStart('web', { trigger }));
    await other.finishRun(word, { outcome: 'held', status: 'suspended', nextWakeAt: undefined });
    expect(await newest()).toEqual([[word, 'suspended']]);
    await clock.sleep(10);
  }
  await store.finishRun(first, { outcome: 'failed', status: 'failed', nextWakeAt: undefined });
  expect(await newest()).toEqual([[first, 'failed']]);
  expect(await store.appsTold()).toMatchObject([{ app: 'web', status: 'failed' }]);
  await clock.sleep(10);
  const third = await store.startRun(runStart('web'));
  expect(await newest()).toEqual([[third, 'applying']]);
  // At one moment, by number.
  await store.finishRun(third, { outcome: 'updated', status: 'synced', nextWakeAt: undefined });
  const fourth = await store.startRun(runStart('web'));
  expect(await newest()).toEqual([[fourth, 'applying']]);
});
