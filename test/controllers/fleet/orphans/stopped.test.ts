/** A stop that comes while Fly makes the destroy of an orphan wait. */
import { expect, test } from 'vitest';
import type { FaultKind } from '../../../../simulator/world/fault-answers.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, pruning, ownFly, servingApp } from '../../reconcilers.ts';

const fly = ownFly();

/** A pass that destroys `cart`, stopped while Fly has it wait for an answer of this kind. */
async function stoppedAt({ template, nth, fault }: { template: string; nth: number; fault: FaultKind }) {
  const { world } = fly.simulator;
  const store = testStore({ clock: fly.clock });
  let wanted: DesiredFleet = fleetOf({
    apps: [servingApp('shop'), servingApp('cart')],
    revision: 'content:1',
    policy: pruning,
  });
  const reconciler = fly.reconciler(() => wanted, { store });
  const stop = new AbortController();
  await reconciler.refresh(stop.signal, 'webhook');
  for (const name of ['shop', 'cart']) await reconciler.reconcile(name, 'webhook', stop.signal);
  wanted = fleetOf({ apps: [servingApp('shop')], revision: 'content:2', policy: pruning });
  await fly.clock.sleep(60_000);
  await reconciler.refresh(stop.signal, 'webhook');
  const asked = (): number =>
    world.requests.filter((request) => request.template === template && request.app === 'cart').length;
  const before = asked();
  world.faults.add({ template, app: 'cart', nth, times: 1, fault });
  const pass = reconciler.reconcile('cart', 'webhook', stop.signal).catch(() => undefined);
  while (asked() < before + nth) await fly.clock.sleep(50);
  stop.abort(new Error('stop'));
  await pass;
  return (await store.latestRuns()).find((run) => run.app === 'cart');
}

test.each([
  [
    'its destroy',
    { template: 'DELETE /apps/{app}', nth: 1, fault: { status: 429, body: {}, headers: { 'retry-after': '40' } } },
  ],
  ['the look right before it', { template: 'GET /apps/{app}/machines', nth: 2, fault: { latencyMs: 20_000 } }],
])('stopped at %s nothing is destroyed any more, and the run says that it was interrupted', async (_at, inTheWay) => {
  expect(await stoppedAt(inTheWay)).toMatchObject({ outcome: 'interrupted', results: [{ kind: 'app.destroy' }] });
  expect(fly.simulator.world.apps.has('cart')).toBe(true);
});
