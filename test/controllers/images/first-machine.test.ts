/** Where no registry could be asked: the first machine that is made, or updated at rest, gets the digest that Fly found its tag to mean. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { start } from '../../../simulator/machines/lifecycle.ts';
import { prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';

let world: Arena;
afterEach(() => world.close());

const tag = 'docker.io/acme/shop:1';
const pinned = `${tag}@sha256:${hash('sha256', tag)}`;

const fleet = (more: string): Files => ({
  'flycd.yaml': 'fleet: tags\n',
  'shop/app.yaml': `app: shop\nprimary_region: arn\nbuild:\n  image: ${tag}\n${more}`,
});

const live = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const machines = () => live().filter(({ state }) => state !== 'destroyed');
const starts = () => machines().map(({ events }) => events.filter(({ status }) => status === 'started').length);

async function sync() {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

const service =
  'http_service:\n  internal_port: 8080\n  checks:\n    - path: /\n      interval: 5s\n      timeout: 2s\n';
const mount = 'mounts:\n  - source: data\n    destination: /data\n';

test.each([
  ['one machine', 'machines:\n  count: 1\n', 1],
  ['a machine with its standby, which stands in for it', '', 2],
  ['several that serve', `${service}machines:\n  count: 3\n`, 3],
  ['with a volume each', `${mount}machines:\n  count: 2\n`, 2],
  [
    'two process groups',
    'processes:\n  web: a\n  work: b\nmachines:\n  count: 1\n  groups:\n    work:\n      count: 1\n',
    2,
  ],
  ['all at once', `deploy:\n  strategy: immediate\n${service}machines:\n  count: 3\n`, 3],
])('%s', async (_what, more, count) => {
  world = await prepared([], fleet(more));
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual(Array.from({ length: count }, () => pinned));
  expect(Math.max(...starts()), 'nothing is started twice for it').toBe(1);
  expect(machines().map(({ config }) => config.metadata?.['flycd_unproven'])).toEqual(
    Array.from({ length: count }, () => undefined),
  );
  const writes = world.simulator.world.writes().length;
  expect((await sync()).code).toBe(0);
  expect((await world.flycd(['diff'])).code).toBe(0);
  expect(world.simulator.world.writes()).toHaveLength(writes);
});

test('the tag moves before the second machine: it gets what the first one has', async () => {
  world = await prepared([fleet('machines:\n  count: 1\n')], fleet('machines:\n  count: 2\n'));
  expect((await sync()).code).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual([pinned, pinned]);
});

test('killed before the digest is sent: the next pass sends it, and starts the machine once', async () => {
  const files = fleet(`${service}machines:\n  count: 2\n`);
  const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [], files });
  world = await prepared([], files, { orderly: true });
  await world.mortalFlycd(['sync', '--once'], { call, when: 'before' });
  await world.clock.sleep(60_000);
  expect(machines().map(({ state, config }) => [state, config.image])).toEqual([['stopped', tag]]);
  world.forget();
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual([pinned, pinned]);
  expect(starts()).toEqual([1, 1]);
  expect((await world.flycd(['diff'])).code).toBe(0);
});

test('killed after that: whoever looks next still has to see it healthy', async () => {
  const files = fleet(`${service}machines:\n  count: 2\n`);
  const call = await callOf('POST /apps/{app}/machines/{machine}', 1, { before: [], files });
  world = await prepared([], files, { orderly: true });
  await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
  const marks = () => machines().map(({ config }) => [config.image, config.metadata?.['flycd_unproven']]);
  expect(marks()).toEqual([[pinned, '1']]);
  await world.clock.sleep(60_000);
  expect((await sync()).code).toBe(0);
  expect(marks()).toEqual([
    [pinned, undefined],
    [pinned, undefined],
  ]);
});

test.each(['reset-after', '500', 'reset-before'] as const)('the answer to that is lost: %s', async (fault) => {
  world = await prepared([], fleet(`${service}machines:\n  count: 2\n`));
  world.simulator.world.faults.add({ template: 'POST /apps/{app}/machines/{machine}', fault });
  for (let pass = 0; pass < 2; pass += 1) await sync();
  const { code, said } = await sync();
  expect(code, said).toBe(0);
  expect(machines().map(({ config }) => config.image)).toEqual([pinned, pinned]);
  expect(starts()).toEqual([1, 1]);
});

/** An app by another tag, and what its machines then carry. */
const moved = (more: string): Files =>
  Object.fromEntries(
    Object.entries(fleet(more)).map(([path, text]) => [path, text.replace(tag, 'docker.io/acme/shop:2')]),
  );
const later = 'docker.io/acme/shop:2';
const laterPinned = `${later}@sha256:${hash('sha256', later)}`;
const images = () => machines().map(({ config }) => config.image);

async function allStopped(): Promise<void> {
  for (const { id } of machines()) await world.asPerson('POST', `/apps/shop/machines/${id}/stop`);
  await world.clock.sleep(30_000);
}

/** How often machines start from now on. */
function countStarts(): () => number {
  let count = 0;
  world.simulator.world.onStateChange = ({ state }) => {
    if (state === 'started') count += 1;
  };
  return () => count;
}

const stoppable = service.replace(
  'internal_port',
  'auto_stop_machines: stop\n  auto_start_machines: true\n  internal_port',
);

describe('machines that are updated', () => {
  test.each([
    ['at rest, of which one is started to be seen', `${stoppable}machines:\n  count: 3\n`, 1],
    ['at rest by a schedule', 'machine:\n  schedule: daily\nmachines:\n  count: 2\n', 0],
    ['at rest, all at once', `deploy:\n  strategy: immediate\n${stoppable}machines:\n  count: 3\n`, 0],
    ['stopped by hand, which start with the new version', `${service}machines:\n  count: 2\n`, 2],
  ])('%s: the first one gets the digest as well, and starts no oftener', async (_what, more, startsOnce) => {
    world = await prepared([fleet(more)], moved(more));
    await allStopped();
    const started = countStarts();
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(machines().map(() => laterPinned));
    expect(started()).toBe(startsOnce);
    const writes = world.simulator.world.writes().length;
    expect((await sync()).code).toBe(0);
    expect((await world.flycd(['diff'])).code).toBe(0);
    expect(world.simulator.world.writes()).toHaveLength(writes);
  });

  test('while they run: the first one keeps the tag, for a second update would restart it again', async () => {
    const more = `${service}machines:\n  count: 3\n`;
    world = await prepared([fleet(more)], moved(more));
    const started = countStarts();
    expect((await sync()).code).toBe(0);
    expect(images()).toEqual([later, laterPinned, laterPinned]);
    expect(started()).toBe(3);
  });

  test('one at rest beside those that run goes first, and tells them the digest', async () => {
    const more = `${stoppable}machines:\n  count: 3\n`;
    world = await prepared([fleet(more)], moved(more));
    await world.asPerson('POST', `/apps/shop/machines/${machines()[1]?.id ?? ''}/stop`);
    await world.clock.sleep(30_000);
    const started = countStarts();
    expect((await sync()).code).toBe(0);
    expect(images()).toEqual([laterPinned, laterPinned, laterPinned]);
    expect(started()).toBe(2);
  });

  test('one that the proxy starts in between runs on', async () => {
    const more = `${stoppable}machines:\n  count: 1\n`;
    world = await prepared([fleet(more)], moved(more));
    await allStopped();
    let isWoken = false;
    world.simulator.world.onStateChange = (machine) => {
      if (machine.state !== 'stopped' || isWoken) return;
      isWoken = true;
      start(world.simulator.world, machine, 'flyd');
    };
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect([images(), machines()[0]?.state, machines()[0]?.versions.length]).toEqual([[later], 'started', 3]);
  });

  test.each(['stoppable', 'scheduled'])(
    'of an image that no registry has are again what they were: %s',
    async (how) => {
      const more = how === 'stoppable' ? `${stoppable}machines:\n  count: 2\n` : 'machine:\n  schedule: daily\n';
      const files = Object.entries(moved(more)).map(([path, text]) => [
        path,
        text.replace('acme/shop:2', 'acme/missing-image:2'),
      ]);
      const stops = { 'flycd.yaml': 'fleet: tags\nsync: { on_failure: stop }\n' };
      world = await prepared([fleet(more)], { ...Object.fromEntries(files), ...stops });
      await allStopped();
      const { code, said } = await sync();
      expect([code, said]).toEqual([1, expect.stringContaining('Fly took the update of a machine back')]);
      expect(images()).toEqual(machines().map(() => pinned));
    },
  );

  test('killed before the digest is sent: the next pass sends it, and starts the machine once', async () => {
    const more = `${stoppable}machines:\n  count: 2\n`;
    world = await prepared([fleet(more)], moved(more), { orderly: true });
    await allStopped();
    const started = countStarts();
    const call = `POST /apps/shop/machines/${machines()[0]?.id ?? ''}`;
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    await world.clock.sleep(60_000);
    expect([images(), started()]).toEqual([[later, pinned], 0]);
    world.forget();
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect([images(), started()]).toEqual([[laterPinned, laterPinned], 1]);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });
});
