import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

/** Statuses of `count` equal calls, `gapMs` apart. */
async function burst(
  it: Platform,
  count: number,
  gapMs: number,
  [method, path, body]: readonly [string, string, object?],
) {
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) {
    if (n > 0 && gapMs > 0) await it.clock.sleep(gapMs);
    statuses.push((await it.call(method, path, body)).status);
  }
  return statuses;
}

const times = (count: number, status: number): readonly number[] => Array.from({ length: count }, () => status);

describe("Fly's documented limits", () => {
  test('one a second, a burst of three, per action and machine', async () => {
    const it = await platform({ rateLimits: true });
    const first = await it.machine();
    const second = await it.machine();
    const cordon = (id: string) => ['POST', `/apps/shop/machines/${id}/cordon`] as const;
    expect(await burst(it, 5, 0, cordon(first.id))).toEqual([...times(3, 200), ...times(2, 429)]);
    expect(await burst(it, 3, 0, cordon(second.id))).toEqual(times(3, 200));
    expect(await burst(it, 1, 0, ['POST', `/apps/shop/machines/${first.id}/uncordon`])).toEqual([200]);
    expect((await it.call(...cordon(first.id))).body).toEqual({ error: 'rate limit exceeded' });
    await it.clock.sleep(1000);
    expect(await burst(it, 10, 1000, cordon(first.id))).toEqual(times(10, 200));
    expect(await burst(it, 2, 0, cordon(first.id))).toEqual(times(2, 429));
    await it.clock.sleep(60_000);
    expect(await burst(it, 4, 0, cordon(first.id))).toEqual([...times(3, 200), 429]);
  });

  test('creating is counted by app', async () => {
    const it = await platform({ rateLimits: true });
    await it.app('shop');
    await it.app('blog');
    const create = (app: string) => ['POST', `/apps/${app}/machines`, { config: { image } }] as const;
    expect(await burst(it, 4, 0, create('shop'))).toEqual([200, 200, 200, 429]);
    expect(await burst(it, 3, 0, create('blog'))).toEqual(times(3, 200));
    expect(it.world.apps.get('shop')?.machines.size).toBe(3);
  });

  test('getting one machine: five a second, a burst of ten', async () => {
    const it = await platform({ rateLimits: true });
    const { id } = await it.machine();
    await it.clock.sleep(5000);
    const get = ['GET', `/apps/shop/machines/${id}`] as const;
    expect(await burst(it, 11, 0, get)).toEqual([...times(10, 200), 429]);
    expect(await burst(it, 1, 0, ['GET', '/apps/shop/machines'])).toEqual([200]);
    await it.clock.sleep(200);
    expect(await burst(it, 20, 200, get)).toEqual(times(20, 200));
  });

  test('deleting apps: 100 a minute in all', async () => {
    const it = await platform({ rateLimits: true });
    for (let n = 0; n < 101; n++) await it.app(`app-${n}`);
    const statuses: number[] = [];
    for (let n = 0; n < 101; n++) statuses.push((await it.call('DELETE', `/apps/app-${n}`)).status);
    expect(statuses).toEqual([...times(100, 202), 429]);
  });

  test('what is not documented is not limited', async () => {
    const it = await platform({ rateLimits: true });
    for (const path of ['/orgs/personal/machines', '/apps?org_slug=personal', '/platform/regions', '/tokens/current']) {
      expect(await burst(it, 20, 0, ['GET', path])).toEqual(times(20, 200));
    }
  });

  test('can be switched off', async () => {
    const it = await platform({ rateLimits: false });
    await it.app();
    expect(await burst(it, 20, 0, ['GET', '/apps/shop/secrets'])).toEqual(times(20, 200));
  });
});
