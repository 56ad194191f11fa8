import { describe, expect, test } from 'vitest';
import * as queries from './queries.ts';
import { createApp, deploy, flyctl, type Json } from './flyctl.ts';

describe('fly apps', () => {
  test('create', async () => {
    const cli = await flyctl();
    expect(await createApp(cli)).toMatchObject({ name: 'shop', status: 'pending' });
    // With --json the whole app is shown.
    const { app } = await cli.graphql(queries.appInFull, { appName: 'shop' });
    expect(app).toMatchObject({
      name: 'shop',
      version: 0,
      currentRelease: null,
      config: { definition: {} },
      services: [],
      imageDetails: null,
      machines: { nodes: [] },
      postgresAppRole: null,
    });
    await expect(createApp(cli)).rejects.toThrow('Name has already been taken');
  });

  test('list, of one organization too', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await createApp(cli, 'blog');
    await deploy(cli, { highAvailability: false });
    const { apps } = await cli.graphql(queries.appsPage);
    expect(apps).toMatchObject({
      pageInfo: { hasNextPage: false },
      nodes: [
        { name: 'shop', deployed: true, status: 'deployed', currentRelease: { status: 'complete' } },
        { name: 'blog', deployed: false, status: 'pending', currentRelease: null, network: null },
      ],
    });
    const { organization } = await cli.graphql(queries.organizationBySlug, { slug: 'personal' });
    expect((await cli.graphql(queries.appsPage, { org: organization.id })).apps.nodes).toHaveLength(2);
    await expect(cli.graphql(queries.appsPage, { org: 'none' })).rejects.toThrow('Could not find Organization');
  });

  test('destroy looks for a bucket of statics first', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { highAvailability: false });
    const { app } = await cli.graphql(queries.appInFull, { appName: 'shop' });
    const { organization } = await cli.graphql(queries.organizationBySlug, { slug: app.organization.slug });
    const addOns = await cli.graphql(queries.organizationAddOns, { orgSlug: organization.slug, addOnType: 'tigris' });
    expect(addOns).toEqual({ organization: { addOns: { nodes: [] } } });
    await cli.flaps('DELETE', '/apps/shop');
    await expect(cli.graphql(queries.appInFull, { appName: 'shop' })).rejects.toThrow('Could not find App');
    expect(cli.world.apps.size).toBe(0);
  });

  test('show in full what runs', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const ports = [{ port: 80, handlers: ['http'], force_https: true }];
    await deploy(cli, { config: { services: [{ protocol: 'tcp', internal_port: 8080, ports }] } });
    const { app } = await cli.graphql(queries.appInFull, { appName: 'shop' });
    expect(app).toMatchObject({
      version: 1,
      currentRelease: { version: 1, status: 'complete', inProgress: false, evaluationId: null },
      config: { definition: { app: 'shop', primary_region: 'arn' } },
      services: [{ protocol: 'TCP', internalPort: 8080, ports: [{ port: 80, handlers: ['HTTP'] }] }],
      ipAddresses: { nodes: [{ type: 'v6' }] },
      sharedIpAddress: expect.stringMatching(/^66\./),
      imageDetails: { registry: 'registry.fly.io', repository: 'shop', tag: 'v1' },
    });
    expect(app.machines.nodes).toHaveLength(2);
    expect(app.machines.nodes[0]).toMatchObject({
      state: 'started',
      region: 'arn',
      app: { name: 'shop' },
      config: { image: 'registry.fly.io/shop:v1' },
      ips: { nodes: [{ family: 'v6', kind: 'privatenet', ip: expect.stringMatching(/^fdaa:/) }] },
      host: { id: expect.stringMatching(/^arn-/) },
    });
  });

  test('move takes everything along', async () => {
    const cli = await flyctl();
    cli.world.addOrganization('team');
    cli.world.grantToken([...cli.world.tokens.keys()][0] ?? '', {});
    await createApp(cli);
    await deploy(cli);
    await cli.flaps('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' });
    const { organization: team } = await cli.graphql(queries.organizationBySlug, { slug: 'team' });
    expect(team.type).toBe('SHARED');
    const moved = await cli.graphql(queries.moveApp, { input: { appId: 'shop', organizationId: team.id } });
    expect(moved.moveApp.app).toMatchObject({ organization: { slug: 'team' }, networkId: 0 });
    const count = async (org: string): Promise<readonly number[]> => [
      (await cli.flaps('GET', `/apps?org_slug=${org}`)).apps.length,
      (await cli.flaps('GET', `/orgs/${org}/machines`)).machines.length,
      (await cli.flaps('GET', `/orgs/${org}/volumes`)).volumes.length,
    ];
    expect(await count('personal')).toEqual([0, 0, 0]);
    expect(await count('team')).toEqual([1, 2, 1]);
  });

  test('pause stops what runs, resume starts that again', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli);
    const [first] = await cli.flaps('GET', '/apps/shop/machines');
    await cli.flaps('POST', `/apps/shop/machines/${first.id}/stop`, {});
    const states = async (): Promise<readonly string[]> => {
      await cli.clock.sleep(3000);
      return (await cli.flaps('GET', '/apps/shop/machines')).map((machine: Json) => machine.state);
    };
    await states();
    const input = { appId: 'shop' };
    expect((await cli.graphql(queries.pauseApp, { input })).pauseApp.app.status).toBe('suspended');
    expect(await states()).toEqual(['stopped', 'stopped']);
    // A suspended app counts as deployed.
    expect((await cli.graphql(queries.appCompact, { appName: 'shop' })).appcompact.deployed).toBe(true);
    expect((await cli.graphql(queries.resumeApp, { input })).resumeApp.app.status).toBe('deployed');
    expect(await states()).toEqual(['stopped', 'started']);
  });

  test('a lock is held by one, until given back or over', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const held = async () => (await cli.graphql(queries.currentLock, { name: 'shop' })).app.currentLock;
    const lock = async () => (await cli.graphql(queries.lockApp, { input: { appId: 'shop' } })).lockApp;
    expect(await held()).toBeNull();
    const { lockId, expiration } = await lock();
    expect(await held()).toEqual({ lockId, expiration });
    await expect(lock()).rejects.toThrow('locked already');
    const unlock = (id: string) => cli.graphql(queries.unlockApp, { input: { appId: 'shop', lockId: id } });
    await expect(unlock('another')).rejects.toThrow('not locked by another');
    await unlock(lockId);
    expect(await held()).toBeNull();
    await lock();
    await cli.clock.sleep(5 * 60_000);
    expect(await held()).toBeNull();
    expect((await lock()).lockId).not.toBe(lockId);
  });
});

describe('fly orgs, regions, auth', () => {
  test('orgs list and show', async () => {
    const cli = await flyctl();
    const { organizations } = await cli.graphql(queries.organizations, { admin: false });
    const [personal] = organizations.nodes;
    expect(personal).toMatchObject({ slug: 'personal', type: 'PERSONAL', billable: true, viewerRole: 'admin' });
    const listed = await cli.web('GET', '/organizations?admin=false');
    expect(listed.organizations).toMatchObject([{ id: personal.id, slug: 'personal', billing_status: 'CURRENT' }]);
    expect((await cli.web('GET', '/organizations/personal')).organization).toEqual(listed.organizations[0]);
    expect(String(listed.organizations[0].internal_numeric_id)).toBe(personal.internalNumericId);
    const { organizationdetails } = await cli.graphql(queries.organizationDetails, { slug: 'personal' });
    expect(organizationdetails).toMatchObject({
      rawSlug: 'personal',
      members: { edges: [{ role: 'ADMIN', node: { email: 'simulator@tokens.fly.io' } }] },
    });
  });

  test('regions are those of the Machines API', async () => {
    const cli = await flyctl();
    const { platform } = await cli.graphql(queries.platformRegions);
    const rest = await cli.flaps('GET', '/platform/regions');
    expect(platform.requestRegion).toBe(rest.nearest);
    expect(platform.regions.map((one: Json) => one.code)).toEqual(rest.regions.map((one: Json) => one.code));
    const { nearestRegion } = await cli.graphql(queries.nearestRegion);
    expect(nearestRegion).toEqual({ code: 'ams', name: expect.any(String), gatewayAvailable: true, deprecated: false });
  });

  test('auth whoami tells people from tokens', async () => {
    const cli = await flyctl();
    expect(await cli.graphql(queries.viewer)).toEqual({ viewer: { email: 'simulator@tokens.fly.io' } });
    cli.world.grantToken('fo1_ada', { owner: 'ada@example.com' });
    const as = { authorization: 'Bearer fo1_ada' };
    const { body } = await cli.call('POST', '/graphql', { query: queries.viewer }, as);
    expect(body.data.viewer).toEqual({ id: expect.any(String), email: 'ada@example.com', enablePaidHobby: false });
  });
});

describe('fly tokens', () => {
  const make = async (cli: Awaited<ReturnType<typeof flyctl>>, profile: string, profileParams: Json = {}) => {
    const { organization } = await cli.graphql(queries.organizationBySlug, { slug: 'personal' });
    const asked = { name: 'CI', organizationId: organization.id, profile, profileParams, expiry: '24h0m0s' };
    return (await cli.graphql(queries.createToken, asked)).createLimitedAccessToken.limitedAccessToken.tokenHeader;
  };

  test('create org, list, revoke', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const header: string = await make(cli, 'deploy_organization');
    expect(header).toMatch(/^FlyV1 fm2_/);
    const status = async () => (await cli.call('GET', '/apps/shop', undefined, { authorization: header })).status;
    expect(await status()).toBe(200);
    const list = async () =>
      (await cli.graphql(queries.organizationTokens, { slug: 'personal' })).orgLimitedAccessTokens.limitedAccessTokens
        .nodes;
    const [token] = await list();
    expect(token).toMatchObject({ name: 'CI', revokedAt: null, user: { email: 'simulator@tokens.fly.io' } });
    expect(Date.parse(token.expiresAt)).toBe(cli.clock.now() + 24 * 3600_000);
    await cli.graphql(queries.revokeToken, { input: { id: token.id } });
    expect(await status()).toBe(401);
    expect(await list()).toMatchObject([{ id: token.id, revokedAt: expect.any(String) }]);
    await expect(cli.graphql(queries.revokeToken, { input: { id: 'none' } })).rejects.toThrow('Could not find');
  });

  test('end when they said they would', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const header = await make(cli, 'deploy_organization');
    const status = async () => (await cli.call('GET', '/apps/shop', undefined, { authorization: header })).status;
    await cli.clock.sleep(24 * 3600_000 - 1000);
    expect(await status()).toBe(200);
    await cli.clock.sleep(1000);
    expect(await status()).toBe(401);
  });

  test('create deploy reaches one app, with that app its organization, and nothing else', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await createApp(cli, 'blog');
    const { appcompact } = await cli.graphql(queries.appCompact, { appName: 'shop' });
    const authorization = await make(cli, 'deploy', { app_id: appcompact.id });
    const status = async (method: string, path: string, body?: Json) =>
      (await cli.call(method, path, body, { authorization })).status;
    expect(await status('GET', '/apps/shop/machines')).toBe(200);
    expect(await status('GET', '/api/v1/organizations/personal')).toBe(200);
    expect(await status('POST', '/api/v1/releases', { app_name: 'shop', strategy: 'ROLLING' })).toBe(201);
    expect(await status('GET', '/apps/blog')).toBe(403);
    expect(await status('POST', '/apps', { name: 'more', org_slug: 'personal' })).toBe(403);
    expect(await status('GET', '/orgs/personal/machines')).toBe(403);
    const { body } = await cli.call('POST', '/graphql', { query: queries.appsPage }, { authorization });
    expect(body.data.apps.nodes.map((one: Json) => one.name)).toEqual(['shop']);
    const tokens = await cli.graphql(queries.appTokens, { appName: 'shop' });
    expect(tokens.appLimitedAccessTokens.limitedAccessTokens.nodes).toMatchObject([
      { name: 'CI', token: authorization.replace('FlyV1 ', '') },
    ]);
  });

  test('of the Machines API are deploy tokens as well', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await createApp(cli, 'blog');
    const { token } = await cli.flaps('POST', '/apps/shop/deploy_token', { expiry: '1h' });
    const status = async (app: string) =>
      (await cli.call('GET', `/apps/${app}`, undefined, { authorization: token })).status;
    expect([await status('shop'), await status('blog')]).toEqual([200, 403]);
    expect((await cli.call('POST', '/apps/shop/deploy_token', {}, { authorization: token })).status).toBe(403);
    await cli.clock.sleep(3600_000);
    expect(await status('shop')).toBe(401);
  });

  test('of an unknown profile, for no app, or without end are refused', async () => {
    const cli = await flyctl();
    await expect(make(cli, 'everything')).rejects.toThrow('is unknown');
    await expect(make(cli, 'deploy', { app_id: 'none' })).rejects.toThrow('is no app of the organization');
    const { organization } = await cli.graphql(queries.organizationBySlug, { slug: 'personal' });
    const forever = { name: 'x', organizationId: organization.id, profile: 'deploy_organization', expiry: 'never' };
    await expect(cli.graphql(queries.createToken, forever)).rejects.toThrow('is no duration');
  });
});
