/** What goes with an app that is over. */
import { expect, test } from 'vitest';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { runStart, testStore } from './stores.ts';

const good = { revision: 'a'.repeat(40), config: 'c'.repeat(32), digest: '', image: 'd'.repeat(32), at: 1 };

async function filled() {
  const store = testStore();
  for (const app of ['shop', 'cart']) {
    const run = await store.startRun(runStart(app));
    await store.setAppId(app, `id of ${app}`);
    await store.markKnown(app);
    await store.markDefaultAddressesGiven(app);
    await store.setHeldRevision(app, 'c0ffee');
    await store.setUnreachable(app, { m1: 1 });
    await store.setTold(app, { id: 'r1', number: 1, version: 'v', image: 'nginx:1', isOpen: true });
    await store.setEvidence(app, 'TOKEN', { mark: 'm', keyId: 'k', digest: 'd' });
    await store.addIntent(app, { kind: 'address.allocate', target: 'v4', before: [] });
    await store.addMade(app, 'volume.create', 'vol_1');
    await store.addHeals(app, ['m1 image']);
    await store.addGood(app, good, run);
    await store.setStanding(app, {
      [stampKeys.good]: 'a good',
      [stampKeys.failed]: 'a failed',
      [stampKeys.hold]: 'a hold',
      [stampKeys.suspend]: 'a suspension',
    });
  }
  return store;
}

test('what is forgotten with an app is all but its runs and what persons said of it', async () => {
  const store = await filled();
  const [other, empty] = [await store.memory('cart'), await testStore().memory('shop')];
  await store.forget('shop');
  const standing = { [stampKeys.hold]: 'a hold', [stampKeys.suspend]: 'a suspension' };
  expect(await store.memory('shop')).toEqual({ ...empty, standing });
  expect(await store.goodVersions('shop')).toEqual([]);
  expect(await store.runs({ app: 'shop', all: true, limit: 9 })).toHaveLength(1);
  expect(await store.memory('cart')).toEqual(other);
  expect(await store.goodVersions('cart')).toHaveLength(1);
});
