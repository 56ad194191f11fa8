import { expect, test } from 'vitest';
import { digestOf, pushImage, type RegistryPlace } from '../../servers/images.ts';
import { platform, type Platform } from '../platform.ts';

const layer = Buffer.from('one layer of an image');

async function registry(): Promise<Platform & { readonly place: RegistryPlace }> {
  const world = await platform();
  await world.app('shop');
  await world.app('shop-two');
  const { url, token } = world.simulator;
  return { ...world, place: { url, token, repository: 'shop' } };
}

const code = (body: { errors: { code: string }[] }): string | undefined => body.errors[0]?.code;

test('the ping asks for a password, which is the token', async () => {
  const { call, simulator } = await registry();
  const refused = await call('GET', '/v2/', undefined, { authorization: '' });
  expect(refused.status).toBe(401);
  expect(refused.headers.get('www-authenticate')).toBe('Basic realm="registry.fly.io"');
  expect(code(refused.body)).toBe('UNAUTHORIZED');
  const basic = Buffer.from(`x:${simulator.token}`).toString('base64');
  expect((await call('GET', '/v2/', undefined, { authorization: `Basic ${basic}` })).status).toBe(200);
});

test('an image is pushed and pulled by tag and by digest', async () => {
  const { call, place, clock } = await registry();
  const pushed = await clock.busy(() => pushImage(place, 'v1', [layer]));
  for (const reference of ['v1', pushed.digest]) {
    const got = await call('GET', `/v2/shop/manifests/${reference}`);
    expect(got.headers.get('docker-content-digest')).toBe(pushed.digest);
    expect(got.headers.get('content-type')).toBe('application/vnd.oci.image.manifest.v1+json');
  }
  const head = await call('HEAD', '/v2/shop/manifests/v1');
  expect([head.status, head.headers.get('docker-content-digest')]).toEqual([200, pushed.digest]);
  expect((await call('GET', `/v2/shop/blobs/${pushed.layers[0]}`)).body).toBe(layer.toString());
  const part = await call('GET', `/v2/shop/blobs/${pushed.layers[0]}`, undefined, { range: 'bytes=4-8' });
  expect([part.status, part.body, part.headers.get('content-range')]).toEqual([206, 'layer', 'bytes 4-8/21']);
  expect((await call('GET', '/v2/shop/tags/list')).body).toEqual({ name: 'shop', tags: ['v1'] });
});

test('a blob is uploaded in chunks, in their order, and checked against its digest', async () => {
  const { call } = await registry();
  const begun = await call('POST', '/v2/shop/blobs/uploads/');
  expect(begun.status).toBe(202);
  const upload = begun.headers.get('location') ?? '';
  expect((await call('PATCH', upload, 'one ', { 'content-range': '0-3' })).headers.get('range')).toBe('0-3');
  expect((await call('PATCH', upload, 'two', { 'content-range': '9-11' })).status).toBe(416);
  const wrong = await call('PUT', `${upload}?digest=${digestOf('three')}`, 'two');
  expect([wrong.status, code(wrong.body)]).toEqual([400, 'DIGEST_INVALID']);
  const whole = await call('POST', `/v2/shop/blobs/uploads/?digest=${digestOf('one two')}`, 'one two');
  expect(whole.status).toBe(201);
});

test('a blob is mounted from another repository, also of an index’s image', async () => {
  const { call, place, clock } = await registry();
  const { layers } = await clock.busy(() => pushImage(place, 'v1', [layer]));
  const mount = await call('POST', `/v2/shop-two/blobs/uploads/?mount=${layers[0]}&from=shop`);
  expect([mount.status, mount.headers.get('docker-content-digest')]).toEqual([201, layers[0]]);
  const unknown = await call('POST', `/v2/shop-two/blobs/uploads/?mount=${digestOf('no')}&from=shop`);
  expect([unknown.status, unknown.headers.get('location')]).toEqual([202, expect.stringContaining('/uploads/')]);
});

test('a manifest names only what is there', async () => {
  const { call, place, clock } = await registry();
  const index = await clock.busy(() => pushImage(place, 'all', [layer], 2));
  const { body, headers } = await call('GET', '/v2/shop/manifests/all');
  expect(headers.get('docker-content-digest')).toBe(index.digest);
  const type = headers.get('content-type') ?? '';
  const moved = await call('PUT', '/v2/shop-two/manifests/all', body, { 'content-type': type });
  expect([moved.status, code(moved.body)]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
  const large = await call('PUT', '/v2/shop/manifests/all', ' '.repeat(4 * 1024 * 1024 + 1), { 'content-type': type });
  expect([large.status, code(JSON.parse(JSON.stringify(large.body)))]).toEqual([413, 'SIZE_INVALID']);
  const strange = await call('PUT', '/v2/shop/manifests/all', '{}', { 'content-type': 'text/plain' });
  expect(code(strange.body)).toBe('MANIFEST_INVALID');
});

test('a repository is its app: others do not read it, and read-only tokens do not write it', async () => {
  const { call, simulator, world } = await registry();
  world.addOrganization('others');
  world.grantToken('stranger', { organizations: ['others'] });
  world.grantToken('reader', { readOnly: true });
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  expect(code((await call('GET', '/v2/nobody/manifests/v1')).body)).toBe('NAME_UNKNOWN');
  expect(code((await call('GET', '/v2/shop/manifests/v1', undefined, as('stranger'))).body)).toBe('DENIED');
  expect(code((await call('GET', '/v2/shop/manifests/v1', undefined, as('reader'))).body)).toBe('MANIFEST_UNKNOWN');
  expect((await call('POST', '/v2/shop/blobs/uploads/', undefined, as('reader'))).status).toBe(403);
  expect(simulator.world.registry.uploads.size).toBe(0);
});

test('a machine runs what its tag meant when it was written', async () => {
  const { call, machine, look, place, clock, simulator } = await registry();
  const first = await clock.busy(() => pushImage(place, 'v1', [layer]));
  const image = `${new URL(simulator.url).host}/shop:v1`;
  const made = await machine({ config: { image } });
  expect(made.image_ref.digest).toBe(first.digest);
  const second = await clock.busy(() => pushImage(place, 'v1', [Buffer.from('another')]));
  expect(second.digest).not.toBe(first.digest);
  expect((await look(made.id)).image_ref.digest).toBe(first.digest);
  const asked = await call('POST', '/graphql', {
    query: 'query { app(name: "shop") { image(ref: "registry.fly.io/shop:v1") { digest } } }',
  });
  expect(asked.body.data.app.image.digest).toBe(second.digest);
});
