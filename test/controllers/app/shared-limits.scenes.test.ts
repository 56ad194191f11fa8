/** Fly's limits are of an app, not of a client: whoever else asks takes what FlyCD would have had. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena, type Files } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

const image = `docker.io/acme/shop:1@sha256:${hash('sha256', 'shop:1')}`;

function fleet(color: string, apps: readonly string[] = ['shop']): Files {
  const text = (name: string): string => `app: ${name}
primary_region: arn
build:
  image: ${image}
env:
  COLOR: ${color}
http_service:
  internal_port: 8080
  checks:
    - path: /
      interval: 5s
      timeout: 2s
secrets:
  - { name: PASSWORD, type: raw, raw: secret-${color} }
machines:
  count: 3
`;
  const files = apps.map((name) => [`${name}/app.yaml`, text(name)]);
  return { 'flycd.yaml': 'fleet: limits\n', ...Object.fromEntries(files) };
}

async function sync(state?: string) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], state);
  return { code, said: stderr + stdout };
}

const colors = (name = 'shop') =>
  (world.simulator.world.snapshot().find((app) => app.name === name)?.machines ?? []).map(
    ({ config }) => config.env?.['COLOR'],
  );
const refused = () => world.simulator.world.requests.filter(({ status }) => status === 429).length;

/** Somebody asks for this so often, from now on. */
function asking(paths: readonly string[], everyMs: number, forMs: number): void {
  const until = world.clock.now() + forMs;
  const ask = (): void => {
    if (world.clock.now() > until) return;
    for (const path of paths) void world.asPerson('GET', path).catch(() => undefined);
    world.clock.timer(everyMs, ask);
  };
  ask();
}

const lists = ['machines', 'volumes', 'secrets', 'ip_assignments'].map((kind) => `/apps/shop/${kind}`);

describe('somebody else uses up the limits of an app', () => {
  test('three lists in a row by hand', async () => {
    world = await prepared([fleet('red')], fleet('blue'));
    await world.clock.sleep(10_000);
    for (let nth = 0; nth < 3; nth += 1) for (const path of lists) await world.asPerson('GET', path);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(colors()).toEqual(['blue', 'blue', 'blue']);
  });

  test('a script that lists more often than Fly allows, for half a minute', async () => {
    world = await prepared([fleet('red')], fleet('blue'));
    asking(lists, 400, 30_000);
    const { code, said } = await sync();
    expect(refused()).toBeGreaterThan(0);
    expect(code, said).toBe(0);
    expect(said).not.toContain('failed');
    expect(colors()).toEqual(['blue', 'blue', 'blue']);
  });

  test.each([
    ['a create', 'POST /apps/{app}/machines'],
    ['a secret', 'POST /apps/{app}/secrets'],
    ['an update', 'POST /apps/{app}/machines/{machine}'],
    ['a label', 'PATCH /apps/{app}/machines/{machine}/metadata'],
  ])('for longer than a pass waits: %s is waited for, and nothing has failed', async (_what, template) => {
    world = await prepared([fleet('red')], {
      ...fleet('blue'),
      'shop/app.yaml': (fleet('blue')['shop/app.yaml'] ?? '').replace('count: 3', 'count: 4'),
    });
    world.simulator.world.faults.add({ template, fault: '429', times: 1000 });
    const { code, said } = await sync();
    expect(code, said).toBe(4);
    expect(said).not.toMatch(/failed \(|\(\d failed|shop +failed/);
    expect(said).toContain('Fly limits the rate of requests');
    const status = await world.flycd(['status']);
    expect(status.stdout).toMatch(/shop +(?:pending|blocked)/);
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    const again = await sync();
    expect(again.code, again.said).toBe(0);
    expect(colors()).toEqual(['blue', 'blue', 'blue', 'blue']);
  });

  test('a list, for longer than a pass waits: nothing is known of the app, and nothing is done', async () => {
    world = await prepared([fleet('red')], fleet('blue'));
    world.simulator.world.faults.add({ template: 'GET /apps/{app}/machines', fault: '429', times: 1000 });
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toMatch(/shop +held +pending/);
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    expect((await sync()).code).toBe(0);
  });

  test('a release that has to wait so is no failed version', async () => {
    world = await prepared([fleet('red')], fleet('blue'));
    world.simulator.world.faults.add({
      template: 'GET /apps/{app}/machines/{machine}',
      fault: '429',
      nth: 6,
      times: 1000,
    });
    const { code, said } = await sync();
    expect(code, said).toBe(4);
    const [machine] = world.simulator.world.snapshot().find(({ name }) => name === 'shop')?.machines ?? [];
    expect(machine?.metadata['flycd_failed']).toBeUndefined();
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    expect((await sync()).code).toBe(0);
  });
});

test.each([1, 2, 3])(
  'FlyCDs that begin the same apps at the same moment do not fail for it (seed %i)',
  async (seed) => {
    world = await arena({ seed });
    const apps = ['blog', 'shop', 'wiki'];
    world.write(fleet('red', apps));
    const ran = await Promise.all(['one', 'two', 'three'].map((state) => sync(state)));
    for (const { code, said } of ran) {
      expect(said).not.toMatch(/failed.*limits the rate|limits the rate.*failed/s);
      expect([0, 4], said).toContain(code);
    }
    await world.clock.sleep(60_000);
    expect((await sync('one')).code).toBe(0);
    for (const name of apps) expect(colors(name)).toEqual(['red', 'red', 'red']);
  },
);

describe('Fly asks to be left alone for longer than a pass waits: sync --once says until when', () => {
  const later = (status: number): Response =>
    Response.json({ error: 'later' }, { status, headers: { 'retry-after': '1200' } });

  test.each<[string, number, number, (method: string, path: string) => boolean]>([
    ['a list', 503, 1, (method, path) => method === 'GET' && path.endsWith('/apps/shop/machines')],
    ['a list', 429, 1, (method, path) => method === 'GET' && path.endsWith('/apps/shop/machines')],
    ['an update', 503, 4, (method, path) => method === 'POST' && /\/machines\/[^/]+$/.test(path)],
    ['an update', 429, 4, (method, path) => method === 'POST' && /\/machines\/[^/]+$/.test(path)],
    ['a lease', 503, 4, (method, path) => method === 'POST' && path.endsWith('/lease')],
    ['the app', 503, 1, (method, path) => method === 'GET' && path.endsWith('/apps/shop')],
  ])('%s, by %i', async (_what, status, exit, hit) => {
    let isBusy = false;
    let asked = 0;
    world = await prepared([fleet('red')], fleet('blue'), {
      others: ({ pathname }, method) => (isBusy && hit(method, pathname) ? ((asked += 1), later(status)) : undefined),
    });
    isBusy = true;
    const until = new Date(world.clock.now() + 1_200_000).toISOString().slice(0, 16).replace('T', ' ');
    const { code, said } = await sync();
    expect(code, said).toBe(exit);
    expect(said).toContain(until);
    expect(asked).toBe(1);
    const why = await world.flycd(['why', 'shop']);
    expect(why.stdout).toContain(until);
    isBusy = false;
    expect((await sync()).code).toBe(0);
    expect(colors()).toEqual(['blue', 'blue', 'blue']);
  });
});
