import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, type Arena } from '../arena.ts';

let world: Arena;
afterEach(() => world.close());

function shop(sizeGb: number, { greeting = 'hello', count = 1 } = {}): Record<string, string> {
  return {
    'flycd.yaml': 'fleet: growth\n',
    'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/shop:1@sha256:${hash('sha256', 'shop')}
env:
  GREETING: ${greeting}
mounts:
  - source: data
    destination: /data
    initial_size: ${sizeGb}GB
checks:
  up:
    type: tcp
    port: 8080
    interval: 5s
    timeout: 2s
machines:
  count: ${count}
`,
  };
}

async function start(count = 1): Promise<void> {
  world = await arena();
  world.write(shop(1, { count }));
  const { code, said } = await sync();
  expect(code, said).toBe(0);
}

async function sync(): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

const app = () => world.simulator.world.snapshot()[0];
const sizes = () => app()?.volumes.map(({ sizeGb, filesystemGb }) => [sizeGb, filesystemGb]);
const calls = (template: string): number =>
  world.simulator.world.requests.filter((request) => request.template === template).length;
const restarts = (): number => calls('POST /apps/{app}/machines/{machine}/restart');

describe('a volume that grows', () => {
  test('its plan says that a restart may follow, and nothing is left to do once it has', async () => {
    await start();
    world.write(shop(2));
    const diff = await world.flycd(['diff']);
    expect(diff.stdout).toContain('~ volume.extend shop/data/arn [costs money]: git wants at least 2 GB');
    expect(diff.stdout).toContain('~ machine.restart shop/app/arn/1 [restarts]: so that its filesystem grows to 2 GB');
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect([sizes(), restarts()]).toEqual([[[2, 2]], 1]);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });

  test('an update of its machine in the same pass is restart enough, also for the passes after it', async () => {
    await start();
    world.write(shop(2, { greeting: 'bye' }));
    expect((await world.flycd(['diff'])).stdout).not.toContain('machine.restart');
    for (let pass = 0; pass < 2; pass += 1) expect((await sync()).code).toBe(0);
    expect([sizes(), restarts()]).toEqual([[[2, 2]], 0]);
  });

  test('no restart where Fly says that it needs none', async () => {
    await start();
    const [volume] = app()?.volumes ?? [];
    world.simulator.world.faults.add({
      template: 'PUT /apps/{app}/volumes/{volume}/extend',
      fault: {
        status: 200,
        body: {
          volume: { id: volume?.id, name: 'data', state: 'created', size_gb: 2, region: 'arn' },
          needs_restart: false,
        },
      },
    });
    world.write(shop(2));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect([restarts(), ran.said.includes('no restart is due')]).toEqual([0, true]);
  });

  test.each([
    ['reset-after', 1],
    ['408-after', 1],
    ['reset-before', 2],
    ['500', 2],
  ] as const)('an extend whose answer is lost by %s: one extend, one restart, by pass %i', async (fault, passes) => {
    await start();
    world.simulator.world.faults.add({ template: 'PUT /apps/{app}/volumes/{volume}/extend', fault });
    world.write(shop(2));
    const codes: number[] = [];
    for (let pass = 1; pass <= passes; pass += 1) codes.push((await sync()).code);
    expect(codes.at(-1)).toBe(0);
    expect([sizes(), restarts()]).toEqual([[[2, 2]], 1]);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });

  test('a restart whose answer is lost is not done twice', async () => {
    await start();
    const template = 'POST /apps/{app}/machines/{machine}/restart';
    world.simulator.world.faults.add({ template, fault: 'reset-after' });
    world.write(shop(2));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect([sizes(), restarts()]).toEqual([[[2, 2]], 1]);
  });

  test('an extend that Fly refuses restarts nothing, and the other volume grows all the same', async () => {
    await start(2);
    world.simulator.world.faults.add({
      template: 'PUT /apps/{app}/volumes/{volume}/extend',
      fault: { status: 422, body: { error: 'invalid_argument: no' } },
    });
    world.write(shop(2, { count: 2 }));
    const ran = await sync();
    expect(ran.code, ran.said).toBe(1);
    const grown = app()?.volumes.map(({ filesystemGb }) => filesystemGb);
    expect([grown?.toSorted((a, b) => a - b), restarts()]).toEqual([[1, 2], 1]);
    expect((await sync()).code).toBe(0);
    expect([sizes(), restarts()]).toEqual([
      [
        [2, 2],
        [2, 2],
      ],
      2,
    ]);
  });

  test('a restart that a person was faster with is not owed any more', async () => {
    await start();
    const template = 'POST /apps/{app}/machines/{machine}/restart';
    world.simulator.world.faults.add({ template, fault: '500' });
    world.write(shop(2));
    expect((await sync()).code).toBe(1);
    const diff = await world.flycd(['diff']);
    expect(diff.stdout).toContain('its volume grew to 2 GB, and its filesystem follows with a restart');
    await world.asPerson('POST', `/apps/shop/machines/${app()?.machines[0]?.id}/restart`);
    await world.clock.sleep(10_000);
    expect((await world.flycd(['diff'])).code).toBe(0);
    expect((await sync()).code).toBe(0);
    expect([sizes(), restarts()]).toEqual([[[2, 2]], 2]);
  });
});

describe('a filesystem grows with its volume, though Fly answers for a moment that there is none', () => {
  const unshown = { status: 404, body: { error: 'not found' } };
  const rows = (['machines/{machine}', 'volumes/{volume}'] as const).flatMap((kind) =>
    [1, 2, 3, 4].map((nth) => [kind, nth] as const),
  );
  const unshownAt = (kind: string, nth: number): void =>
    world.simulator.world.faults.add({ template: `GET /apps/{app}/${kind}`, app: 'shop', nth, fault: unshown });

  test.each(rows)('of that %s, at look %i of the pass that extends it', async (kind, nth) => {
    await start();
    world.write(shop(2));
    unshownAt(kind, nth);
    const { code, said } = await sync();
    expect([code, sizes()], said).toEqual([0, [[2, 2]]]);
  });

  test.each(rows)('of that %s, at look %i of the pass that owes it the restart', async (kind, nth) => {
    await start();
    const template = 'POST /apps/{app}/machines/{machine}/restart';
    world.simulator.world.faults.add({ template, fault: '500', times: 9 });
    world.write(shop(2));
    await sync();
    world.simulator.world.faults.clear();
    await world.clock.sleep(60_000);
    unshownAt(kind, nth);
    const { code, said } = await sync();
    expect([code, sizes()], said).toEqual([0, [[2, 2]]]);
  });
});

describe('machines that restart for their volumes', () => {
  test('one that does not get well stops the others, also in the passes after it', async () => {
    await start(3);
    const first = app()?.machines[0]?.id ?? '';
    world.simulator.world.onStateChange = (machine) => {
      if (machine.id === first && machine.state === 'restarting') machine.checkRule = 'fail';
    };
    world.write(shop(2, { count: 3 }));
    for (let pass = 0; pass < 3; pass += 1) {
      const ran = await sync();
      expect([ran.code, restarts()], ran.said).toEqual([1, 1]);
      expect(ran.said).toContain('a machine did not become healthy');
    }
    world.simulator.world.onStateChange = undefined;
    const machine = world.simulator.world.apps.get('shop')?.machines.get(first);
    if (machine !== undefined) machine.checkRule = 'pass';
    await world.asPerson('POST', `/apps/shop/machines/${first}/restart`);
    await world.clock.sleep(10_000);
    const ran = await sync();
    expect(ran.code, ran.said).toBe(0);
    expect(sizes()?.map(([, filesystem]) => filesystem)).toEqual([2, 2, 2]);
  });

  /** How many at most were down at a moment. */
  function watchDown(): () => number {
    let most = 0;
    world.simulator.world.onStateChange = () => {
      const down = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
        ({ state }) => state !== 'started',
      );
      most = Math.max(most, down.length);
    };
    return () => most;
  }

  const extend = 'PUT /apps/{app}/volumes/{volume}/extend';

  test.each([1, 2, 3, 4])('two FlyCDs at once take turns, call %i to extend being slow', async (nth) => {
    await start(2);
    // Past the lists that Fly answers a second.
    await world.clock.sleep(60_000);
    // The other FlyCD has restarted that machine by then, and this one owes a restart of the other machine alone.
    world.simulator.world.faults.add({ template: extend, nth, fault: { latencyMs: 1000 } });
    world.write(shop(2, { count: 2 }));
    const most = watchDown();
    const both = await Promise.all(['state', 'another'].map((state) => world.flycd(['sync', '--once'], state)));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(sizes()?.map(([, filesystem]) => filesystem)).toEqual([2, 2]);
    expect([most(), restarts()]).toEqual([1, 2]);
  });

  test.each([0, 1])('an update by another FlyCD that sees a later commit waits its turn (restart %i)', async (nth) => {
    await start(2);
    await world.clock.sleep(60_000);
    const later = mkdtempSync(join(tmpdir(), 'flycd-later-'));
    for (const [path, text] of Object.entries(shop(2, { count: 2, greeting: 'bye' }))) {
      mkdirSync(dirname(join(later, path)), { recursive: true });
      writeFileSync(join(later, path), text);
    }
    world.write(shop(2, { count: 2 }));
    const most = watchDown();
    const seen = world.simulator.world.onStateChange;
    let other: Promise<unknown> | undefined;
    world.simulator.world.onStateChange = (machine) => {
      seen?.(machine);
      if (restarts() === nth + 1) other ??= world.flycdAt(later, ['sync', '--once'], 'another');
    };
    await sync();
    await other;
    rmSync(later, { recursive: true });
    expect(app()?.machines.map(({ config }) => config.env?.['GREETING'])).toEqual(['bye', 'bye']);
    expect(most()).toBe(1);
  });
});
