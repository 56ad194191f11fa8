import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

async function leased(): Promise<Platform & { readonly id: string; readonly path: string; readonly nonce: string }> {
  const it = await platform();
  const { id } = await it.machine();
  const path = `/apps/shop/machines/${id}`;
  const { body } = await it.call('POST', `${path}/lease`, { ttl: 30, description: 'flycd:fleet:one' });
  return { ...it, id, path, nonce: body.data.nonce };
}

const withNonce = (nonce: string) => ({ 'fly-machine-lease-nonce': nonce });

describe('a lease', () => {
  test('comes in an envelope, is read and released', async () => {
    const { call, clock, machine } = await platform();
    const { id, instance_id: version } = await machine();
    const path = `/apps/shop/machines/${id}/lease`;
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { error: 'lease not found' } });
    const acquired = await call('POST', `${path}?ttl=13`);
    const data = {
      nonce: expect.stringMatching(/./),
      expires_at: Math.floor((clock.now() + 13_000) / 1000),
      owner: 'simulator@tokens.fly.io',
      description: '',
      version,
    };
    expect(acquired).toMatchObject({ status: 201, body: { status: 'success', data } });
    expect((await call('GET', path)).body).toEqual(acquired.body);
    const released = await call('DELETE', path, undefined, withNonce(acquired.body.data.nonce));
    expect(released).toMatchObject({ status: 200, body: { status: 'success', data: { ok: true } } });
    expect((await call('GET', path)).status).toBe(404);
  });

  test.each([
    ['POST', '', { config: { image } }, 200],
    ['POST', '/start', undefined, 200],
    ['POST', '/stop', undefined, 200],
    ['POST', '/suspend', undefined, 200],
    ['POST', '/restart', undefined, 200],
    ['POST', '/cordon', undefined, 200],
    ['POST', '/uncordon', undefined, 200],
    ['POST', '/lease', { ttl: 5 }, 200],
    ['DELETE', '/lease', undefined, 200],
    ['DELETE', '?force=true', undefined, 200],
  ])('of somebody else refuses %s %s', async (method, action, body, status) => {
    const { call, clock, look, path, id, nonce } = await leased();
    const before = await look(id);
    const until = new Date(clock.now() + 30_000).toISOString();
    const conflict = {
      status: 409,
      body: {
        status: 'error',
        message: `machine ID ${id} lease currently held by simulator@tokens.fly.io, expires at ${until}`,
        code: expect.any(String),
      },
    };
    expect(await call(method, path + action, body)).toMatchObject(conflict);
    expect(await call(method, path + action, body, withNonce('other'))).toMatchObject(conflict);
    expect(await look(id)).toEqual(before);
    expect((await call(method, path + action, body, withNonce(nonce))).status).toBe(status);
  });

  test.each([
    ['GET', '', undefined, 200],
    ['GET', '/lease', undefined, 200],
    ['GET', '/events', undefined, 200],
    ['GET', '/wait?state=started', undefined, 200],
    ['PATCH', '/metadata', { metadata: { a: '1' } }, 204],
    ['POST', '/metadata/b', { value: '2' }, 204],
    ['POST', '/signal', { signal: 'USR1' }, 200],
  ])('does not keep from %s %s', async (method, action, body, status) => {
    const { call, path } = await leased();
    expect((await call(method, path + action, body)).status).toBe(status);
  });

  test('is renewed with its nonce', async () => {
    const { call, clock, path, nonce } = await leased();
    await clock.sleep(20_000);
    const renewed = await call('POST', `${path}/lease?ttl=30`, undefined, withNonce(nonce));
    expect(renewed.body.data).toMatchObject({ nonce, expires_at: Math.floor((clock.now() + 30_000) / 1000) });
    await clock.sleep(20_000);
    expect((await call('POST', `${path}/stop`)).status).toBe(409);
  });

  test('ends by the clock; a late renewal is another lease', async () => {
    const { call, clock, path, nonce } = await leased();
    await clock.sleep(30_000);
    expect((await call('DELETE', `${path}/lease`, undefined, withNonce(nonce))).status).toBe(404);
    const late = await call('POST', `${path}/lease?ttl=30`, undefined, withNonce(nonce));
    expect(late.status).toBe(201);
    expect(late.body.data.nonce).not.toBe(nonce);
  });

  test('comes with a create that asks for one', async () => {
    const { app, call } = await platform();
    await app();
    const { body } = await call('POST', '/apps/shop/machines', { config: { image }, lease_ttl: 60 });
    const path = `/apps/shop/machines/${body.id}`;
    expect((await call('POST', `${path}/cordon`)).status).toBe(409);
    expect((await call('POST', `${path}/cordon`, {}, withNonce(body.nonce))).status).toBe(200);
  });

  test.each(['ttl=0', 'ttl=-1', 'ttl=soon'])('%s is refused', async (query) => {
    const { call, machine } = await platform();
    const { id } = await machine();
    expect((await call('POST', `/apps/shop/machines/${id}/lease?${query}`)).status).toBe(422);
  });
});
