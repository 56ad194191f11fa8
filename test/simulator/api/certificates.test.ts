import { describe, expect, test } from 'vitest';
import { platform, type Platform } from '../platform.ts';

const hostname = 'www.example.com';

async function asked(): Promise<Platform> {
  const it = await platform();
  await it.app();
  await it.call('POST', '/apps/shop/ip_assignments', { type: 'v4' });
  expect((await it.call('POST', '/apps/shop/certificates/acme', { hostname })).status).toBe(201);
  return it;
}

const read = async ({ call }: Platform, name = hostname, app = 'shop') =>
  (await call('GET', `/apps/${app}/certificates/${encodeURIComponent(name)}`)).body;

describe('a certificate of Let’s Encrypt', () => {
  test('waits for DNS, says what it needs, and is there once DNS answers', async () => {
    const it = await asked();
    await it.clock.sleep(60_000);
    const waiting = await read(it);
    expect(waiting).toMatchObject({
      status: 'pending_validation',
      configured: false,
      certificates: [],
      validation: { dns_configured: false, alpn_configured: false, http_configured: false },
      dns_requirements: { acme_challenge: { name: `_acme-challenge.${hostname}` } },
    });
    expect(waiting.validation_errors).toHaveLength(1);
    const [address] = waiting.dns_requirements.a;
    await it.call('POST', '/_simulator/dns', { name: hostname, values: [address] });
    expect(await read(it)).toMatchObject({ status: 'pending_validation', configured: true, validation_errors: [] });
    await it.clock.sleep(10_000);
    expect(await read(it)).toMatchObject({
      status: 'active',
      has_fly_certificate: true,
      certificates: [{ source: 'fly', issued: [{ type: 'rsa' }, { type: 'ecdsa' }] }],
    });
    expect(it.world.snapshot()[0]?.certificates).toEqual([
      { hostname, acmeRequested: true, issued: true, custom: false },
    ]);
    expect(it.clock.pending).toBe(0);
  });

  test('a check shows what DNS answers', async () => {
    const it = await asked();
    await it.call('POST', '/_simulator/dns', { name: hostname, values: ['192.0.2.1', '2001:db8::1'] });
    const { body } = await it.call('POST', `/apps/shop/certificates/${hostname}/check`);
    expect(body).toMatchObject({
      status: 'pending_validation',
      dns_records: { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], cname: [] },
    });
    for (const absent of ['soa', 'acme_challenge_cname', 'ownership_txt'])
      expect(body.dns_records).not.toHaveProperty(absent);
    expect(body).not.toHaveProperty('rate_limited_until');
  });

  test('a wildcard is proved by the challenge record only', async () => {
    const it = await asked();
    await it.call('POST', '/apps/shop/certificates/acme', { hostname: '*.example.com' });
    const { acme_challenge: challenge, a } = (await read(it, '*.example.com')).dns_requirements;
    expect(challenge.name).toBe('_acme-challenge.example.com');
    await it.call('POST', '/_simulator/dns', { name: '*.example.com', values: a });
    await it.clock.sleep(10_000);
    expect((await read(it, '*.example.com')).status).toBe('pending_validation');
    await it.call('POST', '/_simulator/dns', { name: challenge.name, values: [challenge.target] });
    await it.clock.sleep(10_000);
    expect((await read(it, '*.example.com')).status).toBe('active');
  });

  test('of two apps with one hostname, the TXT record says whose it is', async () => {
    const it = await asked();
    await it.app('blog');
    await it.call('POST', '/apps/blog/certificates/acme', { hostname });
    expect([(await read(it)).status, (await read(it, hostname, 'blog')).status]).toEqual([
      'pending_ownership',
      'pending_ownership',
    ]);
    await it.call('POST', '/_simulator/dns', { app: 'blog', hostname });
    await it.clock.sleep(10_000);
    expect([(await read(it)).status, (await read(it, hostname, 'blog')).status]).toEqual([
      'pending_ownership',
      'active',
    ]);
  });
});

test('a certificate of one’s own counts once the hostname is proved to be one’s own', async () => {
  const it = await platform();
  await it.app();
  const own = {
    hostname,
    fullchain: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----',
    private_key: '-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----',
  };
  expect((await it.call('POST', '/apps/shop/certificates/custom', { ...own, fullchain: 'x' })).status).toBe(422);
  const made = await it.call('POST', '/apps/shop/certificates/custom', own);
  expect(made).toMatchObject({ status: 201, body: { status: 'pending_ownership', has_custom_certificate: true } });
  const { ownership } = made.body.dns_requirements;
  await it.call('POST', '/_simulator/dns', { name: ownership.name, values: [ownership.app_value] });
  expect(await read(it)).toMatchObject({ status: 'active', certificates: [{ source: 'custom' }] });
  expect(JSON.stringify(await read(it))).not.toContain('PRIVATE');
  const removed = await it.call('DELETE', `/apps/shop/certificates/${hostname}/custom`);
  expect(removed).toMatchObject({ status: 200, body: { has_custom_certificate: false } });
  expect(removed.body.warning).not.toBe('');
  expect((await it.call('DELETE', `/apps/shop/certificates/${hostname}/custom`)).status).toBe(404);
});

test('dropping the certificate of Let’s Encrypt keeps the hostname; deleting does not', async () => {
  const it = await asked();
  await it.call('POST', '/_simulator/dns', { app: 'shop', hostname });
  await it.clock.sleep(10_000);
  const dropped = await it.call('DELETE', `/apps/shop/certificates/${hostname}/acme`);
  expect(dropped).toMatchObject({ status: 200, body: { acme_requested: false, has_fly_certificate: false } });
  expect((await it.call('DELETE', `/apps/shop/certificates/${hostname}`)).status).toBe(204);
  expect((await it.call('GET', `/apps/shop/certificates/${hostname}`)).status).toBe(404);
  expect((await it.call('POST', '/apps/shop/certificates/acme', { hostname })).status).toBe(201);
});

test('lists come in pages, filtered, with a count of all', async () => {
  const it = await platform();
  await it.app();
  for (const name of ['c', 'a', 'b', 'other']) {
    await it.call('POST', '/apps/shop/certificates/acme', { hostname: `${name}.example.com` });
  }
  const list = async (query: string) => (await it.call('GET', `/apps/shop/certificates?${query}`)).body;
  const names = (page: { certificates: { hostname: string }[] }) => page.certificates.map(({ hostname }) => hostname);
  const first = await list('limit=3');
  expect(names(first)).toEqual(['a.example.com', 'b.example.com', 'c.example.com']);
  expect(first.total_count).toBe(4);
  const second = await list(`limit=3&cursor=${first.next_cursor}`);
  expect(names(second)).toEqual(['other.example.com']);
  expect(second).not.toHaveProperty('next_cursor');
  expect(await list('filter=oth')).toMatchObject({ total_count: 1, certificates: [{ hostname: 'other.example.com' }] });
  expect((await it.call('GET', '/apps/shop/certificates?limit=501')).status).toBe(400);
});

test.each(['', 'nodots', 'under_score.example.com', 'http://example.com', 'a..example.com'])(
  'hostname %j is refused',
  async (hostname) => {
    const it = await platform();
    await it.app();
    expect((await it.call('POST', '/apps/shop/certificates/acme', { hostname })).status).toBe(422);
  },
);

test('a hostname twice in one app is refused, in an app of others too', async () => {
  const it = await asked();
  expect((await it.call('POST', '/apps/shop/certificates/acme', { hostname })).status).toBe(422);
  it.world.addOrganization('acme');
  it.world.grantToken('acme', { organizations: ['acme'] });
  const asAcme = { authorization: 'Bearer acme' };
  expect((await it.call('GET', '/apps/shop/certificates', undefined, asAcme)).status).toBe(403);
});
