/** Fly asks for a minute's patience with a call: whether it may still be made is known when it is sent, not when it was asked for. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const leaseTaken = 'POST /apps/{app}/machines/{machine}/lease';

function shop(more: string, image = 'shop:1'): Record<string, string> {
  const ref = `docker.io/library/${image}@sha256:${hash('sha256', image)}`;
  return {
    'flycd.yaml': 'fleet: late\n',
    'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild:\n  image: ${ref}\n${more}`,
  };
}

async function sync(state?: string): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], state);
  return { code, said: stderr + stdout };
}

const app = () => world.simulator.world.apps.get('shop');
const there = () => [...(app()?.machines.values() ?? [])].filter(({ state }) => !state.startsWith('destroy'));
const counts = () => [there().length, app()?.volumes.size, app()?.addresses.size];

/** The next call of this kind is sent again after 50 s. */
function delay(template: string): void {
  const fault = { status: 429, body: { error: 'rate limited' }, headers: { 'retry-after': '50' } };
  world.simulator.world.faults.add({ template, fault });
}

const [machine, volume, address] = [
  'POST /apps/{app}/machines',
  'POST /apps/{app}/volumes',
  'POST /apps/{app}/ip_assignments',
] as const;

/** Somebody waits for the lease of the app's machine and takes it as soon as it has ended. */
function takenWhenFree(): void {
  const look = (looksLeft: number): void => {
    const now = world.clock.now();
    const [machine] = there();
    if (machine?.lease !== undefined && machine.lease.expiresAt <= now)
      machine.lease = { nonce: 'x', owner: 'bob', description: 'mine', expiresAt: now + 600_000 };
    else if (looksLeft > 0) world.clock.timer(500, () => look(looksLeft - 1));
  };
  world.clock.timer(500, () => look(150));
}

describe('somebody else has the app by then', () => {
  test.each([
    ['machine', machine, 'machines: { count: 2 }\nnetwork: { ips: [{ v: v6 }] }\n'],
    ['volume', volume, 'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\nvolumes: [{ name: a, count: 1 }]\n'],
    ['address', address, 'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }, { v: v4 }] }\n'],
  ])('no %s is made once the lease that was the lock is over', async (_what, template, more) => {
    world = await prepared([shop('machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\n')], shop(more));
    world.simulator.world.faults.add({ template: leaseTaken, nth: 2, times: 99, fault: { latencyMs: 300_000 } });
    delay(template);
    takenWhenFree();
    const before = world.simulator.world.requests.length;
    const { said } = await sync();
    expect(counts(), said).toEqual([1, 0, 1]);
    const sent = world.simulator.world.requests.slice(before).filter((request) => request.template === template);
    expect(sent, said).toHaveLength(1);
    expect(said).toContain('lost the lease on a machine');
  });
});

describe('another FlyCD begins the app meanwhile', () => {
  test.each([
    [
      'volume',
      volume,
      'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\nvolumes: [{ name: a, count: 1 }]\n',
      [1, 1, 1],
    ],
    ['address', address, 'machines: { count: 1 }\nnetwork: { ips: [{ v: v4 }] }\n', [1, 0, 1]],
    ['machine', machine, 'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\n', [1, 0, 1]],
  ])('the first %s of a new app, which has no lock', async (_what, template, more, expected) => {
    world = await arena();
    world.write(shop(more));
    delay(template);
    const [one, other] = await Promise.all([sync(), world.clock.sleep(15_000).then(() => sync('b'))]);
    expect(counts(), one.said + other.said).toEqual(expected);
    expect([one.code, other.code], one.said + other.said).toEqual([0, 0]);
  });
});

describe('a person suspends the app meanwhile', () => {
  test.each([
    ['an update', 'POST /apps/{app}/machines/{machine}', 'machines: { count: 1 }\n', 'shop:2'],
    ['a destroy', 'DELETE /apps/{app}/machines/{machine}', 'machines: { count: 0 }\n', 'shop:1'],
    ['a create', machine, 'machines: { count: 2 }\n', 'shop:1'],
    ['a volume', volume, 'machines: { count: 1 }\nvolumes: [{ name: a, count: 1 }]\n', 'shop:1'],
  ])('%s is not sent, and the word stays', async (_what, template, more, image) => {
    world = await prepared([shop('machines: { count: 1 }\n')], shop(more, image));
    delay(template);
    const [{ code, said }] = await Promise.all([
      sync(),
      world.clock.sleep(20_000).then(() => world.flycd(['suspend', 'shop', '--reason', 'incident'], 'b')),
    ]);
    expect(counts(), said).toEqual([1, 0, expect.any(Number)]);
    expect(there()[0]?.config.image).toContain('shop:1');
    expect(there()[0]?.config.metadata?.['flycd_suspend']).toContain('incident');
    expect(code, said).toBe(4);
  });
});
