import { get } from 'node:http';
import { describe, expect, test } from 'vitest';
import { startSimulator } from '../../../simulator/simulator.ts';
import type { FaultKind } from '../../../simulator/world/fault-answers.ts';
import type { RequestNotice } from '../../../simulator/world/requests.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { image, platform, type Platform } from '../platform.ts';

const create = (it: Platform, app = 'shop', name?: string) =>
  it.call('POST', `/apps/${app}/machines`, { config: { image }, ...(name === undefined ? {} : { name }) });
const count = (it: Platform, app = 'shop'): number => it.world.apps.get(app)?.machines.size ?? 0;
const template = 'POST /apps/{app}/machines';

describe('faults', () => {
  test.each<[FaultKind, number | 'reset', number]>([
    ['reset-before', 'reset', 0],
    ['reset-after', 'reset', 1],
    ['408-before', 408, 0],
    ['408-after', 408, 1],
    ['429', 429, 0],
    ['500', 500, 0],
    ['502', 502, 0],
    ['503', 503, 0],
    ['capacity', 422, 0],
    [{ status: 418, body: { error: 'teapot' } }, 418, 0],
  ])('%j answers %s and leaves %i machines', async (fault, status, machines) => {
    const it = await platform();
    await it.app();
    it.world.faults.add({ template, fault });
    if (status === 'reset') await expect(create(it)).rejects.toThrow('fetch failed');
    else expect((await create(it)).status).toBe(status);
    expect(count(it)).toBe(machines);
    expect((await create(it)).status).toBe(200);
    expect(it.world.requests.filter((request) => request.template === template).map((r) => r.status)).toEqual([
      status === 'reset' ? undefined : status,
      200,
    ]);
  });

  test('a proxy page is no JSON, a lack of capacity says so', async () => {
    const it = await platform();
    await it.app();
    it.world.faults.add({ fault: '502' });
    expect((await create(it)).headers.get('content-type')).toBe('text/html');
    it.world.faults.add({ fault: 'capacity' });
    expect((await create(it)).body).toMatchObject({
      status: 'insufficient_capacity',
      error: expect.stringContaining('could not reserve resource for machine'),
    });
  });

  test('hit the nth match, as often as said, of one app or operation only', async () => {
    const it = await platform();
    await it.app('shop');
    await it.app('blog');
    it.world.faults.add({ template, app: 'shop', nth: 2, times: 2, fault: '500' });
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) {
      statuses.push((await create(it, 'shop')).status);
      expect((await create(it, 'blog')).status).toBe(200);
      expect((await it.call('GET', '/apps/shop/machines')).status).toBe(200);
    }
    expect(statuses).toEqual([200, 500, 500, 200, 200]);
    expect(it.world.faults.list()).toMatchObject([{ matched: 5, hit: 2 }]);
    it.world.faults.clear();
    expect(it.world.faults.list()).toEqual([]);
  });
});

describe('hooks', () => {
  test('see a request before and after it is done', async () => {
    const it = await platform();
    await it.app();
    const seen: [string, string, string | undefined, number][] = [];
    it.world.onRequest = ({ phase, request }: RequestNotice) =>
      seen.push([phase, request.template, request.app, count(it)]);
    await create(it);
    expect(seen).toEqual([
      ['before', template, 'shop', 0],
      ['after', template, 'shop', 1],
    ]);
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ])('can cut the connection %s the work', async (when, machines) => {
    const it = await platform();
    await it.app();
    it.world.onRequest = ({ phase, cut }) => {
      if (phase === when) cut();
    };
    await expect(create(it)).rejects.toThrow('fetch failed');
    expect(count(it)).toBe(machines);
  });
});

describe('the log', () => {
  test('has method, path, template, app, status and time', async () => {
    const it = await platform();
    await it.app();
    await it.clock.sleep(5000);
    await it.call('GET', '/apps/shop/machines?include_deleted=true');
    expect(it.world.requests.at(-1)).toEqual({
      method: 'GET',
      path: '/v1/apps/shop/machines',
      template: 'GET /apps/{app}/machines',
      app: 'shop',
      status: 200,
      at: it.clock.now(),
    });
  });

  test('writes leave reads and leases out', async () => {
    const it = await platform();
    const { id } = await it.machine();
    const lease = await it.call('POST', `/apps/shop/machines/${id}/lease?ttl=5`);
    const headers = { 'fly-machine-lease-nonce': lease.body.data.nonce };
    await it.call('DELETE', `/apps/shop/machines/${id}/lease`, undefined, headers);
    await it.call('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata: {} });
    expect(it.world.writes().map((request) => request.template)).toEqual([
      'POST /apps',
      template,
      'PATCH /apps/{app}/machines/{machine}/metadata',
    ]);
    expect(it.world.writes((request) => request.method === 'PATCH')).toHaveLength(1);
  });
});

describe('snapshots', () => {
  async function built(seed: number, detour: boolean): Promise<Platform> {
    const it = await platform({ seed });
    await it.app();
    if (detour) await it.call('DELETE', `/apps/shop/machines/${(await it.machine({ name: 'gone' })).id}?force=true`);
    const volume = (await it.call('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' })).body.id;
    await it.call('POST', '/apps/shop/secrets', { values: { B: '2', A: '1' } });
    await it.call('POST', '/apps/shop/ip_assignments', { type: 'v6' });
    const { id } = await it.machine({ name: 'web', config: { image, mounts: [{ volume, path: '/data' }] } });
    await it.call('PATCH', `/apps/shop/machines/${id}/metadata`, { metadata: { flycd_machine: id } });
    return it;
  }

  test('hold everything that exists', async () => {
    const { world } = await built(1, false);
    expect(world.snapshot()).toMatchObject([
      {
        name: 'shop',
        org: 'personal',
        status: 'deployed',
        machines: [{ name: 'web', state: 'started', region: 'arn', leased: false, secrets: { A: '1', B: '2' } }],
        volumes: [{ name: 'data', sizeGb: 3, attachedMachine: expect.any(String) }],
        secrets: { A: '1', B: '2' },
        addresses: [{ kind: 'v6', region: 'global' }],
      },
    ]);
  });

  test('end states are equal where only ids, addresses and times differ', async () => {
    const [one, two] = [await built(1, false), await built(2, true)];
    expect(one.world.endState()).toEqual(two.world.endState());
    expect(one.world.snapshot()).not.toEqual(two.world.snapshot());
    expect(one.world.endState()).toMatchObject([
      { machines: [{ metadata: { flycd_machine: 'machine web' } }], volumes: [{ attachedMachine: 'machine web' }] },
    ]);
    await two.call('POST', '/apps/shop/secrets', { values: { A: 'other' } });
    expect(one.world.endState()).not.toEqual(two.world.endState());
  });

  test('the same seed gives the same ids, whatever another app does meanwhile', async () => {
    const [one, two] = [await platform({ seed: 7 }), await platform({ seed: 7 })];
    await two.machine({}, 'blog');
    const ids = [(await one.machine()).id, (await two.machine()).id];
    expect(ids[0]).toBe(ids[1]);
    expect((await (await platform({ seed: 8 })).machine()).id).not.toBe(ids[0]);
  });
});

describe('the admin API', () => {
  test('does over HTTP what a test does in process, without a token', async () => {
    const it = await platform();
    await it.app();
    const admin = (method: string, path: string, body?: unknown) =>
      it.call(method, `/_simulator${path}`, body, { authorization: '' });
    expect((await admin('POST', '/faults', { template, fault: '503', times: 1 })).status).toBe(204);
    expect((await create(it)).status).toBe(503);
    expect((await admin('GET', '/faults')).body).toMatchObject([{ hit: 1 }]);
    expect((await admin('DELETE', '/faults')).status).toBe(204);
    expect((await admin('POST', '/rewrites', { path: 'metadata.x', value: 'y' })).status).toBe(204);
    const { id } = await it.machine();
    expect((await it.look(id)).config.metadata).toEqual({ x: 'y' });
    expect((await admin('GET', '')).body.apps).toEqual(JSON.parse(JSON.stringify(it.world.snapshot())));
    expect((await admin('GET', '/apps/shop')).body).toMatchObject({ name: 'shop', machines: [{ id }] });
    expect((await admin('GET', '/end-state')).body).toEqual(JSON.parse(JSON.stringify(it.world.endState())));
    expect((await admin('GET', '/requests?writes=true')).body.map((r: { status: number }) => r.status)).toEqual([
      201, 503, 200,
    ]);
    await admin('PUT', '/error-regions', ['arn']);
    expect((await it.call('GET', '/orgs/personal/machines')).body.error_regions).toEqual(['arn']);
    await admin('POST', '/organizations', { slug: 'acme' });
    await admin('POST', '/tokens', { token: 'acme-token', organizations: ['acme'] });
    const asAcme = { authorization: 'Bearer acme-token' };
    expect((await it.call('GET', '/apps/shop', undefined, asAcme)).status).toBe(403);
    expect((await admin('DELETE', '/requests')).status).toBe(204);
    expect(it.world.requests).toEqual([]);
  });

  test('does not answer a name that merely points here', async () => {
    const { clock, simulator } = await platform();
    const status = await clock.busy(
      () =>
        new Promise<number | undefined>((resolve, reject) => {
          get(`${simulator.url}/_simulator`, { headers: { host: 'evil.example' } }, (response) => {
            response.resume();
            resolve(response.statusCode);
          }).on('error', reject);
        }),
    );
    expect(status).toBe(403);
  });

  test.each([
    ['GET', '/nothing', undefined, 404],
    ['GET', '/apps/nothing', undefined, 404],
    ['POST', '/faults', { fault: 'earthquake' }, 400],
    ['POST', '/rewrites', { path: '' }, 400],
    ['POST', '/tokens', {}, 400],
  ])('%s %s %j answers %i', async (method, path, body, status) => {
    const { call } = await platform();
    expect((await call(method, `/_simulator${path}`, body)).status).toBe(status);
  });
});

describe('time', () => {
  test('latency is spent on the clock, waits side by side', async () => {
    const it = await platform({ latencyMs: 50 });
    const began = it.clock.now();
    await Promise.all(Array.from({ length: 10 }, () => it.call('GET', '/platform/regions')));
    expect(it.clock.now() - began).toBe(50);
    await it.call('GET', '/platform/regions');
    expect(it.clock.now() - began).toBe(100);
  });

  test('a client that gives up ends its wait: time runs on as if it had never asked', async () => {
    const { call, clock, machine, simulator, world } = await platform();
    const { id } = await machine();
    const abort = new AbortController();
    clock.timer(5000, () => abort.abort());
    const url = `${simulator.url}/v1/apps/shop/machines/${id}/wait?state=stopped&timeout=60`;
    const headers = { authorization: `Bearer ${simulator.token}` };
    await expect(clock.busy(() => fetch(url, { headers, signal: abort.signal }))).rejects.toThrow('aborted');
    const began = clock.now();
    expect((await call('GET', `/apps/shop/machines/${id}`)).status).toBe(200);
    expect(clock.now() - began).toBeLessThan(1000);
    await clock.sleep(1000);
    expect(clock.pending).toBe(0);
    expect(world.requests.find((request) => request.path.endsWith('/wait'))?.status).not.toBe(200);
  });

  test('closing stops every timer and cuts the requests that wait', async () => {
    const clock = new IdleClock();
    const simulator = await startSimulator({ clock, rateLimits: false });
    const headers = { authorization: `Bearer ${simulator.token}` };
    const ask = (method: string, path: string, body?: object) =>
      clock.busy(async () => {
        const response = await fetch(`${simulator.url}/v1${path}`, {
          method,
          headers,
          ...(body && { body: JSON.stringify(body) }),
        });
        return (await response.json()) as { id: string };
      });
    await ask('POST', '/apps', { name: 'shop', org_slug: 'personal' });
    const { id } = await ask('POST', '/apps/shop/machines', { config: { image: 'shop:slow-start' } });
    const waiting = ask('GET', `/apps/shop/machines/${id}/wait?state=stopped`);
    const cut = expect(waiting).rejects.toThrow('fetch failed');
    await clock.sleep(100);
    await simulator.close();
    await cut;
    await clock.sleep(1000);
    expect(clock.pending).toBe(0);
  });

  test('a port that is taken is an error', async () => {
    const { simulator } = await platform();
    const port = Number(new URL(simulator.url).port);
    await expect(startSimulator({ clock: new IdleClock(), port })).rejects.toThrow('EADDRINUSE');
  });
});
