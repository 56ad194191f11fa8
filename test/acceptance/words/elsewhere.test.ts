/** What persons said of an app counts where no machine tells of it, and what others have said is remembered here, too. */
import { describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { fleet, once, settings, shop, suspend, whole, wordsScene } from './scene.ts';

const scene = wordsScene();
const { done, seen, images, faults, appByHand, twoVersions, answers } = scene;

/** Minutes apart, for Fly's lists lag. */
async function machinesByHand(ids = seen()?.machines.map(({ id }) => id) ?? []): Promise<void> {
  await scene.world.clock.sleep(60_000);
  for (const id of ids) await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  await scene.world.clock.sleep(60_000);
}

describe('an app that somebody suspended is not pruned, though no machine tells of it', () => {
  test.each([
    ['unless this FlyCD has looked since', false],
    ['and this FlyCD has looked since', true],
  ])('said while it had none, and another FlyCD made one, %s', async (_what, looks) => {
    scene.world.write({ ...fleet, ...shop('nginx:1', 0) });
    await done(once);
    await scene.world.flycd(once, 'theirs');
    await done(suspend);
    scene.world.write(shop('nginx:2', 1));
    await scene.world.flycd(once, 'theirs');
    if (looks) await scene.world.flycd(once);
    scene.world.remove('shop');
    expect((await scene.world.flycd(once)).code).toBe(4);
    expect(seen()).toBeDefined();
  });

  test.each([
    ['through this FlyCD', undefined],
    ['through a laptop', 'laptop'],
  ])('said %s while a host was down, and the other machine is gone since', async (_what, by) => {
    scene.world.write({ ...fleet, ...shop('nginx:1', 2) });
    await done(once);
    const [silent, told] = [...(scene.world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
    if (silent === undefined || told === undefined) throw new Error('two machines');
    hostDown(scene.world.simulator.world, silent.host);
    await scene.world.flycd(suspend, by);
    hostUp(scene.world.simulator.world, silent.host);
    await scene.world.clock.sleep(60_000);
    await scene.world.flycd(once);
    await machinesByHand([told.id]);
    await scene.world.flycd(once);
    expect(seen()?.machines).toHaveLength(1);
    scene.world.remove('shop');
    await scene.world.flycd(once);
    expect(seen()).toBeDefined();
  });
});

describe('what a laptop said stands once the machines that told of it are gone', () => {
  test.each([
    ['a suspension', suspend, []],
    ['a rollback', ['rollback', 'shop'], ['nginx:1']],
  ])('%s', async (_word, said, left) => {
    await twoVersions();
    await scene.world.flycd(once, 'laptop');
    await scene.world.flycd(said, 'laptop');
    await scene.world.flycd(once);
    await machinesByHand();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd([...once, '--now']);
    await scene.world.flycd(once);
    expect(images()).toEqual(left);
  });
});

describe('what was lifted elsewhere does not come back to a laptop that has spoken since', () => {
  test.each([
    ['suspend', [['resume', 'shop']]],
    ['rollback', [suspend, ['resume', 'shop']]],
  ] as const)('a %s', async (word, later) => {
    await twoVersions();
    await scene.world.flycd(once, 'laptop');
    await scene.world.flycd(word === 'suspend' ? suspend : ['rollback', 'shop'], 'laptop');
    await scene.world.flycd(['resume', 'shop']);
    await scene.world.flycd(once);
    for (const said of later) await scene.world.flycd(said, 'laptop');
    scene.world.write(shop('nginx:2', 0));
    await scene.world.flycd(once);
    scene.world.write(shop('nginx:6', 1));
    await scene.world.flycd(once, 'laptop');
    expect(images()).toEqual(['nginx:6']);
  });
});

test.each([
  ['lifted', [suspend, ['resume', 'shop']]],
  ['run out', [[...suspend, '--for', '1m']]],
  ['that nobody had said', []],
] as const)(
  'a suspension of the next app stands where another FlyCD makes it with a word %s',
  async (_what, earlier) => {
    await twoVersions('theirs');
    for (const said of earlier) await scene.world.flycd(said, 'theirs');
    await scene.world.clock.sleep(120_000);
    await scene.world.flycd(once, 'theirs');
    await scene.world.flycd(once);
    await appByHand();
    await done(suspend);
    await done(once, 'theirs');
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(images()).toEqual(['nginx:2']);
  },
);

describe('a command that Fly shows no app for a moment', () => {
  test('looks again, also with a database that never saw it', async () => {
    await twoVersions('theirs');
    await scene.world.flycd(suspend, 'theirs');
    await scene.world.flycd(['resume', 'shop'], 'theirs');
    answers(404, 1);
    await done(suspend);
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(images()).toEqual(['nginx:2']);
  });

  test('fails where Fly lists its machines all the same, and has said nothing', async () => {
    await twoVersions();
    answers(404, 2);
    const { code, stderr } = await scene.world.flycd(suspend);
    expect([code, stderr]).toEqual([1, expect.stringContaining('lists its machines all the same') as unknown]);
    scene.world.write(shop('nginx:6'));
    await done(once);
    expect(images()).toEqual(['nginx:6']);
  });
});

describe('what machines that are gone told of keeps no app from being made again', () => {
  test.each([
    ['a suspension that was lifted', [suspend, ['resume', 'shop']]],
    ['a suspension that ran out', [[...suspend, '--for', '1m']]],
    [
      'a rollback that was lifted',
      [
        ['rollback', 'shop'],
        ['resume', 'shop'],
      ],
    ],
  ] as const)('%s', async (_what, said) => {
    await twoVersions('theirs');
    for (const word of said) await scene.world.flycd(word, 'theirs');
    await scene.world.clock.sleep(120_000);
    await machinesByHand();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd([...once, '--now']);
    expect(images()).toEqual(['nginx:6']);
  });

  test('a release that failed', async () => {
    scene.world.write({ ...fleet, ...shop() });
    await done(once, 'theirs');
    scene.world.write(shop('crash-loop:2'));
    await scene.world.flycd(once, 'theirs');
    await machinesByHand();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd([...once, '--now']);
    expect(images()).toEqual(['nginx:6']);
  });

  test('what git scaled to none by another FlyCD', async () => {
    await twoVersions('theirs');
    for (const word of [suspend, ['resume', 'shop']]) await scene.world.flycd(word, 'theirs');
    scene.world.write(shop('nginx:2', 0));
    await scene.world.flycd(once, 'theirs');
    await scene.world.clock.sleep(60_000);
    scene.world.write(shop('nginx:2', 1));
    await scene.world.flycd(once);
    expect(images()).toEqual(['nginx:2']);
  });
});

test('a create in vain, of an app that stood all the time, leaves its rollback to nobody else', async () => {
  await twoVersions();
  await scene.world.flycd(['rollback', 'shop']);
  await machinesByHand();
  answers(404, 1);
  faults().add({ template: 'POST /apps', times: 99, fault: '503' });
  await scene.world.flycd(once);
  faults().clear();
  await appByHand();
  scene.world.write(shop('nginx:9'));
  await scene.world.flycd(once, 'theirs');
  await scene.world.flycd(once);
  expect(images()).toEqual(['nginx:9']);
});

test('an older look brings no word back of an app that another process destroyed since', async () => {
  await twoVersions('theirs');
  await scene.world.flycd(['rollback', 'shop'], 'theirs');
  faults().add({ template: 'GET /apps/{app}', app: 'other', times: 1, fault: { latencyMs: 60_000 } });
  const pass = scene.world.flycd(once);
  await scene.world.clock.sleep(10_000);
  scene.world.remove('shop');
  await done(whole);
  await pass;
  faults().clear();
  scene.world.write(shop('nginx:9'));
  await scene.world.flycd(once);
  expect(images()).toEqual(['nginx:9']);
});

describe('an app that git named again after it was gone is made, and no drift', () => {
  test.each([
    ['a person destroyed', () => appByHand()],
    ['another FlyCD destroyed', () => scene.world.flycd(whole, 'theirs')],
    ['this FlyCD destroyed', () => scene.world.flycd(whole)],
  ])('that %s', async (_who, destroy) => {
    await twoVersions();
    scene.world.write(settings('  drift: report\n'));
    await done(once);
    await scene.world.flycd(once, 'theirs');
    scene.world.write({ 'flycd.yaml': 'fleet: words\nsync:\n  drift: report\n' });
    scene.world.remove('shop');
    await scene.world.flycd(once);
    scene.world.write(settings('  drift: report\n'));
    await destroy();
    await scene.world.flycd(once);
    scene.world.write(shop('nginx:2'));
    await done(once);
    expect(images()).toEqual(['nginx:2']);
  });
});

test('a destroy that was not answered is not believed done by one look that finds no app, but machines', async () => {
  await twoVersions();
  scene.world.remove('shop');
  faults().add({ template: 'DELETE /apps/{app}', times: 99, fault: '503' });
  const fault = { status: 404, body: { error: 'not now' } };
  faults().add({ template: 'GET /apps/{app}', app: 'shop', nth: 3, times: 1, fault });
  expect((await scene.world.flycd(once)).code).toBe(1);
  expect(seen()).toBeDefined();
});
