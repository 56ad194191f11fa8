import { describe, expect, test } from 'vitest';
import { image, platform } from '../platform.ts';

describe('wait', () => {
  test('answers as soon as the state is reached, with version and event', async () => {
    const { app, call, clock } = await platform();
    await app();
    const { body } = await call('POST', '/apps/shop/machines', { config: { image } });
    const began = clock.now();
    const answer = await call(
      'GET',
      `/apps/shop/machines/${body.id}/wait?state=started&timeout=60&version=${body.version}`,
    );
    expect(answer).toMatchObject({ status: 200, body: { ok: true, state: 'started', version: body.instance_id } });
    expect(answer.body.event_id).toMatch(/^[0-9A-Z]{26}$/);
    expect(clock.now() - began).toBe(1000);
  });

  test('without a state waits for started', async () => {
    const { app, call } = await platform();
    await app();
    const { body } = await call('POST', '/apps/shop/machines', { config: { image } });
    expect((await call('GET', `/apps/shop/machines/${body.id}/wait`)).body.state).toBe('started');
  });

  test.each([
    ['state=stopped&timeout=10', 10, 'stopped'],
    ['state=stopped,suspended&timeout=1', 1, 'stopped,suspended'],
    ['state=stopped&state=failed&timeout=600', 60, 'stopped,failed'],
    ['state=stopped', 60, 'stopped'],
    ['state=stopped&timeout=0', 1, 'stopped'],
    ['state=stopped&timeout=5s', 5, 'stopped'],
  ])('?%s answers 408 after %i s', async (query, seconds, wanted) => {
    const { call, clock, machine } = await platform();
    const { id } = await machine();
    const began = clock.now();
    expect(await call('GET', `/apps/shop/machines/${id}/wait?${query}`)).toMatchObject({
      status: 408,
      body: { error: `deadline_exceeded: machine failed to reach desired state, ${wanted}, currently started` },
    });
    expect(clock.now() - began).toBe(seconds * 1000);
  });

  test('a version that was replaced is never reached; the old one matches without version', async () => {
    const { call, machine } = await platform();
    const { id, instance_id: old } = await machine();
    const updated = (await call('POST', `/apps/shop/machines/${id}`, { config: { image } })).body;
    expect(
      await call('GET', `/apps/shop/machines/${id}/wait?state=started&timeout=5&instance_id=${old}`),
    ).toMatchObject({
      status: 408,
      body: { error: expect.stringContaining('currently replaced') },
    });
    const reached = await call('GET', `/apps/shop/machines/${id}/wait?state=started&version=${updated.instance_id}`);
    expect(reached.status).toBe(200);
  });

  test('settled is anything that does not move on by itself', async () => {
    const { app, call, look, machine } = await platform();
    await app();
    const { body } = await call('POST', '/apps/shop/machines', { config: { image }, skip_launch: true });
    expect((await call('GET', `/apps/shop/machines/${body.id}/wait?state=settled`)).body.state).toBe('stopped');
    const { id } = await machine();
    await call('POST', `/apps/shop/machines/${id}/suspend`);
    expect((await call('GET', `/apps/shop/machines/${id}/wait?state=settled`)).body.state).toBe('suspended');
    expect((await look(id)).state).toBe('suspended');
  });

  test('sees what somebody else brings about meanwhile', async () => {
    const { call, clock, machine } = await platform();
    const { id } = await machine();
    const began = clock.now();
    const waiting = call('GET', `/apps/shop/machines/${id}/wait?state=stopped&timeout=60`);
    await clock.sleep(20_000);
    await call('POST', `/apps/shop/machines/${id}/stop`);
    expect((await waiting).status).toBe(200);
    expect(clock.now() - began).toBeLessThan(21_000);
  });

  test('a machine that is gone answers 404, destroyed can be waited for', async () => {
    const { call, machine } = await platform();
    const { id } = await machine();
    await call('DELETE', `/apps/shop/machines/${id}?force=true`);
    const wait = (state: string) => call('GET', `/apps/shop/machines/${id}/wait?state=${state}`);
    expect(await wait('destroyed')).toMatchObject({ status: 200, body: { state: 'destroyed' } });
    expect((await wait('started')).status).toBe(404);
    expect((await call('GET', '/apps/shop/machines/148e000/wait')).status).toBe(404);
  });

  test.each(['state=nowhere', 'state=replacing', 'timeout=soon'])('?%s is refused', async (query) => {
    const { call, machine } = await platform();
    const { id } = await machine();
    expect((await call('GET', `/apps/shop/machines/${id}/wait?${query}`)).status).toBe(400);
  });

  test('twenty at once take no longer than one', async () => {
    const { call, clock, machine } = await platform();
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push((await machine()).id);
    const began = clock.now();
    const waits = ids.map((id) => call('GET', `/apps/shop/machines/${id}/wait?state=stopped&timeout=30`));
    expect((await Promise.all(waits)).map((answer) => answer.status)).toEqual(ids.map(() => 408));
    expect(clock.now() - began).toBe(30_000);
  });
});
