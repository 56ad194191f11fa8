import { describe, expect, test } from 'vitest';
import * as queries from './queries.ts';
import { createApp, deploy, flyctl, type Flyctl, type Json } from './flyctl.ts';

async function withApp(): Promise<Flyctl> {
  const cli = await flyctl();
  await createApp(cli);
  return cli;
}

describe('fly secrets', () => {
  /** A restart-only deploy: the image and the config of the last release, and machines that must see the secrets. */
  async function release(cli: Flyctl, version: number): Promise<void> {
    const { imageRef } = (await cli.graphql(queries.latestImage, { appName: 'shop' })).app.currentReleaseUnprocessed;
    const { configDefinition } = (await cli.graphql(queries.currentConfig, { appName: 'shop' })).app
      .currentReleaseUnprocessed;
    const request = { app_name: 'shop', strategy: 'ROLLING', definition: configDefinition, image: imageRef };
    const { release: made } = await cli.web('POST', '/releases', request);
    for (const machine of await cli.flaps('GET', '/apps/shop/machines')) {
      const metadata = { ...machine.config.metadata, fly_release_version: String(made.version) };
      const config = { ...machine.config, metadata };
      await cli.flaps('POST', `/apps/shop/machines/${machine.id}`, { config, min_secrets_version: version });
      await cli.flaps('GET', `/apps/shop/machines/${machine.id}/wait?state=started&timeout=60`);
    }
    await cli.web('PATCH', `/releases/${made.id}`, { status: 'complete', metadata: null });
  }

  const seen = (cli: Flyctl) => cli.world.snapshot()[0]?.machines.map((machine) => machine.secrets);

  test('set --stage, list, deploy, unset', async () => {
    const cli = await withApp();
    await deploy(cli);
    await cli.clock.sleep(1000);
    await cli.graphql(queries.appCompact, { appName: 'shop' });
    const { version } = await cli.flaps('POST', '/apps/shop/secrets', { values: { KEY: 'one', GONE: 'x' } });
    expect(seen(cli)).toEqual([{}, {}]);
    // Staged is what is newer than the release that the machines name.
    const { secrets } = await cli.flaps('GET', `/apps/shop/secrets?version=${version}`);
    const { releases } = await cli.web('GET', '/apps/shop/releases?limit=10');
    expect(Date.parse(secrets[0].updated_at)).toBeGreaterThan(Date.parse(releases[0].created_at));
    await release(cli, version);
    expect(seen(cli)).toEqual([
      { KEY: 'one', GONE: 'x' },
      { KEY: 'one', GONE: 'x' },
    ]);
    const unset = await cli.flaps('POST', '/apps/shop/secrets', { values: { GONE: null } });
    await release(cli, unset.version);
    expect(seen(cli)).toEqual([{ KEY: 'one' }, { KEY: 'one' }]);
    expect(cli.world.apps.get('shop')?.releases.map((one) => one.image)).toEqual(
      Array.from({ length: 3 }, () => 'registry.fly.io/shop:v1'),
    );
  });

  test('over GraphQL write the same secrets, and a release where there was one', async () => {
    const cli = await withApp();
    const set = (input: Json) => cli.graphql(queries.setSecrets, { input: { appId: 'shop', ...input } });
    expect(await set({ secrets: [{ key: 'A', value: '1' }] })).toEqual({ setSecrets: { release: null } });
    await deploy(cli);
    const { setSecrets } = await set({ secrets: [{ key: 'B', value: '2' }], replaceAll: true });
    expect(setSecrets.release).toMatchObject({ version: 2, description: 'Secrets updated' });
    expect(cli.world.snapshot()[0]?.secrets).toEqual({ B: '2' });
    await cli.graphql(queries.unsetSecrets, { input: { appId: 'shop', keys: ['B', 'NEVER'] } });
    expect((await cli.flaps('GET', '/apps/shop/secrets')).secrets).toEqual([]);
    const query = 'query { app(name: "shop") { secrets { id name digest createdAt } } }';
    await set({ secrets: [{ key: 'C', value: '3' }] });
    const { secrets } = await cli.flaps('GET', '/apps/shop/secrets');
    expect((await cli.graphql(query)).app.secrets).toMatchObject([{ name: 'C', digest: secrets[0].digest }]);
  });
});

describe('fly volumes', () => {
  test('create, list, extend, destroy', async () => {
    const cli = await withApp();
    expect((await cli.flaps('GET', '/platform/regions')).regions).not.toEqual([]);
    const basic = async () => (await cli.graphql(queries.appBasic, { appName: 'shop' })).appbasic;
    expect(await basic()).toMatchObject({ name: 'shop', organization: { rawSlug: 'personal' } });
    const wanted = { name: 'data', region: 'arn', size_gb: 1, encrypted: true, require_unique_zone: true };
    const made = await cli.flaps('POST', '/apps/shop/volumes', { ...wanted, snapshot_retention: 5 });
    await basic();
    expect(await cli.flaps('GET', '/apps/shop/volumes')).toMatchObject([{ id: made.id, size_gb: 1 }]);
    await cli.flaps('GET', `/apps/shop/volumes/${made.id}`);
    const extended = await cli.flaps('PUT', `/apps/shop/volumes/${made.id}/extend`, { size_gb: 3 });
    expect(extended).toMatchObject({ volume: { size_gb: 3 }, needs_restart: false });
    await cli.clock.sleep(1000);
    // destroy finds the app by the volume.
    expect(await cli.graphql(queries.volumeApp, { id: made.id })).toEqual({
      volume: { app: { name: 'shop' }, state: 'created' },
    });
    await cli.flaps('DELETE', `/apps/shop/volumes/${made.id}`);
    expect(cli.world.snapshot()[0]?.volumes).toEqual([]);
    await expect(cli.graphql(queries.volumeApp, { id: 'vol_none' })).rejects.toThrow('Could not find Volume');
  });

  test('snapshots list', async () => {
    const cli = await withApp();
    const { id } = await cli.flaps('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' });
    await cli.flaps('POST', `/apps/shop/volumes/${id}/snapshots`);
    await cli.clock.sleep(2000);
    const { nodes } = (await cli.graphql(queries.volumeSnapshots, { id })).volume.snapshots;
    const [taken] = await cli.flaps('GET', `/apps/shop/volumes/${id}/snapshots`);
    expect(nodes).toEqual([
      {
        id: taken.id,
        size: String(taken.size),
        digest: taken.digest,
        createdAt: taken.created_at,
        retentionDays: taken.retention_days,
      },
    ]);
  });
});

describe('fly ips', () => {
  const addresses = async (cli: Flyctl): Promise<Json> =>
    (await cli.graphql(queries.addresses, { appName: 'shop' })).app;

  test('list, allocate-v4, allocate-v6, release', async () => {
    const cli = await withApp();
    expect(await addresses(cli)).toEqual({ ipAddresses: { nodes: [] }, sharedIpAddress: null });
    const allocate = async (input: Json) =>
      (await cli.graphql(queries.allocateAddress, { input: { appId: 'shop', region: '', ...input } })).allocateIpAddress
        .ipAddress;
    const v4 = await allocate({ type: 'v4' });
    expect(v4).toMatchObject({ type: 'v4', region: 'global' });
    const v6 = await allocate({ type: 'v6', region: 'arn' });
    const { organization } = await cli.graphql(queries.organizationBySlug, { slug: 'personal' });
    const flycast = await allocate({ type: 'private_v6', organizationId: organization.id, network: 'default' });
    const shared = await cli.graphql(queries.allocateShared, { input: { appId: 'shop', type: 'shared_v4' } });
    const listed = await addresses(cli);
    expect(listed.sharedIpAddress).toBe(shared.allocateIpAddress.app.sharedIpAddress);
    expect(listed.ipAddresses.nodes).toMatchObject([
      { ...v4, network: null, serviceName: null },
      { ...v6, region: 'arn' },
      { ...flycast, network: { name: 'default', organization: { slug: 'personal' } } },
    ]);
    await cli.graphql(queries.egressAddresses, { appName: 'shop' });
    // The two ways see one world.
    const { ips } = await cli.flaps('GET', '/apps/shop/ip_assignments');
    expect(ips.map((one: Json) => one.ip)).toEqual([v4.address, v6.address, flycast.address, listed.sharedIpAddress]);
    const release = (ip: string) => cli.graphql(queries.releaseAddress, { input: { appId: 'shop', ip } });
    await release(v4.address);
    await expect(release(v4.address)).rejects.toThrow('ip address not found');
    await cli.graphql(queries.releaseAddress, { input: { appId: 'shop', ipAddressId: v6.id } });
    await release(listed.sharedIpAddress);
    expect(await addresses(cli)).toMatchObject({
      ipAddresses: { nodes: [{ address: flycast.address }] },
      sharedIpAddress: null,
    });
  });

  test('egress addresses are a list of their own', async () => {
    const cli = await withApp();
    const { ip } = await cli.flaps('POST', '/apps/shop/ip_assignments', { type: 'egress_v4', region: 'arn' });
    const { nodes } = (await cli.graphql(queries.egressAddresses, { appName: 'shop' })).app.egressIpAddresses;
    expect(nodes).toMatchObject([{ ip, version: 4, region: 'arn' }]);
    expect((await addresses(cli)).ipAddresses.nodes).toEqual([]);
  });
});

describe('fly certs', () => {
  test('add, list, remove', async () => {
    const cli = await withApp();
    const hostname = 'www.example.com';
    const made = await cli.flaps('POST', '/apps/shop/certificates/acme', { hostname });
    expect(made).toMatchObject({ hostname, dns_requirements: { cname: expect.any(String) } });
    const { certificates } = await cli.flaps('GET', '/apps/shop/certificates?limit=50');
    expect(certificates).toMatchObject([{ hostname }]);
    await cli.flaps('DELETE', `/apps/shop/certificates/${hostname}`);
    expect((await cli.flaps('GET', '/apps/shop/certificates?limit=50')).certificates).toEqual([]);
  });
});
