/** What goes with an app that is over. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { migrations } from '../../src/record/migrations.ts';
import { planOf, runStart, temporaryFolder, testStore } from './stores.ts';

const good = { revision: 'a'.repeat(40), config: 'c'.repeat(32), digest: '', image: 'd'.repeat(32), at: 1 };

async function filled() {
  const store = testStore();
  for (const app of ['shop', 'cart']) {
    const run = await store.startRun(runStart(app));
    await store.setApp(app, { id: `id of ${app}`, standing: {}, isAnother: false, known: true });
    await store.markKnown(app);
    await store.markDefaultAddressesGiven(app);
    await store.setGrown(app, { web: 'i2:x' });
    await store.setUnreachable(app, { m1: 1 });
    await store.setTold(app, { id: 'r1', number: 1, version: 'v', image: 'nginx:1', isOpen: true });
    await store.setEvidence(app, 'TOKEN', { mark: 'm', keyId: 'k', digest: 'd' });
    await store.addIntent(app, { kind: 'address.allocate', target: 'v4', before: [] });
    await store.addMade(app, 'volume.create', 'vol_1');
    await store.addHeals(app, ['m1 image']);
    await store.addGood(app, good, run);
    const texts = { [stampKeys.good]: 'a good', [stampKeys.hold]: 'a hold' };
    await store.setStanding(app, texts, `id of ${app}`);
    await store.setStanding(app, { [stampKeys.suspend]: 'a suspension' }, undefined);
  }
  return store;
}

const rowsOf = (standing: Readonly<Record<string, readonly [string, string | undefined]>>) =>
  Object.entries(standing).map(([key, [text, appId]]) => ({ key, text, appId }));

test('an app that was destroyed leaves nothing but its runs', async () => {
  const store = await filled();
  const [other, empty] = [await store.memory('cart'), await testStore().memory('shop')];
  await store.markEnding('shop', true);
  await store.forget('shop');
  expect(await store.memory('shop')).toEqual({ ...empty, firstRun: 2 });
  expect(await store.goodVersions('shop')).toEqual([]);
  expect(await store.runs({ app: 'shop', all: true, limit: 9 })).toHaveLength(1);
  expect(await store.memory('cart')).toEqual(other);
  expect(await store.goodVersions('cart')).toHaveLength(1);
});

test('another app by its name has nothing of it but what is said to stand', async () => {
  const store = await filled();
  const empty = await testStore().memory('shop');
  await store.setApp('shop', { id: 'next', standing: { [stampKeys.suspend]: 'said' }, isAnother: true, known: false });
  const standing = rowsOf({ [stampKeys.suspend]: ['said', 'next'] });
  expect(await store.memory('shop')).toEqual({ ...empty, appId: 'next', firstRun: 1, standing });
  expect(await store.goodVersions('shop')).toEqual([]);
});

test('what was said of an app meanwhile is newer than what a pass found to stand', async () => {
  const store = await filled();
  const { evidence, made } = await store.memory('shop');
  await store.markEnding('shop', true);
  await store.setStanding('shop', { [stampKeys.suspend]: 'newer' }, 'next');
  const found = { [stampKeys.suspend]: 'older', [stampKeys.hold]: 'a hold' };
  await store.setApp('shop', { id: 'next', standing: found, isAnother: false, known: true });
  const standing = rowsOf({ [stampKeys.hold]: ['a hold', 'next'], [stampKeys.suspend]: ['newer', 'next'] });
  expect(await store.memory('shop')).toMatchObject({
    appId: 'next',
    firstRun: undefined,
    ending: false,
    known: true,
    evidence,
    made,
  });
  expect((await store.memory('shop')).standing).toEqual(standing);
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
