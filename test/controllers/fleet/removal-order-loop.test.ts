/** In the loop, too, an app that git no longer names goes last: also where an app that git names could not be looked at. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultKind } from '../../../simulator/world/fault-answers.ts';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { desiredApp, group } from '../../plan/builders.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

let simulator: Simulator;
let clock: IdleClock;
beforeEach(async () => {
  clock = new IdleClock();
  simulator = await startSimulator({ clock });
});
afterEach(() => simulator.close());

const policy = { ...defaultPolicy, prune: ['app' as const] };
const names = () => simulator.world.snapshot().map(({ name }) => name);

const fleetAt = (revision: string, ...apps: readonly string[]): DesiredFleet =>
  fleetOf({
    policy,
    revision: revision.repeat(40),
    apps: apps.map((name) =>
      desiredApp({ name, groups: [group({ counts: { arn: 1 } })], inputs: `${revision}${name}` }),
    ),
  });

async function renamed(builtByV0?: DesiredFleet['builtByV0']) {
  const { url, token } = simulator;
  let wanted = fleetAt('1', 'old', 'rest');
  const reports = { configRepo: undefined, reporter: undefined };
  const reconciler = reconcilerOf({ wanted: () => wanted, url, token, fetch, clock }, reports);
  const { signal } = new AbortController();
  const pass = async (...apps: readonly string[]): Promise<void> => {
    await reconciler.refresh(signal);
    for (const app of apps) await reconciler.reconcile(app, 'timer', signal).catch(() => undefined);
  };
  await pass('old', 'rest');
  expect(names()).toEqual(['old', 'rest']);
  wanted = { ...fleetAt('2', 'new', 'rest'), ...(builtByV0 === undefined ? {} : { builtByV0 }) };
  return pass;
}

describe('an app that git names another way', () => {
  test.each<[string, FaultKind]>([
    ['is refused for its token', { status: 401, body: { error: 'unauthorized' } }],
    ['is forbidden', { status: 403, body: { error: 'forbidden' } }],
    ['fails', '500'],
    ['is no answer', 'reset-before'],
  ])('stays while the look at the new one %s', async (_what, fault) => {
    const pass = await renamed();
    simulator.world.faults.add({ app: 'new', times: 1000, fault });
    for (const _pass of [1, 2]) {
      await pass('old', 'rest', 'new');
      expect(names()).toContain('old');
    }
    simulator.world.faults.clear();
    await pass('new', 'rest', 'old');
    expect(names()).toEqual(['new', 'rest']);
  });

  test('stays while what decides on the new one cannot be told', async () => {
    const pass = await renamed(() => Promise.reject(new Error('the git host is away')));
    simulator.world.faults.add({ app: 'new', times: 1000, fault: { status: 401, body: { error: 'unauthorized' } } });
    await pass('old');
    expect(names()).toContain('old');
  });
});
