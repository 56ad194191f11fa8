import { afterEach, describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { prepared, type Arena, type ArenaOptions } from '../arena.ts';
import type { PlannedApp } from '../../storm/checks/invariants.ts';
import { walkKills } from '../kill-walk.ts';

let world: Arena | undefined;
afterEach(() => world?.close());

const worker = (color = 'red'): Record<string, string> => ({
  'flycd.yaml': 'fleet: standbys\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/busybox:1
env:
  COLOR: ${color}
`,
});

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

describe('where its host fails or comes back during a pass', () => {
  interface Pair {
    readonly at: Arena;
    readonly primary: Machine;
    readonly standby: Machine;
  }

  async function pair(next = worker(), before = worker(), options: ArenaOptions = {}): Promise<Pair> {
    const at = await prepared([before], next, options);
    world = at;
    await at.endState();
    const [primary, standby] = at.simulator.world.apps.get('shop')?.machines.values() ?? [];
    if (primary === undefined || standby === undefined) throw new Error('there is no standby');
    return { at, primary, standby };
  }

  /** As an update of before left it. */
  function fail(machine: Machine): void {
    machine.config = { ...machine.config, image: 'docker.io/library/failing-launch:1' };
    machine.state = 'failed';
  }

  /** Once, at the first request of this kind for the standby. */
  function once({ at, standby }: Pair, [phase, path]: readonly ['before' | 'after', string], act: () => void) {
    let times = 0;
    at.simulator.world.onRequest = ({ phase: seen, request }) => {
      const isIt =
        seen === phase && request.method === 'POST' && request.path.endsWith(`/machines/${standby.id}${path}`);
      if (!isIt || times > 0) return;
      times += 1;
      act();
    };
    return () => times;
  }

  const sync = async ({ at }: Pair) => {
    const { code, stdout, stderr } = await at.flycd(['sync', '--once']);
    await at.endState();
    return { code, said: stderr + stdout };
  };

  test('one that was failed boots where its host goes down before the update', async () => {
    const two = await pair();
    fail(two.standby);
    const times = once(two, ['before', '/lease'], () => hostDown(two.at.simulator.world, two.primary.host));
    const ran = await sync(two);
    expect(times()).toBe(1);
    expect([ran.code, two.standby.state, two.primary.hostStatus], ran.said).toEqual([0, 'started', 'unreachable']);
    hostUp(two.at.simulator.world, two.primary.host);
    await two.at.endState();
    expect([two.primary.state, two.standby.state]).toEqual(['started', 'stopped']);
  });

  test('one that was failed boots as planned where Fly does not say how that host is', async () => {
    let dark = '';
    const others = ({ pathname }: URL): Response | undefined =>
      pathname.endsWith(`/machines/${dark}`) ? Response.json({ error: 'oops' }, { status: 500 }) : undefined;
    const two = await pair(worker(), worker(), { others });
    fail(two.standby);
    hostDown(two.at.simulator.world, two.primary.host);
    dark = two.primary.id;
    const ran = await sync(two);
    expect([ran.code, two.standby.state], ran.said).toEqual([0, 'started']);
  });

  test.each([
    ['failed', fail],
    ['running', () => undefined],
  ] as const)('one that was %s stays down where that host is back before the update', async (_what, before) => {
    const two = await pair(worker('blue'));
    const { world: fly } = two.at.simulator;
    before(two.standby);
    hostDown(fly, two.primary.host);
    await two.at.clock.sleep(10_000);
    const booted: string[] = [];
    const times = once(two, ['before', '/lease'], () => {
      hostUp(fly, two.primary.host);
      fly.onStateChange = ({ name, state }) => {
        if (state === 'starting') booted.push(name);
      };
    });
    const ran = await sync(two);
    // Its machine could not get the commit when the plan was made.
    expect([times(), ran.code], ran.said).toEqual([1, 4]);
    expect([two.primary.state, two.standby.state, booted]).toEqual(['started', 'stopped', []]);
    expect((await sync(two)).code).toBe(0);
    expect((await two.at.flycd(['diff'])).code).toBe(0);
    expect([two.primary.state, two.standby.state]).toEqual(['started', 'stopped']);
  });

  test('one that Fly stops before its checks have passed, for its host is back, is not started again', async () => {
    const checks = 'checks: { alive: { type: tcp, port: 8080, interval: 5s, timeout: 2s, grace_period: 60s } }\n';
    const checked = (color: string) => {
      const files = worker(color);
      return { ...files, 'shop/app.yaml': `${files['shop/app.yaml']}${checks}` };
    };
    const two = await pair(checked('blue'), checked('red'));
    const { world: fly } = two.at.simulator;
    hostDown(fly, two.primary.host);
    await two.at.endState();
    two.standby.checkRule = 'fail';
    once(two, ['after', ''], () => void two.at.clock.timer(20_000, () => hostUp(fly, two.primary.host)));
    const ran = await sync(two);
    expect([ran.code, two.primary.state, two.standby.state], ran.said).toEqual([4, 'started', 'stopped']);
    expect((await sync(two)).code).toBe(0);
    expect([two.primary.state, two.standby.state]).toEqual(['started', 'stopped']);
  });

  test('one that Fly left at rest, or running, is named with the command that mends it', async () => {
    const two = await pair();
    two.standby.state = 'stopping';
    hostDown(two.at.simulator.world, two.primary.host);
    two.standby.state = 'stopped';
    const down = await two.at.flycd(['diff']);
    expect([down.code, down.stdout]).toEqual([
      0,
      expect.stringContaining(
        `app/arn/2 does not run, and the host of the machine it stands in for (${two.primary.id}) does not answer; fly machine start ${two.standby.id} --app shop starts it`,
      ),
    ]);
    await two.at.asPerson('POST', `/apps/shop/machines/${two.standby.id}/start`);
    await two.at.endState();
    expect((await two.at.flycd(['diff'])).stdout).not.toContain('fly machine start');
    two.standby.state = 'starting';
    hostUp(two.at.simulator.world, two.primary.host);
    await two.at.endState();
    two.standby.state = 'started';
    const up = await two.at.flycd(['diff']);
    expect([up.code, up.stdout]).toEqual([
      0,
      expect.stringContaining(
        `app/arn/2 runs beside the machine it stands in for (${two.primary.id}); fly machine stop ${two.standby.id} --app shop stops it`,
      ),
    ]);
  });
});
