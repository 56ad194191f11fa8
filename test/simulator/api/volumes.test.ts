import { describe, expect, test } from 'vitest';
import { Volume } from '../../../schemas/fly/app.ts';
import { image, platform, type Answer, type Platform } from '../platform.ts';

const request = { name: 'data', region: 'arn', size_gb: 2 };

async function withVolume(body: object = request): Promise<Platform & { readonly volume: Answer['body'] }> {
  const it = await platform();
  await it.app();
  const made = await it.call('POST', '/apps/shop/volumes', body);
  expect(made.status).toBe(200);
  return { ...it, volume: made.body };
}

const mounting = (volume: string) => ({ config: { image, mounts: [{ volume, path: '/data' }] } });

describe('volumes', () => {
  test('have the documented defaults and are listed', async () => {
    const { call, clock, volume } = await withVolume({ name: 'data', region: 'arn' });
    expect(Volume.parse(volume)).toMatchObject({
      id: expect.stringMatching(/^vol_[0-9a-f]{16}$/),
      state: 'creating',
      size_gb: 3,
      encrypted: true,
      snapshot_retention: 5,
      auto_backup_enabled: true,
      attached_machine_id: null,
      zone: expect.stringMatching(/^[0-9a-f]{4}$/),
    });
    await clock.sleep(1000);
    expect((await call('GET', '/apps/shop/volumes')).body).toEqual([{ ...volume, state: 'created' }]);
  });

  test.each([
    ['a hyphen in the name', { ...request, name: 'my-data' }, 422],
    ['a long name', { ...request, name: 'x'.repeat(31) }, 422],
    ['an unknown region', { ...request, region: 'xxx' }, 422],
    ['no size at all', { ...request, size_gb: 0 }, 422],
    ['an endless size', { ...request, size_gb: 501 }, 422],
    ['an endless retention', { ...request, snapshot_retention: 61 }, 422],
  ])('refuse %s', async (_what, body, status) => {
    const { app, call, world } = await platform();
    await app();
    expect((await call('POST', '/apps/shop/volumes', body)).status).toBe(status);
    expect(world.apps.get('shop')?.volumes.size).toBe(0);
  });

  test('of one name stand in zones of their own until there are no more', async () => {
    const { app, call } = await platform();
    await app();
    const zones = new Set<string>();
    for (let n = 0; n < 12; n++) zones.add((await call('POST', '/apps/shop/volumes', request)).body.zone);
    expect(zones.size).toBe(12);
    const refused = await call('POST', '/apps/shop/volumes', request);
    expect(refused).toMatchObject({ status: 422, body: { status: 'volume_placement_capacity' } });
    expect((await call('POST', '/apps/shop/volumes', { ...request, require_unique_zone: false })).status).toBe(200);
    expect((await call('POST', '/apps/shop/volumes', { ...request, region: 'lhr' })).status).toBe(200);
  });

  test.each(['PUT', 'POST'])('settings are changed by %s', async (method) => {
    const { call, volume } = await withVolume();
    const settings = { snapshot_retention: 30, auto_backup_enabled: false };
    expect((await call(method, `/apps/shop/volumes/${volume.id}`, settings)).body).toMatchObject(settings);
    expect((await call('GET', `/apps/shop/volumes/${volume.id}`)).body).toMatchObject({ ...settings, size_gb: 2 });
  });

  test('only grow, and say when the machine must restart', async () => {
    const { call, clock, machine, look, volume } = await withVolume();
    const path = `/apps/shop/volumes/${volume.id}/extend`;
    expect((await call('PUT', path, { size_gb: 4 })).body).toMatchObject({
      volume: { size_gb: 4 },
      needs_restart: false,
    });
    const { id } = await machine(mounting(volume.id));
    expect((await call('PUT', path, { size_gb: 5 })).body).toMatchObject({
      volume: { size_gb: 5, state: 'extending' },
      needs_restart: true,
    });
    expect((await look(id)).config.mounts[0].size_gb).toBe(5);
    expect((await call('PUT', path, { size_gb: 1 })).status).toBe(422);
    await clock.sleep(1000);
    expect((await call('GET', `/apps/shop/volumes/${volume.id}`)).body).toMatchObject({ size_gb: 5, state: 'created' });
  });

  test('their filesystem grows when a machine boots on them, not when one resumes', async () => {
    const { call, clock, machine, world, volume } = await withVolume();
    const sizes = () => world.snapshot()[0]?.volumes.map(({ sizeGb, filesystemGb }) => [sizeGb, filesystemGb]);
    const { id } = await machine(mounting(volume.id));
    const act = async (action: string): Promise<void> => {
      expect((await call('POST', `/apps/shop/machines/${id}/${action}`)).status).toBe(200);
      await clock.sleep(5000);
    };
    await call('PUT', `/apps/shop/volumes/${volume.id}/extend`, { size_gb: 4 });
    await clock.sleep(5000);
    expect(sizes()).toEqual([[4, 2]]);
    await act('suspend');
    await act('start');
    expect(sizes()).toEqual([[4, 2]]);
    await act('restart');
    expect(sizes()).toEqual([[4, 4]]);
    await act('stop');
    await call('PUT', `/apps/shop/volumes/${volume.id}/extend`, { size_gb: 5 });
    await act('start');
    expect(sizes()).toEqual([[5, 5]]);
  });

  test('snapshots are taken in the background', async () => {
    const { call, clock, volume } = await withVolume();
    const path = `/apps/shop/volumes/${volume.id}/snapshots`;
    expect(await call('POST', path)).toMatchObject({ status: 200, body: '' });
    await clock.sleep(5000);
    expect((await call('GET', path)).body).toMatchObject([
      { id: expect.stringMatching(/^vs_/), status: 'created', retention_days: 5 },
    ]);
  });

  test('a deleted one is pending for a day, then gone', async () => {
    const { call, clock, volume } = await withVolume();
    const path = `/apps/shop/volumes/${volume.id}`;
    expect((await call('DELETE', path)).body).toMatchObject({ id: volume.id, state: 'scheduling_destroy' });
    await clock.sleep(1000);
    expect((await call('GET', '/apps/shop/volumes')).body).toMatchObject([{ state: 'pending_destroy' }]);
    expect((await call('PUT', `${path}/extend`, { size_gb: 9 })).status).toBe(412);
    await clock.sleep(25 * 3600_000);
    expect((await call('GET', path)).status).toBe(404);
    expect((await call('GET', '/apps/shop/volumes')).body).toEqual([]);
  });
});

describe('mounts', () => {
  test('fill name, size and encryption in, fix the region and bind the volume', async () => {
    const { call, clock, machine, volume } = await withVolume({ ...request, region: 'lhr' });
    const made = await machine({ ...mounting(volume.id), region: undefined });
    expect(made.region).toBe('lhr');
    expect(made.config.mounts).toEqual([
      { volume: volume.id, path: '/data', name: 'data', size_gb: 2, encrypted: true },
    ]);
    const path = `/apps/shop/volumes/${volume.id}`;
    expect((await call('GET', path)).body.attached_machine_id).toBe(made.id);
    expect(await call('DELETE', path)).toMatchObject({
      status: 412,
      body: { error: `failed_precondition: volume is currently bound to machine: ${made.id}` },
    });
    await call('DELETE', `/apps/shop/machines/${made.id}?force=true`);
    await clock.sleep(1000);
    expect((await call('GET', path)).body.attached_machine_id).toBeNull();
  });

  test.each([
    ['an unknown volume', 'vol_none', 'arn', 422],
    ['a volume of another region', undefined, 'lhr', 422],
  ])('of %s are refused', async (_what, id, region, status) => {
    const { call, volume } = await withVolume();
    const body = { ...mounting(id ?? volume.id), region };
    expect((await call('POST', '/apps/shop/machines', body)).status).toBe(status);
  });

  test('of a bound volume are refused', async () => {
    const { call, machine, volume } = await withVolume();
    await machine(mounting(volume.id));
    const second = await call('POST', '/apps/shop/machines', mounting(volume.id));
    expect(second).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('currently bound to machine') },
    });
  });

  test('come and go with the machine only: an update may move the path', async () => {
    const { call, look, machine, volume } = await withVolume();
    const { id } = await machine(mounting(volume.id));
    const update = (config: object) => call('POST', `/apps/shop/machines/${id}`, { config });
    expect((await update({ image })).status).toBe(422);
    expect((await update({ image, mounts: [{ volume: 'vol_other', path: '/data' }] })).status).toBe(422);
    expect((await update({ image, mounts: [{ volume: volume.id, path: '/new' }] })).status).toBe(200);
    expect((await look(id)).config.mounts[0]).toMatchObject({ path: '/new', name: 'data' });
  });
});
