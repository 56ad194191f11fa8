import { afterEach, expect, test } from 'vitest';
import { hostDown } from '../../../../simulator/machines/host-failures.ts';
import { prepared, type Arena } from '../../arena.ts';
import type { PlannedApp } from '../../../storm/checks/invariants.ts';
import { walkKills } from '../../kill-walk.ts';
import { worker } from './worker.ts';

let world: Arena | undefined;
afterEach(() => world?.close());

function machines(of: Arena) {
  const app = of.simulator.world.snapshot().find((one) => one.name === 'shop');
  return (app?.machines ?? []).filter(({ state }) => state !== 'destroying' && state !== 'destroyed');
}

test('a group without services gets a standby, whose machine may go and come again', async () => {
  world = await prepared([worker()], worker());
  await world.endState();
  const [first, standby] = machines(world);
  expect(machines(world).map(({ name, state }) => [name, state])).toEqual([
    ['app-arn-1-g1', 'started'],
    ['app-arn-2-g1', 'stopped'],
  ]);
  expect(standby?.config).toMatchObject({ standbys: [first?.id], env: { FLY_STANDBY_FOR: first?.id } });
  expect((await world.flycd(['diff'])).code).toBe(0);

  await world.asPerson('DELETE', `/apps/shop/machines/${first?.id}?force=true`);
  await world.endState();
  const ran = await world.flycd(['sync', '--once']);
  expect(ran.code, ran.stderr).toBe(0);
  await world.endState();
  const again = machines(world).find(({ name }) => name === 'app-arn-1-g2');
  const still = machines(world).find(({ name }) => name === 'app-arn-2-g1');
  expect(still).toMatchObject({ id: standby?.id, state: 'stopped' });
  expect(still?.config).toMatchObject({ standbys: [again?.id], env: { FLY_STANDBY_FOR: again?.id } });
  const diff = await world.flycd(['diff']);
  expect(diff.code, diff.stdout).toBe(0);
});

test('it stands in for what takes the place of its machine, by the end of the same pass', async () => {
  const larger = { ...worker(), 'shop/app.yaml': `${worker()['shop/app.yaml']}vm: [{ memory: 1gb }]\n` };
  world = await prepared([worker()], larger);
  const before = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  const [first, second] = before.map(({ host }) => host);
  if (first === undefined || first === second) throw new Error('both are on one host');
  world.simulator.world.hostsFull.add(first);
  const ran = await world.flycd(['sync', '--once']);
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.stderr).toContain('its host had no room: made anew elsewhere');
  await world.endState();
  const moved = machines(world).find(({ name }) => name === 'app-arn-1-g2');
  const standby = machines(world).find(({ name }) => name === 'app-arn-2-g1');
  expect(standby?.config).toMatchObject({ standbys: [moved?.id], env: { FLY_STANDBY_FOR: moved?.id } });
  expect(standby?.state).toBe('stopped');
  const diff = await world.flycd(['diff']);
  expect(diff.code, diff.stdout).toBe(0);
});

test('a commit reaches the standby without waking it', async () => {
  world = await prepared([worker()], worker('blue'));
  const ran = await world.flycd(['sync', '--once']);
  expect(ran.code, ran.stderr).toBe(0);
  expect(machines(world).map(({ state, config }) => [state, config.env?.['COLOR']])).toEqual([
    ['started', 'blue'],
    ['stopped', 'blue'],
  ]);
});

test('it runs while the host of its machine is down: a sync leaves it alone, a commit keeps it running', async () => {
  world = await prepared([worker()], worker());
  await world.endState();
  const [first, standby] = machines(world);
  const host = world.simulator.world.apps.get('shop')?.machines.get(first?.id ?? '')?.host ?? '';
  hostDown(world.simulator.world, host);
  await world.endState();
  expect(machines(world).find(({ id }) => id === standby?.id)?.state).toBe('started');
  const writes = world.simulator.world.writes().length;
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  expect(world.simulator.world.writes()).toHaveLength(writes);

  world.write(worker('blue'));
  const ran = await world.flycd(['sync', '--once']);
  expect(ran.code, 'the machine on the dead host still runs the older commit').toBe(4);
  expect(machines(world).find(({ id }) => id === standby?.id)).toMatchObject({
    state: 'started',
    config: { env: { COLOR: 'blue' } },
  });
});

test.each([
  ['an image that is not there', 'docker.io/library/missing-image:1'],
  ['an image that ends failed', 'docker.io/library/failing-launch:1'],
])('one that %s left failed stays down when git mends it', async (_what, image) => {
  world = await prepared([worker()], worker());
  await world.endState();
  const [, standby] = machines(world);
  const record = world.simulator.world.apps.get('shop')?.machines.get(standby?.id ?? '');
  if (record === undefined) throw new Error('there is no standby');
  // As a create or an update of before left it.
  record.config = { ...record.config, image };
  record.state = 'failed';
  const ran = await world.flycd(['sync', '--once']);
  expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  await world.endState();
  expect(machines(world).map(({ config, state }) => [config.image?.split('@')[0], state])).toEqual([
    ['docker.io/library/busybox:1', 'started'],
    ['docker.io/library/busybox:1', 'stopped'],
  ]);
  expect((await world.flycd(['diff'])).code).toBe(0);
});

test('killed at every call of a first sync, it ends with one machine and one standby', async () => {
  world = undefined;
  expect(await walkKills([], worker())).toBeGreaterThan(10);
}, 120_000);

test.each([
  ['a word', worker(), ['--now']],
  ['a commit', worker('blue'), []],
] as const)(
  'a bluegreen deployment by hand leaves it to nobody: held, and mended by %s',
  async (_what, files, flags) => {
    world = await prepared([worker()], worker());
    await world.endState();
    const image = 'docker.io/library/busybox:2';
    expect(await world.simulator.flyctl.deploy('shop', { image, strategy: 'bluegreen' })).toEqual({ ok: true });
    await world.endState();
    const at = world;
    const dangling = (): readonly string[] => {
      const there = machines(at);
      return there.flatMap(({ config }) => config.standbys ?? []).filter((id) => there.every((one) => one.id !== id));
    };
    expect(dangling()).toHaveLength(1);
    const held = await world.flycd(['diff', '--output', 'json']);
    const { apps } = JSON.parse(held.stdout) as { readonly apps: readonly PlannedApp[] };
    const [hold] = apps[0]?.holds ?? [];
    expect([held.code, hold?.reason]).toEqual([4, 'flyctl']);
    // And it names the standby.
    const targets = hold?.steps.flatMap((step) => [step, ...(step.machines ?? [])].map(({ target }) => target));
    expect(targets).toContain('shop/app/arn/2');
    await world.clock.sleep(5000);
    world.write(files);
    const ran = await world.flycd(['sync', '--once', ...flags]);
    expect(ran.code, ran.stderr).toBe(0);
    await world.endState();
    expect(dangling()).toEqual([]);
    const standbys = machines(world).filter(({ config }) => (config.standbys ?? []).length > 0);
    expect([machines(world).length, standbys.length]).toEqual([2, 1]);
  },
);
