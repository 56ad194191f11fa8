import { describe, expect, it } from 'vitest';
import { FlyError } from '../../src/fly/http/error.ts';
import { machine, speakTo, thrownBy, volume, type Reply } from './fake-fly.ts';

const ok = (body: unknown): Reply => ({ status: 200, body });
const notFound: Reply = { status: 404, body: { error: 'Could not find App "shop"' } };
const lease = (nonce: string) => ok({ status: 'success', data: { nonce, expires_at: 1_800_000_000, owner: 'me' } });

describe('apps', () => {
  it.each([
    [200, 'present'],
    [404, 'absent'],
    [403, 'taken'],
  ])('an answer of %i means %s', async (status, state) => {
    await using bench = await speakTo(() => ({ status, body: { name: 'shop', status: 'deployed', error: 'no' } }));
    expect((await bench.fly.app('shop')).state).toBe(state);
  });

  it('are created under both names of the field and waited for until they show', async () => {
    let polled = 0;
    await using bench = await speakTo(({ method, path }) => {
      if (method === 'POST') return { status: 201, body: { id: 'x', created_at: 1 } };
      if (path === '/v1/tokens/current') return ok({ tokens: [] });
      polled += 1;
      if (polled < 3) return notFound;
      return polled < 5 ? { status: 401, body: { error: 'unauthorized' } } : ok({ name: 'shop' });
    });
    await bench.fly.createApp({ name: 'shop', org: 'acme', network: 'inner' });
    const [create, ...polls] = bench.server.arrivals.filter(({ path }) => path !== '/v1/tokens/current');
    expect(create).toMatchObject({
      path: '/v1/apps',
      body: { name: 'shop', app_name: 'shop', org_slug: 'acme', network: 'inner' },
    });
    expect(create?.query.get('wait')).toBe('true');
    // 100, 200 and 400 ms are the pauses; the limit of one read a second and app slows the later ones.
    expect(polls.map(({ at }) => at).slice(0, 3)).toEqual([0, 100, 300]);
    expect(polls).toHaveLength(5);
    expect(bench.clock.pending).toBe(0);
  });

  it('are waited for no longer where the token is refused by then', async () => {
    await using bench = await speakTo(({ method }) =>
      method === 'POST' ? { status: 201, body: {} } : { status: 401, body: { error: 'unauthorized' } },
    );
    const error = await thrownBy(bench.fly.createApp({ name: 'shop', org: 'acme' }));
    expect(error).toMatchObject({ state: { kind: 'stalled', scope: 'fleet' } });
    expect(bench.server.arrivals).toHaveLength(4);
  });

  it('that never show are given up after a minute as unknown', async () => {
    await using bench = await speakTo(({ method }) => (method === 'POST' ? { status: 201, body: {} } : notFound));
    const error = await thrownBy(bench.fly.createApp({ name: 'shop', org: 'acme' }));
    expect(error).toMatchObject({ kind: 'transient', outcome: 'unknown', status: 404, where: 'app shop' });
    expect(bench.server.arrivals.at(-1)?.at).toBeGreaterThanOrEqual(60_000);
    expect(bench.server.arrivals.at(-1)?.at).toBeLessThan(62_000);
  });

  it("that turn out to be somebody else's end the wait at once", async () => {
    await using bench = await speakTo(({ method }) => ({
      status: method === 'POST' ? 201 : 403,
      body: { error: 'unauthorized' },
    }));
    expect(await thrownBy(bench.fly.createApp({ name: 'shop', org: 'acme' }))).toMatchObject({ status: 403 });
    expect(bench.server.arrivals).toHaveLength(2);
  });

  it('are deleted with what is in them, and gone is fine', async () => {
    await using bench = await speakTo(() => notFound);
    await bench.fly.deleteApp('shop');
    expect(bench.server.arrivals[0]).toMatchObject({ method: 'DELETE', path: '/v1/apps/shop' });
    expect(bench.server.arrivals[0]?.query.get('force')).toBe('true');
  });

  it('of an organization are listed', async () => {
    await using bench = await speakTo(() => ok({ total_apps: 1, apps: [{ name: 'shop' }] }));
    expect(await bench.fly.apps('acme')).toEqual([{ name: 'shop' }]);
    expect(bench.server.arrivals[0]?.query.get('org_slug')).toBe('acme');
  });
});

describe('machines', () => {
  it('are listed with leases, without destroyed ones and mirrored checks', async () => {
    const checks = [
      { name: 'servicecheck-00-http-8080', status: 'passing' },
      { name: 'bg_deployments_compat-servicecheck-00-http-8080', status: 'critical' },
    ];
    const list = [
      { ...machine, checks },
      { ...machine, id: '2', state: 'destroyed' },
      { ...machine, id: '3', state: 'destroying' },
    ];
    await using bench = await speakTo(() => ok(list));
    const live = await bench.fly.machines('shop');
    expect(live.map(({ id }) => id)).toEqual(['148e1', '3']);
    expect(live[0]?.checks).toEqual([checks[0]]);
    expect((await bench.fly.machines('shop', { includeDeleted: true })).map(({ id }) => id)).toEqual([
      '148e1',
      '2',
      '3',
    ]);
    expect(bench.server.arrivals.map(({ query }) => String(query))).toEqual([
      'include_leases=true',
      'include_leases=true&include_deleted=true',
    ]);
  });

  it('that Fly does not know are undefined', async () => {
    await using bench = await speakTo(() => notFound);
    expect(await bench.fly.machine('shop', '148e1')).toBeUndefined();
    expect(await bench.fly.volume('shop', 'vol_1')).toBeUndefined();
    expect(await bench.fly.lease('shop', '148e1')).toBeUndefined();
  });

  it.each([
    [200, 'reached'],
    [408, 'deadline'],
    [404, 'gone'],
  ])('a wait answered %i is %s', async (status, result) => {
    await using bench = await speakTo(() => ({ status, body: { error: 'deadline_exceeded: …' } }));
    const request = { states: ['started', 'failed'], version: '01A', timeoutSeconds: 600 };
    expect(await bench.fly.wait('shop', '148e1', request)).toBe(result);
    expect(String(bench.server.arrivals[0]?.query)).toBe('state=started&state=failed&timeout=60&version=01A');
    expect(bench.server.arrivals).toHaveLength(1);
  });

  it('a wait outlives the 30 s of other reads, and is not begun again after its own time', async () => {
    await using bench = await speakTo(async (_arrival, nth, clock) => {
      await clock.park(nth === 1 ? 59_000 : 70_000);
      return nth === 1 ? ok({ ok: true }) : 'reset';
    });
    const wait = () => bench.fly.wait('shop', '148e1', { states: ['started'], timeoutSeconds: 60 });
    expect(await wait()).toBe('reached');
    expect(await thrownBy(wait())).toMatchObject({ kind: 'transient', why: 'no answer within 70 s' });
    expect(bench.server.arrivals).toHaveLength(2);
  });

  it('a wait ends with the reason of its signal, before and while it is held', async () => {
    const stop = new AbortController();
    const reason = new Error('newer commit');
    await using bench = await speakTo(async (_arrival, _nth, clock) => {
      clock.timer(5_000, () => stop.abort(reason));
      await clock.park(5_000);
      return ok({ ok: true });
    });
    const request = { states: ['started'], timeoutSeconds: 60, signal: stop.signal };
    expect(await thrownBy(bench.fly.wait('shop', '148e1', request))).toBe(reason);
    expect(await thrownBy(bench.fly.wait('shop', '148e1', request))).toBe(reason);
    expect(bench.server.arrivals).toHaveLength(1);
    // The server's own wait ends at the same instant.
    await bench.clock.sleep(0);
    expect(bench.clock.pending).toBe(0);
  });

  it('are written to with the nonce of their lease', async () => {
    await using bench = await speakTo(() => ok(machine));
    const { fly } = bench;
    const request = { config: { image: 'nginx' }, current_version: '01A' };
    await fly.updateMachine('shop', '148e1', request, 'n1');
    await fly.startMachine('shop', '148e1', 'n1');
    await fly.stopMachine('shop', '148e1', 'n1');
    await fly.restartMachine('shop', '148e1', 'n1');
    await fly.cordonMachine('shop', '148e1', 'n1');
    await fly.uncordonMachine('shop', '148e1', 'n1');
    await fly.destroyMachine('shop', '148e1', 'n1');
    const base = '/v1/apps/shop/machines/148e1';
    expect(bench.server.arrivals.map(({ method, path }) => `${method} ${path.replace(base, '')}`)).toEqual([
      'POST ',
      'POST /start',
      'POST /stop',
      'POST /restart',
      'POST /cordon',
      'POST /uncordon',
      'DELETE ',
    ]);
    expect(new Set(bench.server.arrivals.map(({ headers }) => headers['fly-machine-lease-nonce']))).toEqual(
      new Set(['n1']),
    );
    expect(bench.server.arrivals[0]?.body).toEqual(request);
    expect(String(bench.server.arrivals[6]?.query)).toBe('force=true&kill=true');
  });

  it('destroying one that is gone is fine; a label takes null to remove', async () => {
    await using bench = await speakTo(({ method }) => (method === 'DELETE' ? notFound : { status: 204 }));
    await bench.fly.destroyMachine('shop', '148e1');
    await bench.fly.patchMetadata('shop', '148e1', { a: '1', b: null });
    expect(bench.server.arrivals[1]).toMatchObject({
      method: 'PATCH',
      path: '/v1/apps/shop/machines/148e1/metadata',
      body: { metadata: { a: '1', b: null } },
    });
  });
});

describe('leases', () => {
  it('are taken, renewed and given back', async () => {
    await using bench = await speakTo(({ method }) => (method === 'DELETE' ? notFound : lease('n1')));
    const terms = { ttlSeconds: 30, patienceMs: 10_000 };
    expect(await bench.fly.acquireLease('shop', '148e1', { ttlSeconds: 30, description: 'flycd:f:1' })).toBe('n1');
    await bench.fly.refreshLease('shop', '148e1', 'n1', terms);
    await bench.fly.releaseLease('shop', '148e1', 'n1');
    expect(bench.server.arrivals.map(({ body, headers }) => [body, headers['fly-machine-lease-nonce']])).toEqual([
      [{ ttl: 30, description: 'flycd:f:1' }, undefined],
      [{ ttl: 30 }, 'n1'],
      [undefined, 'n1'],
    ]);
  });

  it('that come back under another nonce were lost: the new one is given back', async () => {
    await using bench = await speakTo(({ method }) => (method === 'DELETE' ? ok({}) : lease('n2')));
    expect(
      await thrownBy(bench.fly.refreshLease('shop', '148e1', 'n1', { ttlSeconds: 30, patienceMs: 10_000 })),
    ).toMatchObject({
      kind: 'transient',
      what: /ran out/,
    });
    expect(bench.server.arrivals[1]).toMatchObject({ method: 'DELETE', headers: { 'fly-machine-lease-nonce': 'n2' } });
  });

  it('were lost also where the new one cannot be given back', async () => {
    await using bench = await speakTo(({ method }) =>
      method === 'DELETE' ? { status: 403, body: { error: 'no' } } : lease('n2'),
    );
    expect(
      await thrownBy(bench.fly.refreshLease('shop', '148e1', 'n1', { ttlSeconds: 30, patienceMs: 10_000 })),
    ).toMatchObject({ kind: 'transient', what: /ran out/ });
  });

  it('tell their holder', async () => {
    await using bench = await speakTo(() =>
      ok({ status: 'success', data: { expires_at: 1, description: 'flycd:f:1' } }),
    );
    expect(await bench.fly.lease('shop', '148e1')).toEqual({ expires_at: 1, description: 'flycd:f:1' });
  });
});

describe('volumes, secrets and addresses', () => {
  it('volumes on their way out are not shown', async () => {
    const list = ['created', 'pending_destroy', 'scheduling_destroy', 'destroying', 'extending'].map((state) => ({
      ...volume,
      state,
    }));
    await using bench = await speakTo(() => ok(list));
    expect((await bench.fly.volumes('shop')).map(({ state }) => state)).toEqual(['created', 'extending']);
  });

  it('volumes are created, extended and configured', async () => {
    await using bench = await speakTo(({ path }) =>
      ok(path.endsWith('/extend') ? { volume, needs_restart: true } : volume),
    );
    await bench.fly.createVolume('shop', { name: 'data', region: 'arn', size_gb: 1 });
    expect(await bench.fly.extendVolume('shop', 'vol_1', 3)).toEqual({ volume, needsRestart: true });
    await bench.fly.configureVolume('shop', 'vol_1', { snapshotRetentionDays: 7 });
    expect(bench.server.arrivals.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['POST', '/v1/apps/shop/volumes', { name: 'data', region: 'arn', size_gb: 1 }],
      ['PUT', '/v1/apps/shop/volumes/vol_1/extend', { size_gb: 3 }],
      ['PUT', '/v1/apps/shop/volumes/vol_1', { snapshot_retention: 7 }],
    ]);
  });

  it('secrets are listed by name and digest', async () => {
    await using bench = await speakTo(() => ok({ secrets: [{ name: 'A', digest: 'd1' }] }));
    expect(await bench.fly.secrets('shop')).toEqual([{ name: 'A', digest: 'd1' }]);
  });

  it('addresses are listed, allocated and released by their text', async () => {
    const ip = { ip: '2a09:8280:1::1', shared: false };
    await using bench = await speakTo(({ method }) =>
      method === 'DELETE' ? notFound : ok(method === 'GET' ? { ips: [ip] } : ip),
    );
    expect(await bench.fly.addresses('shop')).toEqual([ip]);
    expect(await bench.fly.allocateAddress('shop', { type: 'v6', region: 'arn' })).toEqual(ip);
    await bench.fly.releaseAddress('shop', ip.ip);
    expect(bench.server.arrivals.map(({ path, body }) => [path, body])).toEqual([
      ['/v1/apps/shop/ip_assignments', undefined],
      ['/v1/apps/shop/ip_assignments', { type: 'v6', region: 'arn' }],
      ['/v1/apps/shop/ip_assignments/2a09:8280:1::1', undefined],
    ]);
  });
});

describe('the organization', () => {
  const item = (id: string, more: object = {}) => ({ id, app_name: 'shop', ...more });

  it('lists machines page by page, an empty one among them, and says which regions are missing', async () => {
    const pages: Record<string, unknown> = {
      '': { machines: [item('1'), item('2', { state: 'started' })], next_cursor: 'b' },
      b: { machines: [], next_cursor: 'c', error_regions: ['gru'] },
      c: { machines: [item('2', { state: 'stopped' }), item('3')], next_cursor: '', error_regions: ['gru', 'syd'] },
    };
    await using bench = await speakTo(({ query }) => ok(pages[query.get('cursor') ?? '']));
    const { machines, errorRegions } = await bench.fly.orgMachines('acme');
    expect(machines.map(({ id, state }) => [id, state])).toEqual([
      ['1', undefined],
      ['2', 'stopped'],
      ['3', undefined],
    ]);
    expect(errorRegions).toEqual(['gru', 'syd']);
    expect(bench.server.arrivals[0]?.path).toBe('/v1/orgs/acme/machines');
  });

  it('a list that runs in circles is no list', async () => {
    await using bench = await speakTo(() => ok({ machines: [], next_cursor: 'same' }));
    expect(await thrownBy(bench.fly.orgMachines('acme'))).toMatchObject({ kind: 'transient', where: 'org acme' });
    expect(bench.server.arrivals).toHaveLength(2);
  });

  it.each([['regions'], ['Regions']])('regions come under the key %s', async (key) => {
    await using bench = await speakTo(() => ok({ [key]: [{ code: 'arn', name: 'Stockholm' }] }));
    expect(await bench.fly.regions()).toEqual([{ code: 'arn', name: 'Stockholm' }]);
  });

  it('organizations are those of all tokens, each once', async () => {
    const tokens = [{ org_slug: 'acme' }, { org_slug: 'personal' }, { org_slug: 'acme' }, { org_slug: null }];
    await using bench = await speakTo(() => ok({ tokens }));
    expect(await bench.fly.organizations()).toEqual(['acme', 'personal']);
  });

  it('a refused token is a stalled fault', async () => {
    await using bench = await speakTo(() => ({ status: 401, body: { error: 'token expired' } }));
    const error = await thrownBy(bench.fly.organizations());
    expect(error).toBeInstanceOf(FlyError);
    expect(error).toMatchObject({ kind: 'stalled', why: 'token expired' });
  });
});
