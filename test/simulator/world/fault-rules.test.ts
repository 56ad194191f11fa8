import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

const template = 'GET /apps/{app}/machines';
const asked = async (it: Platform, app: string, times: number): Promise<readonly number[]> => {
  const statuses: number[] = [];
  for (let n = 0; n < times; n++) statuses.push((await it.call('GET', `/apps/${app}/machines`)).status);
  return statuses;
};
const admin = (it: Platform, path: string, body: object) => it.call('POST', `/_simulator${path}`, body);

describe('a fault with a probability', () => {
  async function unlucky(seed: number, rule: object = {}): Promise<Platform> {
    const it = await platform({ seed });
    await it.app('shop');
    await it.app('blog');
    await admin(it, '/faults', { template, fault: '500', probability: 0.4, ...rule });
    return it;
  }

  test('hits about as often as it says, the same ones under the same seed, whatever other apps ask', async () => {
    const [one, two, other] = [await unlucky(3), await unlucky(3), await unlucky(4)];
    const first = await asked(one, 'shop', 60);
    await asked(two, 'blog', 7);
    expect(await asked(two, 'shop', 60)).toEqual(first);
    expect(await asked(other, 'shop', 60)).not.toEqual(first);
    const hits = first.filter((status) => status === 500).length;
    expect(hits).toBeGreaterThan(12);
    expect(hits).toBeLessThan(36);
  });

  test('stops after its count, begins with its nth, and differs by its own seed', async () => {
    const count = (statuses: readonly number[]) => statuses.filter((status) => status === 500).length;
    expect(count(await asked(await unlucky(3, { times: 2 }), 'shop', 60))).toBe(2);
    expect(count((await asked(await unlucky(3, { nth: 31 }), 'shop', 60)).slice(0, 30))).toBe(0);
    expect(await asked(await unlucky(3, { seed: 9 }), 'shop', 60)).not.toEqual(
      await asked(await unlucky(3), 'shop', 60),
    );
    expect(count(await asked(await unlucky(3, { probability: 0 }), 'shop', 30))).toBe(0);
    expect(count(await asked(await unlucky(3, { probability: 1 }), 'shop', 30))).toBe(30);
  });
});

test('latency is spent on the clock before the work, on top of any other fault', async () => {
  const it = await platform();
  await it.app();
  await admin(it, '/faults', { template, fault: { latencyMs: 700 }, times: 2 });
  await admin(it, '/faults', { template, fault: '503', nth: 2 });
  const began = it.clock.now();
  expect(await asked(it, 'shop', 3)).toEqual([200, 503, 200]);
  expect(it.clock.now() - began).toBe(1400);
});

describe('an answer of one’s own', () => {
  test.each(['300', 300])('has the headers that it was asked for: %o', async (after) => {
    const it = await platform();
    await it.app();
    const fault = { status: 429, body: { error: 'later' }, headers: { 'retry-after': after, 'x-other': 'here' } };
    expect((await admin(it, '/faults', { template, fault })).status).toBeLessThan(300);
    const { status, body, headers } = await it.call('GET', '/apps/shop/machines');
    expect([status, body, headers.get('retry-after'), headers.get('x-other')]).toEqual([
      429,
      { error: 'later' },
      '300',
      'here',
    ]);
    expect(await asked(it, 'shop', 1)).toEqual([200]);
  });

  test.each([[['retry-after']], ['retry-after: 300'], [{ 'retry-after': { seconds: 3 } }]])(
    'is refused with headers that are none: %o',
    async (headers) => {
      const it = await platform();
      await it.app();
      expect((await admin(it, '/faults', { template, fault: { status: 429, body: {}, headers } })).status).toBe(400);
      expect(await asked(it, 'shop', 1)).toEqual([200]);
    },
  );
});

describe('somebody else’s lease', () => {
  test('appears just before a request, if nobody holds one', async () => {
    const it = await platform();
    const { id } = await it.machine();
    const update = 'POST /apps/{app}/machines/{machine}';
    await admin(it, '/faults', { template: update, fault: 'foreign-lease', times: 2 });
    const path = `/apps/shop/machines/${id}`;
    const refused = await it.call('POST', path, { config: { image } });
    expect(refused).toMatchObject({ status: 409, body: { message: expect.stringContaining('somebody@example.com') } });
    await it.clock.sleep(13_000);
    const nonce = (await it.call('POST', `${path}/lease?ttl=30`)).body.data.nonce;
    const headers = { 'fly-machine-lease-nonce': nonce };
    expect((await it.call('POST', path, { config: { image } }, headers)).status).toBe(200);
    expect(it.world.faults.list()).toMatchObject([{ matched: 2, hit: 2 }]);
  });

  test('by admin call, with its owner and time', async () => {
    const it = await platform();
    const { id } = await it.machine();
    await admin(it, `/apps/shop/machines/${id}/lease`, { ttl_seconds: 5, owner: 'bob@example.com', description: 'me' });
    const { lease } = (await it.call('GET', `/apps/shop/machines/${id}?include_leases=true`)).body;
    expect(lease).toMatchObject({ owner: 'bob@example.com', description: 'me' });
    await it.clock.sleep(5000);
    expect((await it.call('GET', `/apps/shop/machines/${id}/lease`)).status).toBe(404);
  });
});

describe('states that are slow or stuck', () => {
  test('one takes longer, as often as said', async () => {
    const it = await platform();
    await admin(it, '/slow', { state: 'starting', extraMs: 30_000, times: 1 });
    const { id } = await it.machine();
    await it.clock.sleep(20_000);
    expect((await it.look(id)).state).toBe('starting');
    await it.clock.sleep(10_000);
    expect((await it.look(id)).state).toBe('started');
    expect((await it.machine()).state).toBe('started');
  });

  test('one never leaves, until somebody acts on it', async () => {
    const it = await platform();
    await it.app();
    await admin(it, '/slow', { state: 'starting', app: 'shop', machine: 'web' });
    const { id } = await it.machine({ name: 'web' });
    expect((await it.machine({ name: 'other' })).state).toBe('started');
    const waited = await it.call('GET', `/apps/shop/machines/${id}/wait?state=started&timeout=60`);
    expect(waited.status).toBe(408);
    await it.clock.sleep(600_000);
    expect((await it.look(id)).state).toBe('starting');
    expect((await it.call('GET', '/_simulator/slow')).body).toHaveLength(1);
    expect((await it.call('DELETE', '/_simulator/slow')).status).toBe(204);
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image } });
    await it.clock.sleep(3000);
    expect((await it.look(id)).state).toBe('started');
  });

  test('a stop can take its time too', async () => {
    const it = await platform();
    const { id } = await it.machine();
    it.world.pace.add({ state: 'stopping', machine: id, extraMs: 60_000 });
    await it.call('POST', `/apps/shop/machines/${id}/stop`);
    await it.clock.sleep(60_000);
    expect((await it.look(id)).state).toBe('stopping');
    await it.clock.sleep(1000);
    expect((await it.look(id)).state).toBe('stopped');
  });

  test('failing-launch never comes up', async () => {
    const it = await platform();
    const { id, state } = await it.machine({ config: { image: 'shop:failing-launch' } });
    expect(state).toBe('failed');
    const waited = await it.call('GET', `/apps/shop/machines/${id}/wait?state=settled`);
    expect(waited.body.state).toBe('failed');
  });
});

describe('checks', () => {
  const config = { image, checks: { alive: { type: 'tcp', port: 1 } } };
  const status = async (it: Platform, id: string): Promise<string> => (await it.look(id)).checks[0].status;

  test('fail and pass by admin call, through restarts, until left to their image', async () => {
    const it = await platform();
    const { id } = await it.machine({ config });
    expect(await status(it, id)).toBe('passing');
    await admin(it, `/apps/shop/machines/${id}/checks`, { rule: 'fail' });
    await it.clock.sleep(1000);
    expect(await status(it, id)).toBe('critical');
    await it.call('POST', `/apps/shop/machines/${id}/restart`);
    await it.clock.sleep(60_000);
    expect(await status(it, id)).toBe('critical');
    await admin(it, `/apps/shop/machines/${id}/checks`, {});
    await it.clock.sleep(1000);
    expect(await status(it, id)).toBe('passing');
    expect((await admin(it, `/apps/shop/machines/${id}/checks`, { rule: 'dance' })).status).toBe(400);
  });

  test('flap by image name', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { ...config, image: 'shop:flapping-check' } });
    const seen: string[] = [];
    for (let n = 0; n < 4; n++) {
      seen.push(await status(it, id));
      await it.clock.sleep(10_000);
    }
    expect(seen).toEqual(['passing', 'critical', 'passing', 'critical']);
    await it.call('POST', `/apps/shop/machines/${id}/stop`);
    await it.clock.sleep(1000);
    expect(it.clock.pending).toBe(0);
  });
});

test('a token can expire, now or later', async () => {
  const it = await platform();
  it.world.grantToken('short', {});
  const asShort = () => it.call('GET', '/apps?org_slug=personal', undefined, { authorization: 'Bearer short' });
  await admin(it, '/tokens/short/expire', { at: it.clock.now() + 60_000 });
  expect((await asShort()).status).toBe(200);
  await it.clock.sleep(60_000);
  expect((await asShort()).status).toBe(401);
  await admin(it, '/tokens/short/expire', { at: it.clock.now() + 60_000 });
  expect((await asShort()).status).toBe(200);
  await admin(it, '/tokens/short/expire', {});
  expect((await asShort()).status).toBe(401);
  expect((await admin(it, '/tokens/nobody/expire', {})).status).toBe(404);
});

test('an app name taken in another organization is 403 to read, name_taken to create', async () => {
  const it = await platform();
  await it.app('shop');
  await admin(it, '/organizations', { slug: 'acme' });
  await admin(it, '/tokens', { token: 'acme', organizations: ['acme'] });
  const asAcme = { authorization: 'Bearer acme' };
  const { id } = await it.machine();
  for (const path of ['', '/machines', `/machines/${id}`, '/volumes', '/secrets', '/ip_assignments', '/certificates']) {
    expect((await it.call('GET', `/apps/shop${path}`, undefined, asAcme)).status, path).toBe(403);
  }
  expect(await it.call('POST', '/apps', { name: 'shop', org_slug: 'acme' }, asAcme)).toMatchObject({
    status: 422,
    body: { status: 'name_taken' },
  });
  expect((await it.call('POST', '/apps', { name: 'mine', org_slug: 'personal' }, asAcme)).status).toBe(403);
  expect((await it.call('POST', '/apps', { name: 'mine', org_slug: 'acme' }, asAcme)).status).toBe(201);
  expect((await it.call('GET', '/orgs/personal/machines', undefined, asAcme)).status).toBe(403);
});
