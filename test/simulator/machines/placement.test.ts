import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

const create = ({ call }: Platform, region: string) =>
  call('POST', '/apps/shop/machines', { region, config: { image } });

test('regions say where they are and what they still take', async () => {
  const it = await platform();
  await it.call('PUT', '/_simulator/capacity', { arn: 3 });
  const { nearest, regions } = (await it.call('GET', '/platform/regions')).body;
  expect(nearest).toBe('ams');
  expect(regions).toContainEqual(
    expect.objectContaining({ code: 'arn', capacity: 3, latitude: 59.6512, longitude: 17.9178, geo_region: 'europe' }),
  );
  for (const region of regions) expect(region.latitude, region.code).not.toBe(0);
});

describe('a region that is full', () => {
  test('refuses machines until one is gone, and only there', async () => {
    const it = await platform();
    await it.app();
    await it.call('PUT', '/_simulator/capacity', { arn: 1 });
    const first = await create(it, 'arn');
    expect(first.status).toBe(200);
    expect(await create(it, 'arn')).toMatchObject({
      status: 422,
      body: { status: 'insufficient_capacity', error: expect.stringContaining('could not reserve resource') },
    });
    expect((await create(it, 'lhr')).status).toBe(200);
    await it.call('DELETE', `/apps/shop/machines/${first.body.id}?force=true`);
    await it.clock.sleep(1000);
    expect((await create(it, 'arn')).status).toBe(200);
    expect((await it.call('GET', '/apps/shop/machines?state=started,starting,created')).body).toHaveLength(2);
  });

  test('is passed over in a list or an alias of regions', async () => {
    const it = await platform();
    await it.app();
    await it.call('PUT', '/_simulator/capacity', { arn: 0, ams: 0 });
    expect((await create(it, 'arn,lhr')).body.region).toBe('lhr');
    expect((await create(it, 'eu')).body.region).toBe('cdg');
    expect((await create(it, 'apac')).body.region).toBe('bom');
    expect((await create(it, 'moon')).status).toBe(422);
  });

  test('updates of machines there go on', async () => {
    const it = await platform();
    const { id } = await it.machine({ region: 'arn' });
    await it.call('PUT', '/_simulator/capacity', { arn: 0 });
    expect((await it.call('POST', `/apps/shop/machines/${id}`, { config: { image } })).status).toBe(200);
  });
});

test('placements show where machines would land and take nothing', async () => {
  const it = await platform();
  it.world.capacity.set('arn', 2);
  const ask = (body: object) => it.call('POST', '/platform/placements', { org_slug: 'personal', ...body });
  const expected = [
    { region: 'arn', count: 2, concurrency: 2 },
    { region: 'lhr', count: 3, concurrency: 3 },
  ];
  expect((await ask({ region: 'arn,lhr', count: 5 })).body.regions).toEqual(expected);
  expect((await ask({ region: 'arn,lhr', count: 5 })).body.regions).toEqual(expected);
  expect((await ask({ region: 'arn', count: 5 })).body.regions).toEqual([{ region: 'arn', count: 2, concurrency: 2 }]);
  expect((await ask({ org_slug: 'nobody' })).status).toBe(404);
});
