import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { arena, prepared, type Arena, type Files } from '../arena.ts';
import { callOf } from '../calls.ts';

let world: Arena;
afterEach(() => world.close());

interface Shop {
  readonly image?: string;
  readonly color?: string;
  readonly killTimeout?: string;
  readonly grace?: string;
  readonly more?: string;
  readonly count?: number;
}

/** Patience of 6 s: whatever takes longer must not be counted as the new version's time. */
function shop({
  image = 'shop:1',
  color = 'red',
  killTimeout = '5s',
  grace = '1s',
  more = '',
  count = 1,
}: Shop): Files {
  return {
    'flycd.yaml': 'fleet: patience\n',
    'shop/app.yaml': `app: shop
primary_region: arn
kill_timeout: ${killTimeout}
build:
  image: docker.io/acme/${image}@sha256:${hash('sha256', image)}
env:
  COLOR: ${color}
http_service:
  internal_port: 8080
  checks:
    - path: /health
      interval: 5s
      timeout: 2s
      grace_period: ${grace}
deploy:
  wait_timeout: 6s
machines:
  count: ${count}
${more}`,
  };
}

const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(({ state }) => state !== 'destroyed');
const images = () => machines().map(({ config }) => /acme\/([^@]+)/.exec(config.image ?? '')?.[1]);

async function sync() {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  return { code, said: stderr + stdout };
}

describe('the time that is not the new version’s own does not count as its own', () => {
  test.each([
    ['25 s', '25s'],
    ['five minutes, the most Fly gives', '5m'],
  ])('the old version stops in %s', async (_what, killTimeout) => {
    world = await prepared([shop({ image: 'slow-stop:1', killTimeout })], shop({ image: 'shop:2' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:2']);
    expect((await sync()).code).toBe(0);
  });

  test('the version before the last still stops when the next update comes', async () => {
    world = await prepared([shop({ image: 'slow-stop:1', killTimeout: '100s' })], {});
    const [machine] = machines();
    const config = { ...machine?.config, env: { COLOR: 'by hand' }, stop_config: { timeout: '5s' } };
    await world.asPerson('POST', `/apps/shop/machines/${machine?.id ?? ''}`, { config });
    world.write(shop({ image: 'shop:3', color: 'blue' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:3']);
  });

  test.each([
    ['an update', [shop({})]],
    ['a create', []],
  ])('its image is pulled for minutes: %s', async (_what, before) => {
    world = await prepared(before, shop({ image: 'slow-pull:2' }));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['slow-pull:2']);
  });

  test('a release command counts from when its machine runs', async () => {
    const command = 'deploy:\n  wait_timeout: 6s\n  release_command: migrate\n  release_command_timeout: 5s\n';
    const text = (image: string): Files => {
      const files = shop({ image });
      return { ...files, 'shop/app.yaml': (files['shop/app.yaml'] ?? '').replace(/deploy:\n.*\n/, command) };
    };
    world = await prepared([text('shop:1')], text('slow-pull:2'));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['slow-pull:2']);
  });

  test('the checks have a grace period before they count', async () => {
    world = await prepared([shop({})], shop({ image: 'shop:2', grace: '30s' }));
    passAfter(25);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual(['shop:2']);
  });

  test('a machine restarts for its volume, and stops slowly', async () => {
    const mounted = (gb: number): Files =>
      shop({
        image: 'slow-stop:1',
        killTimeout: '40s',
        more: `mounts:\n  - source: data\n    destination: /data\nvolumes:\n  - name: data\n    size_gb: ${gb}\n`,
      });
    world = await prepared([mounted(9)], mounted(20));
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(said).toContain('its filesystem has 20 GB now');
  });
});

describe('a pass that comes later counts from where the machine is', () => {
  /** The update is sent, and nobody waits for it. */
  async function killedAfterUpdate(before: Files, files: Files, seconds: number): Promise<void> {
    world = await prepared([before], files, { orderly: true });
    const update = 'POST /apps/{app}/machines/{machine}';
    const call = await callOf(update, 1, { before: [before], files });
    await world.mortalFlycd(['sync', '--once'], { call, when: 'after' });
    expect(machines()[0]?.config.metadata?.['flycd_unproven']).toBe('1');
    await world.clock.sleep(seconds * 1000);
  }

  test.each([
    ['the old version has been stopping for 100 s', shop({ image: 'slow-stop:1', killTimeout: '200s' }), 'shop:2', 100],
    ['the image has been pulled for 100 s', shop({}), 'slow-pull:2', 100],
    ['it came to run three seconds ago, after minutes', shop({}), 'slow-pull:2', 183],
  ])('%s', async (_what, before, image, seconds) => {
    await killedAfterUpdate(before, shop({ image }), seconds);
    passAfter(4);
    const { code, said } = await sync();
    expect(code, said).toBe(0);
    expect(images()).toEqual([image]);
  });
});

describe('what takes too long all the same', () => {
  test('never comes out of starting: failed after five minutes, and gone back from', async () => {
    world = await prepared([shop({})], shop({ image: 'shop:2' }));
    world.simulator.world.pace.add({ state: 'starting', times: 1 });
    const at = world.clock.now();
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toContain('no progress for 300 s: it is starting');
    expect(said).toContain('where its image takes so long to be pulled, write a longer deploy.wait_timeout (15m)');
    expect(images()).toEqual(['shop:1']);
    expect(world.clock.now() - at).toBeGreaterThan(300_000);
    expect(world.clock.now() - at).toBeLessThan(340_000);
  });

  test('never stops: its old kill_timeout and a minute later the pass ends, and the new version is not blamed', async () => {
    world = await prepared([shop({ killTimeout: '30s' })], shop({ image: 'shop:2', killTimeout: '30s' }));
    world.simulator.world.pace.add({ state: 'replacing', extraMs: 200_000, times: 1 });
    const at = world.clock.now();
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toContain('no progress for 90 s: it is replacing');
    expect(world.clock.now() - at).toBeLessThan(130_000);
    expect(images()).toEqual(['shop:2']);
    expect(machines()[0]?.config.metadata?.['flycd_failed']).toBeUndefined();
    await world.clock.sleep(120_000);
    const again = await sync();
    expect(again.code, again.said).toBe(0);
  });

  test('has a grace period: failed once it and wait_timeout are over', async () => {
    world = await arena();
    world.write(shop({ image: 'failing-check:1', grace: '20s' }));
    const { code, said } = await sync();
    expect(code, said).toBe(1);
    expect(said).toContain('no progress for 26 s: check');
  });

  test('a wait_timeout over five minutes is given for a pull as well', async () => {
    const patient = (files: Files): Files => ({
      ...files,
      'shop/app.yaml': (files['shop/app.yaml'] ?? '').replace('wait_timeout: 6s', 'wait_timeout: 10m'),
    });
    world = await prepared([patient(shop({}))], patient(shop({ image: 'shop:2' })));
    world.simulator.world.pace.add({ state: 'starting', extraMs: 400_000, times: 1 });
    const { code, said } = await sync();
    expect(code, said).toBe(0);
  });
});

/** Whoever looks at a machine sees its checks pass from this long after its start, whatever the simulator made of them. */
function passAfter(seconds: number): void {
  const { simulator } = world;
  simulator.world.onRequest = ({ phase, request }) => {
    if (phase !== 'before' || request.template !== 'GET /apps/{app}/machines/{machine}') return;
    for (const machine of machines()) {
      const started = machine.events.find(({ type, status }) => type === 'start' && status === 'started');
      const passes = world.clock.now() - (started?.timestamp ?? 0) >= seconds * 1000;
      machine.checks = machine.checks.map((check) => ({ ...check, status: passes ? 'passing' : 'critical' }));
    }
  };
}
