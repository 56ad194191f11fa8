import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ruleChecks } from '../../../simulator/machines/lifecycle.ts';
import { isWrite } from '../../../simulator/world/requests.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { filesOf, goodImage, type AppIdea } from '../../storm/world/fleet.ts';
import { membersOf, watch } from '../../storm/checks/watch.ts';
import { arena, type Arena } from '../arena.ts';
import { testStore } from '../../record/stores.ts';
import { callOf } from '../calls.ts';

const digest = (digit: string): string => `@sha256:${digit.repeat(64)}`;

/** Three machines of which one may be down. */
function shop(change: Partial<AppIdea> = {}) {
  const app: AppIdea = {
    name: 'shop',
    region: 'arn',
    image: `${goodImage}${digest('5')}`,
    env: { GREETING: 'hello' },
    memoryMb: undefined,
    secret: undefined,
    ips: ['v6'],
    groups: { web: { count: 3, serves: true, rests: false, checks: true, volumeGb: undefined } },
    strategy: 'rolling',
    maxUnavailable: 1,
    comment: 'a shop',
    broken: false,
  };
  return { apps: [{ ...app, ...change }] };
}

async function synced(): Promise<Arena> {
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  world.write(filesOf(shop()));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  return world;
}

const machines = (world: Arena): readonly Machine[] => membersOf(world.simulator.world, 'shop', 'web');

test.each([2, 3])(
  'killed while machine %i boots, then a new commit: it goes first, so that no second one is down beside it',
  async (nth) => {
    const files = filesOf(shop({ env: { GREETING: 'goodbye' } }));
    const call = await callOf('POST /apps/{app}/machines/{machine}', nth, { before: [filesOf(shop())], files });
    const world = await synced();
    const eyes = watch(world.simulator.world);
    world.write(files);
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    const next = shop({ env: { GREETING: 'hello again' } });
    world.write(filesOf(next));
    eyes.expect(next);
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    expect(eyes.findings).toEqual([]);
  },
);

test('a copy by hand of a machine that a broken image keeps down does not keep a good image from the others', async () => {
  const world = await synced();
  const broken = `docker.io/library/failing-launch:1${digest('6')}`;
  world.write(filesOf(shop({ image: broken })));
  expect((await world.flycd(['sync', '--once'])).code).toBe(1);
  const failed = machines(world).find(({ state }) => state === 'failed');
  await world.simulator.flyctl.clone('shop', { machine: failed?.id ?? '' });
  await world.clock.sleep(60_000);
  world.write(filesOf(shop()));
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  await world.clock.sleep(60_000);
  expect(machines(world).map(({ state }) => state)).toEqual(['started', 'started', 'started']);
});

test('a copy by hand that is not well and is one too many holds nothing up: it goes', async () => {
  const world = await synced();
  const human = world.simulator.flyctl;
  const [first] = machines(world);
  await human.clone('shop', { machine: first?.id ?? '' });
  const copy = machines(world).find(({ name }) => !name.startsWith('web-'));
  if (first === undefined || copy === undefined) throw new Error('there is no copy');
  ruleChecks(world.simulator.world, copy, 'fail');
  await human.update('shop', { machine: first.id, config: { env: { GREETING: 'by hand' } } });
  await world.clock.sleep(60_000);
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  await world.clock.sleep(60_000);
  expect(machines(world).map(({ config }) => config.env?.['GREETING'])).toEqual(['hello', 'hello', 'hello']);
});

test('killed after a create that no list shows yet, then a new commit: no second machine for the place', async () => {
  const first = shop({ groups: { web: { count: 2, serves: false, rests: false, checks: true, volumeGb: undefined } } });
  const files = filesOf(first);
  const call = await callOf('POST /apps/{app}/machines', 1, { before: [], files });
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  world.simulator.world.lag.set({ listMs: 5000 });
  const eyes = watch(world.simulator.world);
  world.write(files);
  await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
  world.write(filesOf({ apps: first.apps.map((app) => ({ ...app, env: { GREETING: 'goodbye' } })) }));
  for (let pass = 1; pass <= 2; pass += 1) {
    await world.flycd(['sync', '--once']);
    await world.clock.sleep(60_000);
  }
  expect(eyes.findings).toEqual([]);
  expect(machines(world).map(({ config }) => config.env?.['GREETING'])).toEqual(['goodbye', 'goodbye']);
});

test('an address and a volume that no list shows yet are not given a second time', async () => {
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  const { simulator } = world;
  simulator.world.lag.set({ listMs: 20_000 });
  const group = { count: 1, serves: true, rests: false, checks: true, volumeGb: 1 };
  world.write(filesOf(shop({ ips: ['v6', 'v4'], groups: { web: group } })));
  for (let pass = 1; pass <= 3; pass += 1) await world.flycd(['sync', '--once']);
  await world.clock.sleep(120_000);
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  const [app] = simulator.world.snapshot();
  expect(app?.addresses.map(({ kind }) => kind)).toEqual(['v4', 'v6']);
  expect(app?.volumes).toHaveLength(1);
  expect(app?.machines).toHaveLength(1);
});

test('an address that is taken away in the minute after it was listed is given again at once', async () => {
  const world = await synced();
  const { simulator, clock } = world;
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  const ip = [...(simulator.world.apps.get('shop')?.addresses.keys() ?? [])][0] ?? '';
  await simulator.flyctl.releaseAddress('shop', { ip });
  const before = clock.now();
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect(clock.now() - before).toBeLessThan(5000);
  expect(simulator.world.snapshot()[0]?.addresses.map(({ kind }) => kind)).toEqual(['v6']);
});

test.each([
  ['by another FlyCD of the fleet', 'another'],
  ['by the same one without its database', 'state'],
])('an address that was made a moment ago, %s, and that no list shows yet is not made again', async (_by, state) => {
  const world = await synced();
  const { simulator } = world;
  const ip = [...(simulator.world.apps.get('shop')?.addresses.keys() ?? [])][0] ?? '';
  simulator.world.lag.set({ listMs: 5000 });
  await simulator.flyctl.releaseAddress('shop', { ip });
  await world.clock.sleep(60_000);
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  if (state === 'state') world.forget();
  await world.flycd(['sync', '--once'], state);
  const path = join(dirname(world.stateFolder), state, 'flycd', 'flycd.db');
  const [made = ''] = simulator.world.apps.get('shop')?.addresses.keys() ?? [];
  expect(
    (await testStore({ path, fleet: { name: 'storm', unwritten: 'flycd' }, mode: 'read' }).memory('shop')).made,
  ).toEqual([made]);
  await world.clock.sleep(60_000);
  expect((await world.flycd(['sync', '--once'], state)).code).toBe(0);
  expect(simulator.world.snapshot()[0]?.addresses.map(({ kind }) => kind)).toEqual(['v6']);
});

test('a call that Fly refused leaves nothing on the lock that others would wait for', async () => {
  const world = await synced();
  const { simulator } = world;
  world.write(filesOf(shop({ ips: ['v6', 'v4'] })));
  const fault = { status: 422, body: { error: 'no more addresses' } };
  simulator.world.faults.add({ template: 'POST /apps/{app}/ip_assignments', fault });
  expect((await world.flycd(['sync', '--once'])).code).toBe(1);
  expect(machines(world).map(({ config }) => config.metadata?.['flycd_calls'])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  const before = world.clock.now();
  expect((await world.flycd(['sync', '--once'], 'another')).code).toBe(0);
  expect(world.clock.now() - before).toBeLessThan(5000);
});

test('a standby that is in the middle of its update stays at rest when the release that failed is undone', async () => {
  const worker = { count: undefined, serves: false, rests: false, checks: true, volumeGb: undefined };
  const fleet = shop({ strategy: 'immediate', groups: { worker } });
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  world.write(filesOf(fleet));
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  world.simulator.world.pace.add({ state: 'replacing', extraMs: 3000, times: 1 });
  const broken = `docker.io/library/failing-launch:1${digest('6')}`;
  world.write(filesOf({ apps: fleet.apps.map((app) => ({ ...app, image: broken })) }));
  expect((await world.flycd(['sync', '--once'])).code).toBe(1);
  await world.clock.sleep(60_000);
  const members = membersOf(world.simulator.world, 'shop', 'worker');
  expect(members.map(({ state }) => state)).toEqual(['started', 'stopped']);
});

test('a machine changed by hand before its lost create answer is looked for is no machine as FlyCD made it', async () => {
  const world = await arena({ orderly: true });
  onTestFinished(() => world.close());
  const { world: fly } = world.simulator;
  const web = { count: 1, serves: true, rests: false, checks: true, volumeGb: undefined };
  world.write(filesOf(shop({ memoryMb: 512, groups: { web } })));
  const template = 'POST /apps/{app}/machines';
  fly.faults.add({ template, fault: 'reset-after', times: 1 });
  let byHand: Promise<unknown> | undefined;
  fly.onRequest = ({ phase, request }) => {
    if (phase !== 'after' || request.template !== template) return;
    byHand ??= world.simulator.flyctl.scaleMemory('shop', { memoryMb: 1024 });
  };
  await world.flycd(['sync', '--once']);
  await byHand;
  await world.clock.sleep(60_000);
  expect(machines(world).map(({ config }) => config.guest?.memory_mb)).toEqual([1024]);
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  expect(machines(world).map(({ config }) => config.guest?.memory_mb)).toEqual([512]);
});

test.each([
  ['suspended', ['suspend', 'shop', '--reason', 'an incident']],
  ['rolled back', ['rollback', 'shop']],
])(
  'an app that is %s by another FlyCD in the middle of a roll: that ends, and takes no word away',
  async (_what, argv) => {
    const world = await synced();
    world.write(filesOf(shop({ env: { GREETING: 'two' } })));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    world.write(filesOf(shop({ env: { GREETING: 'three' } })));
    const rolling = world.flycd(['sync', '--once']);
    await world.clock.sleep(3000);
    expect(machines(world).map(({ config }) => config.env?.['GREETING'])).toContain('two');
    const said = await world.flycd(argv, 'another');
    expect([0, 4], said.stdout + said.stderr).toContain(said.code);
    expect((await rolling).code).toBe(4);
    expect(machines(world).map(({ config }) => config.env?.['GREETING'])).toContain('two');
    const key = argv[0] === 'suspend' ? 'flycd_suspend' : 'flycd_hold';
    const stamps = machines(world).map(({ config }) => config.metadata?.[key]);
    expect(stamps).toEqual([stamps[0], stamps[0], stamps[0]]);
    expect(stamps[0]).toContain('"by":"alice"');
    expect((await world.flycd(['sync', '--once'], 'a third')).code).toBe(4);
  },
);

test('a version that nobody has stamped as good yet stays so while the app is suspended', async () => {
  const files = filesOf(shop({ env: { GREETING: 'two' } }));
  // The last of the three machines is stamped with what was read back.
  const call = await callOf('PATCH /apps/{app}/machines/{machine}/metadata', 3, { before: [filesOf(shop())], files });
  const world = await synced();
  world.write(files);
  await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
  await world.clock.sleep(60_000);
  const suspended = await world.flycd(['suspend', 'shop', '--reason', 'an incident']);
  expect(suspended.code, suspended.stderr).toBe(0);
  const { requests } = world.simulator.world;
  const before = requests.length;
  expect((await world.flycd(['sync', '--once'])).code).toBe(4);
  expect(requests.slice(before).filter((request) => isWrite(request))).toEqual([]);
  expect((await world.flycd(['resume', 'shop'])).code).toBe(0);
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect((await world.flycd(['rollback', 'shop'])).code).toBe(0);
  expect(machines(world).map(({ config }) => config.env?.['GREETING'])).toEqual(['hello', 'hello', 'hello']);
});
