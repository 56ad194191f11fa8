/** Git says another thing of an app while Fly makes its destroy wait: nothing goes, what is told is true, and the next pass keeps it. */
import { expect, test } from 'vitest';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredApp, DesiredFleet } from '../../../../src/model/desired.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();

const policy = { ...defaultPolicy, prune: ['app'] as const };
const app = (name: string, version = 'a', own: DesiredFleet['policy'] = policy): DesiredApp =>
  desiredApp({
    name,
    groups: [group({ counts: { arn: 1 }, configVersion: version.repeat(32), config: { env: { V: version } } })],
    inputs: version,
    policy: own,
  });
const fleet = (revision: number, apps: readonly DesiredApp[], parts: Partial<DesiredFleet> = {}): DesiredFleet =>
  fleetOf({ apps, revision: `content:${revision}`, policy, ...parts });

/** A pass that destroys `cart`, whose DELETE Fly makes wait for 40 s; what happens meanwhile. */
async function whileItWaits(meanwhile: (refresh: (to: DesiredFleet) => Promise<unknown>) => Promise<unknown>) {
  const { world } = fly.simulator;
  const store = testStore({ clock: fly.clock });
  let wanted = fleet(1, [app('shop'), app('cart')]);
  const reconciler = fly.reconciler(() => wanted, { store });
  const { signal } = new AbortController();
  const refresh = (to: DesiredFleet) => {
    wanted = to;
    return reconciler.refresh(signal, 'webhook');
  };
  const pass = (name: string) => reconciler.reconcile(name, 'webhook', signal);
  await refresh(wanted);
  for (const name of ['shop', 'cart']) await pass(name);
  await fly.clock.sleep(60_000);
  await refresh(fleet(2, [app('shop')]));
  const fault = { status: 429, body: {}, headers: { 'retry-after': '40' } };
  world.faults.add({ template: 'DELETE /apps/{app}', times: 1, fault });
  const destroying = pass('cart');
  const isAsked = (): boolean => world.requests.some(({ template }) => template === 'DELETE /apps/{app}');
  while (!isAsked()) await fly.clock.sleep(50);
  await meanwhile(refresh);
  await destroying;
  const all = () => store.runs({ app: 'cart', limit: 9, all: true });
  return { pass, all, run: (await all())[0] };
}

const deletes = () => fly.simulator.world.requests.filter(({ template }) => template === 'DELETE /apps/{app}').length;
const versions = () =>
  fly.simulator.world
    .snapshot()
    .find(({ name }) => name === 'cart')
    ?.machines.map(({ config }) => config.env?.['V']);

test.each([
  ['as it was', 'a'],
  ['with another config', 'b'],
])('named again %s: it stays, and is reconciled as wanted', async (_how, version) => {
  const named = fleet(3, [app('shop'), app('cart', version)]);
  const { run, pass, all } = await whileItWaits((refresh) => refresh(named));
  expect([deletes(), versions()]).toEqual([1, ['a']]);
  expect(run).toMatchObject({
    outcome: 'no-change',
    status: 'pending',
    plan: { notes: ['git names it again: FlyCD does not destroy it, and brings it to what git says'] },
    results: [{ kind: 'app.destroy', outcome: 'skipped' }],
  });
  expect(JSON.stringify(run)).not.toContain('no app of that name');
  await pass('cart');
  expect([deletes(), versions()]).toEqual([1, [version]]);
  expect((await all())[0]).toMatchObject({ status: 'synced' });
});

test('named again, and invalid: it stays', async () => {
  const invalid = [{ file: 'cart/app.yaml', name: 'cart' }];
  const { all } = await whileItWaits((refresh) => refresh(fleet(3, [app('shop')], { invalid })));
  expect([deletes(), versions()]).toEqual([1, ['a']]);
  expect(JSON.stringify(await all())).not.toContain('no app of that name');
});

test('named again, and destroyed by somebody meanwhile: nobody says that FlyCD did, and it is made again', async () => {
  const { run, pass } = await whileItWaits(async (refresh) => {
    await refresh(fleet(3, [app('shop'), app('cart', 'b')]));
    const headers = { authorization: `Bearer ${fly.simulator.token}` };
    await fetch(`${fly.simulator.url}/v1/apps/cart?force=true`, { method: 'DELETE', headers });
  });
  expect(run).toMatchObject({ outcome: 'no-change', status: 'pending' });
  await pass('cart');
  expect(versions()).toEqual(['b']);
});

test('where the newest commit prunes no apps any more it stays as well', async () => {
  const { run } = await whileItWaits((refresh) =>
    refresh(fleet(3, [app('shop', 'a', defaultPolicy)], { policy: defaultPolicy })),
  );
  expect([deletes(), versions()]).toEqual([1, ['a']]);
  expect(run).toMatchObject({ outcome: 'no-change', status: 'orphaned' });
  expect(JSON.stringify(run?.plan.notes)).toContain('git no longer names it');
});
