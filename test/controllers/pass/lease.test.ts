/** The app's lock while its renewal hangs: a lease that has ended is nobody's word for going on. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const leaseTaken = 'POST /apps/{app}/machines/{machine}/lease';
const image = `docker.io/library/shop@sha256:${hash('sha256', 'shop')}`;

function shop(more: string): Record<string, string> {
  return {
    'flycd.yaml': 'fleet: leases\n',
    'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild:\n  image: ${image}\n${more}`,
  };
}

async function sync(): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

const snapshot = () => world.simulator.world.snapshot().find(({ name }) => name === 'shop');
const lowest = (): string =>
  (snapshot()?.machines ?? []).map(({ id }) => id).toSorted((a, b) => (a < b ? -1 : 1))[0] ?? '';

const sent = (operation: string): number =>
  world.simulator.world.requests.filter(({ template }) => template === operation).length;

/** One machine, then what git wants more; the lease is taken at once and its renewals hang. */
async function hanging(more: string): Promise<void> {
  world = await arena();
  world.write(shop('machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\n'));
  expect((await sync()).code).toBe(0);
  world.write(shop(more));
  world.simulator.world.faults.add({ template: leaseTaken, nth: 2, times: 99, fault: { latencyMs: 300_000 } });
}

/** Somebody waits for the lease and takes it as soon as it has ended. */
function takenWhenFree(): { at: number | undefined } {
  const taken: { at: number | undefined } = { at: undefined };
  const look = (looksLeft: number): void => {
    const now = world.clock.now();
    const machine = world.simulator.world.apps.get('shop')?.machines.get(lowest());
    if (machine?.lease !== undefined && machine.lease.expiresAt <= now) {
      machine.lease = { nonce: 'x', owner: 'bob', description: 'mine', expiresAt: now + 600_000 };
      taken.at = now;
    } else if (looksLeft > 0) world.clock.timer(500, () => look(looksLeft - 1));
  };
  world.clock.timer(500, () => look(150));
  return taken;
}

describe('a lock whose renewal hangs', () => {
  test.each([
    ['machine', 'machines: { count: 3 }\nnetwork: { ips: [{ v: v6 }] }\n', 'POST /apps/{app}/machines'],
    [
      'volume',
      'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\nvolumes: [{ name: a, count: 2 }]\n',
      'POST /apps/{app}/volumes',
    ],
    [
      'address',
      'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }, { v: v4 }, { v: v4 }] }\n',
      'POST /apps/{app}/ip_assignments',
    ],
  ])('no second %s is made once it has ended', async (_what, more, create) => {
    await hanging(more);
    world.simulator.world.faults.add({ template: create, fault: { latencyMs: 55_000 } });
    const before = sent(create);
    const { code, said } = await sync();
    expect(sent(create) - before, said).toBe(1);
    expect(code, said).not.toBe(0);
    expect(said).toContain('lost the lease on a machine');
  });

  test('one renewal that hangs is given up in time for another one', async () => {
    world = await arena();
    world.write(shop('machines: { count: 1 }\n'));
    expect((await sync()).code).toBe(0);
    world.write(shop('machines: { count: 3 }\n'));
    const { faults } = world.simulator.world;
    faults.add({ template: leaseTaken, nth: 2, fault: { latencyMs: 300_000 } });
    faults.add({ template: 'POST /apps/{app}/machines', fault: { latencyMs: 55_000 } });
    const taken = takenWhenFree();
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(taken.at).toBeUndefined();
    expect(snapshot()?.machines).toHaveLength(3);
  });
});

test.each([
  ['an answer that is lost', { status: 500, body: {} }],
  [
    'a conflict without 409',
    { status: 412, body: { error: 'machine ID x lease currently held by bob, expires at 2030-01-01T00:00:00Z' } },
  ],
] as const)('%s, and somebody else has the lease: nothing failed, and they are named', async (_what, fault) => {
  world = await arena();
  world.write(shop('machines: { count: 1 }\nenv: { COLOR: red }\n'));
  expect((await sync()).code).toBe(0);
  world.write(shop('machines: { count: 1 }\nenv: { COLOR: blue }\n'));
  world.simulator.world.faults.add({ template: leaseTaken, fault: 'foreign-lease' });
  world.simulator.world.faults.add({ template: leaseTaken, fault });
  const { code, said } = await sync();
  expect(code, said).toBe(4);
  expect(said).toContain('is working on the machine');
  expect(said).not.toContain('failed');
});

test.each([
  ['the lowest machine: it is waited for', 'lowest', 25_000, 45_000],
  ['the highest machine: it is not waited for', 'highest', 0, 25_000],
] as const)('another FlyCD of the fleet holds %s before one is made', async (_what, which, from, to) => {
  world = await arena();
  world.write(shop('machines: { count: 2 }\n'));
  expect((await sync()).code).toBe(0);
  const machines = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
  const machine = machines.find(({ id }) => (id === lowest()) === (which === 'lowest'));
  if (machine === undefined) throw new Error('no machine');
  const startedAt = world.clock.now();
  machine.lease = { nonce: 'x', owner: 'y', description: 'flycd:leases:other', expiresAt: startedAt + 25_000 };
  world.write(shop('machines: { count: 3 }\n'));
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(snapshot()?.machines).toHaveLength(3);
  expect(world.clock.now() - startedAt).toBeGreaterThanOrEqual(from);
  expect(world.clock.now() - startedAt).toBeLessThan(to);
});
