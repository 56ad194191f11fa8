import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AppSecretList, AppSecretsWritten } from '../../../schemas/fly/app.ts';
import { image, platform } from '../platform.ts';

describe('secrets', () => {
  test('are merged, count versions and show opaque digests', async () => {
    const { app, call, clock } = await platform();
    await app();
    const set = async (values: object) =>
      AppSecretsWritten.parse((await call('POST', '/apps/shop/secrets', { values })).body);
    const first = await set({ A: 'one', B: 'two' });
    expect(first).toMatchObject({ version: 1, secrets: [{ name: 'A' }, { name: 'B' }] });
    const [a] = first.secrets ?? [];
    expect(a?.digest).toMatch(/^[0-9a-f]{16}$/);
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      expect(createHash(algorithm).update('one').digest('hex')).not.toContain(a?.digest);
    }
    await clock.sleep(1000);
    expect(await set({ A: 'changed', B: null, C: 'three' })).toMatchObject({ version: 2 });
    const listed = AppSecretList.parse((await call('GET', '/apps/shop/secrets')).body).secrets;
    expect(listed.map((secret) => secret.name)).toEqual(['A', 'C']);
    expect(listed[0]?.digest).not.toBe(a?.digest);
    expect(listed[0]?.created_at).toBe(a?.created_at);
    expect(Date.parse(listed[0]?.updated_at ?? '')).toBe(clock.now());
    expect(JSON.stringify(listed)).not.toContain('changed');
    expect((await call('GET', '/apps/shop/secrets?show_secrets=true')).body.secrets[0].value).toBe('changed');
  });

  test('the same value has the same digest in one app, another in the next', async () => {
    const { app, call } = await platform();
    const digest = async (name: string): Promise<string> =>
      (await call('POST', `/apps/${name}/secrets`, { values: { A: 'one' } })).body.secrets[0].digest;
    await app('shop');
    await app('blog');
    const first = await digest('shop');
    expect(await digest('shop')).toBe(first);
    expect(await digest('blog')).not.toBe(first);
  });

  test.each([
    ['a hyphen', { values: { 'A-B': 'x' } }, 422],
    ['a leading digit', { values: { '1A': 'x' } }, 422],
    ['the reserved prefix', { values: { FLY_A: 'x' } }, 422],
    ['a number', { values: { A: 1 } }, 400],
    ['one bad among good', { values: { A: 'x', 'B-C': 'y' } }, 422],
    ['no values', {}, 400],
  ])('with %s are refused whole', async (_what, body, status) => {
    const { app, call, world } = await platform();
    await app();
    expect((await call('POST', '/apps/shop/secrets', body)).status).toBe(status);
    expect(world.apps.get('shop')?.secrets).toMatchObject({ version: 0, byName: new Map() });
  });

  test('one by one', async () => {
    const { app, call } = await platform();
    await app();
    expect(await call('POST', '/apps/shop/secrets/A', { value: 'x' })).toMatchObject({
      status: 201,
      body: { name: 'A', version: 1 },
    });
    expect((await call('GET', '/apps/shop/secrets/A')).body).toMatchObject({ name: 'A' });
    expect((await call('DELETE', '/apps/shop/secrets/A')).body).toMatchObject({ version: 2 });
    expect((await call('GET', '/apps/shop/secrets/A')).status).toBe(404);
    expect((await call('DELETE', '/apps/shop/secrets/A')).status).toBe(404);
  });

  test('reach a machine at its cold start, not before, and not when it resumes', async () => {
    const { app, call, clock, machine, world } = await platform();
    await app();
    await call('POST', '/apps/shop/secrets', { values: { A: 'old' } });
    const { id } = await machine();
    const path = `/apps/shop/machines/${id}`;
    const seen = () => world.apps.get('shop')?.machines.get(id)?.booted;
    const after = async (method: string, action: string, body?: unknown) => {
      expect((await call(method, path + action, body)).status).toBe(200);
      await clock.sleep(5000);
      return seen()?.secrets;
    };
    await call('POST', '/apps/shop/secrets', { values: { A: 'new' } });
    expect(seen()).toEqual({ secretsVersion: 1, secrets: { A: 'old' } });
    expect(await after('POST', '/suspend')).toEqual({ A: 'old' });
    expect(await after('POST', '/start')).toEqual({ A: 'old' });
    expect(await after('POST', '/restart')).toEqual({ A: 'new' });
    await call('POST', '/apps/shop/secrets', { values: { A: 'newer' } });
    expect(await after('POST', '', { config: { image }, min_secrets_version: 3 })).toEqual({ A: 'newer' });
    expect((await call('POST', path, { config: { image }, min_secrets_version: 4 })).status).toBe(412);
    expect(await after('POST', '', { config: { image }, skip_secrets: true })).toEqual({});
  });
});
