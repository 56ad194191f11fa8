/** The loop learns of a newer commit while a call waits for Fly: what that one takes back is not sent any more. */
import { expect, test } from 'vitest';
import { stop } from '../../../simulator/machines/lifecycle.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { desiredApp, group, webService } from '../../plan/builders.ts';
import { fleetOf, ownFly } from '../reconcilers.ts';

const fly = ownFly();
const { signal } = new AbortController();
const policy = { ...defaultPolicy, prune: ['addresses'] as const, max_deletes: 5 };

interface Wish {
  readonly count?: number;
  readonly env?: string;
  readonly ips?: readonly ('v4' | 'v6')[];
}

function shop(inputs: string, { count = 1, env = 'a', ips = [] }: Wish): DesiredApp {
  const groups = [group({ counts: { arn: count }, config: { env: { ENV: env }, services: [webService] } })];
  const rest = { shared: false, private: false, region: undefined, network: undefined, org: undefined };
  const listed = ips.map((version) => ({ ...rest, version }));
  return desiredApp({ name: 'shop', inputs, policy, groups, network: { ...desiredApp().network, ips: listed } });
}

const machines = () => fly.machinesOf('shop').filter(({ state }) => !state.startsWith('destroy'));
const state = () => ({
  machines: machines()
    .map(({ id, config }) => `${id} ${config.env?.['ENV']}`)
    .toSorted((a, b) => (a < b ? -1 : 1)),
  addresses: [...(fly.simulator.world.apps.get('shop')?.addresses.keys() ?? [])],
});
const [address, machine] = ['/apps/{app}/ip_assignments', '/apps/{app}/machines'];
const patience = { status: 429, body: { error: 'slow down' }, headers: { 'retry-after': '40' } };

test.each<[string, string, Wish, Wish]>([
  ['the release of an address', `DELETE ${address}/{ip}`, { ips: ['v6', 'v4'] }, { ips: ['v6'] }],
  ['the destroy of a machine', `DELETE ${machine}/{machine}`, { count: 3 }, { count: 2 }],
  ['the first of several destroys', `DELETE ${machine}/{machine}`, { count: 4 }, { count: 1 }],
  ['an address', `POST ${address}`, { ips: ['v6'] }, { ips: ['v6', 'v4'] }],
  ['a machine', `POST ${machine}`, { count: 1 }, { count: 2 }],
  ['an update', `POST ${machine}/{machine}`, { env: 'a' }, { env: 'b' }],
])('%s is not sent once git has taken it back', async (_what, template, before, after) => {
  let wanted = fleetOf({ apps: [shop('a', before)], policy, revision: 'a'.repeat(40) });
  const reconciler = fly.reconciler(() => wanted);
  const pass = async (times: number): Promise<void> => {
    for (let passes = 0; passes < times; passes += 1) {
      await reconciler.reconcile('shop', 'timer', signal);
      await fly.clock.sleep(3000);
    }
  };
  await reconciler.refresh(signal);
  await pass(3);
  const asBefore = state();
  wanted = fleetOf({ apps: [shop('b', after)], policy, revision: 'b'.repeat(40) });
  await reconciler.refresh(signal);
  const { faults, requests } = fly.simulator.world;
  faults.add({ template, fault: patience });
  const first = requests.length;
  const sent = () => requests.slice(first).filter((request) => request.template === template).length;
  const running = reconciler.reconcile('shop', 'webhook', signal);
  while (sent() < 1) await fly.clock.sleep(200);
  wanted = fleetOf({ apps: [shop('a', before)], policy, revision: 'c'.repeat(40) });
  await reconciler.refresh(signal);
  await running;
  await pass(3);
  expect(sent()).toBe(1);
  expect(state()).toEqual(asBefore);
});

test.each(['c', 'a'])(
  'a machine that was made anew elsewhere stays beside the new one, and what git says then (%s) takes the one or the other away',
  async (last) => {
    const revision = (letter: string) => letter.repeat(40);
    let wanted = fleetOf({ apps: [shop('a', { env: 'a' })], policy, revision: revision('a') });
    const reconciler = fly.reconciler(() => wanted);
    const pass = async (): Promise<void> => {
      await reconciler.reconcile('shop', 'timer', signal);
      await fly.clock.sleep(3000);
    };
    await reconciler.refresh(signal);
    for (let passes = 0; passes < 3; passes += 1) await pass();
    wanted = fleetOf({ apps: [shop('b', { env: 'b' })], policy, revision: revision('b') });
    await reconciler.refresh(signal);
    const { faults, requests } = fly.simulator.world;
    const template = `DELETE ${machine}/{machine}`;
    faults.add({ template: `POST ${machine}/{machine}`, fault: 'capacity' });
    faults.add({ template, fault: patience });
    const first = requests.length;
    const sent = () => requests.slice(first).filter((request) => request.template === template).length;
    const running = reconciler.reconcile('shop', 'webhook', signal);
    while (sent() < 1) await fly.clock.sleep(200);
    wanted = fleetOf({ apps: [shop(last, { env: last })], policy, revision: revision('c') });
    await reconciler.refresh(signal);
    await running;
    expect([sent(), machines().length]).toEqual([1, 2]);
    for (let passes = 0; passes < 5; passes += 1) await pass();
    expect(state().machines.map((text) => text.split(' ')[1])).toEqual([last]);
    expect(machines().map((one) => one.state)).toEqual(['started']);
  },
);

test('a machine whose start has failed is not watched any longer', async () => {
  let wanted = fleetOf({ apps: [shop('a', { count: 3 })], policy, revision: 'a'.repeat(40) });
  const reconciler = fly.reconciler(() => wanted);
  await reconciler.refresh(signal);
  for (let passes = 0; passes < 3; passes += 1) {
    await reconciler.reconcile('shop', 'timer', signal);
    await fly.clock.sleep(3000);
  }
  for (const one of machines()) stop(fly.simulator.world, one);
  await fly.clock.sleep(10_000);
  const starts = () =>
    fly.simulator.world.requests.filter((request) => request.template === `POST ${machine}/{machine}/start`).length;
  fly.simulator.world.faults.add({ template: `POST ${machine}/{machine}/start`, probability: 1, fault: '500' });
  const running = reconciler.reconcile('shop', 'timer', signal);
  // All its tries, and the looks behind them.
  while (starts() < 4) await fly.clock.sleep(200);
  await fly.clock.sleep(4000);
  wanted = fleetOf({ apps: [shop('b', { count: 3, env: 'b' })], policy, revision: 'b'.repeat(40) });
  await reconciler.refresh(signal);
  const movedOnAt = fly.clock.now();
  await running;
  expect([fly.clock.now() - movedOnAt < 2000, starts()]).toEqual([true, 4]);
});
