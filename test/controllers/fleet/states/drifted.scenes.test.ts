import { afterEach, describe, expect, test } from 'vitest';
import { arena, changedFleet, walkFleet, type Arena, type Files } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const yaml = walkFleet['shop/app.yaml'] ?? '';
const withMore = (more: string): Files => ({ ...walkFleet, 'shop/app.yaml': `${yaml}${more}` });
const reported = withMore('sync:\n  drift: report\n');
const pruning = withMore('sync:\n  prune: [addresses, secrets]\n');

interface Seen {
  readonly status: string;
  readonly steps: readonly string[];
  readonly held: readonly string[];
}

async function seen(state?: string, more?: Readonly<Record<string, string>>): Promise<Seen> {
  const { stdout, stderr } = await world.flycd(['diff', '--output', 'json'], state, undefined, more);
  const { apps } = JSON.parse(stdout) as {
    readonly apps: readonly {
      readonly status: string;
      readonly steps: readonly { readonly kind: string }[];
      readonly holds: readonly { readonly reason: string; readonly steps: readonly { readonly kind: string }[] }[];
    }[];
  };
  const [app] = apps;
  if (app === undefined) throw new Error(stderr);
  return {
    status: app.status,
    steps: [...new Set(app.steps.map(({ kind }) => kind))],
    held: app.holds.flatMap(({ reason, steps }) => steps.map(({ kind }) => `${reason} ${kind}`)),
  };
}

async function sync(files: Files = {}, more?: Readonly<Record<string, string>>): Promise<void> {
  world.write(files);
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], undefined, undefined, more);
  expect(code, stdout + stderr).toBe(0);
}

async function synced(files: Files): Promise<void> {
  world = await arena();
  await sync(files);
}

const shop = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');
const destroy = (id: string) => world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
/** A volume is free once its machine is gone. */
const goneMs = 10_000;
const ofGroup = (group: string) =>
  (shop()?.machines ?? []).filter(({ config }) => config.metadata?.['fly_process_group'] === group);

interface ByHand {
  readonly what: string;
  readonly files?: Files;
  readonly does: () => Promise<unknown>;
  readonly steps: readonly string[];
}

const byHand: readonly ByHand[] = [
  {
    what: 'a machine was destroyed',
    does: () => destroy(ofGroup('web')[0]?.id ?? ''),
    steps: ['machine.create'],
  },
  {
    what: 'a machine and its volume were destroyed',
    does: async () => {
      await destroy(ofGroup('store')[0]?.id ?? '');
      await world.clock.sleep(goneMs);
      for (const { id } of shop()?.volumes ?? []) await world.asPerson('DELETE', `/apps/shop/volumes/${id}`);
    },
    steps: ['volume.create', 'release'],
  },
  {
    what: 'all machines were destroyed',
    does: async () => {
      for (const { id } of shop()?.machines ?? []) await destroy(id);
      await world.clock.sleep(goneMs);
    },
    steps: ['release'],
  },
  {
    what: 'a machine was cloned',
    does: () => {
      const [web] = ofGroup('web');
      return world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: web?.config });
    },
    steps: ['machine.destroy'],
  },
  {
    what: 'an address was released',
    does: () => world.asPerson('DELETE', `/apps/shop/ip_assignments/${shop()?.addresses[0]?.ip ?? ''}`),
    steps: ['address.allocate'],
  },
  {
    what: 'an address was allocated where others are pruned',
    files: pruning,
    does: () => world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v6' }),
    steps: ['address.release'],
  },
  {
    what: 'a secret was unset',
    does: () => world.asPerson('DELETE', '/apps/shop/secrets/PASSWORD'),
    steps: ['secret.set', 'machine.update'],
  },
  {
    what: 'a secret was set to another value',
    does: () => world.asPerson('POST', '/apps/shop/secrets', { values: { PASSWORD: 'mine' } }),
    steps: ['secret.set', 'machine.update'],
  },
  {
    what: 'the app was destroyed',
    does: () => world.asPerson('DELETE', '/apps/shop?force=true'),
    steps: ['app.create', 'address.allocate', 'volume.create', 'secret.set', 'release'],
  },
];

describe('where git stood still, what was done by hand is drift', () => {
  test.each(byHand)('$what', async ({ files = walkFleet, does, steps }) => {
    await synced(files);
    await does();
    expect(await seen()).toEqual({ status: 'drifted', steps, held: [] });
    await sync();
    expect(await seen()).toEqual({ status: 'synced', steps: [], held: [] });
  });

  test.each(byHand.filter(({ files }) => files === undefined))('and is only reported where: $what', async (hand) => {
    await synced(reported);
    await hand.does();
    const { status, steps, held } = await seen();
    expect([status, steps]).toEqual(['drifted', []]);
    expect([...new Set(held)]).toEqual(hand.steps.map((kind) => `drift ${kind}`));
    expect((await world.flycd(['sync', '--once', '--now'])).code).toBe(0);
    expect(await seen()).toEqual({ status: 'synced', steps: [], held: [] });
  });

  test.each([
    ['a FlyCD with an empty database', 'another-state'],
    ['the FlyCD that synced it', undefined],
  ])('as %s sees it, with a machine left', async (_who, state) => {
    await synced(walkFleet);
    await destroy(ofGroup('web')[0]?.id ?? '');
    expect((await seen(state)).status).toBe('drifted');
  });
});

describe('what git wants and Fly never had is none', () => {
  const web = '    web:\n      count: 2';
  test.each([
    ['a count', changedFleet(web, '    web:\n      count: 3')],
    ['an address', changedFleet('    - v: v4\n', '    - v: v4\n    - v: v4\n')],
    ['a secret', changedFleet('secrets:\n', 'secrets:\n  - name: MORE\n    type: raw\n    raw: more\n')],
    ['a size of volumes', changedFleet('  - source: data\n', '  - source: data\n    initial_size: 3\n')],
    ['that what it does not list goes', withMore('sync:\n  prune: [addresses]\n')],
  ])('git moved: %s', async (_what, files) => {
    await synced(walkFleet);
    await world.asPerson('POST', '/apps/shop/ip_assignments', { type: 'v6' });
    world.write(files);
    expect((await seen()).status).toBe('pending');
  });

  test('another value of a secret is no doing of Fly’s', async () => {
    const secret = changedFleet('    type: raw\n    raw: correct-horse', '    type: env\n    env: WORD');
    world = await arena();
    await sync({ ...walkFleet, ...secret }, { WORD: 'one' });
    expect((await seen(undefined, { WORD: 'one' })).status).toBe('synced');
    expect((await seen(undefined, { WORD: 'two' })).status).toBe('pending');
  });

  test.each(['before', 'after'] as const)('a pass killed %s a call leaves the rest pending', async (when) => {
    const text = yaml
      .replace(web, '    web:\n      count: 4')
      .replace('    - v: v4\n', '    - v: v4\n    - v: v4\n')
      .replace('secrets:\n', 'secrets:\n  - name: MORE\n    type: raw\n    raw: more\n')
      .replace('GREETING: hello', 'GREETING: servus');
    const told = new Set<string>();
    let call = 8;
    for (; ; call += 7) {
      await synced(reported);
      world.write({ 'shop/app.yaml': `${text}sync:\n  drift: report\n` });
      const { ran } = await world.mortalFlycd(['sync', '--once'], { call, when });
      await world.clock.sleep(60_000);
      const { status, held } = await seen();
      expect(
        held.filter((hold) => hold.startsWith('drift ')),
        `killed ${when} call ${call}`,
      ).toEqual([]);
      told.add(status);
      if (ran !== undefined) break;
      await world.close();
    }
    expect(call).toBeGreaterThan(40);
    expect([...told].toSorted()).toEqual(['pending', 'synced']);
  });

  test('a pass in which a step failed leaves it pending, whatever else it did', async () => {
    await synced(walkFleet);
    world.write(changedFleet('    - v: v4\n', '    - v: v4\n    - v: v4\n'));
    world.simulator.world.faults.add({ fault: '500', probability: 1, template: 'POST /apps/{app}/ip_assignments' });
    await world.flycd(['sync', '--once']);
    expect(await seen()).toEqual({ status: 'pending', steps: ['address.allocate'], held: [] });
  });
});
