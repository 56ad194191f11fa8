import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

const names = async (it: Platform, path = '/apps/shop/machines'): Promise<readonly string[]> => {
  const { body } = await it.call('GET', path);
  return (body.machines ?? body).map((item: { name: string }) => item.name);
};
const create = (it: Platform, name: string) =>
  it.call('POST', '/apps/shop/machines', { name, region: 'arn', config: { image } });

describe('a list that lags', () => {
  test('does not show what is new, nor miss what is just gone; GET by id is of now', async () => {
    const it = await platform();
    const old = await it.machine({ name: 'old' });
    await it.call('PUT', '/_simulator/lag', { listMs: 5000 });
    const { id } = (await create(it, 'new')).body;
    expect(await names(it)).toEqual(['old']);
    expect((await it.look(id)).name).toBe('new');
    await it.call('DELETE', `/apps/shop/machines/${old.id}?force=true`);
    await it.clock.sleep(4000);
    expect(await names(it)).toEqual(['old']);
    expect((await it.look(old.id)).state).toBe('destroyed');
    await it.clock.sleep(2000);
    expect(await names(it)).toEqual(['new']);
  });

  test('shows each machine as it was', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image, metadata: { a: '1' } } });
    await it.call('PUT', '/_simulator/lag', { listMs: 5000 });
    await it.call('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata: { a: '2' } });
    await it.call('POST', `/apps/shop/machines/${id}/lease?ttl=600`);
    const seen = async () => (await it.call('GET', '/apps/shop/machines?include_leases=true')).body[0];
    expect(await seen()).toMatchObject({ state: 'started', config: { metadata: { a: '1' } } });
    expect(await seen()).not.toHaveProperty('lease');
    await it.clock.sleep(5000);
    expect(await seen()).toMatchObject({ config: { metadata: { a: '2' } }, lease: { owner: expect.any(String) } });
    expect((await it.call('GET', '/apps/shop/machines?metadata.a=1')).body).toEqual([]);
  });

  test('counts for volumes, addresses and apps too', async () => {
    const it = await platform();
    await it.app();
    await it.clock.sleep(5000);
    it.world.lag.set({ listMs: 2000 });
    await it.app('blog');
    const volume = (await it.call('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' })).body.id;
    await it.call('POST', '/apps/shop/ip_assignments', { type: 'v6' });
    const seen = async () => [
      (await it.call('GET', '/apps?org_slug=personal')).body.total_apps,
      (await it.call('GET', '/apps/shop/volumes')).body.length,
      (await it.call('GET', '/apps/shop/ip_assignments')).body.ips.length,
    ];
    expect(await seen()).toEqual([1, 0, 0]);
    expect((await it.call('GET', `/apps/shop/volumes/${volume}`)).status).toBe(200);
    await it.clock.sleep(2000);
    expect(await seen()).toEqual([2, 1, 1]);
  });

  test('is of now again once nothing lags', async () => {
    const it = await platform();
    await it.app();
    it.world.lag.set({ listMs: 60_000 });
    await create(it, 'new');
    expect(await names(it)).toEqual([]);
    await it.call('PUT', '/_simulator/lag', {});
    expect(await names(it)).toEqual(['new']);
  });
});

describe('lists across an organization', () => {
  test('lag by themselves', async () => {
    const it = await platform();
    await it.app();
    it.world.lag.set({ organizationMs: 3000 });
    await create(it, 'new');
    await it.call('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' });
    expect(await names(it)).toEqual(['new']);
    expect(await names(it, '/orgs/personal/machines')).toEqual([]);
    expect((await it.call('GET', '/orgs/personal/volumes')).body.volumes).toEqual([]);
    await it.clock.sleep(3000);
    expect(await names(it, '/orgs/personal/machines')).toEqual(['new']);
    expect((await it.call('GET', '/orgs/personal/volumes')).body.volumes).toHaveLength(1);
  });

  test('come in short pages and empty ones, each item once', async () => {
    const it = await platform();
    await it.app();
    const made = ['a', 'b', 'c', 'd', 'e'];
    for (const name of made) await create(it, name);
    await it.call('PUT', '/_simulator/lag', { pageMost: 2, emptyPages: true });
    const pages: (readonly string[])[] = [];
    let cursor = '';
    do {
      const { body } = await it.call('GET', `/orgs/personal/machines?limit=1000&cursor=${cursor}`);
      pages.push(body.machines.map((machine: { name: string }) => machine.name));
      cursor = body.next_cursor;
    } while (cursor !== '');
    expect(pages).toEqual([[], ['a', 'b'], [], ['c', 'd'], [], ['e']]);
  });
});
