import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currentConfig, releases } from '../../simulator/flyctl/queries.ts';
import { prepared, type Arena, type Files } from '../arena.ts';

/** An app of FlyCD's in the hands of somebody with flyctl: each command is what the simulator's flyctl replays of it. */
const fleet = (greeting: string, count: string): Files => ({
  'shop/app.yaml': `app: shop
primary_region: arn
build: { image: "docker.io/acme/shop:1@sha256:${'5'.repeat(64)}" }
env: { GREETING: ${greeting} }
http_service:
  internal_port: 8080
  checks: [{ path: /health, interval: 5s, timeout: 2s }]
network: { ips: [] }
${count}`,
});

let world: Arena;
beforeEach(async () => {
  world = await prepared([fleet('hello', '')], fleet('bye', ''));
  await synced();
});
afterEach(() => world.close());

const human = () => world.simulator.flyctl;
const machines = () =>
  [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])].filter(
    ({ state }) => state !== 'destroyed' && state !== 'destroying',
  );
const told = () => machines().map(({ config }) => config.metadata?.['fly_release_version']);

async function synced(): Promise<void> {
  const { code, stdout, stderr } = await world.flycd(['sync', '--once']);
  expect(code, stderr + stdout).toBe(0);
  const diff = await world.flycd(['diff']);
  expect(diff.code, diff.stdout).toBe(0);
}

async function graphql(query: string, variables: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { simulator, clock } = world;
  return clock.busy(async () => {
    const response = await fetch(`${simulator.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `FlyV1 ${simulator.token}` },
      body: JSON.stringify({ query, variables }),
    });
    return ((await response.json()) as { readonly data: unknown }).data;
  });
}

describe('after FlyCD', () => {
  test('fly releases lists what it released, and fly config show prints the config that runs', async () => {
    expect(await graphql(releases, { appName: 'shop', limit: 10 })).toMatchObject({
      app: {
        releases: {
          nodes: [
            { version: 2, status: 'complete' },
            { version: 1, status: 'complete' },
          ],
        },
      },
    });
    expect(await graphql(currentConfig, { appName: 'shop' })).toMatchObject({
      app: {
        currentReleaseUnprocessed: {
          configDefinition: { app: 'shop', primary_region: 'arn', env: { GREETING: 'bye' } },
        },
      },
    });
  });

  test('fly scale count makes copies that FlyCD counts, and restarts nothing of', async () => {
    const versions = () => machines().map(({ instanceId }) => instanceId);
    expect(await human().scaleCount('shop', { count: 4 })).toEqual({ ok: true });
    const before = versions();
    await synced();
    expect(versions()).toEqual(before);
    expect([machines().length, new Set(told())]).toEqual([4, new Set(['2'])]);
  });

  test('fly scale memory is kept where git names no size', async () => {
    expect(await human().scaleMemory('shop', { memoryMb: 1024 })).toEqual({ ok: true });
    await synced();
    expect(machines().map(({ config }) => config.guest?.memory_mb)).toEqual([1024, 1024]);
  });

  test('fly deploy updates its machines in place, and FlyCD names the release it finds', async () => {
    const before = machines().map(({ id }) => id);
    expect(await human().deploy('shop', { image: 'docker.io/acme/shop:9' })).toEqual({ ok: true });
    expect(machines().map(({ id }) => id)).toEqual(before);
    expect(told()).toEqual(['3', '3']);
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(4);
    expect(stdout).toContain('changed by flyctl (release v3)');
  });

  test('fly secrets set restarts its machines, and that is no change for FlyCD', async () => {
    expect(await human().setSecrets('shop', { values: { TOKEN: 'x' } })).toEqual({ ok: true });
    const versions = machines().map(({ instanceId }) => instanceId);
    const { code, stdout } = await world.flycd(['sync', '--once']);
    expect(code, stdout).toBe(0);
    expect(machines().map(({ instanceId }) => instanceId)).toEqual(versions);
  });
});
