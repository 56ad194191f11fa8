import { describe, expect, test } from 'vitest';
import { image, platform } from '../platform.ts';

describe('exec', () => {
  test.each([
    [{ command: ['echo', 'hello', 'world'] }, 0, 'hello world\n'],
    [{ cmd: 'echo hello' }, 0, 'hello\n'],
    [{ command: ['false'] }, 1, ''],
    [{ command: ['exit', '3'] }, 3, ''],
  ])('%j exits with %i', async (body, code, stdout) => {
    const it = await platform();
    const { id } = await it.machine();
    const answer = await it.call('POST', `/apps/shop/machines/${id}/exec`, body);
    expect(answer).toMatchObject({ status: 200, body: { exit_code: code, stdout, stderr: '' } });
  });

  test('is refused while a lease is held, even by its holder, and where nothing runs', async () => {
    const it = await platform();
    const { id } = await it.machine();
    const path = `/apps/shop/machines/${id}`;
    const nonce = (await it.call('POST', `${path}/lease?ttl=30`)).body.data.nonce;
    const headers = { 'fly-machine-lease-nonce': nonce };
    expect((await it.call('POST', `${path}/exec`, { cmd: 'true' }, headers)).status).toBe(409);
    await it.call('DELETE', `${path}/lease`, undefined, headers);
    expect((await it.call('POST', `${path}/exec`, {})).status).toBe(400);
    await it.call('POST', `${path}/stop`);
    await it.clock.sleep(1000);
    expect((await it.call('POST', `${path}/exec`, { cmd: 'true' })).status).toBe(412);
    expect((await it.call('GET', `${path}/ps`)).status).toBe(412);
  });
});

test.each([
  [image, '0.0.0.0:8080'],
  ['shop:listens-locally', '127.0.0.1:8080'],
])('ps of %s shows a socket on %s', async (image, address) => {
  const it = await platform();
  const config = { image, services: [{ protocol: 'tcp', internal_port: 8080 }] };
  const { id } = await it.machine({ config });
  const { body } = await it.call('GET', `/apps/shop/machines/${id}/ps`);
  expect(body.flatMap((process: { listen_sockets: unknown[] }) => process.listen_sockets)).toEqual([
    { proto: 'tcp', address },
  ]);
});

test('memory can be limited and reclaimed', async () => {
  const it = await platform();
  const { id } = await it.machine();
  const path = `/apps/shop/machines/${id}/memory`;
  expect((await it.call('GET', path)).body).toEqual({ limit_mb: 256, available_mb: 128 });
  expect((await it.call('PUT', path, { limit_mb: 200 })).body).toEqual({ limit_mb: 200, available_mb: 100 });
  expect((await it.call('PUT', path, { limit_mb: 512 })).status).toBe(422);
  expect((await it.call('POST', `${path}/reclaim`, { amount_mb: 20 })).body).toEqual({ actual_mb: 20 });
  expect((await it.call('POST', `${path}/reclaim`, { amount_mb: 2000 })).body).toEqual({ actual_mb: 50 });
});

test('an egress pair is two addresses', async () => {
  const it = await platform();
  await it.app();
  const { body } = await it.call('POST', '/apps/shop/ip_assignments', { type: 'egress_pair', region: 'arn' });
  expect(body).toMatchObject({
    ip: null,
    ip_pair: { v4: expect.stringContaining('.'), v6: expect.stringContaining(':') },
  });
  const { ips } = (await it.call('GET', '/apps/shop/ip_assignments')).body;
  expect(ips.map((address: { ip: string; egress: boolean }) => [address.ip, address.egress])).toEqual([
    [body.ip_pair.v4, true],
    [body.ip_pair.v6, true],
  ]);
});
