import { describe, expect, test } from 'vitest';
import type { HandDeploy } from '../../../simulator/flyctl/deploy.ts';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { platform, type Platform } from '../platform.ts';

const web: MachineConfig = {
  image: 'shop:v1',
  env: { GREETING: 'hello' },
  services: [
    { protocol: 'tcp', internal_port: 8080, ports: [{ port: 80, handlers: ['http'] }], checks: [{ type: 'tcp' }] },
  ],
};
const worker: MachineConfig = { image: 'shop:v1' };

const machines = (it: Platform, app = 'shop') =>
  [...(it.world.apps.get(app)?.machines.values() ?? [])].filter((machine) => machine.state !== 'destroyed');
const groups = (it: Platform) => machines(it).map(({ config }) => config.metadata?.['fly_process_group']);

async function deployed(wanted: HandDeploy = { configs: { web, worker }, primaryRegion: 'arn' }): Promise<Platform> {
  const it = await platform();
  await it.app();
  expect(await it.simulator.flyctl.deploy('shop', wanted)).toEqual({ ok: true });
  return it;
}

describe('the first deploy by hand', () => {
  test('makes two where it serves, a standby where it does not, addresses and a release', async () => {
    const it = await deployed();
    expect(groups(it)).toEqual(['web', 'web', 'worker', 'worker']);
    expect(machines(it).map(({ state }) => state)).toEqual(['started', 'started', 'started', 'stopped']);
    const [one, , first, standby] = machines(it);
    expect(standby?.config).toMatchObject({ standbys: [first?.id], env: { FLY_STANDBY_FOR: first?.id } });
    expect(one?.config).toMatchObject({
      env: { GREETING: 'hello', FLY_PROCESS_GROUP: 'web', PRIMARY_REGION: 'arn' },
      metadata: { fly_platform_version: 'v2', fly_release_version: '1', fly_process_group: 'web' },
    });
    expect(new Set(machines(it).map(({ region }) => region))).toEqual(new Set(['arn']));
    const { ips } = (await it.call('GET', '/apps/shop/ip_assignments')).body;
    expect(ips.map((address: { shared: boolean }) => address.shared)).toEqual([false, true]);
    expect(it.world.apps.get('shop')?.releases).toMatchObject([{ version: 1, status: 'complete', image: 'shop:v1' }]);
    expect(it.world.writes().map(({ template }) => template)).toEqual(['POST /apps']);
  });

  test('--ha=false makes one of each', async () => {
    const it = await deployed({ configs: { web, worker }, highAvailability: false });
    expect(groups(it)).toEqual(['web', 'worker']);
  });

  test('a mount gets a volume of 1 GB and one machine', async () => {
    const it = await deployed({ configs: { web: { ...web, mounts: [{ name: 'data', path: '/data' }] } } });
    expect(it.world.snapshot()[0]?.volumes).toMatchObject([{ name: 'data', sizeGb: 1 }]);
    expect(machines(it)).toHaveLength(1);
  });
});

describe('another deploy by hand', () => {
  test('of an image alone keeps the rest, stamps its release and holds leases meanwhile', async () => {
    const it = await deployed();
    const holders = new Set<string | undefined>();
    it.world.onStateChange = (machine) => {
      if (machine.state === 'replacing') holders.add(machine.lease?.owner);
    };
    const before = machines(it);
    expect(await it.simulator.flyctl.deploy('shop', { image: 'shop:v2' })).toEqual({ ok: true });
    expect([...holders]).toEqual(['human@example.com']);
    expect(machines(it)).toEqual(before);
    for (const { config, lease } of machines(it)) {
      expect(config).toMatchObject({ image: 'shop:v2', metadata: { fly_release_version: '2' } });
      expect(lease).toBeUndefined();
    }
    expect(machines(it).map(({ state }) => state)).toEqual(['started', 'started', 'started', 'stopped']);
    expect(machines(it)[0]?.config.env).toMatchObject({ GREETING: 'hello' });
  });

  test('of mapped configs overwrites env, keeps guest and metadata, and ends groups it does not name', async () => {
    const it = await deployed();
    const [first] = machines(it);
    await it.call('PATCH', `/apps/shop/machines/${first?.id}/metadata`, { metadata: { mine: 'yes' } });
    await it.simulator.flyctl.scaleMemory('shop', { memoryMb: 512 });
    expect(await it.simulator.flyctl.deploy('shop', { configs: { web: { ...web, env: { OTHER: '1' } } } })).toEqual({
      ok: true,
    });
    await it.clock.sleep(1000);
    expect(groups(it)).toEqual(['web', 'web']);
    expect(machines(it)[0]?.config).toMatchObject({
      env: { OTHER: '1', FLY_PROCESS_GROUP: 'web', PRIMARY_REGION: 'arn' },
      guest: { memory_mb: 512 },
      metadata: { mine: 'yes', fly_release_version: '2' },
    });
    expect(machines(it)[0]?.config.env).not.toHaveProperty('GREETING');
  });

  test('fails after five minutes of failing checks, and leaves the rest as it was', async () => {
    const it = await deployed({ configs: { web }, highAvailability: true });
    const began = it.clock.now();
    const outcome = await it.simulator.flyctl.deploy('shop', { image: 'shop:failing-check' });
    expect(outcome).toMatchObject({ ok: false, error: expect.stringContaining('not healthy') });
    expect(it.clock.now() - began).toBeGreaterThanOrEqual(300_000);
    expect(new Set(machines(it).map(({ config }) => config.image))).toEqual(new Set(['shop:failing-check', 'shop:v1']));
    expect(it.world.apps.get('shop')?.releases[0]?.status).toBe('failed');
    expect(machines(it).every(({ lease }) => lease === undefined)).toBe(true);
  });

  test('is a release of its own from the first second, long before it touches a machine', async () => {
    const it = await deployed({ configs: { web } });
    const wanted = { image: 'shop:v2', slowMs: 60_000 };
    const began = it.clock.now();
    const deploying = it.simulator.flyctl.deploy('shop', wanted);
    const listed = async () => (await it.call('GET', '/api/v1/apps/shop/releases?limit=1')).body.releases[0];
    expect(await listed()).toMatchObject({
      version: 2,
      status: 'running',
      in_progress: true,
      user: 'human@example.com',
    });
    expect(machines(it).every(({ lease, config }) => lease === undefined && config.image === 'shop:v1')).toBe(true);
    expect(await deploying).toEqual({ ok: true });
    expect(it.clock.now() - began).toBeGreaterThanOrEqual(60_000);
    expect(await listed()).toMatchObject({ version: 2, status: 'complete', in_progress: false, stable: true });
    expect(machines(it).every(({ config }) => config.image === 'shop:v2')).toBe(true);
  });

  test.each([
    ['interrupted', 'interrupted'],
    ['killed', 'running'],
  ] as const)('that is %s touches nothing and leaves its release %s', async (stops, status) => {
    const it = await deployed({ configs: { web } });
    const outcome = await it.simulator.flyctl.deploy('shop', { image: 'shop:v2', stops });
    expect(outcome).toEqual({ ok: false, error: stops });
    expect(it.world.apps.get('shop')?.releases[0]?.status).toBe(status);
    expect(machines(it).every(({ lease, config }) => lease === undefined && config.image === 'shop:v1')).toBe(true);
  });

  test('waits for somebody’s lease, a minute at most', async () => {
    const it = await deployed({ configs: { web }, highAvailability: false });
    const id = machines(it)[0]?.id ?? '';
    await it.call('POST', `/apps/shop/machines/${id}/lease?ttl=20`);
    const began = it.clock.now();
    expect(await it.simulator.flyctl.deploy('shop', { image: 'shop:v2' })).toEqual({ ok: true });
    expect(it.clock.now() - began).toBeGreaterThan(19_000);
    await it.call('POST', `/apps/shop/machines/${id}/lease?ttl=300`);
    expect(await it.simulator.flyctl.deploy('shop', { image: 'shop:v3' })).toMatchObject({
      ok: false,
      error: expect.stringContaining('lease currently held by'),
    });
  });

  test.each([
    ['shop:v2', true],
    ['shop:failing-release', false],
  ])('a release command of %s lets it go on: %s', async (image, ok) => {
    const it = await deployed({ configs: { web } });
    const outcome = await it.simulator.flyctl.deploy('shop', { image, releaseCommand: 'migrate now' });
    expect(outcome.ok).toBe(ok);
    expect(machines(it).every(({ config }) => config.image === (ok ? image : 'shop:v1'))).toBe(true);
    expect(machines(it)).toHaveLength(2);
  });
});

describe('by hand', () => {
  test('scale count clones with all metadata and takes the youngest away', async () => {
    const it = await deployed({ configs: { web }, highAvailability: false });
    const [first] = machines(it);
    expect(await it.simulator.flyctl.scaleCount('shop', { count: 3 })).toEqual({ ok: true });
    expect(machines(it)).toHaveLength(3);
    expect(machines(it)[2]?.config.metadata).toEqual(first?.config.metadata);
    expect(await it.simulator.flyctl.scaleCount('shop', { count: 2, region: 'lhr' })).toEqual({ ok: true });
    expect(machines(it).filter(({ region }) => region === 'lhr')).toHaveLength(2);
    expect(await it.simulator.flyctl.scaleCount('shop', { count: 1, region: 'ams' })).toEqual({ ok: true });
    await it.clock.sleep(1000);
    expect(machines(it).filter(({ region }) => region === 'ams')).toEqual([first]);
  });

  test('a clone with a volume has one of its own', async () => {
    const it = await deployed({ configs: { web: { ...web, mounts: [{ name: 'data', path: '/data' }] } } });
    expect(await it.simulator.flyctl.clone('shop', { machine: machines(it)[0]?.id ?? '', name: 'twin' })).toEqual({
      ok: true,
    });
    const [one, two] = machines(it).map(({ config }) => config.mounts?.[0]);
    expect(two).toMatchObject({ name: 'data', path: '/data', size_gb: 1 });
    expect(two?.volume).not.toBe(one?.volume);
  });

  test('an update lays over what is there', async () => {
    const it = await deployed({ configs: { web }, highAvailability: false });
    const id = machines(it)[0]?.id ?? '';
    const config = { env: { DEBUG: '1' }, guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 1024 } };
    expect(await it.simulator.flyctl.update('shop', { machine: id, config })).toEqual({ ok: true });
    expect(machines(it)[0]?.config).toMatchObject({
      image: 'shop:v1',
      env: { GREETING: 'hello', DEBUG: '1' },
      guest: { memory_mb: 1024 },
      metadata: { fly_release_version: '1' },
    });
  });

  test('secrets restart machines under a new release; staged ones wait', async () => {
    const it = await deployed({ configs: { web }, highAvailability: false });
    const booted = () => machines(it)[0]?.booted?.secrets;
    expect(await it.simulator.flyctl.setSecrets('shop', { values: { A: '1' }, stage: true })).toEqual({ ok: true });
    expect(booted()).toEqual({});
    expect(await it.simulator.flyctl.setSecrets('shop', { values: { B: '2' } })).toEqual({ ok: true });
    expect(booted()).toEqual({ A: '1', B: '2' });
    expect(machines(it)[0]?.config.metadata?.['fly_release_version']).toBe('2');
  });

  test('addresses are released and machines destroyed; what is not there is said', async () => {
    const it = await deployed({ configs: { web }, highAvailability: false });
    const ip = [...(it.world.apps.get('shop')?.addresses.keys() ?? [])][0] ?? '';
    expect(await it.simulator.flyctl.releaseAddress('shop', { ip })).toEqual({ ok: true });
    expect(await it.simulator.flyctl.releaseAddress('shop', { ip })).toMatchObject({ ok: false });
    expect(await it.simulator.flyctl.destroy('shop', { machine: machines(it)[0]?.name ?? '' })).toEqual({ ok: true });
    await it.clock.sleep(1000);
    expect(machines(it)).toEqual([]);
    expect(await it.simulator.flyctl.destroy('shop', { machine: 'nobody' })).toMatchObject({ ok: false });
    expect(await it.simulator.flyctl.deploy('nowhere', {})).toMatchObject({ ok: false });
  });
});

test('another process plays the human over HTTP and reads how it went', async () => {
  const it = await platform();
  await it.app();
  const play = (command: string, body: object) => it.call('POST', `/_simulator/apps/shop/human/${command}`, body);
  expect((await play('deploy', { configs: { web }, primaryRegion: 'lhr', highAvailability: false })).status).toBe(202);
  expect((await it.call('GET', '/_simulator/human')).body).toEqual([{ command: 'deploy', app: 'shop' }]);
  await it.clock.sleep(10_000);
  for (const [command, body] of [
    ['scale-count', { count: 2 }],
    ['scale-memory', { memoryMb: 512 }],
    ['secrets', { values: { A: '1' } }],
    ['clone', { machine: machines(it)[0]?.id }],
    ['update', { machine: machines(it)[0]?.id, config: { env: { X: 'y' } } }],
    ['destroy', { machine: machines(it)[0]?.id }],
    ['release-address', { ip: 'nothing' }],
  ] as const) {
    expect((await play(command, body)).status, command).toBe(202);
    await it.clock.sleep(30_000);
  }
  const { body } = await it.call('GET', '/_simulator/human');
  const failed = body.filter((entry: { outcome: { ok: boolean } }) => !entry.outcome.ok);
  expect(failed).toMatchObject([{ command: 'ips release', outcome: { error: expect.stringContaining('not found') } }]);
  expect(body).toHaveLength(8);
  expect(machines(it)).toHaveLength(2);
  expect((await play('juggle', {})).status).toBe(404);
  expect((await play('deploy', { stops: 'tired' })).status).toBe(400);
  await play('deploy', { slowMs: 30_000, stops: 'killed' });
  await it.clock.sleep(60_000);
  expect((await it.call('GET', '/api/v1/apps/shop/releases')).body.releases[0].status).toBe('running');
});
