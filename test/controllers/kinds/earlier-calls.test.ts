/** Calls without a key of earlier passes: they bridge the minute in which lists lag, and answer for nothing that the plan has counted. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createOnce } from '../../../controllers/pass/intents.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { formatCalls, type StampedCall } from '../../../src/model/stamps/calls-stamp.ts';
import { desiredApp, machine } from '../../plan/builders.ts';
import { prepared, type Arena } from '../arena.ts';
import { passOver } from '../pass/passes.ts';

const minute = 60_000;
const image = `docker.io/acme/x@sha256:${hash('sha256', 'x')}`;
const app = (more: string, machines = 1) => ({
  'flycd.yaml': 'fleet: field\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: ${machines} }\n${more}`,
});
const volumes = (count: number) => app(`network: { ips: [{ v: v6 }] }\nvolumes: [{ name: a, count: ${count} }]\n`);
const addresses = (ips: string) => app(`network: { ips: [${ips}] }\n`);

test('a call on the lock goes on to the machine that stays, though this pass has updated that one', async () => {
  const of = (count: number, color: string, ips: string) =>
    app(`env: { COLOR: ${color} }\nnetwork: { ips: [${ips}] }\n`, count);
  const world = await prepared([of(2, 'red', '{ v: v6 }')], of(1, 'blue', '{ v: v6 }, { v: v4 }'));
  onTestFinished(() => world.close());
  const machines = () =>
    [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])]
      .filter(({ state }) => !state.startsWith('destroy'))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  expect(machines()[0]?.name, 'the lock is the one that goes').toBe('app-arn-2-g1');
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  expect(machines().map(({ name, config }) => [name, config.env?.['COLOR'], config.metadata?.['flycd_calls']])).toEqual(
    [['app-arn-1-g1', 'blue', expect.stringContaining('"address.allocate","shop/v4 v4"')]],
  );
});

test('a call that is certain to have made nothing is remembered no more, once another one was sent', async () => {
  const world = await prepared([addresses('{ v: v6 }')], addresses('{ v: v6 }, { v: v4 }'));
  onTestFinished(() => world.close());
  world.simulator.world.faults.add({ template: 'POST /apps/{app}/ip_assignments', times: 1, fault: 'reset-before' });
  const { code, stdout } = await world.flycd(['sync', '--once']);
  expect(code, stdout).toBe(0);
  const database = new Sqlite(join(world.stateFolder, 'flycd', 'flycd.db'), { readonly: true });
  onTestFinished(() => void database.close());
  const [address] = [...(world.simulator.world.apps.get('shop')?.addresses.keys() ?? [])].slice(-1);
  expect(database.prepare("SELECT target, made FROM intent WHERE target LIKE '%v4'").raw().all()).toEqual([
    ['shop/v4 v4', address],
  ]);
});

describe('of two that Fly has no key for, one goes by hand', () => {
  let world: Arena;
  afterEach(() => world.close());

  const fly = () => world.simulator.world;
  const standing = () =>
    [...(fly().apps.get('shop')?.volumes.values() ?? [])].filter(({ state }) => !/destroy/.test(state));
  const ips = () => [...(fly().apps.get('shop')?.addresses.keys() ?? [])];
  const posts = (kind: string) =>
    fly().requests.filter(({ template }) => template === `POST /apps/{app}/${kind}`).length;
  const destroyFirst = () => world.asPerson('DELETE', `/apps/shop/volumes/${standing()[0]?.id ?? ''}`);

  test.each([
    ['30 s', 30_000],
    ['a minute', minute],
    ['ten minutes', 10 * minute],
    ['an hour', 62 * minute],
  ])('a volume, %s after the second was made: it is made again at once', async (_when, ms) => {
    world = await prepared([volumes(1), volumes(2)], {});
    await world.clock.sleep(ms);
    await destroyFirst();
    await world.clock.sleep(5000);
    const before = posts('volumes');
    const at = world.clock.now();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(standing(), stdout).toHaveLength(2);
    expect(posts('volumes') - before).toBe(1);
    expect(world.clock.now() - at).toBeLessThan(minute / 2);
  });

  test('a volume, and the machine that mounted it', async () => {
    const mounted = (count: number) => app('mounts: [{ source: data, destination: /data }]\n', count);
    world = await prepared([mounted(1), mounted(2)], {});
    await world.clock.sleep(10 * minute);
    const [first] = fly().apps.get('shop')?.machines.values() ?? [];
    await world.asPerson('DELETE', `/apps/shop/machines/${first?.id ?? ''}?force=true`);
    await world.clock.sleep(10_000);
    await world.asPerson('DELETE', `/apps/shop/volumes/${first?.config.mounts?.[0]?.volume ?? ''}`);
    await world.clock.sleep(minute);
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(standing()).toHaveLength(2);
  });

  test('an address', async () => {
    world = await prepared([addresses('{ v: v6 }'), addresses('{ v: v6 }, { v: v6 }')], {});
    await world.clock.sleep(2 * minute);
    await world.asPerson('DELETE', `/apps/shop/ip_assignments/${ips()[0] ?? ''}`);
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(ips(), stdout).toHaveLength(2);
  });

  test('a volume, and a FlyCD without a database has only the call on the lock', async () => {
    world = await prepared([volumes(1), volumes(2)], {});
    await world.clock.sleep(20_000);
    await destroyFirst();
    const { code, stdout } = await world.flycd(['sync', '--once'], 'another');
    expect(code, stdout).toBe(0);
    expect(standing(), stdout).toHaveLength(2);
  });

  test.each([
    ['soon', 20_000],
    ['later', 10 * minute],
  ])('a volume, %s after FlyCD was killed behind the call for the second', async (_when, ms) => {
    world = await prepared([volumes(1)], volumes(2));
    const kills = fly().requests.length;
    // The call itself is found by trying each.
    for (let call = 1; standing().length < 2; call += 1)
      await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    expect(fly().requests.length).toBeGreaterThan(kills);
    await world.clock.sleep(ms);
    await destroyFirst();
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(standing(), stdout).toHaveLength(2);
  });
});

describe('a call of a pass before', () => {
  let clock: IdleClock;
  beforeEach(() => {
    clock = new IdleClock();
  });

  interface Given {
    /** Ids that the lists show, one list after the other; the last one stays. */
    readonly lists: readonly (readonly string[])[];
    readonly counted?: readonly string[];
    /** On the lock of the app. */
    readonly stamped?: readonly StampedCall[];
    /** Before the pass: by SQLite. */
    readonly remember?: (store: ReturnType<typeof passOver>['pass']['services']['store']) => Promise<void>;
  }
  const kind = 'volume.create';

  /** What a pass is told that asks for the last of so many as the plan has counted, and one. */
  async function asked({ lists, counted = [], stamped = [], remember }: Given, target = `data#${counted.length + 1}`) {
    const lock = machine(desiredApp(), { id: 'a1', metadata: { flycd_calls: formatCalls(stamped) ?? '' } });
    const { pass } = passOver(clock, ({ path }) => (path.endsWith('/machines') ? [lock] : lock));
    if (stamped.length > 0)
      pass.lock = {
        machineId: 'a1',
        nonce: 'n',
        check: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    await remember?.(pass.services.store);
    let sent = 0;
    const left = [...lists];
    const call = {
      kind,
      target,
      there: counted.length,
      counted,
      list: () => Promise.resolve((left.length > 1 ? left.shift() : left[0]) ?? []),
      idOf: (id: string) => id,
      create: async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
        await beforeSent(0);
        sent += 1;
        return 'new';
      },
    } as const;
    const ended = await createOnce(pass, call).catch((error: unknown) => error);
    return { ended, sent, pass, call };
  }

  const fulfilled =
    (target: string, before: readonly string[], made: string) =>
    async (store: Parameters<NonNullable<Given['remember']>>[0]) => {
      const intent = await store.addIntent('shop', { kind, target, before });
      await store.fulfilIntent('shop', intent.id, made);
    };
  const waiting = { ended: { kind: 'waiting' }, sent: 0 };

  test('made what the plan has not seen yet', async () => {
    const given = { lists: [['v1'], ['v1', 'v2']], counted: ['v1'], remember: fulfilled('data#2', ['v1'], 'v2') };
    expect(await asked(given)).toMatchObject(waiting);
    expect(await asked({ ...given, lists: [['v1', 'v2']] })).toMatchObject({
      ended: { id: 'v2', found: true },
      sent: 0,
    });
  });

  test('made what has another number by now, and lists show only the one after it: it is waited for', async () => {
    const remember: Given['remember'] = async (store) => {
      await fulfilled('data', [], 'v1')(store);
      await fulfilled('data#2', ['v1'], 'v2')(store);
    };
    expect(await asked({ lists: [['v2']], counted: ['v2'], remember })).toMatchObject(waiting);
  });

  test('made what the plan has counted: another one is made', async () => {
    const given = { lists: [['v2']], counted: ['v2'], remember: fulfilled('data#2', ['v1'], 'v2') };
    expect(await asked(given)).toMatchObject({ ended: { id: 'new', found: false }, sent: 1 });
  });

  test('has no answer, and what the plan has counted is not FlyCD’s by any call: it is waited for', async () => {
    const remember: Given['remember'] = async (store) => {
      await store.addIntent('shop', { kind, target: 'data#2', before: ['v1'] });
    };
    expect(await asked({ lists: [['v2']], counted: ['v2'], remember })).toMatchObject(waiting);
  });

  test('one of two has no answer yet, in SQLite or on the lock: it is waited for', async () => {
    const before = ['v1'];
    const remember: Given['remember'] = async (store) => {
      for (const target of ['data#2', 'data#3']) await store.addIntent('shop', { kind, target, before });
      await store.addMade('shop', kind, 'v2');
    };
    const lists = [['v1', 'v2']];
    const counted = ['v1', 'v2'];
    expect(await asked({ lists, counted, remember })).toMatchObject(waiting);
    const stamped = ['data#2', 'data#3'].map((target) => ({ kind, target, before, createdAt: clock.now() }) as const);
    const made: Given['remember'] = (store) => store.addMade('shop', kind, 'v2');
    expect(await asked({ lists, counted, stamped, remember: made })).toMatchObject(waiting);
    const [one] = stamped;
    expect(await asked({ lists, counted, stamped: one === undefined ? [] : [one], remember: made })).toMatchObject({
      ended: { id: 'new', found: false },
    });
  });

  test('was made of a place, and not of another one', async () => {
    const given = { lists: [['v1']], counted: ['v1'], remember: fulfilled('logs', [], 'v2') };
    expect(await asked(given)).toMatchObject({ ended: { id: 'new', found: false } });
  });
});

test('an answer that was lost is none that another call of the pass has got', async () => {
  const clock = new IdleClock();
  const { pass } = passOver(clock, () => []);
  let shown = ['v1'];
  const call = (target: string, there: number, create: () => Promise<string>) => ({
    kind: 'volume.create' as const,
    target,
    there,
    counted: ['v1'],
    list: () => Promise.resolve(shown),
    idOf: (id: string) => id,
    create: async (beforeSent: (timesSent: number) => Promise<void>): Promise<string> => {
      await beforeSent(0);
      return create();
    },
  });
  expect(
    await createOnce(
      pass,
      call('data#2', 1, () => Promise.resolve('v2')),
    ),
  ).toEqual({ id: 'v2', found: false });
  const lost = (): Promise<string> => {
    shown = ['v1', 'v2'];
    return Promise.reject(new Error('no answer'));
  };
  const ended = await createOnce(pass, call('data#3', 2, lost)).catch((error: unknown) => error);
  expect(ended).toMatchObject({ kind: 'waiting' });
});
