import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

const hostOf = (it: Platform, id: string): string => it.world.apps.get('shop')?.machines.get(id)?.host ?? '';
const strike = (it: Platform, host: string, event: string, body?: object) =>
  it.call('POST', `/_simulator/hosts/${host}/${event}`, body);

async function withVolume(): Promise<{ it: Platform; id: string; volume: string }> {
  const it = await platform();
  await it.app();
  const volume = (await it.call('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' })).body.id;
  const { id } = await it.machine({ config: { image, mounts: [{ volume, path: '/data' }] } });
  return { it, id, volume };
}

describe('a host that is down', () => {
  test('leaves its machine as last seen, without a config', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image, metadata: { a: 'b' } } });
    await strike(it, hostOf(it, id), 'down');
    expect(await it.look(id)).toMatchObject({
      state: 'started',
      host_status: 'unreachable',
      config: null,
      incomplete_config: { metadata: { a: 'b' } },
      image_ref: {},
    });
    const overview = (await it.call('GET', '/orgs/personal/machines')).body.machines[0];
    expect(overview.config.metadata).toEqual({ a: 'b' });
    for (const action of ['stop', 'start', 'restart', 'cordon', 'lease']) {
      const { status } = await it.call('POST', `/apps/shop/machines/${id}/${action}`);
      expect(status, action).toBe(action === 'lease' ? 201 : 503);
    }
  });

  test('an update of its machine is refused and changes nothing', async () => {
    const it = await platform();
    const { id, instance_id: version } = await it.machine();
    await strike(it, hostOf(it, id), 'down');
    expect((await it.call('POST', `/apps/shop/machines/${id}`, { config: { image: 'shop:v9' } })).status).toBe(503);
    await it.clock.sleep(60_000);
    expect(await it.look(id)).toMatchObject({ state: 'started', instance_id: version });
  });

  test('takes no new machine; its volumes cannot be had', async () => {
    const { it, id, volume } = await withVolume();
    const host = hostOf(it, id);
    await it.call('DELETE', `/apps/shop/machines/${id}?force=true`);
    await it.clock.sleep(1000);
    await strike(it, host, 'down');
    expect((await it.call('GET', `/apps/shop/volumes/${volume}`)).body.host_status).toBe('unreachable');
    const config = { image, mounts: [{ volume, path: '/data' }] };
    expect(await it.call('POST', '/apps/shop/machines', { region: 'arn', config })).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('could not reserve resource') },
    });
    for (let n = 0; n < 12; n++) expect(hostOf(it, (await it.machine()).id)).not.toBe(host);
    await strike(it, host, 'up');
    expect((await it.call('POST', '/apps/shop/machines', { region: 'arn', config })).status).toBe(200);
  });

  test('ends a stop that was under way: asked for, and not begun again', async () => {
    const it = await platform();
    const { id } = await it.machine();
    await it.call('POST', `/apps/shop/machines/${id}/stop`);
    await strike(it, hostOf(it, id), 'down');
    await it.clock.sleep(60_000);
    await strike(it, hostOf(it, id), 'up');
    await it.clock.sleep(60_000);
    const { state, events } = await it.look(id);
    expect(state).toBe('stopped');
    expect(events[0]).toMatchObject({
      type: 'exit',
      request: { exit_event: { requested_stop: true, restarting: false } },
    });
    expect(events.map(({ type }: { type: string }) => type)).toEqual(['exit', 'stop', 'start', 'launch']);
  });

  test('comes back: what ran boots again in the same version, what was stopped stays so', async () => {
    const it = await platform();
    const running = await it.machine();
    const stopped = await it.machine();
    await it.call('POST', `/apps/shop/machines/${stopped.id}/stop`);
    await it.clock.sleep(1000);
    for (const { id } of [running, stopped]) await strike(it, hostOf(it, id), 'down');
    await it.clock.sleep(60_000);
    for (const { id } of [running, stopped]) await strike(it, hostOf(it, id), 'up');
    expect((await it.look(running.id)).state).toBe('starting');
    await it.clock.sleep(3000);
    expect(await it.look(running.id)).toMatchObject({
      state: 'started',
      host_status: 'ok',
      instance_id: running.instance_id,
      config: { image },
    });
    expect((await it.look(stopped.id)).state).toBe('stopped');
  });

  test('in the middle of a boot, nothing moves until it is back', async () => {
    const it = await platform();
    await it.app();
    const { id } = (await it.call('POST', '/apps/shop/machines', { region: 'arn', config: { image } })).body;
    await it.clock.sleep(500);
    await strike(it, hostOf(it, id), 'down');
    await it.clock.sleep(60_000);
    expect((await it.look(id)).state).toBe('starting');
    await strike(it, hostOf(it, id), 'up');
    await it.clock.sleep(3000);
    expect((await it.look(id)).state).toBe('started');
  });

  test.each([
    [false, 'destroyed'],
    [true, 'started'],
  ])('a machine destroyed meanwhile, the host remembering it: %s, ends %s', async (resurrects, ends) => {
    const it = await platform();
    const { id } = await it.machine();
    const host = hostOf(it, id);
    await strike(it, host, 'down');
    expect((await it.call('DELETE', `/apps/shop/machines/${id}?force=true`)).status).toBe(200);
    await it.clock.sleep(5000);
    expect((await it.look(id)).state).toBe('destroyed');
    await strike(it, host, 'up', { resurrects });
    await it.clock.sleep(3000);
    expect((await it.look(id)).state).toBe(ends);
    expect((await it.call('GET', '/apps/shop/machines')).body).toHaveLength(resurrects ? 1 : 0);
  });

  test.each([
    ['runs', 3000, 'started'],
    ['has only begun to start', 10, 'starting'],
  ])('its machine’s standby starts, and stops when it is back while it %s', async (_how, afterMs, state) => {
    const it = await platform();
    const { id } = await it.machine();
    let standby = await it.machine({ config: { image, standbys: [id] }, skip_launch: true });
    while (hostOf(it, standby.id) === hostOf(it, id)) {
      await it.call('DELETE', `/apps/shop/machines/${standby.id}?force=true`);
      standby = await it.machine({ config: { image, standbys: [id] }, skip_launch: true });
    }
    expect(standby.state).toBe('stopped');
    await strike(it, hostOf(it, id), 'down');
    await it.clock.sleep(afterMs);
    expect((await it.look(standby.id)).state).toBe(state);
    await strike(it, hostOf(it, id), 'up');
    await it.clock.sleep(3000);
    expect((await it.look(standby.id)).state).toBe('stopped');
    expect((await it.look(id)).state).toBe('started');
  });
});

describe('a host that is full', () => {
  test('takes nothing new and lets no machine grow, but updates and shrinks', async () => {
    const { it, id, volume } = await withVolume();
    const host = hostOf(it, id);
    await strike(it, host, 'full');
    const path = `/apps/shop/machines/${id}`;
    const mounts = [{ volume, path: '/data' }];
    const guest = { cpu_kind: 'shared', cpus: 1, memory_mb: 512 };
    expect((await it.call('POST', path, { config: { image, mounts, guest } })).body.error).toContain(
      'could not reserve resource for machine',
    );
    expect((await it.call('POST', path, { config: { image: 'shop:v2', mounts } })).status).toBe(200);
    await strike(it, host, 'roomy');
    expect((await it.call('POST', path, { config: { image, mounts, guest } })).status).toBe(200);
  });

  test('a region of full hosts takes no volume', async () => {
    const it = await platform();
    await it.app();
    for (let n = 0; n < 12; n++) await strike(it, `arn-${String(n).padStart(2, '0')}`, 'full');
    expect(await it.call('POST', '/apps/shop/volumes', { name: 'data', region: 'arn' })).toMatchObject({
      status: 422,
      body: { status: 'volume_placement_capacity' },
    });
    expect((await it.call('POST', '/apps/shop/machines', { region: 'arn', config: { image } })).status).toBe(422);
  });
});

describe('a migration', () => {
  test('keeps id, name and config; version, address and volume are new', async () => {
    const { it, id, volume } = await withVolume();
    const before = await it.look(id);
    const host = hostOf(it, id);
    await it.call('POST', `/_simulator/apps/shop/machines/${before.name}/migrate`);
    await it.clock.sleep(3000);
    const after = await it.look(id);
    expect(after).toMatchObject({ id, name: before.name, state: 'started', host_status: 'ok' });
    expect(after.instance_id > before.instance_id).toBe(true);
    expect(after.private_ip).not.toBe(before.private_ip);
    expect(hostOf(it, id)).not.toBe(host);
    const moved = after.config.mounts[0].volume;
    expect(moved).not.toBe(volume);
    expect(after.config).toEqual({ ...before.config, mounts: [{ ...before.config.mounts[0], volume: moved }] });
    const launch = after.events.find((event: { type: string }) => event.type === 'launch');
    expect(launch).toMatchObject({ source: 'flyd', request: { migrated: true } });
    const volumes = (await it.call('GET', '/apps/shop/volumes')).body;
    expect(volumes).toMatchObject([
      { id: volume, state: 'pending_destroy', attached_machine_id: null },
      { id: moved, name: 'data', state: 'created', attached_machine_id: id },
    ]);
    const versions = (await it.call('GET', `/apps/shop/machines/${id}/versions`)).body;
    expect(versions).toHaveLength(2);
    expect(versions[0]).toMatchObject({ version: after.instance_id, user_config: { mounts: [{ volume: moved }] } });
    expect((await it.call('POST', `/apps/shop/machines/${id}`, { config: after.config })).status).toBe(200);
  });

  test('gets a machine off a host that is down', async () => {
    const it = await platform();
    const { id } = await it.machine();
    await strike(it, hostOf(it, id), 'down');
    await it.call('POST', `/_simulator/apps/shop/machines/${id}/migrate`);
    await it.clock.sleep(3000);
    expect(await it.look(id)).toMatchObject({ state: 'started', host_status: 'ok', config: { image } });
  });

  test('a stopped machine stays stopped', async () => {
    const it = await platform();
    const { id } = await it.machine({ skip_launch: true });
    await it.call('POST', `/_simulator/apps/shop/machines/${id}/migrate`);
    await it.clock.sleep(3000);
    expect((await it.look(id)).state).toBe('stopped');
  });
});

test.each([
  ['/_simulator/hosts/arn-01/explode', 404],
  ['/_simulator/apps/nowhere/machines/x/migrate', 404],
])('POST %s answers %i', async (path, status) => {
  const it = await platform();
  expect((await it.call('POST', path)).status).toBe(status);
});
