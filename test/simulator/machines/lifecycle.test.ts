import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

interface Event {
  readonly type: string;
  readonly status: string;
  readonly source: string;
  readonly request?: { readonly exit_event: Record<string, unknown>; readonly restart_count: number };
}

const act = (it: Platform, id: string, action: string, body?: unknown) =>
  it.call('POST', `/apps/shop/machines/${id}/${action}`, body);

describe('what may be done in which state', () => {
  const settled = { started: [], stopped: ['stop'], suspended: ['suspend'] };
  test.each([
    ['started', 'start', 200, 'started'],
    ['started', 'stop', 200, 'stopped'],
    ['started', 'suspend', 200, 'suspended'],
    ['started', 'restart', 200, 'started'],
    ['stopped', 'start', 200, 'started'],
    ['stopped', 'stop', 200, 'stopped'],
    ['stopped', 'suspend', 412, 'stopped'],
    ['stopped', 'restart', 412, 'stopped'],
    ['suspended', 'start', 200, 'started'],
    ['suspended', 'stop', 200, 'stopped'],
    ['suspended', 'restart', 412, 'suspended'],
  ] as const)('%s, then %s: %i, ends %s', async (from, action, status, ends) => {
    const it = await platform();
    const { id, instance_id: version } = await it.machine();
    for (const earlier of settled[from]) await act(it, id, earlier);
    await it.clock.sleep(5000);
    expect((await it.look(id)).state).toBe(from);
    const answer = await act(it, id, action);
    expect(answer.status).toBe(status);
    if (action === 'start') expect(answer.body).toMatchObject({ previous_state: from, migrated: false });
    else if (status === 200) expect(answer.body).toEqual({ ok: true });
    await it.clock.sleep(5000);
    expect(await it.look(id)).toMatchObject({ state: ends, instance_id: version });
  });

  test('transient states pass on the way', async () => {
    const it = await platform();
    const states: string[] = [];
    it.world.onStateChange = (machine) => states.push(machine.state);
    const { id } = await it.machine();
    for (const action of ['restart', 'suspend', 'start', 'stop']) {
      await act(it, id, action);
      await it.clock.sleep(5000);
    }
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image } });
    await it.clock.sleep(5000);
    await it.call('DELETE', `/apps/shop/machines/${id}?force=true`);
    await it.clock.sleep(5000);
    expect(states.join(' ')).toBe(
      'creating created starting started restarting starting started suspending suspended starting started ' +
        'stopping stopped replacing starting started destroying destroyed',
    );
  });

  test('suspend falls back to stop where there is swap', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image, init: { swap_size_mb: 512 } } });
    await act(it, id, 'suspend');
    await it.clock.sleep(1000);
    expect((await it.look(id)).state).toBe('stopped');
  });

  test.each([
    ['SIGTERM', 200, 'stopped'],
    [9, 200, 'started'],
    ['USR1', 200, 'started'],
    ['NOPE', 422, 'started'],
  ])('signal %s: %i, ends %s', async (signal, status, ends) => {
    const it = await platform();
    const { id } = await it.machine();
    expect((await act(it, id, 'signal', { signal })).status).toBe(status);
    await it.clock.sleep(5000);
    expect((await it.look(id)).state).toBe(ends);
  });

  test('a killed process restarts by its policy, with its exit among the events', async () => {
    const it = await platform();
    const { id } = await it.machine();
    await act(it, id, 'signal', { signal: 'SIGKILL' });
    expect((await it.look(id)).state).toBe('restarting');
    const [exit] = (await it.look(id)).events;
    expect(exit).toMatchObject({
      type: 'exit',
      source: 'flyd',
      request: { exit_event: { exit_code: 137, guest_signal: 9, requested_stop: false, restarting: true } },
    });
  });

  test('cordon and uncordon change nothing but that', async () => {
    const it = await platform();
    const before = await it.machine();
    await act(it, before.id, 'cordon');
    expect(await it.look(before.id)).toMatchObject({
      cordoned: true,
      state: 'started',
      instance_id: before.instance_id,
    });
    await act(it, before.id, 'uncordon');
    const after = await it.look(before.id);
    expect(after.cordoned).toBe(false);
    expect(after.events.slice(0, 2).map((event: Event) => event.type)).toEqual(['uncordon', 'cordon']);
  });

  test('skip_service_registration begins cordoned', async () => {
    const it = await platform();
    expect((await it.machine({ skip_service_registration: true })).cordoned).toBe(true);
  });
});

describe('images that misbehave', () => {
  test('failing-check starts and stays critical', async () => {
    const it = await platform();
    const config = { image: 'shop:failing-check', checks: { alive: { type: 'tcp', port: 1 } } };
    const { id } = await it.machine({ config });
    await it.clock.sleep(60_000);
    expect(await it.look(id)).toMatchObject({ state: 'started', checks: [{ name: 'alive', status: 'critical' }] });
    expect((await it.look(id)).checks[0].output).not.toBe('');
  });

  test('slow-start takes 20 s', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image: 'slow-start/shop' } });
    await it.clock.sleep(16_000);
    expect((await it.look(id)).state).toBe('starting');
    await it.clock.sleep(3000);
    expect((await it.look(id)).state).toBe('started');
  });

  test.each([
    ['on-failure, twice', { policy: 'on-failure', max_retries: 2 }, 3],
    ['on-failure, ten times unless said', undefined, 11],
    ['no', { policy: 'no' }, 1],
  ])('crash-loop exits with 1 until its restarts ran out: %s', async (_what, restart, exits) => {
    const it = await platform();
    const { id } = await it.machine({ config: { image: 'shop:crash-loop', restart } });
    await it.clock.sleep(120_000);
    expect((await it.look(id)).state).toBe('stopped');
    const events: Event[] = (await it.call('GET', `/apps/shop/machines/${id}/events?limit=50`)).body;
    const ends = events.filter((event) => event.type === 'exit');
    expect(ends).toHaveLength(exits);
    expect(ends[0]?.request).toMatchObject({
      exit_event: { exit_code: 1, requested_stop: false, restarting: false },
      restart_count: exits - 1,
    });
    if (exits > 1) expect(ends[1]?.request?.exit_event['restarting']).toBe(true);
  });

  test('policy always restarts for ever', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image: 'shop:one-shot', restart: { policy: 'always' } } });
    await it.clock.sleep(60_000);
    expect((await it.look(id)).state).not.toBe('stopped');
    expect(it.world.apps.get('shop')?.machines.get(id)?.restartCount).toBeGreaterThan(20);
  });

  test.each([
    ['registry.fly.io/shop:v2', 0],
    ['registry.fly.io/shop:failing-release', 1],
  ])('a release machine of %s runs once, is destroyed and its exit code %i can be read', async (image, code) => {
    const it = await platform();
    const config = { image, env: { RELEASE_COMMAND: '1' }, auto_destroy: true, restart: { policy: 'no' } };
    const { id } = await it.machine({ config, skip_launch: true });
    await act(it, id, 'start');
    await it.clock.sleep(60_000);
    const gone = await it.look(id);
    expect(gone.state).toBe('destroyed');
    const types = gone.events.map((event: Event) => event.type);
    expect(types.indexOf('exit')).toBeLessThan(types.indexOf('start'));
    expect(gone.events[types.indexOf('exit')].request.exit_event.exit_code).toBe(code);
  });
});

test('events come newest first, 20 unless asked, never more than 50', async () => {
  const it = await platform();
  const { id } = await it.machine();
  for (let n = 0; n < 60; n++) await act(it, id, n % 2 === 0 ? 'cordon' : 'uncordon');
  const read = async (query: string) => (await it.call('GET', `/apps/shop/machines/${id}/events${query}`)).body;
  expect(await read('')).toHaveLength(20);
  expect(await read('?limit=5')).toHaveLength(5);
  expect(await read('?limit=500')).toHaveLength(50);
  const [newest] = await read('?limit=1');
  expect(newest).toMatchObject({ type: 'uncordon', source: 'user', timestamp: it.clock.now() });
});

describe('what takes its time', () => {
  const states = async (it: Platform, id: string, seconds: readonly number[]): Promise<readonly string[]> => {
    const seen: string[] = [];
    let before = 0;
    for (const at of seconds) {
      await it.clock.sleep((at - before) * 1000);
      seen.push((await it.look(id)).state);
      before = at;
    }
    return seen;
  };
  const slowStop = { image: 'shop:slow-stop', stop_config: { timeout: '25s' } };

  test('slow-stop takes its kill_timeout: the update that comes after it stays replacing so long', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: slowStop });
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image } });
    expect(await states(it, id, [10, 24, 28])).toEqual(['replacing', 'replacing', 'started']);
    expect((await it.look(id)).events.map((event: Event) => event.type).slice(0, 3)).toEqual([
      'start',
      'exit',
      'update',
    ]);
  });

  test('a second update does not hurry what is on its way out', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: slowStop });
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image } });
    await it.clock.sleep(5000);
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image: 'shop:3' } });
    expect(await states(it, id, [10, 18, 23])).toEqual(['replacing', 'replacing', 'started']);
  });

  test.each([
    ['stop', 'stopping', 'stopped'],
    ['restart', 'restarting', 'started'],
  ])('a %s of slow-stop is %s so long, then %s', async (action, during, after) => {
    const it = await platform();
    const { id } = await it.machine({ config: slowStop });
    await act(it, id, action);
    expect(await states(it, id, [10, 24, 28])).toEqual([during, during, after]);
  });

  test('slow-pull is pulled once for a version: while it is created, or starting after an update', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image: 'shop:slow-pull' } });
    expect(await states(it, id, [170, 180])).toEqual(['created', 'started']);
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image: 'shop:slow-pull', env: { A: 'b' } } });
    expect(await states(it, id, [10, 170, 185])).toEqual(['starting', 'starting', 'started']);
    await act(it, id, 'restart');
    expect(await states(it, id, [5])).toEqual(['started']);
  });

  test('missing-image: an update to it is taken back, version and config, and a new machine fails', async () => {
    const it = await platform();
    const checks = { alive: { type: 'tcp', port: 1 } };
    const { id, instance_id: version } = await it.machine({ config: { image, checks } });
    const sent = await it.call('POST', `/apps/shop/machines/${id}`, { config: { image: 'shop:missing-image' } });
    expect(sent.body.instance_id).not.toBe(version);
    await it.clock.sleep(15_000);
    expect(await it.look(id)).toMatchObject({ state: 'started', instance_id: version, config: { image } });
    expect((await it.look(id)).checks).toMatchObject([{ status: 'passing' }]);
    expect((await it.look(id)).events[0]).toMatchObject({ type: 'update', status: 'failed', source: 'flyd' });
    const made = await it.machine({ config: { image: 'shop:missing-image' } });
    await it.clock.sleep(15_000);
    expect((await it.look(made.id)).state).toBe('failed');
  });
});
