/** Machines too many go one after the other, and before each those that stay are looked at: not at a second's wait each. */
import { afterEach, describe, expect, test } from 'vitest';
import { destroy } from '../../../simulator/machines/lifecycle.ts';
import type { Machine } from '../../../simulator/world/records.ts';
import type { RequestRecord } from '../../../simulator/world/requests.ts';
import { arena, type Arena, type ArenaOptions } from '../arena.ts';
import { machinesOf, shop, sync } from '../machines/shop.ts';

let world: Arena;
afterEach(() => world.close());

const destroyed = 'DELETE /apps/{app}/machines/{machine}';
const leased = 'POST /apps/{app}/machines/{machine}/lease';
const list = 'GET /apps/{app}/machines';
const volumes = 'GET /apps/{app}/volumes';

/** An app of so many machines, and git that wants fewer. */
async function scaling(from: number, to: number, options: ArenaOptions = {}): Promise<void> {
  world = await arena(options);
  const of = (count: number) => shop({ count, service: '', more: 'sync: { max_deletes: 1000 }\n' });
  world.write(of(from));
  expect((await sync(world)).code).toBe(0);
  await world.clock.sleep(60_000);
  world.write(of(to));
}
const here = (): readonly Machine[] => machinesOf(world).filter(({ state }) => !state.startsWith('destroy'));
/** What stays: the lowest slot. */
const staying = (): Machine | undefined => here().find(({ name }) => name.includes('-1-g'));

/** Acts once, at the nth such request. */
function at(template: string, phase: 'before' | 'after', nth: number, act: () => void): void {
  let seen = 0;
  world.simulator.world.onRequest = (event) => {
    if (event.phase !== phase || event.request.template !== template) return;
    seen += 1;
    if (seen === nth) act();
  };
}

test.each([
  [10, 2],
  [40, 10],
])('%i machines become %i without a wait for a list', async (from, to) => {
  await scaling(from, to);
  const { requests } = world.simulator.world;
  const [before, startedAt] = [requests.length, world.clock.now()];
  expect((await sync(world)).code).toBe(0);
  expect(here()).toHaveLength(to);
  expect(requests.slice(before).filter(({ template }) => template === list)).toHaveLength(3);
  expect(world.clock.now() - startedAt).toBeLessThan(1000);
});

test('beside a release too: what this pass has updated is not taken for somebody else’s doing', async () => {
  await scaling(4, 4);
  world.write(shop({ count: 2, image: 'shop:2', service: '', more: 'sync: { max_deletes: 1000 }\n' }));
  const { requests } = world.simulator.world;
  const before = requests.length;
  const { code, said } = await sync(world);
  expect(code, said).toBe(0);
  expect(here().map(({ config }) => config.image?.includes('shop:2'))).toEqual([true, true]);
  const looks = requests.slice(before).filter(({ template }) => template === volumes);
  expect(looks, 'it was planned, and looked at once more at the end').toHaveLength(2);
});

test.each([175, 300])('nor with one where each call takes %i ms: it is asked for beside another call', async (ms) => {
  await scaling(10, 2);
  world.simulator.world.faults.add({ probability: 1, fault: { latencyMs: ms } });
  const startedAt = world.clock.now();
  expect((await sync(world)).code).toBe(0);
  expect(here()).toHaveLength(2);
  // Six for each machine, eight for the plan and what is told of the pass.
  expect(world.clock.now() - startedAt).toBeLessThanOrEqual((8 * 6 + 8) * ms);
});

/** Destroys that were sent from a moment on, until the app was planned again. */
function sentFrom(nth: number): readonly RequestRecord[] {
  const since = world.simulator.world.requests.slice(nth);
  const planned = since.findIndex(({ template }) => template === volumes);
  expect(planned, 'it was planned again').toBeGreaterThan(-1);
  return since.slice(0, planned).filter(({ template }) => template === destroyed);
}

test.each([
  [4, 1],
  [10, 2],
  [10, 3],
])(
  'of %i machines that become %i none goes once one that stays went, be it between two destroys of one moment',
  async (from, to) => {
    await scaling(from, to);
    const { world: fly } = world.simulator;
    let wentAt = -1;
    at(destroyed, 'after', 1, () => {
      const gone = staying();
      if (gone !== undefined) destroy(fly, gone, 'user');
      wentAt = fly.requests.length;
    });
    expect((await sync(world)).code).toBe(0);
    expect(sentFrom(wentAt)).toEqual([]);
    expect(here()).toHaveLength(to);
  },
);

test('where many stay, none is sent later than a second after one of them went', async () => {
  await scaling(20, 8);
  const { world: fly } = world.simulator;
  fly.faults.add({ template: destroyed, app: 'shop', times: 99, fault: { latencyMs: 400 } });
  const went = { nth: -1, at: 0 };
  at(destroyed, 'after', 2, () => {
    const gone = staying();
    if (gone !== undefined) destroy(fly, gone, 'user');
    Object.assign(went, { nth: fly.requests.length, at: world.clock.now() });
  });
  expect((await sync(world)).code).toBe(0);
  // When the platform begins to work on one.
  expect(sentFrom(went.nth).filter(({ at: sentAt }) => sentAt > went.at + 1000)).toEqual([]);
  expect(here()).toHaveLength(8);
});

test.each([
  [3, 1],
  [12, 6],
])('%i to %i: what was looked at before a long wait is looked at again', async (from, to) => {
  await scaling(from, to);
  const { world: fly } = world.simulator;
  fly.faults.add({ template: leased, app: 'shop', times: 1, fault: { latencyMs: 4000 } });
  let wentAt = -1;
  at(leased, 'before', 1, () => {
    const gone = staying();
    if (gone !== undefined) destroy(fly, gone, 'user');
    wentAt = fly.requests.length;
  });
  const { code, said } = await sync(world);
  expect(code, said).toBe(0);
  expect(sentFrom(wentAt)).toEqual([]);
  expect(here()).toHaveLength(to);
});

test.each([0, 1000, 4000])(
  'one that somebody destroyed %i ms ago is gone, though Fly lists it still',
  async (agoMs) => {
    const gone = new Set<string>();
    await scaling(3, 1, {
      others: (url, method) =>
        method === 'GET' && gone.has(url.pathname.split('/').at(-1) ?? '')
          ? Response.json({ error: 'machine not found' }, { status: 404 })
          : undefined,
    });
    world.simulator.world.lag.set({ listMs: 5000 });
    const one = here().at(-1);
    if (one === undefined) throw new Error('there is no machine');
    gone.add(one.id);
    destroy(world.simulator.world, one, 'user');
    await world.clock.sleep(agoMs);
    const { code, said } = await sync(world);
    expect([code, here().length], said).toEqual([0, 1]);
  },
);

describe('one that is too many goes, or is not called gone, where Fly answers for a moment that there is none', () => {
  const byId = 'GET /apps/{app}/machines/{machine}';
  const unshown = { status: 404, body: { error: 'machine not found' } };
  const goes = async (): Promise<void> => {
    const { code, said } = await sync(world);
    expect([code, here()], said).toEqual([0, [expect.anything()]]);
  };

  test.each([1, 2, 3])('at look %i by its id', async (nth) => {
    await scaling(2, 1);
    world.simulator.world.faults.add({ template: byId, app: 'shop', nth, fault: unshown });
    await goes();
  });

  test('at the look behind a destroy whose answer was lost', async () => {
    await scaling(2, 1);
    const { faults } = world.simulator.world;
    faults.add({ template: destroyed, app: 'shop', fault: 'reset-before' });
    at(destroyed, 'before', 1, () => faults.add({ template: byId, app: 'shop', fault: unshown }));
    await goes();
  });

  test('at its destroy', async () => {
    await scaling(2, 1);
    world.simulator.world.faults.add({ template: destroyed, app: 'shop', fault: unshown });
    const { code, said } = await sync(world);
    // It was looked into, and planned again.
    expect([code, here().length], said).toEqual([0, 1]);
    expect(said).toContain('nothing shows that it is gone');
  });

  test('which is done all the same where it went by another hand at that moment', async () => {
    await scaling(2, 1);
    at(destroyed, 'before', 1, () => {
      const going = here().find((machine) => machine !== staying());
      if (going !== undefined) destroy(world.simulator.world, going, 'user');
    });
    await goes();
  });
});
