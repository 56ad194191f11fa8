import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import { IpAssignment, IpAssignmentList } from '../../../schemas/fly/app.ts';
import { platform } from '../platform.ts';

describe('addresses', () => {
  test.each([
    ['v4', 4, { shared: false, egress: false }],
    ['v6', 6, { shared: false, egress: false }],
    ['shared_v4', 4, { shared: true, egress: false }],
    ['private_v6', 6, { shared: false, network: { name: 'default', org_slug: 'personal' } }],
    ['egress_v4', 4, { egress: true }],
    ['egress_v6', 6, { egress: true }],
  ])('%s', async (type, family, expected) => {
    const { app, call } = await platform();
    await app();
    const made = IpAssignment.parse((await call('POST', '/apps/shop/ip_assignments', { type })).body);
    expect(made).toMatchObject({ region: 'global', ...expected });
    expect(isIP(made.ip)).toBe(family);
    expect(made.ip.startsWith('fdaa:')).toBe(type === 'private_v6');
    const listed = IpAssignmentList.parse((await call('GET', '/apps/shop/ip_assignments')).body);
    expect(listed.ips).toEqual([made]);
  });

  test('a second call gives a second address, but for the shared one', async () => {
    const { app, call } = await platform();
    await app();
    const allocate = async (type: string): Promise<string> =>
      (await call('POST', '/apps/shop/ip_assignments', { type })).body.ip;
    for (const type of ['v4', 'v6', 'private_v6']) expect(await allocate(type)).not.toBe(await allocate(type));
    expect(await allocate('shared_v4')).toBe(await allocate('shared_v4'));
  });

  test('are released by their percent-encoded address, once', async () => {
    const { app, call } = await platform();
    await app();
    const { ip } = (await call('POST', '/apps/shop/ip_assignments', { type: 'v6' })).body;
    const path = `/apps/shop/ip_assignments/${encodeURIComponent(ip)}`;
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('DELETE', path)).status).toBe(404);
    expect((await call('GET', '/apps/shop/ip_assignments')).body).toEqual({ ips: [] });
  });

  test.each([
    ['an unknown type', { type: 'v5' }, 422],
    ['an unknown region', { type: 'v4', region: 'xxx' }, 422],
    ['an unknown network', { type: 'private_v6', network: 'nowhere' }, 400],
    ['an unknown organization', { type: 'private_v6', org_slug: 'nobody' }, 404],
  ])('of %s are refused', async (_what, body, status) => {
    const { app, call } = await platform();
    await app();
    expect((await call('POST', '/apps/shop/ip_assignments', body)).status).toBe(status);
    expect((await call('GET', '/apps/shop/ip_assignments')).body).toEqual({ ips: [] });
  });
});
