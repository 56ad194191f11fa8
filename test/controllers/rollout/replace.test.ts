import { afterEach, describe, expect, test } from 'vitest';
import { hostDown, hostUp } from '../../../simulator/machines/host-failures.ts';
import { destroy as lose } from '../../../simulator/machines/lifecycle.ts';
import { prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const fleet = (greeting: string, replace = false): Files => ({
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/shop:1@sha256:${'5'.repeat(64)}" }
env: { GREETING: ${greeting} }
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
deploy: { wait_timeout: 30s }
machines: { count: 2 }
network: { ips: [] }
sync: { replace_unreachable: ${replace} }
`,
});

const all = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const machines = () => all().filter(({ state }) => state !== 'destroyed' && state !== 'destroying');
const names = () =>
  machines()
    .map(({ name }) => name)
    .toSorted((a, b) => (a < b ? -1 : 1));
const greetings = () => machines().map(({ config }) => config.env?.['GREETING']);

async function flycd(...argv: readonly string[]) {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}

describe('a machine whose host has no room for its update', () => {
  const update = 'POST /apps/{app}/machines/{machine}';

  test('is made anew elsewhere; the one before serves until that is healthy, and then goes', async () => {
    world = await prepared([fleet('hello')], fleet('bye'));
    world.simulator.world.faults.add({ template: update, fault: 'capacity', times: 1 });
    let fewest = 2;
    world.simulator.world.onStateChange = () => {
      fewest = Math.min(fewest, machines().filter(({ state }) => state === 'started').length);
    };
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(said).toContain('its host had no room: made anew elsewhere');
    expect([names(), greetings()]).toEqual([
      ['app-arn-1-g2', 'app-arn-2-g1'],
      ['bye', 'bye'],
    ]);
    expect(fewest).toBeGreaterThanOrEqual(1);
    expect((await flycd('diff')).code).toBe(0);
  });

  test('stays as it is where there is no room elsewhere either', async () => {
    world = await prepared([fleet('hello')], fleet('bye'));
    world.simulator.world.faults.add({ template: update, fault: 'capacity', times: 1 });
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines', fault: 'capacity', times: 5 });
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(4);
    expect(said).toContain('Fly has no room');
    expect([names(), greetings()]).toEqual([
      ['app-arn-1-g1', 'app-arn-2-g1'],
      ['hello', 'hello'],
    ]);
    world.simulator.world.faults.clear();
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(greetings()).toEqual(['bye', 'bye']);
  });

  test.each(['POST /apps/{app}/machines', 'DELETE /apps/{app}/machines/{machine}'])(
    'with FlyCD killed at %s: the next one ends with one machine in its place',
    async (template) => {
      for (const when of ['before', 'after'] as const) {
        const fault = { template: update, fault: 'capacity', times: 1 } as const;
        // The call that fails counts as well: it is made before the one that is looked for.
        const undisturbed = await prepared([fleet('hello')], fleet('bye'));
        undisturbed.simulator.world.faults.add(fault);
        const { requests } = undisturbed.simulator.world;
        const first = requests.length;
        await undisturbed.flycd(['sync', '--once']);
        const call = requests.slice(first).findIndex((request) => request.template === template) + 1;
        await undisturbed.close();
        expect(call).toBeGreaterThan(0);
        world = await prepared([fleet('hello')], fleet('bye'));
        world.simulator.world.faults.add(fault);
        await world.mortalFlycd(['sync', '--once'], { call, when });
        await world.clock.sleep(60_000);
        let code = 1;
        for (let passes = 0; passes < 3 && code !== 0; passes += 1) ({ code } = await flycd('sync', '--once'));
        expect([names().length, greetings()], when).toEqual([2, ['bye', 'bye']]);
        expect((await flycd('diff')).code).toBe(0);
        await world.close();
      }
      world = await prepared([], fleet('hello'));
    },
  );
});

describe('the last machine, made anew elsewhere because its host has no room,', () => {
  const create = 'POST /apps/{app}/machines';
  const [update, destroy] = [`${create}/{machine}`, 'DELETE /apps/{app}/machines/{machine}'];
  const one = (greeting: string): Files => {
    const files = fleet(greeting);
    return { ...files, 'shop/app.yaml': files['shop/app.yaml']?.replace('count: 2', 'count: 1') ?? '' };
  };

  test.each([
    ['429, 40 s', { status: 429, body: { error: 'slow down' }, headers: { 'retry-after': '40' } }, 1],
    ['503 twice', '503', 2],
  ] as const)('stays where the new one goes while Fly is not ready to destroy it: %s', async (_what, fault, times) => {
    world = await prepared([one('hello')], one('bye'));
    const fly = world.simulator.world;
    const [old] = machines();
    fly.faults.add({ template: update, fault: 'capacity', times: 1 });
    fly.faults.add({ template: destroy, fault, times });
    let isGone = false;
    fly.onRequest = ({ phase, request }) => {
      if (isGone || phase !== 'before' || request.template !== destroy) return;
      isGone = true;
      for (const made of machines()) if (made !== old) lose(fly, made, 'user');
    };
    const { code, said } = await flycd('sync', '--once');
    expect([isGone, code], said).toEqual([true, 0]);
    // It is updated in its place then, now that its host has room.
    expect(machines().map(({ id, state }) => [id, state])).toEqual([[old?.id, 'started']]);
    expect(greetings()).toEqual(['bye']);
  });

  test('is left to the next run where FlyCD is asked to stop before its destroy is sent', async () => {
    world = await prepared([one('hello')], one('bye'));
    const fly = world.simulator.world;
    const fault = { status: 429, body: { error: 'slow down' }, headers: { 'retry-after': '40' } };
    fly.faults.add({ template: update, fault: 'capacity', times: 1 });
    fly.faults.add({ template: destroy, fault, times: 1 });
    const stop = new AbortController();
    fly.onRequest = ({ request }) => {
      if (request.template === destroy) stop.abort(new Error('SIGTERM'));
    };
    const { code, stdout } = await world.flycd(['sync', '--once'], undefined, stop.signal);
    expect(code, stdout).toBe(130);
    expect(stdout).toContain('FlyCD was asked to stop');
    expect(names()).toEqual(['app-arn-1-g1', 'app-arn-1-g2']);
    const next = await flycd('sync', '--once');
    expect(next.code, next.said).toBe(0);
    expect([names(), greetings()]).toEqual([['app-arn-1-g2'], ['bye']]);
  });

  test.each(['changed by somebody before FlyCD saw it', 'made by another FlyCD'])(
    'stays until somebody has seen the new one healthy, be that %s',
    async (what) => {
      world = await prepared([one('hello')], one('bye'));
      const fly = world.simulator.world;
      const [old] = machines();
      if (old === undefined) throw new Error('the fleet has no machine');
      const isChanged = what.startsWith('changed');
      fly.faults.add({ template: update, fault: 'capacity', times: 1 });
      if (isChanged) fly.faults.add({ template: create, fault: 'reset-after', times: 1 });
      const unwell = { ...old.config, image: 'docker.io/acme/failing-check:2' };
      const stamps = { ...old.config.metadata, flycd_replaces: old.id, flycd_unproven: '1' };
      let isDone = false;
      const isServedAt: boolean[] = [];
      fly.onRequest = ({ phase, request }) => {
        if (phase === 'before' && request.template === destroy && request.path.includes(old.id))
          isServedAt.push(machines().some((one) => one !== old && one.config.image !== unwell.image));
        const is = isChanged ? phase === 'after' && request.template === create : request.template === update;
        if (isDone || !is) return;
        isDone = true;
        const made = machines().find((one) => one !== old);
        const config = { ...unwell, metadata: made?.config.metadata ?? stamps };
        void (made === undefined
          ? world.asPerson('POST', '/apps/shop/machines', { name: 'app-arn-1-g2', region: 'arn', config })
          : world.asPerson('POST', `/apps/shop/machines/${made.id}`, { config }));
      };
      await flycd('sync', '--once');
      expect([isDone, isServedAt.filter((isServed) => !isServed)]).toEqual([true, []]);
      await world.clock.sleep(60_000);
      const { code, said } = await flycd('sync', '--once');
      expect([code, greetings()], said).toEqual([0, ['bye']]);
    },
  );
});

describe('a machine whose host does not answer', () => {
  const quarterMs = 15 * 60_000;

  async function down(replace: boolean) {
    world = await prepared([fleet('hello', replace)], fleet('hello', replace));
    const [first] = machines();
    if (first === undefined) throw new Error('the fleet has no machine');
    hostDown(world.simulator.world, first.host);
    return first;
  }

  test('is waited for, however long it takes', async () => {
    await down(false);
    expect((await flycd('sync', '--once')).code).toBe(0);
    await world.clock.sleep(2 * quarterMs);
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect(names()).toHaveLength(2);
  });

  test('with replace_unreachable is made anew after a quarter of an hour, and destroyed when it is back', async () => {
    const gone = await down(true);
    const first = await flycd('sync', '--once');
    expect(first.said).toContain(`the host of ${gone.id} does not answer`);
    expect(first.code).toBe(4);
    await world.clock.sleep(quarterMs / 2);
    await flycd('sync', '--once');
    expect(names()).toHaveLength(2);
    await world.clock.sleep(quarterMs / 2);
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(0);
    expect(names()).toHaveLength(3);
    const diff = await flycd('diff');
    expect(diff.code, diff.said).toBe(0);
    expect(diff.said).toContain('it is destroyed when its host answers');
    hostUp(world.simulator.world, gone.host);
    await world.clock.sleep(60_000);
    expect((await flycd('sync', '--once')).code).toBe(0);
    expect([names().length, all().find(({ id }) => id === gone.id)?.state]).toEqual([2, 'destroying']);
    expect((await flycd('diff')).code).toBe(0);
  });

  test('that is back in time is kept, and its next outage is waited for anew', async () => {
    const gone = await down(true);
    await flycd('sync', '--once');
    await world.clock.sleep(quarterMs / 2);
    hostUp(world.simulator.world, gone.host);
    await world.clock.sleep(60_000);
    expect((await flycd('sync', '--once')).code).toBe(0);
    hostDown(world.simulator.world, gone.host);
    await world.clock.sleep(quarterMs);
    await flycd('sync', '--once');
    expect(names()).toHaveLength(2);
  });
});
