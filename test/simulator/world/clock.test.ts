import { expect, test } from 'vitest';
import { systemClock } from '../../../src/model/base/clock.ts';
import { startSimulator } from '../../../simulator/simulator.ts';
import { platform } from '../platform.ts';

const hour = 3600_000;

test('an hour passes at once: what was due in it has happened, each at its time', async () => {
  const it = await platform();
  const { id } = await it.machine({ config: { image: 'shop:one-shot', schedule: 'hourly' } });
  const began = it.clock.now();
  const { body } = await it.call('POST', '/_simulator/time', { ms: 3 * hour });
  expect(body.now - began).toBe(3 * hour);
  expect(it.clock.now()).toBe(began);
  const events: { type: string; timestamp: number }[] = (
    await it.call('GET', `/apps/shop/machines/${id}/events?limit=50`)
  ).body;
  const exits = events.filter(({ type }) => type === 'exit').map(({ timestamp }) => timestamp);
  expect(exits).toHaveLength(4);
  expect((exits[0] ?? 0) - (exits[1] ?? 0)).toBe(hour);
});

test('waits under way end or go on by the new time', async () => {
  const it = await platform();
  const { id } = await it.machine();
  const began = it.clock.now();
  const [waited] = await Promise.all([
    it.call('GET', `/apps/shop/machines/${id}/wait?state=stopped&timeout=60`),
    it.clock.sleep(10_000).then(() => it.call('POST', '/_simulator/time', { ms: 45_000 })),
  ]);
  expect(waited.status).toBe(408);
  expect(it.clock.now() - began).toBe(15_000);
  await it.clock.sleep(1000);
  expect(it.clock.pending).toBe(0);
});

test('a lease and a token end by the new time; machines on their way go on from it', async () => {
  const it = await platform();
  const { id } = await it.machine();
  await it.call('POST', `/apps/shop/machines/${id}/lease?ttl=30`);
  it.world.expireToken(it.simulator.token, it.world.now() + hour);
  await it.call('POST', '/_simulator/time', { ms: 31_000 });
  expect((await it.call('POST', `/apps/shop/machines/${id}/stop`)).status).toBe(200);
  await it.call('POST', '/_simulator/time', { ms: 100 });
  expect((await it.look(id)).state).toBe('stopping');
  await it.clock.sleep(250);
  expect((await it.look(id)).state).toBe('stopped');
  await it.call('POST', '/_simulator/time', { ms: hour });
  expect((await it.call('GET', `/apps/shop/machines/${id}`)).status).toBe(401);
});

test('in real time too', async () => {
  const simulator = await startSimulator({ clock: systemClock, rateLimits: false });
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${simulator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${simulator.token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await response.json()) as { id: string; state: string };
  };
  await ask('POST', '/v1/apps', { name: 'shop', org_slug: 'personal' });
  const { id } = await ask('POST', '/v1/apps/shop/machines', { config: { image: 'shop:slow-start' } });
  await ask('POST', '/_simulator/time', { ms: 60_000 });
  expect((await ask('GET', `/v1/apps/shop/machines/${id}`)).state).toBe('started');
  await simulator.close();
});

test.each([-1, 1e12, 'soon', undefined])('%j ms is refused', async (ms) => {
  const it = await platform();
  expect((await it.call('POST', '/_simulator/time', { ms })).status).toBe(400);
});
