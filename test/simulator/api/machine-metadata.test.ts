import { expect, test } from 'vitest';
import { image, platform } from '../platform.ts';

test.each([
  ['PATCH', '', { metadata: { a: null, b: '3', c: '4' } }, 204, { b: '3', c: '4' }],
  ['PUT', '', { metadata: { a: null, c: '4' } }, 204, { b: '2', c: '4' }],
  ['PATCH', '', { metadata: { a: '', c: '' } }, 204, { b: '2' }],
  ['PUT', '', { metadata: { a: '' } }, 204, { b: '2' }],
  ['POST', '/c', { value: '4' }, 204, { a: '1', b: '2', c: '4' }],
  ['DELETE', '/a', undefined, 204, { b: '2' }],
  ['PATCH', '', { metadata: { c: 4 } }, 400, { a: '1', b: '2' }],
  ['PATCH', '', {}, 400, { a: '1', b: '2' }],
  ['PATCH', '', { metadata: { c: '4' }, machine_version: 'old' }, 412, { a: '1', b: '2' }],
])('%s metadata%s %j: %i, and no new version or restart', async (method, key, body, status, expected) => {
  const { call, look, machine } = await platform();
  const before = await machine({ config: { image, metadata: { a: '1', b: '2' } } });
  const path = `/apps/shop/machines/${before.id}/metadata`;
  expect((await call(method, path + key, body)).status).toBe(status);
  expect((await call('GET', path)).body).toEqual(expected);
  const after = await look(before.id);
  expect(after).toMatchObject({ state: 'started', instance_id: before.instance_id });
  expect(after.config.metadata).toEqual(expected);
  expect(after.events).toEqual(before.events);
});

test('a key is read alone; an unknown one is 404', async () => {
  const { call, machine } = await platform();
  const { id } = await machine({ config: { image, metadata: { 'a/b': '1' } } });
  expect(await call('GET', `/apps/shop/machines/${id}/metadata/a%2Fb`)).toMatchObject({
    status: 200,
    body: { value: '1' },
  });
  expect((await call('GET', `/apps/shop/machines/${id}/metadata/c`)).status).toBe(404);
});

test('a full update overwrites it', async () => {
  const { call, look, machine } = await platform();
  const { id } = await machine({ config: { image, metadata: { a: '1' } } });
  await call('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata: { b: '2' } });
  await call('POST', `/apps/shop/machines/${id}`, { config: { image, metadata: { a: '1' } } });
  expect((await look(id)).config.metadata).toEqual({ a: '1' });
});
