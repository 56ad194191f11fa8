/** What a person read is what goes: nothing that came into an app since its plan was made goes with it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, walkFleet, type Arena } from '../../arena.ts';

let world: Arena;
afterEach(() => world.close());

const prunes = 'fleet: walk\nsync:\n  prune: [app]\n';
const other = 'app: other\nprimary_region: arn\nbuild:\n  image: docker.io/library/caddy:2.10.2\n';
const mounted = (walkFleet['shop/app.yaml'] ?? '').replace('app: shop', 'app: other');

async function removedApp(text = mounted): Promise<void> {
  world = await arena();
  world.write({ ...walkFleet, 'flycd.yaml': prunes, 'other/app.yaml': text });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  rmSync(join(world.folder, 'other'), { recursive: true });
}

async function flycd(...argv: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(argv);
  return { code, said: stderr + stdout };
}
const apps = (): readonly string[] => [...world.simulator.world.apps.keys()];

/** The plan that a person reads. */
async function planRead(): Promise<string> {
  const { stdout } = await world.flycd(['diff', '--output', 'json']);
  return (JSON.parse(stdout) as { readonly planId: string }).planId;
}

/** What goes with it is asked for once for the plan, and again when its turn comes. */
const contents = ['volumes', 'ip_assignments', 'certificates', 'secrets'];

/** All of it has been read for the plan; time stands still until what is done then has been done. */
function onceItIsPlanned(act: () => unknown): void {
  const left = new Set(contents.map((kind) => `/apps/other/${kind}`));
  world.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (phase !== 'after' || method !== 'GET') return;
    const asked = [...left].find((one) => path.endsWith(one));
    if (asked === undefined || !left.delete(asked) || left.size > 0) return;
    const fault = { latencyMs: 1000 };
    world.simulator.world.faults.add({ template: 'GET /apps/{app}', app: 'other', fault });
    void act();
  };
}

const asPerson = (path: string, body: unknown) => world.asPerson('POST', `/apps/other/${path}`, body);
const arrivals: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
  ['a volume', /precious, 3 GB/, () => asPerson('volumes', { name: 'precious', region: 'arn', size_gb: 3 })],
  ['a certificate', /shop\.example\.com/, () => asPerson('certificates/acme', { hostname: 'shop.example.com' })],
  ['a secret', /TOKEN/, () => asPerson('secrets/TOKEN', { value: 'x' })],
  ['an address', /addresses/, () => asPerson('ip_assignments', { type: 'v6' })],
  ['a machine', /machines\[/, () => asPerson('machines', { region: 'arn', config: { image: 'nginx:1' } })],
];

describe.each(arrivals)('%s that comes into an app', (_what, words, arrive) => {
  test('after the plan was read makes it another plan, which is refused', async () => {
    await removedApp();
    const id = await planRead();
    await arrive();
    const { said } = await flycd('sync', '--plan', id, '--accept-only', 'other');
    expect(said).toContain('is not what a sync would do now: nothing was done');
    expect(said).toMatch(words);
    expect(apps()).toContain('other');
  });

  test.each([
    ['a plan that was read and accepted', (id: string) => ['--plan', id, '--accept-only', 'other']],
    ['what was accepted without a plan', () => ['--once', '--accept-only', 'other']],
    ['what --accept took with it', () => ['--once', '--accept', '--accept-only', 'app:other']],
  ])('between the plan and its turn is not taken by %s', async (_way, flags) => {
    await removedApp();
    const id = await planRead();
    onceItIsPlanned(arrive);
    const { code, said } = await flycd('sync', ...flags(id));
    expect(code, said).toBe(4);
    expect(said).toMatch(words);
    expect(said).toContain('since the plan was made');
    expect(apps()).toContain('other');
    // The next plan lists it, and the same word takes it.
    expect((await flycd('diff')).said).toMatch(words);
    expect((await flycd('sync', '--plan', await planRead(), '--accept-only', 'other')).code).toBe(0);
    expect(apps()).toEqual(['shop']);
  });

  test('between the plan and its turn is not taken by prune', async () => {
    await removedApp(other);
    onceItIsPlanned(arrive);
    const { code, said } = await flycd('sync', '--once');
    expect(code, said).toBe(4);
    expect(apps()).toContain('other');
  });
});

test('the plan that diff prints is the one that is done with a word for it', async () => {
  await removedApp();
  const { code, said } = await flycd('sync', '--plan', await planRead(), '--accept-only', 'other');
  expect(code, said).toBe(0);
  expect(apps()).toEqual(['shop']);
});

test('so is one app’s, and nothing else is done', async () => {
  await removedApp();
  world.write({ 'shop/app.yaml': (walkFleet['shop/app.yaml'] ?? '').replace('GREETING: hello', 'GREETING: hi') });
  const { stdout } = await world.flycd(['diff', '--output', 'json']);
  const { apps: plans } = JSON.parse(stdout) as { readonly apps: readonly { app: string; planId: string }[] };
  const id = plans.find(({ app }) => app === 'other')?.planId ?? '';
  const { said } = await flycd('sync', '--plan', id, '--accept-only', 'other');
  expect(apps(), said).toEqual(['shop']);
  expect((await flycd('diff')).code).toBe(2);
});

test('without the word the plan is done as it stands: what it holds stays', async () => {
  await removedApp();
  const { code } = await flycd('sync', '--plan', await planRead());
  expect(code).toBe(4);
  expect(apps()).toContain('other');
});

test('what a plan holds until other apps are done stays, though the same run gets them done', async () => {
  await removedApp(other);
  world.write({ 'shop/app.yaml': (walkFleet['shop/app.yaml'] ?? '').replace('GREETING: hello', 'GREETING: hi') });
  const plan = await flycd('diff');
  expect(plan.said).toContain('only after every other app runs what git says');
  const { code, said } = await flycd('sync', '--plan', await planRead());
  expect(code, said).toBe(4);
  expect(apps().toSorted()).toEqual(['other', 'shop']);
  expect((await flycd('diff')).said).toContain('1 to destroy');
  expect((await flycd('sync', '--plan', await planRead())).code).toBe(0);
  expect(apps()).toEqual(['shop']);
});

test('what left the app since its plan was made keeps nothing', async () => {
  await removedApp();
  const certificates = world.simulator.world.apps.get('other')?.certificates;
  await asPerson('certificates/acme', { hostname: 'shop.example.com' });
  const id = await planRead();
  onceItIsPlanned(() => certificates?.clear());
  const { code, said } = await flycd('sync', '--plan', id, '--accept-only', 'other');
  expect(code, said).toBe(0);
  expect(apps()).toEqual(['shop']);
});

test.each(['certificates', 'ip_assignments', 'secrets'])(
  'an app whose %s are not read when its turn comes stays: they may be others by now',
  async (kind) => {
    await removedApp();
    const id = await planRead();
    const template = `GET /apps/{app}/${kind}`;
    onceItIsPlanned(() => world.simulator.world.faults.add({ template, app: 'other', fault: '503', times: 99 }));
    const { code, said } = await flycd('sync', '--plan', id, '--accept-only', 'other');
    expect(code, said).toBe(4);
    expect(said).toContain('could not be read');
    expect(apps()).toContain('other');
  },
);

test('what cannot be read is one plan, whatever Fly says of it, and is accepted as that', async () => {
  await removedApp();
  const failing = (error: string): void => {
    world.simulator.world.faults.clear();
    const fault = { status: 500, body: { error } };
    world.simulator.world.faults.add({ template: 'GET /apps/{app}/certificates', app: 'other', fault, times: 99 });
  };
  failing('request 01H8 failed');
  const id = await planRead();
  expect((await flycd('diff')).said).toContain('request 01H8 failed');
  failing('request 01H9 failed');
  expect(await planRead()).toBe(id);
  onceItIsPlanned(() => failing('request 01HA failed'));
  const { code, said } = await flycd('sync', '--plan', id, '--accept-only', 'other');
  expect(code, said).toBe(0);
  expect(apps()).toEqual(['shop']);
});

describe('an app whose release waits for another one', () => {
  const app = (name: string, image: string, more = ''): string =>
    `app: ${name}\nprimary_region: arn\nbuild: { image: "docker.io/library/${image}" }\nmachines: { count: 1 }\n${more}`;
  const addressesOf = (name: string): number => world.simulator.world.apps.get(name)?.addresses.size ?? 0;

  /** `front` waits for `base`, and has two addresses that git does not name; another comes when `base` has its turn. */
  async function waiting(): Promise<string> {
    world = await arena();
    const waits = 'depends_on: [base]\nnetwork: { ips: [{ v: v6 }] }\n';
    world.write({
      'flycd.yaml': 'fleet: walk\nsync: { prune: [addresses] }\n',
      'base/app.yaml': app('base', 'nginx:1'),
      'front/app.yaml': app('front', 'nginx:1', waits),
    });
    expect((await flycd('sync', '--once')).code).toBe(0);
    const address = () => world.asPerson('POST', '/apps/front/ip_assignments', { type: 'v6' });
    await address();
    await address();
    world.write({ 'base/app.yaml': app('base', 'nginx:2'), 'front/app.yaml': app('front', 'nginx:2', waits) });
    const id = await planRead();
    let isDone = false;
    world.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
      if (isDone || phase !== 'before' || method !== 'POST' || !path.includes('/apps/base/machines/')) return;
      isDone = true;
      world.simulator.world.faults.add({ template: 'GET /apps/{app}', app: 'front', fault: { latencyMs: 1000 } });
      void address();
    };
    return id;
  }

  test.each([
    ['a plan that was read', (id: string) => ['--plan', id, '--accept-only', 'brake']],
    ['what was accepted', () => ['--once', '--accept']],
  ])('loses by %s what that lists, and nothing that came since', async (_way, flags) => {
    const id = await waiting();
    expect(addressesOf('front')).toBe(3);
    const { code, said } = await flycd('sync', ...flags(id));
    expect(code, said).toBe(4);
    expect(said).toContain('since the plan was made');
    expect(addressesOf('front')).toBe(2);
    expect((await flycd('sync', '--once', '--accept')).code).toBe(0);
    expect(addressesOf('front')).toBe(1);
  });
});
