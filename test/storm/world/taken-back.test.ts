import { expect, onTestFinished, test } from 'vitest';
import { arena } from '../../controllers/arena.ts';
import { shop } from '../../controllers/machines/shop.ts';
import { hasTakenBack } from './taken-back.ts';

test('a record is nobody’s where the only machine that named it is back at the version before', async () => {
  const it = await arena();
  onTestFinished(() => it.close());
  it.write(shop({ count: 1 }));
  await it.flycd(['sync', '--once']);
  const { world } = it.simulator;
  expect(hasTakenBack(world)).toBe(false);
  it.write(shop({ count: 1, image: 'missing-image:1' }));
  const pass = it.flycd(['sync', '--once']);
  const found = [];
  for (let second = 0; second < 30; second += 1) {
    await it.clock.sleep(1000);
    found.push(hasTakenBack(world));
  }
  await pass;
  // Taken back after ten seconds, and closed by the pass that has seen it.
  expect(found.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => false));
  expect(hasTakenBack(world)).toBe(false);
  const [newest] = world.apps.get('shop')?.releases.toSorted((a, b) => b.version - a.version) ?? [];
  if (newest === undefined) throw new Error('there is no record');
  // As a pass that was killed leaves it.
  newest.status = 'running';
  expect(hasTakenBack(world)).toBe(true);
});
