/** What persons said of an app where Fly does not show it for a moment, an answer is lost, or two processes are at it. */
import { describe, expect, test } from 'vitest';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { fleet, once, shop, suspend, whole, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, images, faults, appByHand, twoVersions, removed, calls, answers } = scene;
const isThere = () => scene.world.simulator.world.apps.has('shop');

/** FlyCD is killed at its create of the app. */
async function killedAtCreate(when: 'before' | 'after', prepare: () => Promise<void>): Promise<void> {
  await prepare();
  await scene.world.mortalFlycd(once, { call: 'POST /apps', when });
  expect(isThere()).toBe(when === 'after');
}

describe('what is said while Fly answers for a moment that there is no such app, of one that stands', () => {
  test.each([
    [404, 1],
    [403, 1],
  ])('a suspension stands where an earlier one was lifted (%d, %d times)', async (status, times) => {
    await twoVersions();
    await done(suspend);
    await done(['resume', 'shop']);
    await done(once);
    answers(status, times);
    await done(suspend);
    faults().clear();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(images()).toEqual(['nginx:2']);
  });

  test('one that stands is seen at the second look, and its machines are told', async () => {
    await twoVersions();
    answers(404, 1);
    await done(suspend);
    expect(seen()?.machines.map(({ metadata }) => metadata['flycd_suspend'])).toEqual([
      expect.stringContaining('a migration'),
    ]);
  });

  test('a rollback stands where an earlier one was lifted', async () => {
    await twoVersions();
    await scene.world.flycd(['rollback', 'shop']);
    await done(['resume', 'shop']);
    await done(once);
    answers(404, 1);
    await scene.world.flycd(['rollback', 'shop']);
    faults().clear();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(images()).toEqual(['nginx:1']);
  });

  test('a suspension that another FlyCD lifted since does not come back with the machines gone', async () => {
    await twoVersions();
    await done(suspend);
    await done(suspend, 'theirs');
    await done(['resume', 'shop'], 'theirs');
    await done(once);
    await done(['resume', 'shop']);
    scene.world.write(shop('nginx:2', 0));
    await done(once);
    scene.world.write(shop('nginx:6'));
    await done(once);
    expect(images()).toEqual(['nginx:6']);
  });
});

describe('words of an earlier app, after a create without an answer, do not overrule what is said of the next', () => {
  const lifted = async (): Promise<void> => {
    await twoVersions();
    for (let time = 0; time < 2; time += 1) {
      await done(suspend);
      await done(['resume', 'shop']);
    }
    await appByHand();
    scene.world.write(shop('nginx:6'));
  };
  const ran = async (): Promise<void> => {
    await twoVersions();
    await done(suspend);
    await done(['resume', 'shop']);
    await done([...suspend, '--for', '1m']);
    await scene.world.clock.sleep(120_000);
    await appByHand();
    scene.world.write(shop('nginx:6'));
  };
  const unanswered = async (prepare: () => Promise<void>): Promise<void> => {
    await prepare();
    faults().add({ template: 'POST /apps', times: 9, fault: '503' });
    await scene.world.flycd(once);
    faults().clear();
  };
  test.each([
    ['lifted, killed before it', () => killedAtCreate('before', lifted)],
    ['lifted, killed behind it', () => killedAtCreate('after', lifted)],
    ['lifted, answered 503', () => unanswered(lifted)],
    ['that ran out, answered 503', () => unanswered(ran)],
  ])('%s', async (_what, begin) => {
    await begin();
    await scene.world.clock.sleep(60_000);
    await done(once, 'theirs');
    expect(images()).toEqual(['nginx:6']);
    await done(suspend, 'theirs');
    scene.world.write(shop('nginx:7'));
    await scene.world.flycd(once);
    await scene.world.flycd(once, 'theirs');
    expect(images()).toEqual(['nginx:6']);
  });
});

describe('a rollback stands for the app that FlyCD itself made', () => {
  const rolledBack = async (): Promise<void> => {
    await twoVersions();
    expect((await scene.world.flycd(['rollback', 'shop'])).code).toBe(0);
    await appByHand();
    scene.world.write(shop('nginx:9'));
  };
  const onceMore = async (): Promise<void> => {
    await scene.world.clock.sleep(120_000);
    await scene.world.flycd(once);
    expect(images()).toEqual(['nginx:1']);
  };

  test('killed behind the create, and the next pass does not see the app yet', async () => {
    await killedAtCreate('after', rolledBack);
    answers(404, 1);
    await scene.world.flycd(once);
    faults().clear();
    await onceMore();
  });

  test('killed behind the create, and the next one is refused (403)', async () => {
    await killedAtCreate('after', rolledBack);
    answers(404, 1);
    faults().add({ template: 'POST /apps', times: 9, fault: { status: 403, body: { error: 'limit' } } });
    await scene.world.flycd(once);
    faults().clear();
    await onceMore();
  });

  test('the answer is lost, and volumes cannot be read at that moment', async () => {
    await rolledBack();
    faults().add({ template: 'POST /apps', fault: 'reset-after' });
    faults().add({ template: 'GET /apps/{app}/volumes', times: 60, fault: '500' });
    await scene.world.flycd(once);
    faults().clear();
    await onceMore();
  });
});

describe('two processes on one database', () => {
  test('a suspension said while a destroy ends is of the next app', async () => {
    await twoVersions();
    scene.world.remove('shop');
    faults().add({ template: 'DELETE /apps/{app}', times: 1, fault: 'reset-after' });
    faults().add({ template: 'DELETE /apps/{app}', nth: 2, times: 9, fault: { latencyMs: 5_000 } });
    const pass = scene.world.flycd(whole);
    while (isThere()) await scene.world.clock.sleep(100);
    scene.world.write(shop('nginx:7'));
    await done(suspend);
    await pass;
    faults().clear();
    await scene.world.flycd(once);
    expect(images() ?? []).toEqual([]);
  });

  test.each([
    ['fresh', true],
    ['that knew an earlier one', false],
  ])(
    'a suspension said between a look and what is remembered of it stands, in a database %s',
    async (_which, isFresh) => {
      scene.world.write({ ...fleet, ...shop() });
      await done(once, 'theirs');
      if (!isFresh) {
        await done(once);
        await appByHand();
        await done(once, 'theirs');
      }
      faults().add({ template: 'GET /apps/{app}', app: 'other', times: 1, fault: { latencyMs: 20_000 } });
      const pass = scene.world.flycd(once);
      await scene.world.clock.sleep(10_000);
      await appByHand();
      await done(suspend);
      await pass;
      faults().clear();
      await scene.world.flycd(once);
      expect(images() ?? []).toEqual([]);
    },
  );

  test('an older look takes nothing that is known of the app that another process has made since', async () => {
    await twoVersions();
    faults().add({ template: 'GET /apps/{app}', app: 'other', times: 1, fault: { latencyMs: 60_000 } });
    const pass = scene.world.flycd(once);
    await scene.world.clock.sleep(10_000);
    await appByHand();
    await done(once);
    const database = new Database(join(scene.world.stateFolder, 'flycd', 'flycd.db'), { readonly: true });
    const known = () =>
      ['app_memory', 'standing', 'good_version'].map((table) =>
        database.prepare(`SELECT * FROM ${table} WHERE app = 'shop'`).all(),
      );
    const before = known();
    await pass;
    const after = known();
    database.close();
    expect(after).toEqual(before);
  });
});

test('a rollback stands where Fly refused the destroy for good, and did not answer the look behind it', async () => {
  await twoVersions();
  await scene.world.flycd(['rollback', 'shop']);
  scene.world.remove('shop');
  faults().add({ template: 'DELETE /apps/{app}', times: 9, fault: { status: 400, body: { error: 'invalid' } } });
  faults().add({ template: 'GET /apps/{app}', app: 'shop', nth: 3, times: 60, fault: '500' });
  expect((await scene.world.flycd(whole)).code).toBe(1);
  faults().clear();
  await appByHand();
  scene.world.write(shop('nginx:9'));
  await scene.world.flycd(once);
  expect(images()).toEqual(['nginx:1']);
});

describe('of an app that git no longer names, a word stands where Fly does not show its machine by its id', () => {
  const byId = 'GET /apps/{app}/machines/{machine}';
  const patched = 'PATCH /apps/{app}/machines/{machine}/metadata';
  test.each([[[404, 404]], [[404, 404, 404, 404]], [[404, 500, 404]], [[404, 200, 404]]])('%j', async (statuses) => {
    await removed();
    faults().add({ template: patched, app: 'shop', fault: { latencyMs: 2000 } });
    const before = calls(patched);
    const saying = scene.world.flycd(suspend, 'laptop');
    while (calls(patched) === before) await scene.world.clock.sleep(20);
    for (const [at, status] of statuses.entries())
      if (status !== 200)
        faults().add({ template: byId, app: 'shop', nth: at + 1, fault: { status, body: { error: 'not now' } } });
    const { code, stderr } = await saying;
    faults().clear();
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('on no machine');
    expect((await scene.world.flycd(once)).code).toBe(4);
  });
});

describe('where Fly lists none of its machines for a moment', () => {
  const nothing = { status: 200, body: [] };
  const empty = (nth = 1, times = 1): void =>
    faults().add({ template: 'GET /apps/{app}/machines', app: 'shop', nth, times, fault: nothing });

  test('a suspension is on its machine, and other FlyCDs know of it', async () => {
    await twoVersions();
    await scene.world.clock.sleep(60_000);
    empty();
    expect(await done(suspend, 'laptop')).not.toContain('no machine');
    scene.world.write(shop('nginx:3'));
    expect((await scene.world.flycd(once)).code).toBe(4);
    expect(images()).toEqual(['nginx:2']);
  });

  test('a resume lifts what stands there', async () => {
    await twoVersions();
    await done(suspend);
    await scene.world.clock.sleep(60_000);
    empty();
    expect(await done(['resume', 'shop'], 'laptop')).toContain('no longer held (suspended by alice)');
    scene.world.write(shop('nginx:3'));
    await done(once);
    expect(images()).toEqual(['nginx:3']);
  });

  test('a rollback goes back', async () => {
    await twoVersions();
    await scene.world.clock.sleep(60_000);
    empty();
    await scene.world.flycd(['rollback', 'shop'], 'laptop');
    expect(images()).toEqual(['nginx:1']);
  });

  test.each([1, 2])('one that git no longer names is found, and suspended (list %d)', async (nth) => {
    await removed();
    empty(nth);
    await done(suspend, 'laptop');
    expect((await scene.world.flycd(once)).code).toBe(4);
    expect(isThere()).toBe(true);
  });

  test('nor the app itself: one that git no longer names is found all the same', async () => {
    await removed();
    answers(404, 1);
    empty();
    await done(suspend, 'laptop');
    expect((await scene.world.flycd(once)).code).toBe(4);
  });

  test('of one that has none it says so, a second later', async () => {
    scene.world.write({ ...fleet, ...shop('nginx:1', 0) });
    await done(once);
    await scene.world.clock.sleep(60_000);
    const at = scene.world.clock.now();
    expect(await done(suspend)).toContain('it has no machine to write that on');
    expect(scene.world.clock.now() - at).toBe(1000);
  });
});
