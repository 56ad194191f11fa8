/** In the loop, too, an app that git no longer names goes last: also where an app that git names could not be looked at. */
import { hash } from 'node:crypto';
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { AppStates } from '../../../controllers/fleet/states/app-states.ts';
import type { StepOutcome, StepResult } from '../../../src/model/run.ts';
import { lackOf } from '../../../src/plan/guards/dependencies.ts';
import { arena } from '../arena.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultKind } from '../../../simulator/world/fault-answers.ts';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { longAgo } from '../../../src/model/base/moment.ts';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import { brief, desiredApp, group, machine, observed, plan, webService } from '../../plan/builders.ts';
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
    revision: `content:${revision}`,
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

describe('the loop keeps an app while what replaces it', () => {
  function app(name: string, image: string, deploy = ''): string {
    return `app: ${name}
primary_region: arn
build:
  image: docker.io/library/${image}@sha256:${hash('sha256', image)}
deploy:
  wait_timeout: 30s
${deploy}http_service:
  internal_port: 8080
  checks:
    - { path: /health, interval: 5s, timeout: 2s }
machines: { count: 1 }
`;
  }

  test.each([
    ['has gone back to the release before', '  strategy: rolling\n'],
    ['was released without a look at its health', '  strategy: immediate\n'],
  ])('%s', async (_what, deploy) => {
    const world = await arena({ repository: true });
    const stop = new AbortController();
    try {
      world.write({
        'flycd.yaml': 'fleet: looks\nsync:\n  prune: [app]\n',
        'shop/app.yaml': app('shop', 'shop:1'),
        'cart/app.yaml': app('cart', 'cart:1', deploy),
      });
      const looping = world.flycd(['sync'], 'state', stop.signal);
      await world.clock.sleep(60_000);
      world.write({ 'cart/app.yaml': app('cart', 'cart:failing-check', deploy) });
      world.remove('shop');
      await world.clock.sleep(900_000);
      expect(world.simulator.world.snapshot().map(({ name }) => name)).toEqual(['cart', 'shop']);
      world.write({ 'cart/app.yaml': app('cart', 'cart:2', deploy) });
      await world.clock.sleep(900_000);
      expect(world.simulator.world.snapshot().map(({ name }) => name)).toEqual(['cart']);
      stop.abort(new Error('stopped'));
      await looping;
    } finally {
      await world.close();
    }
  });
});

describe('a push that removes an app, and is all that the loop has heard for a while,', () => {
  const { signal } = new AbortController();
  const checked: Partial<MachineConfig> = {
    services: [webService],
    checks: { up: { type: 'tcp', port: 80, interval: '5s', timeout: '2s' } },
  };
  const app = (name: string) =>
    desiredApp({ name, org: 'personal', groups: [group({ counts: { arn: 1 }, config: checked })] });
  const checkedAt = (revision: string, ...apps: readonly string[]): DesiredFleet =>
    fleetOf({ policy, apps: apps.map(app), revision: `content:${revision}` });

  async function kept(fetching: typeof fetch = fetch) {
    let wanted = checkedAt('1', 'cart', 'shop');
    const { url, token } = simulator;
    const reports = { configRepo: undefined, reporter: undefined };
    const reconciler = reconcilerOf({ wanted: () => wanted, url, token, fetch: fetching, clock }, reports);
    await reconciler.refresh(signal);
    for (const name of ['shop', 'cart']) await reconciler.reconcile(name, 'timer', signal);
    await clock.sleep(30_000);
    await reconciler.reconcile('cart', 'timer', signal);
    await clock.sleep(60_000);
    const refreshed = async (fleet: DesiredFleet): Promise<void> => {
      wanted = fleet;
      await reconciler.refresh(signal);
    };
    return { reconciler, refreshed };
  }

  async function checksOfCart(rule: 'fail' | 'pass'): Promise<void> {
    const [machine] = simulator.world.apps.get('cart')?.machines.values() ?? [];
    const body = JSON.stringify({ rule });
    const path = `${simulator.url}/_simulator/apps/cart/machines/${machine?.id ?? ''}/checks`;
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(path, { method: 'POST', body, headers })).status).toBe(204);
    await clock.sleep(60_000);
  }

  test('takes it away where all others are well', async () => {
    const { reconciler, refreshed } = await kept();
    await refreshed(checkedAt('2', 'cart'));
    await reconciler.reconcile('shop', 'webhook', signal);
    expect(names()).toEqual(['cart']);
  });

  test('leaves it while another app has become unwell, and takes it away when that is over', async () => {
    const { reconciler, refreshed } = await kept();
    await checksOfCart('fail');
    await refreshed(checkedAt('2', 'cart'));
    for (const _pass of [1, 2]) {
      const { nextWakeAt } = await reconciler.reconcile('shop', 'webhook', signal);
      expect(nextWakeAt).toBe(clock.now() + 15_000);
      expect(names()).toEqual(['cart', 'shop']);
    }
    await checksOfCart('pass');
    await reconciler.reconcile('shop', 'timer', signal);
    expect(names()).toEqual(['cart']);
  });

  test.each<FaultKind>([{ status: 401, body: { error: 'unauthorized' } }, '500'])(
    'leaves it while another app answers %j',
    async (fault) => {
      const { reconciler, refreshed } = await kept();
      await refreshed(checkedAt('2', 'cart'));
      simulator.world.faults.add({ app: 'cart', times: 1000, fault });
      await reconciler.reconcile('shop', 'webhook', signal);
      expect(names()).toEqual(['cart', 'shop']);
      simulator.world.faults.clear();
      await clock.sleep(15_000);
      await reconciler.reconcile('shop', 'timer', signal);
      expect(names()).toEqual(['cart']);
    },
  );

  test.each([
    ['has been read', false],
    ['is being read', true],
  ])('leaves it where a newer commit, which names it again, %s', async (_what, isSlow) => {
    const held = { shop: Promise.withResolvers<void>(), lists: Promise.withResolvers<void>() };
    const asked = Promise.withResolvers<void>();
    const listing = Promise.withResolvers<void>();
    let isGated = false;
    const gated: typeof fetch = async (input, init) => {
      const target = input instanceof Request ? input.url : String(input);
      if (isGated && target.endsWith('/apps/shop/volumes')) {
        asked.resolve();
        await clock.busy(() => held.shop.promise);
      }
      if (isGated && isSlow && target.includes('/orgs/')) {
        listing.resolve();
        await clock.busy(() => held.lists.promise);
      }
      return fetch(input, init);
    };
    const { reconciler, refreshed } = await kept(gated);
    await refreshed(checkedAt('2', 'cart'));
    isGated = true;
    const destroying = reconciler.reconcile('shop', 'webhook', signal);
    await asked.promise;
    const refreshing = refreshed(checkedAt('3', 'cart', 'shop'));
    await (isSlow ? listing.promise : refreshing);
    isGated = false;
    held.shop.resolve();
    await destroying;
    held.lists.resolve();
    await refreshing;
    expect(names()).toEqual(['cart', 'shop']);
    expect(simulator.world.apps.get('shop')?.machines.size).toBe(1);
  });
});

const releasedBefore = desiredApp({ name: 'cart', groups: [group({ counts: { arn: 1 } })] });
const wanted = desiredApp({
  name: 'cart',
  groups: [group({ counts: { arn: 1 }, config: { env: { COLOR: 'blue' } } })],
});
const seen = { ...observed({ machines: [machine(releasedBefore)] }), name: 'cart' };

function afterPass(outcomes: readonly StepOutcome[]) {
  const states = new AppStates();
  states.refreshed([wanted]);
  const surveyed = { plan: plan(wanted, seen, { memory: { known: true } }), observed: seen };
  states.surveyed(wanted, surveyed, states.lookBegun(longAgo));
  const result = { kind: 'release', target: 'cart', message: undefined, next: undefined, startedAt: 1, finishedAt: 1 };
  states.done(
    'cart',
    outcomes.map((outcome) => ({ ...result, outcome }) as StepResult),
  );
  const [left] = states.survey();
  return { steps: brief(left?.plan.steps ?? []), lack: lackOf(left?.plan, seen) };
}

test.each<[string, readonly StepOutcome[], boolean]>([
  ['succeeded', ['updated'], true],
  ['failed', ['failed'], false],
  ['failed and went back', ['failed', 'updated'], false],
  ['was cut short and went back', ['interrupted', 'updated'], false],
  ['went back and then failed', ['updated', 'failed'], false],
  ['was not begun', ['skipped'], false],
])('a release that %s', (_what, outcomes, isDone) => {
  const { steps, lack } = afterPass(outcomes);
  expect(steps).toEqual(isDone ? [] : ['release cart']);
  expect(lack).toBe(isDone ? undefined : 'is not at its newest version yet');
});
