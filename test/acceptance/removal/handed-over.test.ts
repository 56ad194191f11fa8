/** An app that another fleet has taken over is that fleet's: nobody is told to destroy it, and it is no orphan of this one. */
import { onTestFinished, describe, expect, test } from 'vitest';
import { makeClone, makeCopy, type Clone, type Copy } from '../clones.ts';
import { arena, type Arena } from '../../controllers/arena.ts';

const image = `docker.io/library/nginx@sha256:${'a'.repeat(64)}`;
const app = (name: string, count = 1): string =>
  `app: ${name}\nprimary_region: arn\norg: personal\nbuild: { image: "${image}" }\nmachines: { count: ${count} }\n`;
const once = ['sync', '--once'];
interface Handover {
  readonly world: Arena;
  /** The fleet that had `shop`, and the one that takes it. */
  readonly a: Copy;
  readonly b: Clone;
}

interface Handing {
  readonly b?: string;
  readonly count?: number;
  /** Default: in git. */
  readonly make?: typeof makeCopy;
}

async function handover(
  settings: string,
  { b = 'fleet: b\n', count = 1, make = makeClone }: Handing = {},
): Promise<Handover> {
  const world = await arena();
  onTestFinished(() => world.close());
  const first = make(world, 'a', {
    'flycd.yaml': settings,
    'shop/app.yaml': app('shop', count),
    'blog/app.yaml': app('blog'),
  });
  const second = makeClone(world, 'b', { ...(b === '' ? {} : { 'flycd.yaml': b }), 'shop/app.yaml': app('shop') });
  const { code, stdout, stderr } = await first.flycd(once);
  expect(code, stdout + stderr).toBe(0);
  return { world, a: first, b: second };
}

function removed(copy: Copy): void {
  copy.remove('shop');
  copy.commit({});
}

async function told(clone: Copy): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await clone.flycd(['status', '--output', 'json']);
  const { apps } = JSON.parse(stdout) as {
    readonly apps: readonly { readonly app: string; readonly status: string }[];
  };
  return Object.fromEntries(apps.map(({ app: name, status }) => [name, status]));
}

/** Whatever the fleet that had it says of anything. */
async function everything(clone: Copy): Promise<string> {
  const said: string[] = [];
  const asked = [once, ['status'], ['diff'], ['history', '--all'], ['why', 'shop']];
  for (const argv of asked.flatMap((one) => [one, [...one, '--output', 'json']])) {
    const { stdout, stderr } = await clone.flycd(argv);
    said.push(stdout, stderr);
  }
  const { stdout } = await clone.flycd(['history', '--all', '--output', 'json']);
  const { runs } = JSON.parse(stdout) as { readonly runs: readonly { readonly id: number }[] };
  for (const { id } of runs) said.push((await clone.flycd(['history', String(id)])).stdout);
  return said.join('\n');
}

describe.each([
  ['prunes nothing, outside of git', 'fleet: a\n', makeCopy],
  ['prunes apps', 'fleet: a\nsync: { prune: [app] }\n', makeClone],
])('an app that was handed over by a fleet that %s', (_what, settings, make) => {
  test('leaves its status, and is said once to be the other’s', async () => {
    const { world, a, b } = await handover(settings, { make });
    expect((await b.flycd(['adopt', 'shop'])).code).toBe(0);
    removed(a);
    const { code, stdout } = await a.flycd(once);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/shop +left +- .*fleet b owns it now/);
    expect(await told(a)).toEqual({ blog: 'synced' });
    expect((await a.flycd(once)).stdout).not.toContain('shop');
    expect((await a.flycd(['history'])).stdout).toMatch(/shop +left .*fleet b owns it now/);
    expect(await everything(a)).not.toContain('apps destroy');
    expect(world.simulator.world.apps.has('shop')).toBe(true);
    expect((await b.flycd(['diff'])).code).toBe(0);
  });

  test('is its orphan no longer where it was one before', async () => {
    const { a, b } = await handover(settings, { make });
    removed(a);
    await a.flycd(['suspend', 'shop', '--reason', 'b takes it']);
    await a.flycd(once);
    expect(await told(a)).toMatchObject({ shop: 'orphaned' });
    await b.flycd(['adopt', 'shop']);
    await a.flycd(once);
    expect(await told(a)).toEqual({ blog: 'synced' });
  });

  test('is its own again once it takes it back', async () => {
    const { a, b } = await handover(settings, { make });
    await b.flycd(['adopt', 'shop']);
    removed(a);
    await a.flycd(once);
    a.commit({ 'shop/app.yaml': app('shop') });
    expect((await a.flycd(once)).stdout).toMatch(/shop .*fleet b owns this app/);
    expect((await a.flycd(['adopt', 'shop'])).code).toBe(0);
    expect(await told(a)).toEqual({ blog: 'synced', shop: 'synced' });
  });

  test('stays as it was told where nobody could look into it', async () => {
    const { world, a, b } = await handover(settings, { make });
    await b.flycd(['adopt', 'shop']);
    removed(a);
    world.simulator.world.faults.add({ template: 'GET /apps/{app}/machines', app: 'shop', fault: '503', times: 99 });
    await a.flycd(once);
    expect(await told(a)).toEqual({ blog: 'synced', shop: 'synced' });
    world.simulator.world.faults.clear();
    await a.flycd(once);
    expect(await told(a)).toEqual({ blog: 'synced' });
  });

  test('in part is said to be of both, and nobody is told to destroy it', async () => {
    const { world, a } = await handover(settings, { make, count: 2 });
    const [machine] = world.simulator.world.apps.get('shop')?.machines.keys() ?? [];
    await world.asPerson('POST', `/apps/shop/machines/${machine}/metadata/flycd_fleet`, { value: 'b' });
    removed(a);
    const said = await everything(a);
    expect(said).toContain('fleet b has machines in it, too');
    expect(said).not.toContain('apps destroy');
    expect(await told(a)).toMatchObject({ shop: 'orphaned' });
  });
});

// Outside of git nobody knows whether that is this very fleet, before its name was written.
test.each(['', 'sync: { prune: [app] }\n'])(
  'one that was handed to a fleet without a name leaves its status as well: %j',
  async (more) => {
    const { a, b } = await handover(`fleet: a\n${more}`, { b: '' });
    await b.flycd(['adopt', 'shop']);
    removed(a);
    const { stdout } = await a.flycd(once);
    expect(stdout).toMatch(/shop +left +- .*owns it now/);
    expect(await told(a)).toEqual({ blog: 'synced' });
    expect(await everything(a)).not.toContain('apps destroy');
  },
);

test('an app that is taken over between the plan and its turn is said to be the other’s, and stays', async () => {
  const { world, a } = await handover('fleet: a\nsync: { prune: [app] }\n');
  removed(a);
  const machines = world.simulator.world.apps.get('shop')?.machines;
  let isDone = false;
  world.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (isDone || phase !== 'after' || method !== 'GET' || !path.endsWith('/apps/shop/secrets')) return;
    isDone = true;
    world.simulator.world.faults.add({ template: 'GET /apps/{app}', app: 'shop', fault: { latencyMs: 1000 } });
    for (const id of machines?.keys() ?? [])
      void world.asPerson('POST', `/apps/shop/machines/${id}/metadata/flycd_fleet`, { value: 'b' });
  };
  const { code, stdout } = await a.flycd(once);
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/shop +left +- .*fleet b owns it now/);
  expect(stdout).not.toContain('apps destroy');
  expect(world.simulator.world.apps.has('shop')).toBe(true);
  expect(await told(a)).toEqual({ blog: 'synced' });
});

test('the loop says the same', async () => {
  const world = await arena();
  onTestFinished(() => world.close());
  world.write({ 'flycd.yaml': 'fleet: a\n', 'shop/app.yaml': app('shop'), 'blog/app.yaml': app('blog') });
  expect((await world.flycd(once)).code).toBe(0);
  const b = makeClone(world, 'b', { 'flycd.yaml': 'fleet: b\n', 'shop/app.yaml': app('shop') });
  const stop = new AbortController();
  const looping = world.flycd(['sync'], undefined, stop.signal);
  await world.clock.sleep(60_000);
  expect((await b.flycd(['adopt', 'shop'])).code).toBe(0);
  world.remove('shop');
  await world.clock.sleep(20 * 60_000);
  const { stdout } = await world.flycd(['status']);
  expect(stdout).toContain('blog');
  expect(stdout).not.toContain('shop');
  const { stdout: history } = await world.flycd(['history', '--app', 'shop']);
  expect(history).toMatch(/left .*fleet b owns it now/);
  expect(stdout + history).not.toContain('apps destroy');
  // Given back, it is the fleet's again, which git still does not name.
  for (const id of world.simulator.world.apps.get('shop')?.machines.keys() ?? [])
    await world.asPerson('POST', `/apps/shop/machines/${id}/metadata/flycd_fleet`, { value: 'a' });
  await world.clock.sleep(20 * 60_000);
  stop.abort(new Error('stopped by SIGTERM'));
  await looping;
  expect((await world.flycd(['status'])).stdout).toMatch(/shop +orphaned/);
});

test('an app whose machines are nobody’s is not to be destroyed without a look at them', async () => {
  const { world, a } = await handover('fleet: a\n');
  removed(a);
  for (const id of world.simulator.world.apps.get('shop')?.machines.keys() ?? [])
    await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  await world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config: { image: 'nginx:1' } });
  await world.clock.sleep(60_000);
  await a.flycd(once);
  expect(await told(a)).toMatchObject({ shop: 'orphaned' });
  expect(await everything(a)).toContain('look at them (fly machine list --app shop) before fly apps destroy shop');
});
