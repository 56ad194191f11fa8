import { afterEach, describe, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { testStore } from '../../record/stores.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

let simulator: Simulator;
afterEach(() => simulator.close());

test('what Fly refuses for good is asked once for each commit, not at every pass', async () => {
  const clock = new IdleClock();
  simulator = await startSimulator({ clock });
  const { world } = simulator;
  let wanted = fleetOf();
  const { url, token } = simulator;
  const reconciler = reconcilerOf(
    { wanted: () => wanted, url, token, fetch, clock },
    { configRepo: undefined, reporter: undefined },
  );
  const { signal } = new AbortController();
  const creates = (): number => world.writes(({ template }) => template === 'POST /apps/{app}/machines').length;
  const pass = async () => {
    await reconciler.refresh(signal);
    return reconciler.reconcile('shop', 'timer', signal);
  };
  world.faults.add({
    template: 'POST /apps/{app}/machines',
    times: 99,
    fault: { status: 422, body: { error: 'invalid_argument: config.guest is invalid' } },
  });
  // The first pass makes the app as well; the second asks for the machines alone.
  await pass();
  expect(await pass()).toMatchObject({ failed: false });
  const asked = creates();
  for (let round = 0; round < 5; round += 1) expect(await pass()).toMatchObject({ failed: false });
  expect(creates()).toBe(asked);
  world.faults.clear();
  wanted = { ...wanted, revision: 'b'.repeat(40) };
  expect(await pass()).toMatchObject({ failed: false });
  expect(world.snapshot()[0]?.machines.length).toBe(2);
});

describe('what Fly refused is asked again without a commit', () => {
  const minuteMs = 60_000;
  const create = 'POST /apps/{app}/machines';

  /** A fleet of one app that has no machine yet, and passes over it as the loop makes them. */
  async function begun() {
    const clock = new IdleClock();
    simulator = await startSimulator({ clock });
    const { url, token, world } = simulator;
    const store = testStore({ clock });
    const reconciler = reconcilerOf(
      { wanted: () => fleetOf(), url, token, fetch, clock, store },
      { configRepo: undefined, reporter: undefined },
    );
    const { signal } = new AbortController();
    const pass = async (trigger: 'timer' | 'command' | 'webhook' = 'timer') => {
      await reconciler.refresh(signal);
      return reconciler.reconcile('shop', trigger, signal);
    };
    const asked: number[] = [];
    const refusing = (template: string): void => {
      world.onRequest = ({ phase, request }) => {
        if (phase === 'before' && request.template === template) asked.push(Math.round(clock.now() / minuteMs));
      };
    };
    /** Each five minutes, and when the app wants it. */
    const passesFor = async (minutes: number): Promise<void> => {
      const end = clock.now() + minutes * minuteMs;
      while (clock.now() < end) {
        const { nextWakeAt = Infinity } = await pass();
        await clock.sleep(Math.max(1000, Math.min(5 * minuteMs, nextWakeAt - clock.now(), end - clock.now())));
      }
    };
    return { clock, world, store, pass, passesFor, asked, refusing };
  }
  /** Minutes from one to the next. */
  const pauses = (at: readonly number[]): readonly number[] =>
    at.slice(1).map((time, index) => time - (at[index] ?? 0));

  test.each([
    ['the token may not', 403, { error: 'unauthorized' }],
    ['the request is wrong', 422, { error: 'invalid_argument: config.guest is invalid' }],
    ['nobody has paid', 402, { error: 'organization is past due' }],
    ['nobody can pay', 422, { error: 'please add a payment method' }],
  ])('%s: rarely, an hour apart at most, and what was mended is taken up', async (_what, status, body) => {
    const { clock, world, store, pass, passesFor, asked, refusing } = await begun();
    world.faults.add({ template: create, times: 999, fault: { status, body } });
    // The first pass makes the app as well; the second asks for the machines alone.
    await pass();
    refusing(create);
    await passesFor(200);
    const [first = 0, ...later] = pauses(asked);
    expect(first, asked.join(' ')).toBeGreaterThanOrEqual(5);
    expect(Math.max(...later)).toBeLessThanOrEqual(61);
    expect(Math.max(...later)).toBeGreaterThanOrEqual(59);
    expect(later.toSorted((a, b) => a - b)).toEqual(later);
    const [run] = await store.runs({ app: 'shop', all: true, limit: 1 });
    expect(run?.nextWakeAt ?? 0).toBeGreaterThan(clock.now());
    const { next } = run?.results.find(({ outcome }) => outcome === 'failed') ?? {};
    expect(next).toContain('flycd serve does within the hour');
    expect(next?.includes('billing')).toBe(run?.status === 'held');
    world.faults.clear();
    await passesFor(61);
    expect(world.snapshot()[0]?.machines).toHaveLength(2);
  });

  test('a name that was taken is noticed once it is free', async () => {
    const { world, passesFor, asked, refusing } = await begun();
    const fault = { status: 422, body: { error: 'Name has already been taken', status: 'name_taken' } };
    world.faults.add({ template: 'POST /apps', times: 99, fault });
    refusing('POST /apps');
    await passesFor(60);
    expect(asked.length).toBeLessThanOrEqual(5);
    world.faults.clear();
    await passesFor(61);
    expect(world.snapshot()[0]?.machines).toHaveLength(2);
  });

  test('at once when a person asks, as often as they do', async () => {
    const { world, pass, asked, refusing } = await begun();
    world.faults.add({ template: create, times: 999, fault: { status: 403, body: { error: 'unauthorized' } } });
    await pass();
    await pass();
    refusing(create);
    await pass();
    await pass('webhook');
    expect(asked).toEqual([]);
    await pass('command');
    expect(asked).toHaveLength(1);
    world.faults.clear();
    expect(await pass('command')).toEqual({ nextWakeAt: undefined, failed: false });
    expect(world.snapshot()[0]?.machines).toHaveLength(2);
  });

  test('another refusal begins with short pauses again', async () => {
    const { clock, world, pass, passesFor, asked, refusing } = await begun();
    const fault = { status: 403, body: { error: 'unauthorized' } };
    world.faults.add({ template: create, times: 999, fault });
    await passesFor(80);
    world.faults.clear();
    await passesFor(61);
    for (const { id } of world.snapshot()[0]?.machines ?? []) {
      await fetch(`${simulator.url}/v1/apps/shop/machines/${id}?force=true`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${simulator.token}` },
      });
    }
    await clock.sleep(minuteMs);
    world.faults.add({ template: create, times: 999, fault });
    refusing(create);
    await pass();
    await passesFor(20);
    expect(pauses(asked)[0], asked.join(' ')).toBeLessThanOrEqual(9);
  });
});

test('a token that was refused for a moment stalls nothing', async () => {
  const clock = new IdleClock();
  simulator = await startSimulator({ clock });
  const { world, url, token } = simulator;
  const reconciler = reconcilerOf(
    { wanted: () => fleetOf(), url, token, fetch, clock },
    { configRepo: undefined, reporter: undefined },
  );
  const { signal } = new AbortController();
  const pass = () => reconciler.reconcile('shop', 'timer', signal);
  world.faults.add({
    template: 'POST /apps/{app}/machines',
    times: 99,
    fault: { status: 503, body: { error: 'unavailable' } },
  });
  await reconciler.refresh(signal);
  // The first makes the app, the next ones ask for the same machines.
  await pass();
  world.faults.clear();
  const fault = { status: 401, body: { error: 'unauthorized' } };
  for (const template of ['POST /apps/{app}/machines', 'GET /tokens/current'])
    world.faults.add({ template, times: 99, fault });
  for (let count = 0; count < 2; count += 1) {
    await pass().catch(() => undefined);
    await clock.sleep(31_000);
  }
  expect(world.snapshot().flatMap(({ machines }) => machines)).toEqual([]);
  world.faults.clear();
  for (let count = 0; count < 2; count += 1) await pass();
  expect(world.snapshot()[0]?.machines).toHaveLength(2);
});
