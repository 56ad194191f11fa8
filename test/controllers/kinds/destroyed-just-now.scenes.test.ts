/** A machine that somebody destroyed a moment ago is listed for longer than it is shown: whatever is to be done to it gives way. */
import { afterEach, describe, expect, test } from 'vitest';
import { destroy } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import { arena, type Arena } from '../arena.ts';
import { shop, sync, type Shop } from '../machines/shop.ts';

let world: Arena;
afterEach(() => world.close());

const listLagMs = 5000;
const unshown = (): Response => Response.json({ error: 'machine not found' }, { status: 404 });
const secret = (value: string): string => `secrets: [{ name: A, type: raw, raw: ${value} }]\n`;
const there = (): readonly Machine[] =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ state }) => !state.startsWith('destroy'),
  );
const imagesOf = (machines: readonly Machine[]) =>
  machines.map(({ config }) => /acme\/([^@]+)/.exec(config.image ?? '')?.[1]);
const last = (): Machine => {
  const machine = there()
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .at(-1);
  if (machine === undefined) throw new Error('there is no machine');
  return machine;
};
const write = (wanted: Shop): void => world.write(shop({ service: '', more: secret('one'), ...wanted }));

/** Synced, and Fly's lists tell of now. `hidden`: of these nothing is shown by their ids, or nothing taken either. `before` each call. */
async function synced(
  wanted: Shop = {},
  before: (method: string, path: string) => void = () => undefined,
): Promise<{ readonly hidden: Map<string, 'reads' | 'all'> }> {
  const hidden = new Map<string, 'reads' | 'all'>();
  world = await arena({
    others: (url, method) => {
      before(method, url.pathname);
      const how = [...hidden].find(([id]) => url.pathname.includes(`/machines/${id}`))?.[1];
      return how === 'all' || (how === 'reads' && method === 'GET') ? unshown() : undefined;
    },
  });
  write(wanted);
  expect((await sync(world)).code).toBe(0);
  await world.clock.sleep(600_000);
  return { hidden };
}

interface Act {
  /** What is there at first. */
  readonly base?: Shop;
  readonly wanted?: Shop;
  /** Before it is destroyed. */
  readonly before?: (machine: Machine) => Promise<unknown>;
}

const grown = (sizeGb: number): Shop => ({
  more: `mounts: [{ source: data, destination: /data, initial_size: ${sizeGb}GB }]\n`,
});
const acts: Readonly<Record<string, Act>> = {
  'an update by an image': { wanted: { image: 'shop:2' } },
  'an update by a secret': { wanted: { more: secret('two') } },
  'a start': { before: ({ id }) => world.asPerson('POST', `/apps/shop/machines/${id}/stop`) },
  'a volume of it that grows': { base: grown(1), wanted: grown(2) },
  'a volume, whose lock it is': {
    wanted: { more: `${secret('one')}mounts: [{ source: data, destination: /data }]\nsync: { max_deletes: 1000 }\n` },
  },
};

describe.each(Object.entries(acts))('%s', (_what, { base = {}, wanted = {}, before }) => {
  test.each([
    ['shown as destroyed', 0, false],
    ['shown as destroyed', 4000, false],
    ['not shown', 0, true],
    ['not shown', 4000, true],
  ] as const)('of one that is %s, %i ms ago', async (_shown, agoMs, isHidden) => {
    const { hidden } = await synced(base);
    // The lowest is the app's lock.
    const ids = there()
      .map(({ id }) => id)
      .toSorted();
    const one = there().find(({ id }) => id === ids[0]) ?? last();
    await before?.(one);
    await world.clock.sleep(60_000);
    world.simulator.world.lag.set({ listMs: listLagMs });
    if (isHidden) hidden.set(one.id, 'reads');
    destroy(world.simulator.world, one, 'user');
    await world.clock.sleep(agoMs);
    write(wanted);
    const { code, said } = await sync(world);
    const images = Array.from({ length: 2 }, () => wanted.image ?? 'shop:1');
    // Nothing was to be done to it, where Fly asks for no restart of one that goes: the next pass makes another one.
    const isLeft = base.more !== undefined && !said.includes('went meanwhile') && !said.includes('does not show');
    expect([code, imagesOf(there())], said).toEqual([0, isLeft ? images.slice(1) : images]);
    expect(said).not.toContain('failed');
  });
});

/** One after the other of those that run this is destroyed, as a version that ends by itself has it done. */
function endsWith(image: string, afterMs: number): void {
  const fly = world.simulator.world;
  const seen = new Set<string>();
  fly.onStateChange = (machine) => {
    if (seen.has(machine.id) || machine.state !== 'started' || machine.config.image?.includes(image) !== true) return;
    seen.add(machine.id);
    world.clock.timer(afterMs, () => destroy(fly, machine, 'user'));
  };
}

test.each([
  [2, 0],
  [2, 1500],
  [5, 0],
  [5, 1500],
  [5, 6000],
])(
  'of %i machines no second one gets what the first one went with, %i ms after it had started',
  async (count, afterMs) => {
    await synced({ count });
    endsWith('shop:2', afterMs);
    write({ image: 'shop:2', count });
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(imagesOf(there())).toEqual(Array.from({ length: count - 1 }, () => 'shop:1'));
  },
);

/** Stopped by hand, and a sync that starts them. */
async function startedAgain(wanted: Shop): Promise<{ readonly code: number; readonly said: string }> {
  for (const { id } of there()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
  await world.clock.sleep(60_000);
  write(wanted);
  return sync(world);
}

test.each([2, 5])(
  'of %i machines that were stopped no second one is started to go as the first one did',
  async (count) => {
    await synced({ count });
    endsWith('shop:1', 1500);
    const { code, said } = await startedAgain({ count });
    expect(code, said).toBe(1);
    expect(there()).toHaveLength(count - 1);
    expect(said).toContain('another machine of app was started, and is gone or not seen since');
  },
);

test.each(['reset-after', 'reset-before'] as const)(
  'so it is where answers to a start are lost (%s)',
  async (fault) => {
    await synced({ count: 4 });
    world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines/{machine}/start', probability: 1, fault });
    endsWith('shop:1', 0);
    const { code, said } = await startedAgain({ count: 4 });
    expect(code, said).toBe(1);
    expect(there().length).toBeGreaterThanOrEqual(3);
  },
);

test('machines of another group are started all the same', async () => {
  const more = `${secret('one')}processes: { app: '', worker: work }\n`;
  await synced({ more });
  const before = there().length;
  const workers = () => there().filter(({ config }) => config.metadata?.['fly_process_group'] === 'worker');
  const fly = world.simulator.world;
  fly.onStateChange = (machine) => {
    if (machine.state !== 'started' || machine.config.metadata?.['fly_process_group'] !== 'app') return;
    world.clock.timer(1500, () => destroy(fly, machine, 'user'));
  };
  const { code, said } = await startedAgain({ more });
  expect(code, said).toBe(1);
  expect(there()).toHaveLength(before - 1);
  expect(workers().filter(({ state }) => state === 'started').length, said).toBeGreaterThan(0);
});

test('one that is there and does not get well keeps no other one from its start', async () => {
  await synced({ count: 3 });
  const [first] = there().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (first === undefined) throw new Error('there is no machine');
  first.config = { ...first.config, image: 'docker.io/acme/failing-launch:1' };
  const { said } = await startedAgain({ count: 3 });
  expect(there().filter(({ state }) => state === 'started').length, said).toBeGreaterThanOrEqual(2);
});

test('one that goes as it is found well and gets its stamps is the last one to go, too', async () => {
  const { hidden } = await synced({ count: 4 }, (method, path) => {
    const stamped = there().find(({ id }) => method === 'PATCH' && path.endsWith(`/machines/${id}/metadata`));
    if (stamped?.config.image?.includes('shop:2') !== true) return;
    hidden.set(stamped.id, 'all');
    destroy(world.simulator.world, stamped, 'user');
  });
  write({ image: 'shop:2', count: 4 });
  const { code, said } = await sync(world);
  expect(code, said).toBe(1);
  expect(imagesOf(there())).toEqual(['shop:1', 'shop:1', 'shop:1']);
});

/** A word that the last machine misses, since Fly took no label of it. */
async function missed(count: number) {
  const { hidden } = await synced({ count });
  const { id } = last();
  hidden.set(id, 'all');
  for (const words of [
    ['suspend', 'shop', '--reason', 'x'],
    ['resume', 'shop'],
  ])
    expect((await world.flycd(words)).code).toBe(0);
  return { id, forget: () => hidden.delete(id) };
}

test('a word for one that went is no reason to fail', async () => {
  const { id } = await missed(3);
  const machine = there().find((one) => one.id === id);
  if (machine === undefined) throw new Error('it is gone already');
  world.simulator.world.lag.set({ listMs: listLagMs });
  destroy(world.simulator.world, machine, 'user');
  const { code, said } = await sync(world);
  expect([code, there().length], said).toEqual([0, 3]);
  expect(said).toContain(`Fly does not show machine ${id}`);
});

describe('one that Fly lists on and on and does not show is named in the end, with what to do', () => {
  async function told(id: string): Promise<void> {
    const before = world.clock.now();
    const { code, said } = await sync(world);
    expect(code, said).toBe(1);
    expect(world.clock.now() - before).toBeLessThan(120_000);
    for (const argv of [['status'], ['history', '--app', 'shop'], ['why', 'shop']]) {
      const { stdout } = await world.flycd(argv);
      expect(stdout, argv.join(' ')).toContain(`machine ${id}`);
      expect(stdout, argv.join(' ')).not.toContain('waits for nothing');
    }
    expect((await world.flycd(['status'])).stdout).toMatch(/shop +failed .* FlyCD looks again with its next pass/);
    // What the tries before gave way for is told once.
    const history = (await world.flycd(['history', '--app', 'shop'])).stdout;
    expect(history.match(/ held /g)?.length ?? 0).toBeLessThanOrEqual(2);
  }

  test('a word that it misses', async () => {
    const { id, forget } = await missed(3);
    await told(id);
    const why = (await world.flycd(['why', 'shop'])).stdout;
    expect(why).toContain('shop: failed\n');
    expect(why).toContain('its last run could not do one thing: machine.label shop/app/arn/3');
    expect(why).toContain(`fly machine status ${id} -a shop`);
    forget();
    const { code, said } = await sync(world);
    expect(code, said).toBe(0);
    expect((await world.flycd(['why', 'shop'])).stdout).toContain('waits for nothing');
  });

  test('an update', async () => {
    const { hidden } = await synced();
    const { id } = last();
    hidden.set(id, 'all');
    write({ image: 'shop:2' });
    await told(id);
    hidden.clear();
    expect((await sync(world)).code).toBe(0);
    expect(imagesOf(there())).toEqual(['shop:2', 'shop:2']);
  });
});
