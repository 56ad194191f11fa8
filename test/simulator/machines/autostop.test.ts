import { describe, expect, test } from 'vitest';
import { image, platform, type Platform } from '../platform.ts';

const service = (fields: object = {}) => ({
  protocol: 'tcp',
  internal_port: 8080,
  ports: [{ port: 443, handlers: ['tls', 'http'] }],
  autostop: 'stop',
  autostart: true,
  ...fields,
});
const config = (fields: object = {}, env: Record<string, string> = {}) => ({ image, env, services: [service(fields)] });
const state = async (it: Platform, id: string): Promise<string> => (await it.look(id)).state;

async function idled(it: Platform, body?: object): Promise<readonly string[]> {
  const { stopped } = (await it.call('POST', '/_simulator/apps/shop/idle', body)).body;
  await it.clock.sleep(1000);
  return stopped;
}

describe('autostop', () => {
  test.each([
    ['stop', 'stopped', true],
    ['suspend', 'suspended', 'suspend'],
    ['off', 'started', false],
    [undefined, 'started', undefined],
  ])('%s: an idle machine ends %s', async (autostop, ends, readBack) => {
    const it = await platform();
    const { id, config: live } = await it.machine({ config: config({ autostop }) });
    expect(live.services[0].autostop).toBe(readBack);
    await idled(it);
    expect(await state(it, id)).toBe(ends);
  });

  test('is the platform’s doing, and reads as a stop that was asked for', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: config() });
    await idled(it);
    const { events } = await it.look(id);
    expect(events.slice(0, 2)).toMatchObject([
      { type: 'exit', request: { exit_event: { requested_stop: true } } },
      { type: 'stop', source: 'flyd' },
    ]);
  });

  test('leaves min_machines_running, in the primary region and by group', async () => {
    const it = await platform();
    const web = { ...config({ min_machines_running: 1 }, { PRIMARY_REGION: 'arn' }) };
    const one = await it.machine({ config: web });
    const two = await it.machine({ config: web });
    const abroad = await it.machine({ config: web, region: 'lhr' });
    const other = await it.machine({ config: { ...web, metadata: { fly_process_group: 'other' } } });
    expect(await idled(it)).toEqual([one.id, abroad.id]);
    expect(await state(it, two.id)).toBe('started');
    expect(await state(it, other.id)).toBe('started');
  });

  test('of one machine only', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: config() });
    const other = await it.machine({ config: config() });
    expect(await idled(it, { machine: other.name })).toEqual([other.id]);
    expect(await state(it, id)).toBe('started');
  });

  test('never by itself unless asked', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: config() });
    await it.clock.sleep(3600_000);
    expect(await state(it, id)).toBe('started');
    await it.call('PUT', '/_simulator/idle-after', { ms: 300_000 });
    const other = await it.machine({ config: config() });
    await it.clock.sleep(200_000);
    expect(await state(it, other.id)).toBe('started');
    await it.clock.sleep(200_000);
    expect([await state(it, id), await state(it, other.id)]).toEqual(['started', 'stopped']);
  });
});

describe('a request', () => {
  const ask = async (it: Platform, body: object = {}) =>
    (await it.call('POST', '/_simulator/apps/shop/request', body)).body;

  test('goes to a machine that runs, near if there is one', async () => {
    const it = await platform();
    const far = await it.machine({ config: config(), region: 'lhr' });
    const near = await it.machine({ config: config() });
    expect(await ask(it, { region: 'arn', port: 443 })).toEqual({ machine: near.id, woke: false });
    await it.call('POST', `/apps/shop/machines/${near.id}/cordon`);
    expect(await ask(it, { region: 'arn', port: 443 })).toEqual({ machine: far.id, woke: false });
    expect(await ask(it, { port: 80 })).toEqual({ machine: null, woke: false });
  });

  test('wakes one that sleeps; a cold one has the secrets of now, a suspended one those of before', async () => {
    const it = await platform();
    const cold = await it.machine({ config: config() });
    await idled(it);
    await it.call('POST', '/apps/shop/secrets', { values: { A: '1' } });
    expect(await ask(it)).toEqual({ machine: cold.id, woke: true });
    await it.clock.sleep(3000);
    expect(it.world.apps.get('shop')?.machines.get(cold.id)?.booted?.secrets).toEqual({ A: '1' });
    const warm = await it.machine({ config: config({ autostop: 'suspend' }), region: 'lhr' });
    await idled(it);
    await it.call('POST', '/apps/shop/secrets', { values: { A: '2' } });
    expect(await ask(it, { region: 'lhr' })).toEqual({ machine: warm.id, woke: true });
    await it.clock.sleep(3000);
    expect(it.world.apps.get('shop')?.machines.get(warm.id)?.booted?.secrets).toEqual({ A: '1' });
  });

  test('wakes nothing where autostart is off', async () => {
    const it = await platform();
    await it.machine({ config: config({ autostart: false }) });
    await idled(it);
    expect(await ask(it)).toEqual({ machine: null, woke: false });
  });
});

describe('suspend', () => {
  test.each([
    ['swap', { init: { swap_size_mb: 512 } }],
    ['a schedule', { schedule: 'daily' }],
    ['a GPU', { guest: { cpu_kind: 'performance', cpus: 8, memory_mb: 32_768, gpu_kind: 'a10', gpus: 1 } }],
  ])('falls back to a stop with %s', async (_what, fields) => {
    const it = await platform();
    const { id } = await it.machine({ config: { image, ...fields } });
    await it.call('POST', `/apps/shop/machines/${id}/suspend`);
    await it.clock.sleep(1000);
    expect(await state(it, id)).toBe('stopped');
  });

  test('an update that launches nothing loses the snapshot', async () => {
    const it = await platform();
    const { id } = await it.machine();
    await it.call('POST', `/apps/shop/machines/${id}/suspend`);
    await it.clock.sleep(1000);
    await it.call('POST', `/apps/shop/machines/${id}`, { config: { image }, skip_launch: true });
    await it.clock.sleep(1000);
    expect(await state(it, id)).toBe('stopped');
  });
});

describe('a schedule', () => {
  const hour = 3600_000;
  const runs = (it: Platform, id: string): number =>
    it.world.apps
      .get('shop')
      ?.machines.get(id)
      ?.events.filter((event) => event.type === 'exit').length ?? 0;

  test.each([
    ['hourly', 1],
    ['daily', 24],
    ['weekly', 168],
    ['monthly', 720],
  ])('%s starts it every %i hours', async (schedule, hours) => {
    const it = await platform();
    const { id } = await it.machine({ config: { image: 'shop:one-shot', schedule } });
    expect(runs(it, id)).toBe(1);
    await it.clock.sleep(hours * hour);
    expect(runs(it, id)).toBe(2);
    await it.clock.sleep(3 * hours * hour);
    expect(runs(it, id)).toBe(5);
    const starts = (await it.look(id)).events.filter((event: { status: string }) => event.status === 'starting');
    expect(starts[0].source).toBe('flyd');
  });

  test('follows its config, and ends with the machine', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image: 'shop:one-shot', schedule: 'hourly' } });
    await it.call('POST', `/apps/shop/machines/${id}`, {
      config: { image: 'shop:one-shot', schedule: 'daily' },
      skip_launch: true,
    });
    await it.clock.sleep(20 * hour);
    expect(runs(it, id)).toBe(1);
    await it.clock.sleep(4 * hour);
    expect(runs(it, id)).toBe(2);
    await it.call('DELETE', `/apps/shop/machines/${id}?force=true`);
    await it.clock.sleep(hour);
    expect(it.clock.pending).toBe(0);
  });

  test('one that still runs is left to run', async () => {
    const it = await platform();
    const { id } = await it.machine({ config: { image, schedule: 'hourly' } });
    await it.clock.sleep(3 * hour);
    expect(await state(it, id)).toBe('started');
    expect(runs(it, id)).toBe(0);
  });
});
