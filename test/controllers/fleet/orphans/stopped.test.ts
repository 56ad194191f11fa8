/** A stop that comes while Fly makes the destroy of an orphan wait. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSimulator, type Simulator } from '../../../../simulator/simulator.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredApp, DesiredFleet } from '../../../../src/model/desired.ts';
import { desiredApp, group, webService } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, reconcilerOf } from '../../reconcilers.ts';

let simulator: Simulator;
let clock: IdleClock;
beforeEach(async () => {
  clock = new IdleClock();
  simulator = await startSimulator({ clock });
});
afterEach(() => simulator.close());

const policy = { ...defaultPolicy, prune: ['app'] as const };
const app = (name: string): DesiredApp =>
  desiredApp({
    name,
    groups: [group({ counts: { arn: 1 }, config: { env: {}, services: [webService] } })],
    inputs: name,
    policy,
  });

test('nothing is destroyed any more, and the run says that it was interrupted', async () => {
  const { url, token, world } = simulator;
  const store = testStore({ clock });
  let wanted: DesiredFleet = fleetOf({ apps: [app('shop'), app('cart')], revision: 'content:1', policy });
  const parts = { wanted: () => wanted, url, token, fetch, clock, store };
  const reconciler = reconcilerOf(parts, { configRepo: undefined, reporter: undefined });
  const stop = new AbortController();
  await reconciler.refresh(stop.signal, 'webhook');
  for (const name of ['shop', 'cart']) await reconciler.reconcile(name, 'webhook', stop.signal);
  wanted = fleetOf({ apps: [app('shop')], revision: 'content:2', policy });
  await clock.sleep(60_000);
  await reconciler.refresh(stop.signal, 'webhook');
  const fault = { status: 429, body: {}, headers: { 'retry-after': '40' } };
  world.faults.add({ template: 'DELETE /apps/{app}', times: 1, fault });
  const pass = reconciler.reconcile('cart', 'webhook', stop.signal).catch(() => undefined);
  const isAsked = (): boolean => world.requests.some(({ template }) => template === 'DELETE /apps/{app}');
  while (!isAsked()) await clock.sleep(50);
  stop.abort(new Error('stop'));
  await pass;
  expect(world.apps.has('cart')).toBe(true);
  expect((await store.latestRuns()).find((run) => run.app === 'cart')?.outcome).toBe('interrupted');
});
