/** Who waits for another app is woken when that one is done, however long it has waited and however rarely it looks by itself. */
import { describe, expect, test } from 'vitest';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import { silentLog } from '../../../../src/model/base/log.ts';
import { createLoop } from '../../../../src/loop/loop.ts';
import type { DesiredAddress, DesiredApp } from '../../../../src/model/desired.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import type { Store } from '../../../../src/record/store.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();

const minute = 60_000;
const update = 'POST /apps/{app}/machines/{machine}';
const policy = { ...defaultPolicy, prune: ['app' as const] };

function app(
  name: string,
  version: string,
  dependsOn: readonly string[] = [],
  more: Partial<DesiredApp> = {},
): DesiredApp {
  const config = { env: { V: version } };
  return desiredApp({
    name,
    inputs: version,
    policy,
    dependsOn,
    groups: [group({ counts: { arn: 1 }, configVersion: version.repeat(32), config })],
    ...more,
  });
}

function address(version: 'v4' | 'v6'): DesiredAddress {
  return { version, shared: false, private: false, region: undefined, network: undefined, org: undefined };
}

/** It looks again each minute by itself, whatever it waits for. */
const eachMinute: Partial<DesiredApp> = { policy: { ...policy, intervalSeconds: 60 } };

/** A fleet that is in sync, and the loop that keeps it; its pass over all apps comes once a day. */
async function kept(apps: readonly DesiredApp[]) {
  const { clock, simulator } = fly;
  const { world } = simulator;
  /** By the app that a write of it is about: for so long the database is locked by another process. */
  const locked = new Map<string, number>();
  const real = testStore({ clock, synchronous: 'off' });
  const store: Store = {
    ...real,
    async retell(id, told) {
      await clock.sleep(locked.get(told.plan.app) ?? 0);
      await real.retell(id, told);
    },
    async finishRun(id, end) {
      const run = await real.finishRun(id, end);
      await clock.sleep(locked.get(run.app) ?? 0);
      return run;
    },
  };
  let wanted = fleetOf({ apps, policy, revision: 'content:1' });
  const reconciler = fly.reconciler(() => wanted, { store });
  const passes: { readonly app: string; readonly from: number; to: number }[] = [];
  const loop = createLoop({
    clock,
    log: silentLog,
    store,
    concurrency: 8,
    intervalMs: 24 * 60 * minute,
    random: () => 0,
    refresh: (trigger, signal) => reconciler.refresh(signal, trigger),
    async reconcile(name, trigger, signal, aside) {
      const pass = { app: name, from: clock.now(), to: Infinity };
      passes.push(pass);
      const reconciled = await reconciler.reconcile(name, trigger, signal, aside);
      pass.to = clock.now();
      return reconciled;
    },
  });
  loop.start();
  await clock.sleep(3 * minute);
  const versions = (name: string): readonly unknown[] =>
    [...(world.apps.get(name)?.machines.values() ?? [])]
      .filter(({ state }) => state !== 'destroyed')
      .map(({ config }) => config.env?.['V']);
  /** When a call was last made. */
  const sentAt = (template: string, name: string): number =>
    world.requests.findLast((request) => request.template === template && request.app === name)?.at ?? NaN;
  return {
    clock,
    world,
    loop,
    locked,
    passes,
    versions,
    wants: (next: readonly DesiredApp[]): void => {
      wanted = fleetOf({ apps: next, policy, revision: `content:${passes.length}` });
      loop.wake('command');
    },
    /** The same, where it marks no app. */
    reads: async (next: readonly DesiredApp[]): Promise<void> => {
      wanted = fleetOf({ apps: next, policy, revision: `content:${passes.length}` });
      await reconciler.refresh(new AbortController().signal);
    },
    /** Somebody else works on an app from now on, for so long. */
    busyFor: (name: string, ms: number): void => {
      for (const machine of world.apps.get(name)?.machines.values() ?? [])
        machine.lease = { nonce: 'x', owner: 'bob', description: 'mine', expiresAt: clock.now() + ms };
    },
    sentAt,
    /** When the pass ended that updated it. */
    doneAt: (name: string): number => {
      const at = sentAt(update, name);
      return passes.find((pass) => pass.app === name && pass.from <= at && at <= pass.to)?.to ?? NaN;
    },
  };
}

test('each of a chain goes on at once when the one before it is done', async () => {
  const chain = (version: string) => [
    app('db', version),
    app('api', version, ['db']),
    app('web', version, ['api']),
    app('aside', version),
  ];
  const { clock, loop, versions, wants, busyFor, sentAt, doneAt } = await kept(chain('a'));
  busyFor('db', 17 * minute);
  wants(chain('b'));
  await clock.sleep(15 * minute);
  expect([versions('db'), versions('api'), versions('web'), versions('aside')]).toEqual([['a'], ['a'], ['a'], ['b']]);
  await clock.sleep(12 * minute);
  await loop.stop();
  expect([versions('db'), versions('api'), versions('web')]).toEqual([['b'], ['b'], ['b']]);
  expect(sentAt(update, 'api') - doneAt('db')).toBeLessThan(1000);
  expect(sentAt(update, 'web') - doneAt('api')).toBeLessThan(1000);
});

test('one that waits for two is woken by the last of them', async () => {
  const fleet = (version: string) => [app('db', version), app('mq', version), app('api', version, ['db', 'mq'])];
  const { clock, loop, passes, versions, wants, busyFor, sentAt, doneAt } = await kept(fleet('a'));
  busyFor('db', 9 * minute);
  busyFor('mq', 20 * minute);
  wants(fleet('b'));
  await clock.sleep(27 * minute);
  await loop.stop();
  expect(versions('api')).toEqual(['b']);
  expect(sentAt(update, 'api') - doneAt('mq')).toBeLessThan(1000);
  // Looks by itself, each five minutes at most, and one more for each of the two.
  expect(passes.filter((pass) => pass.app === 'api').length).toBeLessThan(20);
});

test('an app that git no longer names goes as soon as the last of the others is done', async () => {
  const rest = (version: string) => [app('db', version), app('mq', version)];
  const { clock, loop, wants, busyFor, sentAt, doneAt } = await kept([...rest('a'), app('old', 'a')]);
  busyFor('db', 17 * minute);
  wants(rest('b'));
  await clock.sleep(15 * minute);
  expect(fly.simulator.world.apps.has('old')).toBe(true);
  await clock.sleep(12 * minute);
  await loop.stop();
  expect(fly.simulator.world.apps.has('old')).toBe(false);
  expect(sentAt('DELETE /apps/{app}', 'old') - doneAt('db')).toBeLessThan(1000);
});

describe('done while who waits is in a pass of its own', () => {
  /** The pass that was under way when that one ended. */
  const passAt = (
    passes: readonly { readonly app: string; readonly from: number; readonly to: number }[],
    at: number,
  ) => passes.find(({ app: name, from, to }) => name !== 'db' && from < at && at < to);

  test('an app goes on when its own pass ends', async () => {
    const fleet = (version: string, more: Partial<DesiredApp> = {}) => [
      app('db', version, [], eachMinute),
      app('api', version, ['db'], more),
    ];
    const { clock, world, loop, passes, wants, busyFor, sentAt, doneAt } = await kept(fleet('a'));
    busyFor('db', 16 * minute);
    wants(fleet('b'));
    await clock.sleep(15 * minute);
    const template = 'POST /apps/{app}/ip_assignments';
    world.faults.add({ template, app: 'api', times: 2, fault: { latencyMs: 50_000 } });
    wants(fleet('b', { inputs: 'addresses', network: { ips: [address('v4'), address('v6')], autoPruneIps: false } }));
    await clock.sleep(7 * minute);
    await loop.stop();
    const own = passAt(passes, doneAt('db'));
    expect(own?.app).toBe('api');
    expect(sentAt(update, 'api') - (own?.to ?? NaN)).toBeLessThan(1000);
  });

  test('an app that git no longer names goes when its own pass ends', async () => {
    const rest = (version: string) => [app('db', version, [], eachMinute), app('mq', version)];
    const { clock, loop, locked, passes, wants, busyFor, sentAt, doneAt } = await kept([...rest('a'), app('old', 'a')]);
    busyFor('db', 16 * minute);
    wants(rest('b'));
    await clock.sleep(15 * minute);
    locked.set('old', 3 * minute);
    wants(rest('b'));
    await clock.sleep(7 * minute);
    await loop.stop();
    const own = passAt(passes, doneAt('db'));
    expect(own?.app).toBe('old');
    expect(sentAt('DELETE /apps/{app}', 'old') - (own?.to ?? NaN)).toBeLessThan(1000);
  });

  test('the same of one that was about to go, and is held by the look right before that', async () => {
    const rest = (version: string) => [app('db', version, [], eachMinute), app('mq', 'a')];
    const { clock, world, loop, locked, passes, wants, reads, busyFor, sentAt, doneAt } = await kept([
      ...rest('a'),
      app('old', 'a'),
    ]);
    const template = 'DELETE /apps/{app}';
    for (const fault of ['503', { latencyMs: 20_000 }] as const) world.faults.add({ template, app: 'old', fault });
    wants(rest('a'));
    await clock.sleep(10_000);
    busyFor('db', 2 * minute);
    locked.set('old', 5 * minute);
    await reads(rest('b'));
    await clock.sleep(5 * minute);
    locked.clear();
    await clock.sleep(5 * minute);
    await loop.stop();
    const own = passAt(passes, doneAt('db'));
    expect(own?.app).toBe('old');
    expect(sentAt(template, 'old')).toBeGreaterThanOrEqual(own?.to ?? NaN);
    expect(sentAt(template, 'old') - (own?.to ?? NaN)).toBeLessThan(1000);
  });
});
