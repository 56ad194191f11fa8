/** What a person says while a pass waits for a machine's lease is heeded before anything is done under it. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';

let world: Arena;
afterEach(() => world.close());

interface Parts {
  readonly image?: string;
  readonly count?: number;
  readonly command?: boolean;
  readonly worker?: boolean;
  readonly more?: string;
}

function shop({ image = 'shop:1', count = 2, command = false, worker = false, more = '' }: Parts = {}): Files {
  return {
    'flycd.yaml': 'fleet: words\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
processes:
  web: serve
${worker ? '  worker: work\n' : ''}machines:
  groups: { web: { count: ${count} }${worker ? ', worker: { count: 1 }' : ''} }
${command ? 'deploy: { release_command: migrate }\n' : ''}${more}`,
  };
}

const all = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const there = () => all().filter(({ state }) => !state.startsWith('destroy'));
const leaseTaken = 'POST /apps/{app}/machines/{machine}/lease';

async function sync(state?: string) {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once'], state);
  return { code, said: stderr + stdout };
}

const suspend = ['suspend', 'shop', '--reason', 'incident'];

/** A FlyCD was killed with the nth lease of this commit; the next one waits that out, and a person says this meanwhile. */
async function saidInWait(
  commits: { readonly before: readonly Files[]; readonly files: Files; readonly nth?: number },
  word: readonly string[],
) {
  const { before, files, nth = 1 } = commits;
  const call = await callOf(leaseTaken, nth, { before, files });
  world = await prepared(before, files, { orderly: true });
  await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
  const first = world.simulator.world.requests.length;
  const [ended] = await Promise.all([sync(), world.clock.sleep(10_000).then(() => world.flycd(word, 'b'))]);
  const writes = world.simulator.world.requests.slice(first).map(({ template }) => template);
  return { ...ended, sent: (template: string): boolean => writes.includes(template) };
}

test('a word that lists do not show yet is heeded: the machine that is the lock is asked by its id', async () => {
  world = await prepared([shop()], shop({ count: 3 }));
  await world.clock.sleep(60_000);
  world.simulator.world.lag.set({ listMs: 20_000 });
  expect((await world.flycd(suspend, 'b')).code).toBe(0);
  const { code, said } = await sync();
  expect([code, there().length], said).toEqual([4, 2]);
  expect(said).toContain('was suspended or rolled back in the middle of this');
});

describe('while a pass waits for the lease that a killed FlyCD left', () => {
  test.each([
    ['suspend', suspend],
    ['rollback', ['rollback', 'shop']],
  ])('%s: no release command runs', async (_word, argv) => {
    const before = [shop({ command: true }), shop({ command: true, image: 'shop:2' })];
    const { said } = await saidInWait({ before, files: shop({ command: true, image: 'shop:3' }) }, argv);
    const ran = all().filter(({ name, config }) => name.startsWith('release') && config.image?.includes('shop:3'));
    expect(ran.map(({ name }) => name)).toEqual([]);
    for (const words of ['release failed', 'did not succeed']) expect(said).not.toContain(words);
  });

  test('suspend: no machine is destroyed', async () => {
    const { code, said } = await saidInWait({ before: [shop({ count: 2 })], files: shop({ count: 1 }) }, suspend);
    expect(there(), said).toHaveLength(2);
    expect(code, said).toBe(4);
  });

  test('suspend: no machine of a new group is made', async () => {
    const { code, said } = await saidInWait({ before: [shop()], files: shop({ worker: true }) }, suspend);
    expect(there(), said).toHaveLength(2);
    expect(code, said).toBe(4);
  });

  test('suspend: no volume and no address is made', async () => {
    const more = 'volumes: [{ name: spare, count: 1 }]\nnetwork: { ips: [{ v: v6 }] }\n';
    const { code, said, sent } = await saidInWait({ before: [shop()], files: shop({ more }) }, suspend);
    expect(sent('POST /apps/{app}/volumes'), said).toBe(false);
    expect(sent('POST /apps/{app}/ip_assignments'), said).toBe(false);
    expect(code, said).toBe(4);
  });

  test('suspend: no machine restarts for a volume that grew', async () => {
    const grown = (size: string) =>
      shop({
        count: 1,
        more: `mounts: [{ source: data, destination: /data, initial_size: ${size} }]\nvolumes: [{ name: data, size_gb: ${size} }]\n`,
      });
    const { code, said, sent } = await saidInWait({ before: [grown('1')], files: grown('4') }, suspend);
    expect(sent('POST /apps/{app}/machines/{machine}/restart'), said).toBe(false);
    expect(code, said).toBe(4);
  });

  test('suspend: no machine is started', async () => {
    const before = [shop()];
    world = await prepared(before, {}, { orderly: true });
    const [machine] = there();
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}/lease`, {
      ttl: 25,
      description: 'flycd:words:another',
    });
    await world
      .asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}/signal`, { signal: 'SIGKILL' })
      .catch(() => undefined);
    if (machine !== undefined) machine.state = 'stopped';
    const first = world.simulator.world.requests.length;
    await Promise.all([sync(), world.clock.sleep(10_000).then(() => world.flycd(suspend, 'b'))]);
    const sent = world.simulator.world.requests.slice(first).map(({ template }) => template);
    expect(sent).not.toContain('POST /apps/{app}/machines/{machine}/start');
  });
});

test('a hand-made deploy that began in the wait is not gone over', async () => {
  const [before, files] = [shop({ command: true }), shop({ command: true, image: 'shop:2' })];
  const call = await callOf(leaseTaken, 1, { before: [before], files });
  world = await prepared([before], files, { orderly: true });
  await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
  const [{ code, said }] = await Promise.all([
    sync(),
    // Its record stands, and it has touched nothing yet.
    world.clock.sleep(28_000).then(() => world.simulator.flyctl.deploy('shop', { image: 'shop:9', stops: 'killed' })),
  ]);
  expect(code, said).toBe(4);
  expect(said).toContain('runs release v');
});
