import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMachine } from '../../../controllers/machines/create.ts';
import type { MachineCreate } from '../../../src/model/plan.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { desiredApp, machine } from '../../plan/builders.ts';
import type { Call } from '../answered-fly.ts';
import { passOver } from '../pass/passes.ts';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
beforeEach(async () => {
  world = await arena();
});
afterEach(() => world.close());

const shop = `app: shop
primary_region: arn
build:
  image: nginx:1
mounts: [{ source: data, destination: /data }]
volumes: [{ name: data, size_gb: 2 }]
machines: { count: 1 }
network: { ips: [] }
`;
const app = () => {
  const found = world.simulator.world.apps.get('shop');
  if (found === undefined) throw new Error('no app');
  return found;
};
const mounted = (): readonly (string | undefined)[] =>
  [...app().machines.values()]
    .filter(({ state }) => state !== 'destroyed' && state !== 'destroying')
    .map(({ config }) => config.mounts?.[0]?.volume);

/** A twin made by hand, again and again, until its id comes before ours. */
async function twinBefore(ours: string, sizeGb: number): Promise<void> {
  for (;;) {
    await world.clock.sleep(1000);
    await world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: sizeGb });
    const twin = [...app().volumes.keys()].find((id) => id !== ours) ?? '';
    if (twin < ours) return;
    await world.asPerson('DELETE', `/apps/shop/volumes/${twin}`, undefined);
  }
}

describe('a machine that is made again', () => {
  test.each([
    ['a twin made by hand, of the same size', 2, false],
    ['a larger one', 9, false],
    ['a larger one, and no database remembers who made which', 9, true],
    ['a smaller one', 1, true],
  ])('gets the volume with its data, not %s', async (_what, sizeGb, isForgotten) => {
    world.write({ 'flycd.yaml': 'fleet: claims\n', 'shop/app.yaml': shop });
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
    const [ours = ''] = app().volumes.keys();
    expect(mounted()).toEqual([ours]);
    await twinBefore(ours, sizeGb);
    const [machine] = app().machines.keys();
    await world.asPerson('DELETE', `/apps/shop/machines/${machine}?force=true`, undefined);
    await world.clock.sleep(60_000);
    if (isForgotten) world.forget();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(mounted()).toEqual([ours]);
  });
});

test.each([
  [0, 3000],
  [1, 3000],
  [1, 8000],
])('machines from %i to 3 get the volumes made for them, though lists show those %i ms late', async (from, listMs) => {
  const of = (count: number) => ({
    'flycd.yaml': 'fleet: claims\n',
    'shop/app.yaml': shop.replace('count: 1', `count: ${count}`),
  });
  if (from > 0) {
    world.write(of(from));
    expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  }
  world.write(of(3));
  world.simulator.world.lag.set({ listMs });
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(new Set(mounted())).toEqual(new Set(app().volumes.keys()));
  expect(mounted()).toHaveLength(3);
});

test('what the list shows of them is enough: none is asked for by its id', async () => {
  world.write({ 'flycd.yaml': 'fleet: claims\n', 'shop/app.yaml': shop.replace('count: 1', 'count: 2') });
  const fault = { status: 403, body: { error: 'no' } };
  world.simulator.world.faults.add({ template: 'GET /apps/{app}/volumes/{volume}', probability: 1, fault });
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  expect(new Set(mounted())).toEqual(new Set(app().volumes.keys()));
  expect(mounted()).toHaveLength(2);
});

test.each([
  ['one database', undefined],
  ['two databases', 'laptop'],
])('two FlyCDs at once, on %s, leave no volume of theirs for one made by hand', async (_what, other) => {
  const two = shop.replace('count: 1', 'count: 2');
  world.write({ 'flycd.yaml': 'fleet: claims\n', 'shop/app.yaml': two });
  const { capacity } = world.simulator.world;
  capacity.set('arn', 0);
  await world.flycd(['sync', '--once']);
  capacity.clear();
  const ours = [...app().volumes.keys()];
  expect(ours).toHaveLength(2);
  await world.asPerson('POST', '/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 2 });
  await world.clock.sleep(600_000);
  const sync = ['sync', '--once'];
  await Promise.all([world.flycd(sync), world.flycd(sync, other)]);
  await world.clock.sleep(60_000);
  expect((await world.flycd(sync)).code).toBe(0);
  expect(new Set(mounted())).toEqual(new Set(ours));
});

describe('the only free volume, after a create that failed', () => {
  const creates = ({ method, path }: Call): boolean => method === 'POST' && path.endsWith('/machines');
  const lists = ({ method, path }: Call): boolean => method === 'GET' && path.endsWith('/machines');
  const step = (number: number): MachineCreate => ({
    kind: 'machine.create',
    app: 'shop',
    target: `app/arn/${number}`,
    because: 'missing',
    changes: [],
    risk: 'safe',
    slot: { group: 'app', region: 'arn', number },
    config: { image: `docker.io/library/shop:1@sha256:${'a'.repeat(64)}`, mounts: [{ name: 'data', path: '/data' }] },
    sent: { config: '1', image: '1' },
    mount: { volume: 'data', path: '/data' },
    group: 'app',
    skipLaunch: true,
  });
  const free = { id: 'vol_1', name: 'data', region: 'arn', size_gb: 1, state: 'created', zone: 'a', encrypted: true };
  const unanswered = (): never => {
    throw new TypeError('fetch failed');
  };
  const taken = (): Response => {
    const error =
      'already_exists: unique machine name violation, machine ID m9 already exists with name "app-arn-1-g1"';
    return Response.json({ error }, { status: 409 });
  };

  /** Two creates, the first of which fails; what became of them. `first`: how Fly answers it. undefined: as usual. */
  async function two(first: (call: Call, clock: IdleClock) => Promise<unknown> | undefined) {
    const clock = new IdleClock();
    const other = machine(desiredApp(), { id: 'm9', metadata: { flycd_slot: 'app/arn/9' } });
    const mountedBy: string[] = [];
    let isFirst = true;
    const { pass } = passOver(clock, (call) => {
      const answer = isFirst ? first(call, clock) : undefined;
      if (answer !== undefined) return answer;
      if (call.path.endsWith('/volumes')) return [free];
      if (creates(call)) {
        const { name, config } = JSON.parse(call.body) as { name: string; config: typeof other.config };
        mountedBy.push(`${name}: ${config?.mounts?.[0]?.volume}`);
        return { ...other, id: 'm1', name, config };
      }
      if (call.path.endsWith('/m9')) return other;
      return lists(call) ? [] : {};
    });
    const failed = await createMachine(pass, step(1), () => undefined).catch((error: unknown) => error);
    isFirst = false;
    const next = await createMachine(pass, step(2), () => undefined).catch((error: unknown) => error);
    return { failed, next, mountedBy };
  }

  test.each([
    [
      'a look right before it was sent failed',
      (): Parameters<typeof two>[0] => {
        let listed = 0;
        return (call, clock) => {
          if (!lists(call)) return undefined;
          listed += 1;
          return listed === 1 ? clock.park(6000).then(() => []) : Promise.resolve().then(unanswered);
        };
      },
    ],
    [
      'others have three names in a row',
      (): Parameters<typeof two>[0] => (call) => (creates(call) ? Promise.resolve(taken()) : undefined),
    ],
  ])('goes to the next one where %s', async (_why, first) => {
    const { failed, mountedBy } = await two(first());
    expect(failed).toBeInstanceOf(Error);
    expect(mountedBy).toEqual(['app-arn-2-g1: vol_1']);
  });

  test.each([
    [
      'no try of it was answered',
      (): Parameters<typeof two>[0] => (call) => (creates(call) ? Promise.resolve().then(unanswered) : undefined),
    ],
    [
      'one was not, and the look before the next failed',
      (): Parameters<typeof two>[0] => {
        let sent = 0;
        return (call, clock) => {
          if (creates(call)) {
            sent += 1;
            return clock.park(6000).then(unanswered);
          }
          if (!lists(call) || sent === 0) return undefined;
          // The look for what was made is answered, the one before it is sent again is not.
          sent += 1;
          return sent === 2 ? clock.park(6000).then(() => []) : Promise.resolve().then(unanswered);
        };
      },
    ],
    [
      'one was not, and the next was refused',
      (): Parameters<typeof two>[0] => {
        let sent = 0;
        return (call) => {
          if (!creates(call)) return undefined;
          sent += 1;
          if (sent === 1) return Promise.resolve().then(unanswered);
          return Promise.resolve(Response.json({ error: 'insufficient capacity' }, { status: 422 }));
        };
      },
    ],
  ])('stays with it where %s', async (_why, first) => {
    const { failed, next, mountedBy } = await two(first());
    expect(failed).toBeInstanceOf(Error);
    expect(String(next)).toContain('no free volume data in arn');
    expect(mountedBy).toEqual([]);
  });
});
