/** Whoever destroys an app that git names no more holds all its machines while it does: others see it there, and are seen. */
import { describe, expect, test } from 'vitest';
import { OwnClock } from '../../own-clock.ts';
import { orphanScene } from './scene.ts';

const scene = orphanScene();
const { names, removed, suspendOld, machinesOf } = scene;

/** Another one's lease on the machine of `old`. */
const leased = (description: string, ttl: number) =>
  scene.call('POST', `/apps/old/machines/${machinesOf('old')[0]?.id}/lease`, { ttl, description });
const isHeld = () => machinesOf('old').map(({ lease }) => lease !== undefined && lease.expiresAt > scene.clock.now());
const template = 'DELETE /apps/{app}';

/** What is seen of its machines each time that Fly is asked to destroy it. */
function seenAtDeletes<T>(look: () => T): T[] {
  const seen: T[] = [];
  scene.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (phase === 'before' && method === 'DELETE' && path.endsWith('/apps/old')) seen.push(look());
  };
  return seen;
}

test('all its machines are held when Fly is asked to destroy it, for longer than a try takes', async () => {
  const { turn } = await removed();
  const leftMs = seenAtDeletes(() => (machinesOf('old')[0]?.lease?.expiresAt ?? 0) - scene.clock.now());
  await turn('old');
  expect(names()).toEqual(['rest']);
  expect(leftMs).toHaveLength(1);
  expect(leftMs[0]).toBeGreaterThanOrEqual(70_000);
});

test.each([20, 100, 170])('each try has that, also where Fly makes it wait for %d s', async (seconds) => {
  const { turn } = await removed();
  const leftMs = seenAtDeletes(() => (machinesOf('old')[0]?.lease?.expiresAt ?? 0) - scene.clock.now());
  const fault = { status: 429, body: {}, headers: { 'retry-after': String(seconds) } };
  scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault });
  for (let times = 0; times < 3 && names().includes('old'); times += 1) {
    const { nextWakeAt } = await turn('old');
    if (nextWakeAt !== undefined) await scene.clock.sleep(Math.max(0, nextWakeAt - scene.clock.now()));
  }
  expect(names()).toEqual(['rest']);
  expect(leftMs).toHaveLength(2);
  for (const left of leftMs) expect(left).toBeGreaterThanOrEqual(70_000);
});

test.each(['somebody', 'flycd:acme:another'])(
  'while %s holds one of them it is held, and goes afterwards',
  async (who) => {
    const { turn, store } = await removed();
    await leased(who, 600);
    expect(await turn('old')).toMatchObject({ failed: false });
    expect(names()).toEqual(['old', 'rest']);
    const [run] = await store.runs({ app: 'old', limit: 1 });
    expect(run).toMatchObject({ outcome: 'held', plan: { holds: [{ reason: 'busy' }] } });
    const { nextWakeAt = Infinity } = await turn('old');
    expect(nextWakeAt).toBeLessThanOrEqual(scene.clock.now() + 600_000);
    await scene.clock.sleep(601_000);
    await turn('old');
    expect(names()).toEqual(['rest']);
  },
);

test('what an earlier FlyCD left behind is waited for', async () => {
  const { turn } = await removed();
  await leased('flycd:acme:earlier', 60);
  expect(await turn('old')).toMatchObject({ failed: false });
  expect(names()).toEqual(['rest']);
});

/** Half a round trip further from the machine at this place than from the others. */
const farFrom =
  (place: number): typeof fetch =>
  async (input, init) => {
    const id = machinesOf('old')[place]?.id ?? 'none';
    const isFar = (input instanceof Request ? input.url : String(input)).includes(`${id}/lease`);
    if (isFar) await scene.clock.park(50);
    const response = await fetch(input, init);
    if (isFar) await scene.clock.park(50);
    return response;
  };

test('of two FlyCDs that destroy it at the same moment neither waits for the other for ever', async () => {
  const { turns } = await removed({ ways: [farFrom(1), farFrom(0)], machines: 2 });
  await scene.clock.sleep(60_000);
  const began = scene.clock.now();
  await Promise.all(turns.map((turn) => turn('old')));
  expect(names()).toEqual(['rest']);
  expect(scene.clock.now() - began).toBeLessThan(30_000);
});

test('while another FlyCD holds one machine of several, the others are not held', async () => {
  const { turn } = await removed({ machines: 3 });
  const last = machinesOf('old').toSorted((a, b) => (a.id < b.id ? -1 : 1))[2]?.id;
  await scene.call('POST', `/apps/old/machines/${last}/lease`, { ttl: 60, description: 'flycd:acme:another' });
  const turned = turn('old');
  await scene.clock.sleep(30_000);
  expect(isHeld().filter(Boolean)).toHaveLength(1);
  await turned;
  expect(names()).toEqual(['rest']);
});

test.each([0, 120_000, -120_000])(
  'until when it waits is said by its own clock, which is %d ms ahead',
  async (aheadMs) => {
    const clock = new OwnClock(scene.clock, aheadMs);
    const until: number[] = [];
    const { turn } = await removed({
      machines: 3,
      clock,
      onProgress: (event) => {
        if (event.type === 'waiting') until.push(event.until ?? 0);
      },
    });
    const [, second, third] = machinesOf('old').toSorted((a, b) => (a.id < b.id ? -1 : 1));
    for (const [machine, ttl] of [[second, 30] as const, [third, 60] as const])
      await scene.call('POST', `/apps/old/machines/${machine?.id}/lease`, { ttl, description: 'flycd:acme:another' });
    const endsAt = clock.now() + 60_000;
    await turn('old');
    expect(names()).toEqual(['rest']);
    expect(until).toHaveLength(1);
    // Fly says in whole seconds when a lease ends, and what time it is.
    expect(Math.abs((until[0] ?? 0) - endsAt)).toBeLessThan(3000);
  },
);

test('what another FlyCD gives back before its time is taken at once', async () => {
  const { turn } = await removed();
  await leased('flycd:acme:another', 75);
  const began = scene.clock.now();
  const turned = turn('old');
  await scene.clock.sleep(12_000);
  for (const machine of machinesOf('old')) machine.lease = undefined;
  await turned;
  expect(names()).toEqual(['rest']);
  expect(scene.clock.now() - began).toBeLessThan(25_000);
});

test('a machine that is gone by then is nobody’s to hold', async () => {
  const { turn } = await removed();
  const [first] = machinesOf('old');
  await scene.call('POST', '/apps/old/machines', { config: { ...first?.config, image: 'nginx:1' } });
  scene.simulator.world.faults.add({
    template: 'POST /apps/{app}/machines/{machine}/lease',
    app: 'old',
    times: 1,
    fault: { status: 404, body: { error: 'machine not found' } },
  });
  expect(await turn('old')).toMatchObject({ failed: false });
});

test.each([
  ['a person has suspended it', () => suspendOld()],
  ['Fly refuses to destroy it', () => Promise.resolve()],
])('where %s they are given back at once', async (_what, said) => {
  const { turn } = await removed();
  const wasHeld: boolean[][] = [];
  scene.simulator.world.faults.add({
    template,
    app: 'old',
    times: 99,
    fault: { status: 422, body: { error: 'not now' } },
  });
  let saying: Promise<void> | undefined;
  scene.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
    if (saying !== undefined || phase !== 'after' || method !== 'POST' || !path.endsWith('/lease')) return;
    wasHeld.push(isHeld());
    saying = said();
  };
  await turn('old');
  await saying;
  expect(wasHeld).toEqual([[true]]);
  expect(isHeld()).toEqual([false]);
  expect(names()).toEqual(['old', 'rest']);
});

test('a stop ends the wait for a lease, and nothing is destroyed', async () => {
  const stop = new AbortController();
  const { turn } = await removed({ signal: stop.signal });
  await leased('flycd:acme:earlier', 60);
  const passed = turn('old').catch(() => undefined);
  await scene.clock.sleep(10_000);
  stop.abort(new Error('stop'));
  const before = scene.clock.now();
  await passed;
  expect(scene.clock.now() - before).toBeLessThan(5000);
  expect(names()).toEqual(['old', 'rest']);
});

test('where Fly answers too late, again and again, none is taken behind a destroy that has given up', async () => {
  const { turn, store } = await removed();
  // The first list is the plan's; those of the looks behind it come just in time, or just not.
  for (const [nth, latencyMs] of [4900, 6000, 4900, 6000, 4900, 6000, 4900].entries())
    scene.simulator.world.faults.add({
      template: 'GET /apps/{app}/machines',
      app: 'old',
      nth: nth + 2,
      times: 1,
      fault: { latencyMs },
    });
  await turn('old');
  const [run] = await store.runs({ app: 'old', limit: 1 });
  expect(run?.results).toMatchObject([{ outcome: 'failed', message: expect.stringContaining('nothing was sent') }]);
  const asked = scene.simulator.world.requests.length;
  expect(isHeld()).toEqual([false]);
  await scene.clock.sleep(40_000);
  expect(isHeld()).toEqual([false]);
  expect(scene.simulator.world.requests).toHaveLength(asked);
});

test.each([
  ['refuses it', { status: 422, body: {} }, false],
  ['does not say whether it is done', { status: 500, body: {} }, true],
])('where Fly %s, the run says whether it may still be done, and so do the leases', async (_what, fault, mayCome) => {
  const { turn, store } = await removed();
  scene.simulator.world.faults.add({ template, app: 'old', times: 99, fault });
  await turn('old');
  const [run] = await store.runs({ app: 'old', limit: 1 });
  expect(run?.results).toMatchObject([{ outcome: 'failed' }]);
  const words = 'what was sent may still be done: for 81 s at most its machines stay leased';
  expect(run?.results[0]?.next?.includes(words) ?? false).toBe(mayCome);
  expect(isHeld()).toEqual([mayCome]);
});

describe('where Fly limits how often a lease is renewed', () => {
  const lease = 'POST /apps/{app}/machines/{machine}/lease';
  const limited = (seconds: number) => ({ status: 429, body: {}, headers: { 'retry-after': String(seconds) } });

  test.each([
    [1, 6],
    [1, 8],
    [1, 30],
    [3, 6],
    [3, 20],
  ])('of %d machines none stays held, and the next pass does not wait for itself (%d s)', async (machines, seconds) => {
    const { turn } = await removed({ machines });
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: limited(10) });
    scene.simulator.world.faults.add({
      template: lease,
      app: 'old',
      nth: machines + 1,
      times: 1,
      fault: limited(seconds),
    });
    const { nextWakeAt = Infinity } = await turn('old');
    expect(names()).toEqual(['old', 'rest']);
    expect(isHeld()).not.toContain(true);
    await scene.clock.sleep(Math.max(0, nextWakeAt - scene.clock.now()));
    const began = scene.clock.now();
    await turn('old');
    expect(names()).toEqual(['rest']);
    expect(scene.clock.now() - began).toBeLessThan(25_000);
  });

  test.each([403, 401])('nor where Fly refuses the renewal with %d', async (status) => {
    const { turn } = await removed();
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: limited(10) });
    const refused = { status, body: { error: 'unauthorized' } };
    scene.simulator.world.faults.add({ template: lease, app: 'old', nth: 2, times: 1, fault: refused });
    await turn('old').catch(() => undefined);
    expect(names()).toEqual(['old', 'rest']);
    expect(isHeld()).toEqual([false]);
  });

  test('nor where Fly limits how often it is given back', async () => {
    const { turn } = await removed();
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: { status: 422, body: {} } });
    const giveBack = 'DELETE /apps/{app}/machines/{machine}/lease';
    scene.simulator.world.faults.add({ template: giveBack, app: 'old', times: 1, fault: limited(8) });
    await turn('old');
    expect(names()).toEqual(['old', 'rest']);
    expect(isHeld()).toEqual([false]);
  });

  test('whoever says something meanwhile is heard', async () => {
    const { turn } = await removed();
    scene.simulator.world.faults.add({ template, app: 'old', times: 1, fault: limited(10) });
    scene.simulator.world.faults.add({ template: lease, app: 'old', nth: 2, times: 1, fault: limited(20) });
    await turn('old');
    await suspendOld();
    await scene.clock.sleep(60_000);
    await turn('old');
    expect(names()).toEqual(['old', 'rest']);
  });
});
