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

  test('a machine is not updated once the lease on it is over, whoever may have it', async () => {
    const one = 'machines: { count: 1 }\n';
    world = await prepared([shop(one)], shop(one, 'shop:2'));
    const before = there().map(({ instanceId }) => instanceId);
    world.simulator.world.faults.add({ template: leaseTaken, nth: 2, times: 99, fault: { latencyMs: 300_000 } });
    delay(`${machine}/{machine}`);
    const { said } = await sync();
    expect(there().map(({ instanceId }) => instanceId)).toEqual(before);
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

const one = 'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\n';
const disk = (gb: number) => `${one}mounts: [{ source: data, destination: /data, initial_size: ${gb}GB }]\n`;
const secret = (name: string) => `${one}secrets: [{ name: ${name}, type: raw, raw: x }]\n`;
const prune = 'sync: { prune: [addresses, secrets] }\n';
const [volumes, machines] = ['/apps/{app}/volumes', '/apps/{app}/machines'];
const rows: ReadonlyArray<readonly [string, string, string, string, string?]> = [
  ['an update', `POST ${machines}/{machine}`, one, one, 'shop:2'],
  ['a destroy', `DELETE ${machines}/{machine}`, one, one.replace('1', '0')],
  ['a create', machine, one, one.replace('1', '2')],
  ['a release command', machine, one, `${one}deploy: { release_command: migrate }\n`, 'shop:2'],
  ['a volume', volume, one, `${one}volumes: [{ name: a, count: 1 }]\n`],
  ['a larger volume', `PUT ${volumes}/{volume}/extend`, disk(1), disk(2)],
  ['a restart', `POST ${machines}/{machine}/restart`, disk(1), disk(2)],
  ['settings of a volume', `PUT ${volumes}/{volume}`, disk(1), disk(1).replace('1GB', '1GB, snapshot_retention: 9')],
  ['an address', address, one, one.replace('[', '[{ v: v4 }, ')],
  [
    'the release of an address',
    'DELETE /apps/{app}/ip_assignments/{ip}',
    one.replace('[', '[{ v: v4 }, '),
    one + prune,
  ],
  ['a secret', 'POST /apps/{app}/secrets', one, secret('NEW')],
  ['the end of a secret', 'POST /apps/{app}/secrets', secret('OLD'), one + prune],
];

describe('a person suspends the app meanwhile', () => {
  const said = ['suspend', 'shop', '--reason', 'incident'];

  test.each(
    rows.flatMap(([what, ...row]) => [
      { what, by: 'another FlyCD', state: 'b', row },
      { what, by: 'one that shares its SQLite', state: 'state', row },
    ]),
  )('$what is not sent, and the word of $by stays', async ({ state, row }) => {
    const [template, from, more, image = 'shop:1'] = row;
    world = await prepared([shop(from)], shop(more, image));
    const before = there().map(({ config }) => config.image);
    delay(template);
    const first = world.simulator.world.requests.length;
    const [ended] = await Promise.all([sync(), world.clock.sleep(25_000).then(() => world.flycd(said, state))]);
    const sent = world.simulator.world.requests.slice(first).filter((request) => request.template === template);
    expect(sent, ended.said).toHaveLength(1);
    expect(there().map(({ config }) => config.image)).toEqual(before);
    expect(there()[0]?.config.metadata?.['flycd_suspend']).toContain('incident');
    expect(ended.code, ended.said).toBe(4);
  });

  test('a start is not sent', async () => {
    world = await prepared([shop(one)], {});
    for (const stopped of there()) stopped.state = 'stopped';
    const template = `POST ${machines}/{machine}/start`;
    delay(template);
    const [ended] = await Promise.all([sync(), world.clock.sleep(25_000).then(() => world.flycd(said, 'b'))]);
    expect(world.simulator.world.requests.filter((request) => request.template === template)).toHaveLength(1);
    expect(ended.code, ended.said).toBe(4);
  });

  test.each([
    ['a volume', volume, 'volumes: [{ name: a, count: 1 }]\n'],
    ['an address', address, 'network: { ips: [{ v: v6 }] }\n'],
    ['a secret', 'POST /apps/{app}/secrets', 'secrets: [{ name: NEW, type: raw, raw: x }]\n'],
  ])(
    '%s of an app without machines, of which SQLite alone knows the word, is not sent',
    async (_what, template, more) => {
      world = await prepared([shop('machines: { count: 0 }\n')], shop(`machines: { count: 0 }\n${more}`));
      delay(template);
      const [ended] = await Promise.all([sync(), world.clock.sleep(25_000).then(() => world.flycd(said))]);
      expect(world.simulator.world.requests.filter((request) => request.template === template)).toHaveLength(1);
      expect(ended.code, ended.said).toBe(4);
    },
  );

  test('an app is not created', async () => {
    world = await arena();
    world.write(shop(one));
    delay('POST /apps');
    const [ended] = await Promise.all([sync(), world.clock.sleep(25_000).then(() => world.flycd(said))]);
    expect(app(), ended.said).toBeUndefined();
    expect(ended.code, ended.said).toBe(4);
  });
});

describe('FlyCD is asked to stop meanwhile', () => {
  const cases = rows.map(([what, ...row]) => ({ what, row }));
  test.each(cases)('$what is not sent, and the next run does it', async ({ row }) => {
    const [template, from, more, image = 'shop:1'] = row;
    world = await prepared([shop(from)], shop(more, image));
    delay(template);
    const first = world.simulator.world.requests.length;
    const stop = new AbortController();
    const running = world.flycd(['sync', '--once'], undefined, stop.signal);
    await world.clock.sleep(25_000);
    stop.abort(new Error('SIGTERM'));
    const { code, stdout, stderr } = await running;
    const sent = () => world.simulator.world.requests.slice(first).filter((request) => request.template === template);
    expect(sent(), stdout + stderr).toHaveLength(1);
    expect(code, stdout + stderr).toBe(130);
    expect(stdout + stderr).toContain('FlyCD was asked to stop');
    expect(there().every(({ lease }) => lease === undefined || lease.expiresAt <= world.clock.now())).toBe(true);
    await world.clock.sleep(60_000);
    const next = await sync();
    expect(next.code, next.said).toBe(0);
    expect(sent().length, next.said).toBeGreaterThan(1);
  });

  test.each<[string, Parameters<Arena['simulator']['world']['faults']['add']>[0]['fault']]>([
    ['no answer', 'reset-after'],
    ['a 502', { status: 502, body: {} }],
  ])('after a try that got %s it is said that this may have been done', async (_what, fault) => {
    world = await prepared([shop(one)], {});
    for (const stopped of there()) stopped.state = 'stopped';
    const template = `POST ${machines}/{machine}/start`;
    world.simulator.world.faults.add({ template, fault });
    const stop = new AbortController();
    world.simulator.world.onRequest = ({ request, phase }) => {
      if (phase === 'before' && request.template === template) stop.abort(new Error('SIGTERM'));
    };
    const { stdout, stderr } = await world.flycd(['sync', '--once'], undefined, stop.signal);
    expect(stdout + stderr).toContain('before this was sent once more: Fly did not say whether the first try was done');
  });

  test('a machine that was made to be started is started all the same', async () => {
    world = await arena();
    world.write({
      'flycd.yaml': 'fleet: late\n',
      'shop/app.yaml': 'app: shop\nprimary_region: arn\nbuild: { image: "nginx:1" }\nmachines: { count: 2 }\n',
    });
    // It gets the digest that Fly found its tag to mean.
    delay('POST /apps/{app}/machines/{machine}');
    const stop = new AbortController();
    const running = world.flycd(['sync', '--once'], undefined, stop.signal);
    await world.clock.sleep(25_000);
    expect(there().map(({ state }) => state)).toEqual(['stopped']);
    stop.abort(new Error('SIGTERM'));
    const { code, stdout } = await running;
    expect(code, stdout).toBe(130);
    expect(there().map(({ state, config }) => [state, config.image?.includes('@sha256:')])).toEqual([
      ['started', true],
    ]);
  });
});

test('a call that gave up because Fly labels too slowly is nobody’s to wait for', async () => {
  const one = 'machines: { count: 1 }\nnetwork: { ips: [{ v: v6 }] }\n';
  world = await prepared([shop(one)], shop(`${one}volumes: [{ name: a, count: 1 }]\n`));
  const { faults, requests } = world.simulator.world;
  faults.add({ template: volume, times: 1, fault: { status: 429, body: {}, headers: { 'retry-after': '25' } } });
  // The first label tells of the call; those before its next try come just in time for each other, and too late for it.
  for (const [nth, latencyMs] of [11_000, 4900, 11_000, 4900, 11_000, 4900].entries())
    faults.add({
      template: 'PATCH /apps/{app}/machines/{machine}/metadata',
      nth: nth + 2,
      times: 1,
      fault: { latencyMs },
    });
  const first = requests.length;
  const { code, said } = await sync();
  expect(code, said).toBe(1);
  expect(said).toContain('nothing was sent');
  expect(requests.slice(first).filter(({ template }) => template === volume)).toHaveLength(1);
  await world.clock.sleep(6000);
  expect(there().map(({ config }) => config.metadata?.['flycd_calls'])).toEqual([undefined]);
  const began = world.clock.now();
  const again = await sync('b');
  expect(again.code, again.said).toBe(0);
  expect(counts()).toEqual([1, 1, 1]);
  expect(world.clock.now() - began).toBeLessThan(10_000);
});
