/** What goes with an app that is over. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { formatHold, formatSuspension } from '../../src/model/standing/standing-text.ts';
import { migrations } from '../../src/record/file/migrations.ts';
import { planOf, runStart, temporaryFolder, testStore } from './stores.ts';

const suspension = (reason: string, count: number) =>
  formatSuspension({ reason, by: 'ann', at: count, until: undefined, count });
const good = { revision: 'a'.repeat(40), config: 'c'.repeat(32), digest: '', image: 'd'.repeat(32), at: 1 };
const aHold = formatHold({ to: good, by: 'ann', at: 1, count: 1 });

const nothing = { appId: undefined, underway: undefined, known: false, firstRun: undefined, standing: [] };

async function filled() {
  const store = testStore();
  for (const app of ['shop', 'cart']) {
    const run = await store.startRun(runStart(app));
    const appId = `id of ${app}`;
    await store.applyEvent(app, {
      kind: 'seen',
      shown: { isThere: true, id: appId, isStamped: true, isProven: false },
      texts: {},
      remembered: nothing,
    });
    await store.markKnown(app);
    await store.markDefaultAddressesGiven(app);
    await store.setPopulated(app, { web: 'i2:x' });
    await store.setUnreachable(app, { m1: 1 });
    await store.setTold(app, { id: 'r1', number: 1, version: 'v', image: 'nginx:1', isOpen: true });
    await store.setEvidence(app, 'TOKEN', { mark: 'm', keyId: 'k', digest: 'd' });
    await store.addIntent(app, { kind: 'address.allocate', target: 'v4', before: [] });
    await store.addMade(app, 'volume.create', 'vol_1');
    await store.addHeals(app, ['m1 image']);
    await store.addGood(app, good, run);
    const texts = { [stampKeys.good]: 'a good', [stampKeys.hold]: aHold };
    await store.applyEvent(app, { kind: 'said', texts, appId });
    const next = { [stampKeys.suspend]: suspension('of the next', 1) };
    await store.applyEvent(app, { kind: 'said', texts: next, appId: undefined });
  }
  return store;
}

const rowsOf = (standing: Readonly<Record<string, readonly [string, string | undefined]>>) =>
  Object.entries(standing).map(([key, [text, appId]]) => ({ key, text, appId }));

test('an app that was destroyed leaves nothing but its runs', async () => {
  const store = await filled();
  const [other, empty] = [await store.memory('cart'), await testStore().memory('shop')];
  await store.applyEvent('shop', { kind: 'destroying' });
  await store.applyEvent('shop', { kind: 'destroyed' });
  expect(await store.memory('shop')).toEqual({ ...empty, firstRun: 2 });
  expect(await store.goodVersions('shop')).toEqual([]);
  expect(await store.runs({ app: 'shop', all: true, limit: 9 })).toHaveLength(1);
  expect(await store.memory('cart')).toEqual(other);
  expect(await store.goodVersions('cart')).toHaveLength(1);
});

test('another app by its name has nothing of it but what is said to stand', async () => {
  const store = await filled();
  const empty = await testStore().memory('shop');
  await store.applyEvent('shop', { kind: 'creating' });
  await store.applyEvent('shop', { kind: 'created', appId: 'next', known: false, now: 10 });
  const standing = rowsOf({
    [stampKeys.hold]: [aHold, 'next'],
    [stampKeys.suspend]: [suspension('of the next', 1), 'next'],
  });
  expect(await store.memory('shop')).toEqual({ ...empty, appId: 'next', firstRun: 1, standing });
  expect(await store.goodVersions('shop')).toEqual([]);
});

test('what was said of an app meanwhile is newer than what a pass found to stand', async () => {
  const store = await filled();
  const then = await store.memory('shop');
  const { evidence, made, appId } = then;
  const newer = { [stampKeys.suspend]: suspension('newer', 3) };
  await store.applyEvent('shop', { kind: 'said', texts: newer, appId });
  const found = { [stampKeys.suspend]: suspension('older', 2), [stampKeys.hold]: aHold };
  const shown = { isThere: true, id: appId ?? '', isStamped: true, isProven: false };
  await store.applyEvent('shop', { kind: 'seen', shown, texts: found, remembered: then });
  const { standing, ...rest } = await store.memory('shop');
  expect(rest).toMatchObject({ appId, firstRun: undefined, underway: undefined, known: true, evidence, made });
  expect(standing.find(({ key }) => key === stampKeys.suspend)).toEqual({
    key: stampKeys.suspend,
    text: newer[stampKeys.suspend],
    appId,
  });
});

test('nothing is written where nothing changes, as at each pass', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const store = testStore({ path });
  const shown = { isThere: true, id: 'now', isStamped: true, isProven: false };
  await store.applyEvent('shop', { kind: 'seen', shown, texts: {}, remembered: await store.memory('shop') });
  const watcher = new Database(path, { readonly: true });
  const version = watcher.pragma('data_version');
  await store.applyEvent('shop', { kind: 'seen', shown, texts: {}, remembered: await store.memory('shop') });
  expect(watcher.pragma('data_version')).toEqual(version);
  await store.applyEvent('shop', { kind: 'destroying' });
  expect(watcher.pragma('data_version')).not.toEqual(version);
  watcher.close();
});

test('an app that an older FlyCD set out to destroy is over', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const old = new Database(path);
  for (const { number, sql } of migrations) if (number <= 12) old.exec(sql);
  old.pragma('application_id = 0x466c7943');
  old.pragma('user_version = 12');
  old.exec(`INSERT INTO app_memory (fleet, app, app_id, ending) VALUES ('test', 'shop', 'then', 1)`);
  old.exec(`INSERT INTO app_memory (fleet, app, app_id) VALUES ('test', 'cart', 'then')`);
  old.close();
  const store = testStore({ path });
  expect((await store.memory('shop')).underway).toBe('destroying');
  expect((await store.memory('cart')).underway).toBeUndefined();
});

test('words of an older database are said of the app that it knew', async () => {
  const path = join(temporaryFolder(), 'flycd.db');
  const old = new Database(path);
  for (const { number, sql } of migrations) if (number <= 10) old.exec(sql);
  old.pragma('application_id = 0x466c7943');
  old.pragma('user_version = 10');
  old.exec(`INSERT INTO app_memory (fleet, app, app_id) VALUES ('test', 'shop', 'then')`);
  for (const app of ['shop', 'cart'])
    old.exec(`INSERT INTO standing (fleet, app, key, text) VALUES ('test', '${app}', 'flycd_hold', 'a hold')`);
  old.close();
  const store = testStore({ path });
  expect((await store.memory('shop')).standing).toEqual(rowsOf({ flycd_hold: ['a hold', 'then'] }));
  expect((await store.memory('cart')).standing).toEqual(rowsOf({ flycd_hold: ['a hold', undefined] }));
});

test('a plan is called by the id of its own, or of the fleet’s that it was part of', async () => {
  const store = testStore();
  const start = (app: string, digit: string, wholePlan?: string) =>
    store.startRun(runStart(app, { plan: planOf(app, { planId: digit.repeat(32) }), wholePlan }));
  const whole = 'f'.repeat(32);
  await start('shop', 'a');
  for (const digit of ['b', 'c']) await start('shop', digit, whole);
  const cart = await start('cart', 'd', whole);
  await store.finishRun(cart, { outcome: 'updated', status: 'synced', nextWakeAt: undefined });
  expect(await store.planCalled('e'.repeat(8))).toBeUndefined();
  expect(await store.planCalled('b'.repeat(8))).toMatchObject({
    ofFleet: false,
    runs: [{ id: 2, outcome: undefined }],
  });
  const called = await store.planCalled('f'.repeat(8));
  expect(called?.ofFleet).toBe(true);
  expect(called?.runs.map(({ id, plan }) => [id, plan.app])).toEqual([
    [3, 'shop'],
    [4, 'cart'],
  ]);
});
