import { expect, test } from 'vitest';
import type { FaultRule } from '../../../../simulator/world/faults.ts';
import { defaultPolicy, type SyncPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();
let wanted: DesiredFleet;

const hour = 3600;
const shop = (policy: Partial<SyncPolicy>, inputs = '1', GREETING = 'hello') =>
  fleetOf({
    revision: inputs.repeat(40),
    apps: [
      desiredApp({
        name: 'shop',
        inputs,
        groups: [group({ counts: { arn: 1 }, config: { env: { GREETING } } })],
        policy: { ...defaultPolicy, ...policy },
      }),
    ],
  });

function running() {
  const reconciler = fly.reconciler(() => wanted);
  const { signal } = new AbortController();
  return async () => {
    await reconciler.refresh(signal);
    return reconciler.reconcile('shop', 'timer', signal);
  };
}

const machines = 'POST /apps/{app}/machines';
const secrets = 'GET /apps/{app}/secrets';
const refused = { status: 503, body: { error: 'unavailable' } };
const interval: Partial<SyncPolicy> = { intervalSeconds: hour };
/** Never open on this clock, which begins in January. */
const window: Partial<SyncPolicy> = {
  windows: [{ kind: 'allow', schedule: '0 0 1 7 *', durationSeconds: hour, timezone: 'UTC' }],
};

const cases: readonly (readonly [string, Partial<SyncPolicy>, FaultRule])[] = [
  ['a step that failed, by the interval of its app', interval, { template: machines, times: 99, fault: refused }],
  ['what Fly did not answer, by the interval of its app', interval, { template: secrets, times: 99, fault: refused }],
  ['what Fly did not answer, by a window of its app', window, { template: secrets, times: 99, fault: refused }],
];

test.each(cases)('the next try is not put off: %s', async (_what, policy, rule) => {
  const pass = running();
  if (rule.template === secrets) {
    wanted = shop({});
    await pass();
  }
  fly.simulator.world.faults.add(rule);
  wanted = shop(policy, '2', 'bye');
  expect(await pass()).toEqual({ nextWakeAt: undefined, failed: true });
});

test('a time that Fly gave with its refusal is waited for, and no longer', async () => {
  const pass = running();
  wanted = shop(interval);
  const fault = { status: 503, body: { error: 'unavailable' }, headers: { 'retry-after': '40' } };
  fly.simulator.world.faults.add({ template: machines, times: 99, fault });
  const { failed, nextWakeAt = 0 } = await pass();
  expect(failed).toBe(true);
  expect(nextWakeAt - fly.clock.now()).toBeLessThanOrEqual(40_000);
});

test('where nothing failed its interval counts', async () => {
  const pass = running();
  wanted = shop(interval);
  expect(await pass()).toEqual({ intervalMs: hour * 1000, failed: false });
});
