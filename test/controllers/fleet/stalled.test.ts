import { afterEach, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
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
