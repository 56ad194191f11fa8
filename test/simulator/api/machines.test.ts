import { describe, expect, test } from 'vitest';
import { Machine } from '../../../schemas/fly/machine.ts';
import { image, platform, type Platform } from '../platform.ts';

const ulidPattern = /^[0-9A-HJKMNP-TV-Z]{26}$/;

describe('creating', () => {
  test('answers created, boots in about a second and passes its first check a second later', async () => {
    const { app, call, clock, look } = await platform();
    await app();
    const config = {
      image,
      services: [{ protocol: 'tcp', internal_port: 8080, checks: [{ type: 'http', port: 8080 }, { type: 'tcp' }] }],
      checks: { alive: { type: 'http', port: 9090 } },
    };
    const { body } = await call('POST', '/apps/shop/machines', { name: 'web-1', region: 'arn', config });
    const made = Machine.parse(body);
    expect(made).toMatchObject({ name: 'web-1', state: 'created', region: 'arn', cordoned: false, host_status: 'ok' });
    expect(made.id).toMatch(/^[0-9a-f]{14}$/);
    expect(made.instance_id).toMatch(ulidPattern);
    expect(made.version).toBe(made.instance_id);
    await clock.sleep(500);
    expect((await look(made.id)).state).toBe('starting');
    await clock.sleep(500);
    const started = await look(made.id);
    expect(started).toMatchObject({ state: 'started', checks: [{ status: 'critical' }, {}, {}] });
    await clock.sleep(1000);
    expect((await look(made.id)).checks).toMatchObject([
      { name: 'servicecheck-00-http-8080', status: 'passing' },
      { name: 'servicecheck-01-tcp-8080', status: 'passing' },
      { name: 'alive', status: 'passing' },
    ]);
    expect(started.events.map((event: { type: string; status: string }) => `${event.type} ${event.status}`)).toEqual([
      'start started',
      'launch created',
    ]);
  });

  test('with skip_launch ends stopped; from created a start is refused', async () => {
    const { app, call, clock, look } = await platform();
    await app();
    const { body } = await call('POST', '/apps/shop/machines', { config: { image }, skip_launch: true });
    expect(body.name).toMatch(/^[a-z]+-[a-z]+-\d+$/);
    expect(await call('POST', `/apps/shop/machines/${body.id}/start`)).toMatchObject({
      status: 412,
      body: { error: "failed_precondition: unable to start machine from current state: 'created'" },
    });
    await clock.sleep(1000);
    expect((await look(body.id)).state).toBe('stopped');
  });

  test('a name is unique among machines that are not destroyed', async () => {
    const { call, clock, machine } = await platform();
    const first = await machine({ name: 'web-1' });
    const again = () => call('POST', '/apps/shop/machines', { name: 'web-1', config: { image } });
    expect(await again()).toMatchObject({
      status: 409,
      body: {
        error: `already_exists: unique machine name violation, machine ID ${first.id} already exists with name "web-1"`,
      },
    });
    await call('DELETE', `/apps/shop/machines/${first.id}?force=true`);
    await clock.sleep(1000);
    expect((await again()).status).toBe(200);
  });

  test.each([
    ['no config', {}, 422],
    ['no image', { config: {} }, 422],
    ['env that is not text', { config: { image, env: { PORT: 1 } } }, 400],
    ['an unknown region', { config: { image }, region: 'xxx' }, 422],
    ['an unknown size', { config: { image, size: 'huge' } }, 422],
    ['too much memory', { config: { image, guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 4096 } } }, 422],
    ['odd memory', { config: { image, guest: { cpu_kind: 'shared', cpus: 1, memory_mb: 300 } } }, 422],
    ['odd CPUs', { config: { image, guest: { cpu_kind: 'shared', cpus: 3 } } }, 422],
    ['a service on a port there is not', { config: { image, services: [{ internal_port: 70_000 }] } }, 422],
    ['a duration that is none', { config: { image, checks: { a: { type: 'tcp', interval: 'soon' } } } }, 422],
    ['secrets that are not there yet', { config: { image }, min_secrets_version: 1 }, 412],
    ['no machine of that id', undefined, 404],
  ])('refuses %s', async (_what, body, status) => {
    const { app, call, world } = await platform();
    await app();
    const path = body === undefined ? '/apps/shop/machines/148e000' : '/apps/shop/machines';
    const answer = await call(body === undefined ? 'GET' : 'POST', path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatch(/./);
    expect(world.apps.get('shop')?.machines.size).toBe(0);
  });

  test('takes the first known region of a comma list', async () => {
    const { machine } = await platform();
    expect(await machine({ region: 'moon,lhr' })).toMatchObject({ region: 'lhr' });
  });

  test.each([
    ['nginx', { registry: 'registry-1.docker.io', repository: 'library/nginx', tag: 'latest' }],
    ['registry.fly.io/shop:v1', { registry: 'registry.fly.io', repository: 'shop', tag: 'v1' }],
    ['localhost:5000/a/b:2', { registry: 'localhost:5000', repository: 'a/b', tag: '2' }],
    ['a/b:1@sha256:abc', { repository: 'a/b', tag: '1', digest: 'sha256:abc' }],
    ['a/b@sha256:abc', { repository: 'a/b', tag: '', digest: 'sha256:abc' }],
  ])('resolves the image %s', async (image, expected) => {
    const { machine } = await platform();
    const made = await machine({ config: { image } });
    expect(made.config.image).toBe(image);
    expect(made.image_ref).toMatchObject({ digest: expect.stringMatching(/^sha256:/), ...expected });
  });
});

describe('listing', () => {
  async function fleet(): Promise<Platform & { readonly names: (query: string) => Promise<readonly string[]> }> {
    const it = await platform();
    await it.machine({ name: 'a', region: 'arn', config: { image, metadata: { group: 'web', n: '1' } } });
    await it.machine({ name: 'b', region: 'lhr', config: { image, metadata: { group: 'web', n: '2' } } });
    await it.machine({ name: 'c', region: 'arn', skip_launch: true, config: { image } });
    const gone = await it.machine({ name: 'd' });
    await it.call('DELETE', `/apps/shop/machines/${gone.id}?kill=true`);
    await it.clock.sleep(1000);
    const names = async (query: string): Promise<readonly string[]> =>
      (await it.call('GET', `/apps/shop/machines${query}`)).body.map((machine: { name: string }) => machine.name);
    return { ...it, names };
  }

  test.each([
    ['', ['a', 'b', 'c']],
    ['?include_deleted=true', ['a', 'b', 'c', 'd']],
    ['?region=arn', ['a', 'c']],
    ['?state=stopped', ['c']],
    ['?state=started,stopped&region=arn,lhr', ['a', 'b', 'c']],
    ['?metadata.group=web', ['a', 'b']],
    ['?metadata.group=web&metadata.n=2', ['b']],
    ['?metadata.group=none', []],
  ])('%s', async (query, expected) => {
    const { names } = await fleet();
    expect(await names(query)).toEqual(expected);
  });

  test('a summary leaves the details out, leases are shown when asked for, without their nonce', async () => {
    const { call, machine } = await platform();
    const { id } = await machine();
    await call('POST', `/apps/shop/machines/${id}/lease`, { ttl: 30, description: 'flycd:fleet:one' });
    const [summary] = (await call('GET', '/apps/shop/machines?summary=true')).body;
    for (const field of ['config', 'checks', 'events', 'host_status', 'lease'])
      expect(summary).not.toHaveProperty(field);
    const [leased] = (await call('GET', '/apps/shop/machines?include_leases=true')).body;
    expect(leased.lease).toEqual({
      description: 'flycd:fleet:one',
      owner: 'simulator@tokens.fly.io',
      expires_at: expect.any(Number),
    });
  });
});

describe('updating', () => {
  test('makes a new version, passes replacing and boots, also a stopped machine', async () => {
    const { call, clock, look, machine } = await platform();
    const before = await machine({ skip_launch: true });
    expect(before.state).toBe('stopped');
    const config = { image: 'registry.fly.io/shop:v2', env: { A: '1' } };
    const { body } = await call('POST', `/apps/shop/machines/${before.id}`, { config, name: 'other', region: 'lhr' });
    expect(body).toMatchObject({ state: 'replacing', name: before.name, region: 'arn' });
    expect(body.instance_id > before.instance_id).toBe(true);
    expect(await call('POST', `/apps/shop/machines/${before.id}/start`)).toMatchObject({
      status: 412,
      body: { error: 'failed_precondition: machine getting replaced, refusing to start' },
    });
    await clock.sleep(2000);
    expect(await look(before.id)).toMatchObject({ state: 'started', instance_id: body.instance_id, config });
    const versions = (await call('GET', `/apps/shop/machines/${before.id}/versions`)).body;
    expect(versions).toEqual([
      { version: body.instance_id, user_config: config },
      { version: before.instance_id, user_config: { image } },
    ]);
  });

  test.each([
    ['a stopped', true],
    ['a started', false],
  ])('with skip_launch leaves %s machine stopped', async (_what, skipLaunch) => {
    const { call, clock, look, machine } = await platform();
    const { id } = await machine({ skip_launch: skipLaunch });
    await call('POST', `/apps/shop/machines/${id}`, { config: { image }, skip_launch: true });
    await clock.sleep(5000);
    expect((await look(id)).state).toBe('stopped');
  });

  test('versions sort by time even within one millisecond', async () => {
    const { call, machine } = await platform();
    const { id, instance_id: first } = await machine();
    const versions: string[] = [first];
    for (let n = 0; n < 5; n++) {
      versions.push((await call('POST', `/apps/shop/machines/${id}`, { config: { image } })).body.instance_id);
    }
    expect(versions.toSorted()).toEqual(versions);
    expect(new Set(versions).size).toBe(6);
  });

  test('is refused when current_version moved', async () => {
    const { call, look, machine } = await platform();
    const { id, instance_id: version } = await machine();
    const change = (env: string) => ({ config: { image, env: { A: env } }, current_version: version });
    expect((await call('POST', `/apps/shop/machines/${id}`, change('1'))).status).toBe(200);
    expect((await call('POST', `/apps/shop/machines/${id}`, change('2'))).status).toBe(412);
    expect((await look(id)).config.env).toEqual({ A: '1' });
  });

  test('checks of the new version start untried', async () => {
    const { call, clock, look, machine } = await platform();
    const config = { image, checks: { alive: { type: 'tcp', port: 1 } } };
    const { id } = await machine({ config });
    expect((await look(id)).checks).toMatchObject([{ status: 'passing' }]);
    await call('POST', `/apps/shop/machines/${id}`, { config });
    expect((await look(id)).checks).toEqual([]);
    await clock.sleep(1200);
    expect((await look(id)).checks).toMatchObject([{ status: 'critical', output: '' }]);
  });
});

describe('destroying', () => {
  test('a running machine needs force; its record stays readable for minutes', async () => {
    const { call, clock, look, machine } = await platform();
    const { id } = await machine();
    expect((await call('DELETE', `/apps/shop/machines/${id}`)).status).toBe(412);
    expect(await call('DELETE', `/apps/shop/machines/${id}?force=true`)).toMatchObject({
      status: 200,
      body: { ok: true },
    });
    expect((await look(id)).state).toBe('destroying');
    await clock.sleep(5 * 60_000);
    const gone = await look(id);
    expect(gone.state).toBe('destroyed');
    expect(gone.events[0]).toMatchObject({ type: 'destroy', status: 'destroyed' });
    expect(gone.events[1]).toMatchObject({ type: 'exit', request: { exit_event: { requested_stop: true } } });
    expect((await call('DELETE', `/apps/shop/machines/${id}`)).status).toBe(404);
    expect((await call('POST', `/apps/shop/machines/${id}/start`)).status).toBe(404);
    await clock.sleep(6 * 60_000);
    expect((await call('GET', `/apps/shop/machines/${id}`)).status).toBe(404);
    expect((await call('GET', '/apps/shop/machines?include_deleted=true')).body).toHaveLength(1);
  });

  test('a stopped machine needs none', async () => {
    const { call, machine } = await platform();
    const { id } = await machine({ skip_launch: true });
    expect((await call('DELETE', `/apps/shop/machines/${id}`)).status).toBe(200);
  });
});
