/** A machine that slept before it destroys an orphan: how the other apps looked before that says nothing about them now. */
import { describe, expect, test } from 'vitest';
import type { MachineConfig } from '../../../../schemas/fly/machine.ts';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import { desiredApp, group, webService } from '../../../plan/builders.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();

const hour = 3_600_000;
const policy = { ...defaultPolicy, prune: ['app' as const] };
const config: Partial<MachineConfig> = {
  services: [webService],
  checks: { up: { type: 'tcp', port: 80, interval: '5s', timeout: '2s' } },
};
const app = (name: string) => desiredApp({ name, org: 'personal', groups: [group({ counts: { arn: 1 }, config })] });
const { signal } = new AbortController();

/** Git names shop no longer, and cart, which stays, was looked at a moment ago. `onRequest`: before each one after that. */
async function removing(onRequest: (method: string, path: string) => unknown = () => undefined) {
  let isRemoved = false;
  let isReady = false;
  const wanted = () =>
    fleetOf({ policy, apps: (isRemoved ? ['cart'] : ['cart', 'shop']).map(app), revision: `content:${isRemoved}` });
  const watched: typeof fetch = async (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    if (isReady) await fly.clock.busy(async () => onRequest(init?.method ?? 'GET', pathname));
    return fetch(input, init);
  };
  const reconciler = fly.reconciler(wanted, { fetch: watched });
  const pass = (name: string) => reconciler.reconcile(name, 'webhook', signal);
  await reconciler.refresh(signal);
  for (const name of ['shop', 'cart']) await pass(name);
  await fly.clock.sleep(30_000);
  isRemoved = true;
  await reconciler.refresh(signal);
  await pass('cart');
  isReady = true;
  return pass;
}

/** The clock that measures stands still meanwhile, and a check of cart comes to fail. */
async function sleeps(): Promise<void> {
  const [machine] = fly.simulator.world.apps.get('cart')?.machines.values() ?? [];
  const path = `${fly.simulator.url}/_simulator/apps/cart/machines/${machine?.id ?? ''}/checks`;
  const headers = { 'content-type': 'application/json' };
  expect((await fetch(path, { method: 'POST', body: '{"rule":"fail"}', headers })).status).toBe(204);
  fly.clock.set(hour);
}

test('goes where nothing slept', async () => {
  const pass = await removing();
  await pass('shop');
  expect(fly.names()).toEqual(['cart']);
});

describe('stays where the machine slept', () => {
  test('before its pass', async () => {
    const pass = await removing();
    await sleeps();
    await pass('shop');
    expect(fly.names()).toEqual(['cart', 'shop']);
  });

  test.each([
    ['while what is in it was listed', 'GET', '/v1/apps/shop/volumes'],
    ['while Fly made its destroy wait', 'DELETE', '/v1/apps/shop'],
  ])('%s', async (_when, method, path) => {
    let hasSlept = false;
    const pass = await removing(async (...sent) => {
      if (hasSlept || sent[0] !== method || sent[1] !== path) return;
      hasSlept = true;
      await sleeps();
    });
    const fault = { status: 429, body: {}, headers: { 'retry-after': '40' } };
    fly.simulator.world.faults.add({ template: 'DELETE /apps/{app}', times: 1, fault });
    await pass('shop');
    expect(hasSlept).toBe(true);
    await fly.clock.sleep(10_000);
    await pass('shop');
    expect(fly.names()).toEqual(['cart', 'shop']);
  });
});
