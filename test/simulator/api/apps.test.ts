import { describe, expect, test } from 'vitest';
import { App, AppList } from '../../../schemas/fly/app.ts';
import { platform } from '../platform.ts';

describe('apps', () => {
  test('are created under either name field, listed by organization and counted', async () => {
    const { call, machine } = await platform();
    expect((await call('POST', '/apps', { name: 'shop', org_slug: 'personal' })).status).toBe(201);
    const second = await call('POST', '/apps?wait=true', { app_name: 'blog', org_slug: 'personal', network: 'blue' });
    expect(App.parse(second.body)).toMatchObject({
      name: 'blog',
      network: 'blue',
      network_cidr: expect.stringMatching(/^fdaa:0:[0-9a-f]+::\/48$/),
      status: 'pending',
    });
    await machine();
    const listed = AppList.parse((await call('GET', '/apps?org_slug=personal')).body);
    expect(listed.total_apps).toBe(2);
    expect(listed.apps).toMatchObject([
      { name: 'shop', status: 'deployed', machine_count: 1, organization: { slug: 'personal' } },
      { name: 'blog', status: 'pending', machine_count: 0 },
    ]);
  });

  test.each([
    ['a taken name', { name: 'shop', org_slug: 'personal' }, 422, { status: 'name_taken' }],
    ['a bad name', { name: 'Shop!', org_slug: 'personal' }, 422, {}],
    ['no organization', { name: 'blog' }, 400, {}],
    ['an unknown organization', { name: 'blog', org_slug: 'nobody' }, 404, {}],
    ['a name of the wrong type', { name: 1, org_slug: 'personal' }, 400, {}],
    ['no JSON', '{', 400, {}],
  ])('refuses %s', async (_what, body, status, expected) => {
    const { app, call } = await platform();
    await app('shop');
    const answer = await call('POST', '/apps', body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error: expect.any(String), ...expected });
  });

  test('answer 404 when free, 403 when another organization has the name', async () => {
    const { app, call, world, simulator } = await platform();
    world.addOrganization('other');
    world.grantToken('stranger', { organizations: ['other'] });
    await app('shop');
    const asStranger = { authorization: 'Bearer stranger' };
    expect(await call('GET', '/apps/nothing')).toMatchObject({
      status: 404,
      body: { error: 'Could not find App "nothing"' },
    });
    expect(await call('GET', '/apps/shop', undefined, asStranger)).toMatchObject({
      status: 403,
      body: { error: 'unauthorized' },
    });
    const taken = await call('POST', '/apps', { name: 'shop', org_slug: 'other' }, asStranger);
    expect(taken).toMatchObject({ status: 422, body: { status: 'name_taken' } });
    expect((await call('GET', '/apps?org_slug=other')).status).toBe(403);
    expect(simulator.world.apps.get('shop')?.organization.slug).toBe('personal');
  });

  test('a delete answers 202 and takes machines and volumes along, leased or not', async () => {
    const { call, machine, world, clock } = await platform();
    const { id } = await machine();
    await call('POST', `/apps/shop/machines/${id}/lease?ttl=60`);
    await call('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' });
    expect((await call('DELETE', '/apps/shop')).status).toBe(202);
    expect((await call('GET', '/apps/shop')).status).toBe(404);
    expect((await call('GET', '/orgs/personal/machines')).body.machines).toEqual([]);
    expect((await call('GET', '/orgs/personal/volumes')).body.volumes).toEqual([]);
    await machine();
    expect([...(world.apps.get('shop')?.machines.keys() ?? [])]).not.toContain(id);
    await clock.sleep(60_000);
    expect(clock.pending).toBe(0);
  });
});

describe('tokens', () => {
  test.each([
    ['no token', '', 401],
    ['a wrong token', 'Bearer wrong', 401],
    ['another scheme', 'Basic TOKEN', 401],
    ['Bearer', 'Bearer TOKEN', 200],
    ['FlyV1', 'FlyV1 TOKEN', 200],
    ['a comma list', 'FlyV1 fm2_other,TOKEN', 200],
  ])('%s answers as the platform does', async (_what, authorization, status) => {
    const { call, simulator } = await platform();
    const headers = { authorization: authorization.replace('TOKEN', simulator.token) };
    const answer = await call('GET', '/apps?org_slug=personal', undefined, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('fly-request-id')).toMatch(/./);
  });

  test('a read-only token reads and may not write', async () => {
    const { call, world } = await platform();
    world.grantToken('reader', { readOnly: true });
    const headers = { authorization: 'Bearer reader' };
    expect((await call('GET', '/apps?org_slug=personal', undefined, headers)).status).toBe(200);
    expect((await call('POST', '/apps', { name: 'shop', org_slug: 'personal' }, headers)).status).toBe(403);
    expect(world.apps.size).toBe(0);
  });

  test('tokens/current says which organizations it reaches, regions which there are', async () => {
    const { call, simulator } = await platform({ org: 'acme', token: 'secret' });
    expect(simulator.environment).toEqual({
      FLY_API_TOKEN: 'secret',
      FLY_FLAPS_BASE_URL: simulator.url,
      FLY_API_BASE_URL: simulator.url,
      FLY_UIEX_BASE_URL: simulator.url,
      FLY_REGISTRY_HOST: simulator.url.slice('http://'.length),
      FLY_NO_UPDATE_CHECK: '1',
      FLY_SEND_METRICS: '0',
    });
    expect((await call('GET', '/tokens/current')).body.tokens).toMatchObject([{ org_slug: 'acme' }]);
    const { regions } = (await call('GET', '/platform/regions')).body;
    expect(regions).toContainEqual(
      expect.objectContaining({ code: 'arn', name: 'Stockholm, Sweden', deprecated: false }),
    );
  });

  test('the made-up token holds no space', async () => {
    const { simulator } = await platform();
    expect(simulator.token).toMatch(/^\S+$/);
  });

  test.each(['/v1/nothing', '/v1/apps/shop/machines/1/nothing', '/v2/x', '/'])('%s is not there', async (path) => {
    const { simulator, clock } = await platform();
    const response = await clock.busy(() => fetch(`${simulator.url}${path}`));
    expect(response.status).toBe(404);
  });
});
