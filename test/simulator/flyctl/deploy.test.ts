import { describe, expect, test } from 'vitest';
import * as queries from './queries.ts';
import { createApp, deploy, flyctl, shopImage, type Flyctl, type Json } from './flyctl.ts';

const services = [{ protocol: 'tcp', internal_port: 8080, ports: [{ port: 443, handlers: ['tls', 'http'] }] }];
const checks = { alive: { type: 'tcp', port: 8080, interval: '2s', timeout: '1s' } };

const statuses = async ({ graphql }: Flyctl): Promise<readonly string[]> =>
  (await graphql(queries.releases, { appName: 'shop', limit: 25, status: '' })).app.releases.nodes.map(
    (release: Json) => `v${release.version} ${release.status}`,
  );

const states = ({ world }: Flyctl) => world.snapshot()[0]?.machines.map((one) => `${one.state} ${one.config.image}`);

describe('fly deploy --image', () => {
  test('first, and again', async () => {
    const cli = await flyctl();
    await createApp(cli);
    expect((await cli.graphql(queries.appCompact, { appName: 'shop' })).appcompact).toMatchObject({
      status: 'pending',
      deployed: false,
    });
    await deploy(cli, { config: { services, checks } });
    expect(states(cli)).toEqual([`started ${shopImage}`, `started ${shopImage}`]);
    expect(cli.world.snapshot()[0]?.addresses.map((one) => one.kind)).toEqual(['shared_v4', 'v6']);
    await deploy(cli, { image: 'registry.fly.io/shop:v2', config: { services, checks } });
    expect(states(cli)).toEqual(['started registry.fly.io/shop:v2', 'started registry.fly.io/shop:v2']);
    expect(await statuses(cli)).toEqual(['v2 complete', 'v1 complete']);
    expect(cli.world.snapshot()[0]?.machines.some((machine) => machine.leased)).toBe(false);
  });

  test('--ha=false makes one machine', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { highAvailability: false });
    expect(states(cli)).toHaveLength(1);
  });

  test('with a check that fails', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { config: { checks } });
    await expect(deploy(cli, { image: 'registry.fly.io/shop:failing-check', config: { checks } })).rejects.toThrow(
      'did not become healthy',
    );
    expect(await statuses(cli)).toEqual(['v2 failed', 'v1 complete']);
    const [release] = cli.world.apps.get('shop')?.releases ?? [];
    expect(release?.metadata).toMatchObject({ post_deployment_info: { error: expect.stringContaining('healthy') } });
  });

  test('with a release command', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { releaseCommand: 'npm run migrate', highAvailability: false });
    expect(states(cli)).toEqual([`started ${shopImage}`]);
    const failing = deploy(cli, { image: 'shop:failing-release', releaseCommand: 'npm run migrate' });
    await expect(failing).rejects.toThrow('exit code 1');
    // Nothing was touched.
    expect(states(cli)).toEqual([`started ${shopImage}`]);
    expect(await statuses(cli)).toEqual(['v2 failed', 'v1 complete']);
  });

  test('with a mount, which is kept', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const mounts = [{ name: 'data', path: '/data' }];
    await deploy(cli, { config: { mounts } });
    await deploy(cli, { image: 'registry.fly.io/shop:v2', config: { mounts } });
    expect(cli.world.snapshot()[0]).toMatchObject({
      machines: [{ config: { mounts: [{ name: 'data', path: '/data' }] } }],
      volumes: [{ name: 'data', region: 'arn', sizeGb: 1 }],
    });
  });

  test('with a build is refused in words that help', async () => {
    const { call } = await flyctl();
    const paths = ['builds', 'builds/finish', 'builds/depot_builder', 'organizations/personal/builders'];
    for (const path of paths) {
      const { status, body } = await call('POST', `/api/v1/${path}`, {});
      expect(status).toBe(501);
      expect(body.error).toContain('builds no images');
      expect(body.error).toContain('--image');
    }
  });

  test('bluegreen asks whether it may', async () => {
    const cli = await flyctl();
    await createApp(cli);
    expect(await cli.graphql(queries.bluegreenAllowed, { appName: 'shop' })).toEqual({
      canPerformBluegreenDeployment: true,
    });
  });
});

describe('after a deploy', () => {
  test('fly status', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { config: { services } });
    const { appcompact } = await cli.graphql(queries.appCompact, { appName: 'shop' });
    expect(appcompact).toMatchObject({
      name: 'shop',
      deployed: true,
      status: 'deployed',
      hostname: 'shop.fly.dev',
      network: null,
      platformVersion: 'machines',
      organization: { slug: 'personal', internalNumericId: expect.stringMatching(/^\d+$/) },
      postgresAppRole: null,
    });
    expect(appcompact.id).not.toBe('shop');
    const machines = await cli.flaps('GET', '/apps/shop/machines');
    const { repository, tag } = machines[0].image_ref;
    // Only this message lets the client go on.
    await expect(cli.graphql(queries.latestImageDetails, { image: `${repository}:${tag}` })).rejects.toThrow(
      'Unknown repository',
    );
    expect(await cli.graphql(queries.currentVersion, { appName: 'shop' })).toEqual({
      app: { currentRelease: { version: 1 } },
    });
    expect((await cli.graphql(queries.hostIssues, { appName: 'shop' })).apphostissues.hostIssues.nodes).toEqual([]);
  });

  test('fly image show of a tracked image', async () => {
    const cli = await flyctl();
    const details = await cli.graphql(queries.latestImageDetails, { image: 'flyio/postgres-flex:16', flyVersion: '1' });
    expect(details.latestImageDetails).toMatchObject({ repository: 'flyio/postgres-flex', tag: '16', version: null });
  });

  test('fly config show', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const ask = () => cli.graphql(queries.currentConfig, { appName: 'shop' });
    // Without a release the client makes a config up from the machines.
    expect(await ask()).toEqual({ app: { currentReleaseUnprocessed: null } });
    await deploy(cli);
    expect(await ask()).toEqual({
      app: { currentReleaseUnprocessed: { configDefinition: { app: 'shop', primary_region: 'arn', deploy: {} } } },
    });
  });

  test('fly releases, over GraphQL and the web API', async () => {
    const cli = await flyctl();
    await createApp(cli);
    expect((await cli.call('GET', '/api/v1/apps/shop/releases/current')).status).toBe(404);
    await deploy(cli);
    await deploy(cli, { image: 'registry.fly.io/shop:v2' });
    const { app } = await cli.graphql(queries.releases, { appName: 'shop', limit: 1 });
    expect(app.releases.nodes).toMatchObject([
      { version: 2, stable: true, imageRef: 'registry.fly.io/shop:v2', user: { email: 'simulator@tokens.fly.io' } },
    ]);
    const { releases } = await cli.web('GET', '/apps/shop/releases?limit=10');
    expect(releases).toMatchObject([
      { version: 2, strategy: 'ROLLING', in_progress: false, image_ref: 'registry.fly.io/shop:v2' },
      { version: 1, user: 'simulator@tokens.fly.io', status: 'complete', stable: true },
    ]);
    expect(await cli.web('GET', '/apps/shop/releases/current')).toEqual(releases[0]);
    expect(await cli.web('GET', '/releases/all_current')).toEqual({ shop: releases[0].created_at });
    expect((await cli.graphql(queries.latestImage, { appName: 'shop' })).app.currentReleaseUnprocessed).toEqual({
      id: releases[0].id,
      version: 2,
      imageRef: 'registry.fly.io/shop:v2',
    });
  });

  test('releases made over GraphQL are the same releases', async () => {
    const cli = await flyctl();
    await createApp(cli);
    const input = { appId: 'shop', image: shopImage, platformVersion: 'machines', strategy: 'CANARY', definition: {} };
    const { release } = (await cli.graphql(queries.createRelease, { input })).createRelease;
    await cli.graphql(queries.updateRelease, { input: { releaseId: release.id, status: 'interrupted' } });
    expect((await cli.web('GET', '/apps/shop/releases')).releases).toMatchObject([
      { id: release.id, version: 1, strategy: 'CANARY', status: 'interrupted' },
    ]);
    // The first release makes an app deployed, machines or not.
    expect((await cli.flaps('GET', '/apps/shop')).status).toBe('deployed');
  });

  test.each([
    ['POST', '/releases', { app_name: 'none', strategy: 'ROLLING' }, 404],
    ['POST', '/releases', { app_name: 'shop', strategy: 'HASTY' }, 422],
    ['PATCH', '/releases/none', { status: 'complete' }, 404],
    ['GET', '/apps/none/releases', undefined, 404],
    ['GET', '/apps/shop/releases?limit=0', undefined, 400],
    ['GET', '/organizations/none', undefined, 404],
    ['DELETE', '/releases', undefined, 405],
    ['GET', '/nothing', undefined, 404],
  ])('%s %s %j is refused with %i', async (method, path, body, status) => {
    const cli = await flyctl();
    await createApp(cli);
    expect((await cli.call(method, `/api/v1${path}`, body)).status).toBe(status);
    expect((await cli.call(method, `/api/v1${path}`, body, { authorization: '' })).status).toBe(
      path === '/nothing' ? 404 : 401,
    );
  });

  test('a status that is unknown changes nothing', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli);
    const [release] = cli.world.apps.get('shop')?.releases ?? [];
    expect((await cli.call('PATCH', `/api/v1/releases/${release?.id}`, { status: 'great' })).status).toBe(422);
    expect(release?.status).toBe('complete');
  });
});

describe('fly logs', () => {
  test('go on where the last page ended', async () => {
    const cli = await flyctl();
    await createApp(cli);
    await deploy(cli, { highAvailability: false });
    const [machine] = await cli.flaps('GET', '/apps/shop/machines');
    const page = (token: string, more = '') => cli.web('GET', `/apps/shop/logs?next_token=${token}${more}`);
    const first = await page('');
    expect(first.data[0].attributes).toEqual({
      timestamp: expect.stringMatching(/Z$/),
      message: 'Machine launch: created',
      level: 'info',
      instance: machine.id,
      region: 'arn',
      meta: { instance: machine.id, region: 'arn', event: { provider: 'runner' } },
    });
    const token = first.meta.next_token;
    expect(await page(token)).toEqual({ data: [], meta: { next_token: token } });
    await cli.flaps('POST', `/apps/shop/machines/${machine.id}/stop`, {});
    await cli.clock.sleep(1000);
    const next = await page(token);
    expect(next.data.map((line: Json) => line.attributes.message)).toEqual([
      'Machine stop: stopping',
      'Main child exited with code: 0',
    ]);
    expect((await page('', '&region=syd')).data).toEqual([]);
    expect((await page('', '&instance=none')).data).toEqual([]);
  });
});
