import { describe, expect, test } from 'vitest';
import * as queries from './queries.ts';
import { createApp, deploy, flyctl, type Flyctl, type Json } from './flyctl.ts';

const leaseSeconds = 120;

async function deployed(): Promise<{ readonly cli: Flyctl; readonly machines: readonly Json[] }> {
  const cli = await flyctl();
  await createApp(cli);
  await deploy(cli);
  return { cli, machines: await cli.flaps('GET', '/apps/shop/machines') };
}

const path = (id: string): string => `/apps/shop/machines/${id}`;
const list = (cli: Flyctl): Promise<Json[]> => cli.flaps('GET', '/apps/shop/machines');

/** As every command does that changes a machine: lease, act, give back. The lease names the version it found. */
async function leased(cli: Flyctl, machine: Json, act: (nonce: string) => Promise<void>): Promise<void> {
  const { status, data } = await cli.flaps('POST', `${path(machine.id)}/lease?ttl=${leaseSeconds}`);
  expect([status, data.version]).toEqual(['success', machine.instance_id]);
  await act(data.nonce);
  const end = await cli.call('DELETE', `${path(machine.id)}/lease`, undefined, {
    'fly-machine-lease-nonce': data.nonce,
  });
  // A destroyed machine has no lease left to give back, which the client passes over.
  expect(end.status === 200 || end.body.error === 'lease not found').toBe(true);
}

/** `mach.Update` of the client: update, wait until settled, look at the checks. */
async function update(cli: Flyctl, machine: Json, config: Json): Promise<void> {
  await leased(cli, machine, async (nonce) => {
    const { id, name, region } = machine;
    const updated = await cli.flaps('POST', path(id), { name, region, config }, nonce);
    expect(updated.instance_id).not.toBe(machine.instance_id);
    expect((await cli.flaps('GET', `${path(id)}/wait?state=settled&timeout=60`)).ok).toBe(true);
    expect((await cli.flaps('GET', path(id))).state).toBe('started');
  });
}

describe('fly machine', () => {
  test('list and status; the app is found by a machine alone', async () => {
    const { cli, machines } = await deployed();
    expect(machines.map((machine) => machine.state)).toEqual(['started', 'started']);
    const { gqlmachine } = await cli.graphql(queries.machineApp, { machineId: machines[0].id });
    expect(gqlmachine).toMatchObject({ id: machines[0].id, app: { name: 'shop', organization: { slug: 'personal' } } });
    const machine = await cli.flaps('GET', path(machines[0].id));
    expect(machine).toMatchObject({ region: 'arn', events: expect.any(Array), image_ref: { repository: 'shop' } });
    await expect(cli.graphql(queries.machineApp, { machineId: 'none' })).rejects.toThrow('Could not find Machine');
  });

  test('stop and start', async () => {
    const { cli, machines } = await deployed();
    const [machine] = machines;
    await leased(cli, machine, async (nonce) => {
      await cli.flaps('POST', `${path(machine.id)}/stop`, { id: machine.id }, nonce);
    });
    const { instance_id: version } = await cli.flaps('GET', path(machine.id));
    await cli.flaps('GET', `${path(machine.id)}/wait?state=stopped&timeout=60&instance_id=${version}`);
    await leased(cli, machine, async (nonce) => {
      const started = await cli.flaps('POST', `${path(machine.id)}/start`, undefined, nonce);
      expect(started.previous_state).toBe('stopped');
    });
    await cli.flaps('GET', `${path(machine.id)}/wait?state=started&timeout=60`);
  });

  test('update', async () => {
    const { cli, machines } = await deployed();
    await update(cli, machines[0], { ...machines[0].config, env: { ...machines[0].config.env, COLOR: 'blue' } });
    expect((await list(cli)).map((machine) => machine.config.env.COLOR)).toEqual(['blue', undefined]);
  });

  test('clone, with a volume of its own', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { config: { mounts: [{ name: 'data', path: '/data' }] } });
    const [source] = await list(cli);
    const [mount] = source.config.mounts;
    const wanted = { name: mount.name, region: 'arn', size_gb: mount.size_gb, encrypted: mount.encrypted };
    const volume = await cli.flaps('POST', '/apps/shop/volumes', { ...wanted, require_unique_zone: false });
    const config = { ...source.config, mounts: [{ ...mount, volume: volume.id }] };
    const clone = await cli.flaps('POST', '/apps/shop/machines', { region: 'arn', config });
    await cli.flaps('GET', `${path(clone.id)}/wait?state=started&timeout=60`);
    expect(cli.world.snapshot()[0]?.volumes.map((one) => one.attachedMachine)).toEqual([source.id, clone.id]);
  });

  test('destroy --force', async () => {
    const { cli, machines } = await deployed();
    await cli.graphql(queries.appCompact, { appName: 'shop' });
    await leased(cli, machines[0], async (nonce) => {
      await cli.flaps('DELETE', `${path(machines[0].id)}?kill=true`, undefined, nonce);
      await cli.clock.sleep(1000);
    });
    expect((await list(cli)).map((machine) => machine.id)).toEqual([machines[1].id]);
  });
});

describe('fly scale', () => {
  test('count asks for a complete release, and clones the first machine', async () => {
    const { cli, machines } = await deployed();
    await cli.graphql(queries.currentConfig, { appName: 'shop' });
    const asked = { appName: 'shop', limit: 1, status: 'complete' };
    const [release] = (await cli.graphql(queries.releases, asked)).app.releases.nodes;
    expect(await cli.flaps('GET', '/apps/shop/volumes')).toEqual([]);
    const metadata = { ...machines[0].config.metadata, fly_release_version: String(release.version) };
    const config = { ...machines[0].config, metadata, image: release.imageRef };
    for (const machine of machines) await leased(cli, machine, async () => {});
    await cli.flaps('POST', '/apps/shop/machines', { region: 'arn', config });
    expect((await cli.graphql(queries.egressAddresses, { appName: 'shop' })).app.egressIpAddresses.nodes).toEqual([]);
    await cli.clock.sleep(3000);
    expect((await list(cli)).map((machine) => machine.state)).toEqual(['started', 'started', 'started']);
  });

  test('count down destroys', async () => {
    const { cli, machines } = await deployed();
    await leased(cli, machines[1], async (nonce) => {
      await cli.flaps('DELETE', `${path(machines[1].id)}?kill=true`, undefined, nonce);
      await cli.clock.sleep(1000);
    });
    expect(await list(cli)).toHaveLength(1);
  });

  test.each([
    ['vm', { cpu_kind: 'performance', cpus: 1, memory_mb: 2048 }],
    ['memory', { memory_mb: 512 }],
  ])('%s updates machine by machine', async (_what, guest) => {
    const { cli, machines } = await deployed();
    for (const machine of machines) {
      await update(cli, machine, { ...machine.config, guest: { ...machine.config.guest, ...guest } });
    }
    const sizes = (await list(cli)).map((machine) => machine.config.guest);
    expect(sizes).toMatchObject([guest, guest]);
  });
});
