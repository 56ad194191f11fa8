/** What persons said of an app counts where no machine tells of it, and what others have said is remembered here, too. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { arena, type Arena, type Files } from '../../controllers/arena.ts';

const once = ['sync', '--once'];
const whole = [...once, '--accept-only', 'shop'];
const suspend = ['suspend', 'shop', '--reason', 'a migration'];
let world: Arena;
beforeEach(async () => {
  world = await arena({ repository: true });
});
afterEach(() => world.close());

const shop = (image = 'nginx:1', count = 1): Files => ({
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: ${count} }\ndeploy: { wait_timeout: 20s }\n`,
});
const settings = (more = ''): Files => ({ 'flycd.yaml': `fleet: words\nsync:\n  prune: [app]\n${more}` });
const fleet: Files = {
  ...settings(),
  'other/app.yaml': 'app: other\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 1 }\n',
};
const seen = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');
const images = () => seen()?.machines.map(({ config }) => config.image?.split('@')[0]);
const faults = () => world.simulator.world.faults;
const appByHand = () => world.asPerson('DELETE', '/apps/shop?force=true');

async function done(argv: readonly string[], state?: string): Promise<void> {
  const { code, stdout, stderr } = await world.flycd(argv, state);
  expect(code, stderr + stdout).toBe(0);
}

async function twoVersions(state?: string): Promise<void> {
  world.write({ ...fleet, ...shop() });
  await done(once, state);
  world.write(shop('nginx:2'));
  await done(once, state);
}

/** Fly says of the app that there is none, as often. */
function unseen(times: number): void {
  faults().add({ template: 'GET /apps/{app}', app: 'shop', times, fault: { status: 404, body: { error: 'not now' } } });
}

/** Minutes apart, for Fly's lists lag. */
async function machinesByHand(ids = seen()?.machines.map(({ id }) => id) ?? []): Promise<void> {
  await world.clock.sleep(60_000);
  for (const id of ids) await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  await world.clock.sleep(60_000);
}

describe('an app that somebody suspended is not pruned, though no machine tells of it', () => {
  test.each([
    ['unless this FlyCD has looked since', false],
    ['and this FlyCD has looked since', true],
  ])('said while it had none, and another FlyCD made one, %s', async (_what, looks) => {
    world.write({ ...fleet, ...shop('nginx:1', 0) });
    await done(once);
    await world.flycd(once, 'theirs');
    await done(suspend);
    world.write(shop('nginx:2', 1));
    await world.flycd(once, 'theirs');
    if (looks) await world.flycd(once);
    world.remove('shop');
    expect((await world.flycd(once)).code).toBe(4);
    expect(seen()).toBeDefined();
  });

  test.each([
    ['through this FlyCD', undefined],
    ['through a laptop', 'laptop'],
  ])('said %s while a host was down, and the other machine is gone since', async (_what, by) => {
    world.write({ ...fleet, ...shop('nginx:1', 2) });
    await done(once);
    const [silent, told] = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
    if (silent === undefined || told === undefined) throw new Error('two machines');
    hostDown(world.simulator.world, silent.host);
    await world.flycd(suspend, by);
    hostUp(world.simulator.world, silent.host);
    await world.clock.sleep(60_000);
    await world.flycd(once);
    await machinesByHand([told.id]);
    await world.flycd(once);
    expect(seen()?.machines).toHaveLength(1);
    world.remove('shop');
    await world.flycd(once);
    expect(seen()).toBeDefined();
  });
});

describe('what a laptop said stands once the machines that told of it are gone', () => {
  test.each([
    ['a suspension', suspend, []],
    ['a rollback', ['rollback', 'shop'], ['nginx:1']],
  ])('%s', async (_word, said, left) => {
    await twoVersions();
    await world.flycd(once, 'laptop');
    await world.flycd(said, 'laptop');
    await world.flycd(once);
    await machinesByHand();
    world.write(shop('nginx:6'));
    await world.flycd([...once, '--now']);
    await world.flycd(once);
    expect(images()).toEqual(left);
  });
});

describe('what was lifted elsewhere does not come back to a laptop that has spoken since', () => {
  test.each([
    ['suspend', [['resume', 'shop']]],
    ['rollback', [suspend, ['resume', 'shop']]],
  ] as const)('a %s', async (word, later) => {
    await twoVersions();
    await world.flycd(once, 'laptop');
    await world.flycd(word === 'suspend' ? suspend : ['rollback', 'shop'], 'laptop');
    await world.flycd(['resume', 'shop']);
    await world.flycd(once);
    for (const said of later) await world.flycd(said, 'laptop');
    world.write(shop('nginx:2', 0));
    await world.flycd(once);
    world.write(shop('nginx:6', 1));
    await world.flycd(once, 'laptop');
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
    for (const said of earlier) await world.flycd(said, 'theirs');
    await world.clock.sleep(120_000);
    await world.flycd(once, 'theirs');
    await world.flycd(once);
    await appByHand();
    await done(suspend);
    await done(once, 'theirs');
    world.write(shop('nginx:6'));
    await world.flycd(once);
    expect(images()).toEqual(['nginx:2']);
  },
);

describe('a command that Fly shows no app for a moment', () => {
  test('looks again, also with a database that never saw it', async () => {
    await twoVersions('theirs');
    await world.flycd(suspend, 'theirs');
    await world.flycd(['resume', 'shop'], 'theirs');
    unseen(1);
    await done(suspend);
    world.write(shop('nginx:6'));
    await world.flycd(once);
    expect(images()).toEqual(['nginx:2']);
  });

  test('fails where Fly lists its machines all the same, and has said nothing', async () => {
    await twoVersions();
    unseen(2);
    const { code, stderr } = await world.flycd(suspend);
    expect([code, stderr]).toEqual([1, expect.stringContaining('lists its machines all the same') as unknown]);
    world.write(shop('nginx:6'));
    await done(once);
    expect(images()).toEqual(['nginx:6']);
  });
});

test('a create in vain, of an app that stood all the time, leaves its rollback to nobody else', async () => {
  await twoVersions();
  await world.flycd(['rollback', 'shop']);
  await machinesByHand();
  unseen(1);
  faults().add({ template: 'POST /apps', times: 99, fault: '503' });
  await world.flycd(once);
  faults().clear();
  await appByHand();
  world.write(shop('nginx:9'));
  await world.flycd(once, 'theirs');
  await world.flycd(once);
  expect(images()).toEqual(['nginx:9']);
});

test('an older look brings no word back of an app that another process destroyed since', async () => {
  await twoVersions('theirs');
  await world.flycd(['rollback', 'shop'], 'theirs');
  faults().add({ template: 'GET /apps/{app}', app: 'other', times: 1, fault: { latencyMs: 60_000 } });
  const pass = world.flycd(once);
  await world.clock.sleep(10_000);
  world.remove('shop');
  await done(whole);
  await pass;
  faults().clear();
  world.write(shop('nginx:9'));
  await world.flycd(once);
  expect(images()).toEqual(['nginx:9']);
});

describe('an app that git named again after it was gone is made, and no drift', () => {
  test.each([
    ['a person destroyed', () => appByHand()],
    ['another FlyCD destroyed', () => world.flycd(whole, 'theirs')],
    ['this FlyCD destroyed', () => world.flycd(whole)],
  ])('that %s', async (_who, destroy) => {
    await twoVersions();
    world.write(settings('  drift: report\n'));
    await done(once);
    await world.flycd(once, 'theirs');
    world.write({ 'flycd.yaml': 'fleet: words\nsync:\n  drift: report\n' });
    world.remove('shop');
    await world.flycd(once);
    world.write(settings('  drift: report\n'));
    await destroy();
    await world.flycd(once);
    world.write(shop('nginx:2'));
    await done(once);
    expect(images()).toEqual(['nginx:2']);
  });
});

test('a destroy that was not answered is not believed done by one look that finds no app, but machines', async () => {
  await twoVersions();
  world.remove('shop');
  faults().add({ template: 'DELETE /apps/{app}', times: 99, fault: '503' });
  const fault = { status: 404, body: { error: 'not now' } };
  faults().add({ template: 'GET /apps/{app}', app: 'shop', nth: 3, times: 1, fault });
  expect((await world.flycd(once)).code).toBe(1);
  expect(seen()).toBeDefined();
});
