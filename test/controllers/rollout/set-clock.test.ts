/** Somebody sets the clock of FlyCD's machine in the middle of a release: what it waits for has as long as before. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fetchFrom, run } from '../../cli/terminal.ts';
import { prepared, type Arena, type Files } from '../arena.ts';
import { OwnClock } from '../own-clock.ts';

let world: Arena;
afterEach(() => world.close());

const minute = 60_000;
const hour = 60 * minute;

const shop = (image: string, deploy = 'wait_timeout: 30s', more = ''): Files => ({
  'flycd.yaml': 'fleet: clocks\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/${image}@sha256:${hash('sha256', image)}" }
machines: { count: 1 }
deploy: { ${deploy} }
${more}`,
});
const checked = `http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s, grace_period: 1s }]
`;

const machines = () => [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
const images = () =>
  machines()
    .filter(({ state, name }) => state !== 'destroyed' && !name.startsWith('release-'))
    .map(({ config }) => /acme\/([^@]+)/.exec(config.image ?? '')?.[1]);

/**
 * A sync whose clock is set by so much, so many milliseconds after a machine of the newest image came to be in that state.
 * How long it took, by a clock that nobody sets.
 */
async function syncWhileSet(byMs: number, { state, afterMs }: { readonly state: string; readonly afterMs: number }) {
  const { clock, simulator } = world;
  const own = new OwnClock(clock);
  let isSet = false;
  simulator.world.onStateChange = (machine) => {
    if (isSet || machine.state !== state || machine.config.image?.includes(':2') !== true) return;
    isSet = true;
    clock.timer(afterMs, () => (own.aheadMs = byMs));
  };
  const begun = clock.monotonic();
  const { code, stdout, stderr } = await run(['sync', '--once', world.folder], {
    env: {
      ...simulator.environment,
      FLYCD_EVIDENCE_KEY: 'the same key for every FlyCD of this test',
      XDG_STATE_HOME: join(world.folder, '..', 'state'),
      USER: 'alice',
    },
    cwd: join(world.folder, '..'),
    clock: own,
    fetch: fetchFrom(simulator.url),
  });
  expect(own.aheadMs, 'nobody has set it').toBe(byMs);
  return { code, said: stderr + stdout, tookMs: clock.monotonic() - begun };
}

describe.each([
  ['back', -hour],
  ['forward', hour],
])('a clock that is set %s by an hour', (_way, byMs) => {
  test('while a good version’s checks do not pass yet', async () => {
    world = await prepared([shop('shop:1', undefined, checked)], shop('slow-start:2', undefined, checked));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'started', afterMs: 3000 });
    expect(code, said).toBe(0);
    expect(images()).toEqual(['slow-start:2']);
    expect(tookMs).toBeLessThan(3 * minute);
  });

  test('while checks of a version fail', async () => {
    world = await prepared([shop('shop:1', undefined, checked)], shop('failing-check:2', undefined, checked));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'started', afterMs: 3000 });
    expect(code, said).toBe(1);
    expect(said).toContain('no progress for 3');
    expect(tookMs).toBeGreaterThan(30_000);
    expect(tookMs).toBeLessThan(5 * minute);
  });

  test('while a version without checks shows that it stays up', async () => {
    world = await prepared([shop('shop:1')], shop('shop:2'));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'started', afterMs: 3000 });
    expect(code, said).toBe(0);
    expect(tookMs).toBeGreaterThan(10_000);
    expect(tookMs).toBeLessThan(3 * minute);
  });

  test('while its image is pulled', async () => {
    world = await prepared([], shop('slow-pull:2'));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'created', afterMs: minute });
    expect(code, said).toBe(0);
    expect(tookMs).toBeLessThan(6 * minute);
  });
});

describe.each([
  ['back', -hour],
  ['forward', hour],
])('a clock that is set %s by an hour, and a release command', (_way, byMs) => {
  const command = 'release_command: migrate, release_command_timeout: 60s';

  test('that runs', async () => {
    world = await prepared([], shop('long-job:2', command));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'started', afterMs: 3000 });
    expect(code, said).toBe(0);
    expect(images()).toEqual(['long-job:2']);
    expect(tookMs).toBeLessThan(3 * minute);
  });

  test('that does not end in its time', async () => {
    world = await prepared([], shop('long-job:2', 'release_command: migrate, release_command_timeout: 10s'));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'started', afterMs: 3000 });
    expect(code, said).toBe(1);
    expect(said).toContain('it did not end within 10 s');
    expect(tookMs).toBeGreaterThan(10_000);
    expect(tookMs).toBeLessThan(3 * minute);
  });

  test('whose image is pulled', async () => {
    world = await prepared([], shop('slow-pull:2', command));
    const { code, said, tookMs } = await syncWhileSet(byMs, { state: 'created', afterMs: minute });
    expect(code, said).toBe(0);
    expect(images()).toEqual(['slow-pull:2']);
    expect(tookMs).toBeLessThan(9 * minute);
  });
});
