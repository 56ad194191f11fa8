/** Apps and lists that Fly does not answer for: others do not wait for them, and what nobody sees is not taken for nothing. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { CommitReporter } from '../../../../controllers/fleet/commit-report.ts';
import { createLoop } from '../../../../src/loop/loop.ts';
import { silentLog } from '../../../../src/model/base/log.ts';
import { defaultPolicy } from '../../../../src/model/base/policy.ts';
import type { DesiredApp, DesiredFleet } from '../../../../src/model/desired.ts';
import type { Store } from '../../../../src/record/store.ts';
import { desiredApp, group, webService } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly } from '../../reconcilers.ts';

const fly = ownFly();
let wanted: DesiredFleet;
let revisions: number;
let stop: AbortController;

beforeEach(() => {
  revisions = 0;
  stop = new AbortController();
});

const policy = { ...defaultPolicy, prune: ['app', 'addresses'] as const };
const v4 = {
  version: 'v4',
  shared: false,
  private: false,
  region: undefined,
  network: undefined,
  org: undefined,
} as const;

interface Wish {
  readonly color?: string;
  readonly dependsOn?: readonly string[];
  readonly regions?: readonly string[];
  readonly ips?: number;
}

function app(name: string, wish: Wish = {}): DesiredApp {
  const { color = 'red', dependsOn = [], regions = ['arn'], ips = 2 } = wish;
  const counts = Object.fromEntries(regions.map((region) => [region, 1]));
  const groups = [group({ counts, config: { env: { COLOR: color }, services: [webService] } })];
  const network = { ips: [v4, v4, v4].slice(0, ips), autoPruneIps: false };
  const inputs = JSON.stringify([name, color, dependsOn, regions, ips]);
  return desiredApp({ name, groups, policy, network, inputs, dependsOn });
}

function commit(apps: readonly DesiredApp[], parts: Partial<DesiredFleet> = {}): void {
  revisions += 1;
  wanted = fleetOf({ apps, policy, revision: `content:${revisions}`, ...parts });
}

function fleet(store: Store = testStore({ clock: fly.clock, synchronous: 'off' }), reporter?: CommitReporter) {
  const reconciler = fly.reconciler(() => wanted, { store, reporter });
  return {
    store,
    reconciler,
    turn: (name: string) => reconciler.reconcile(name, 'webhook', stop.signal),
    refresh: async () => {
      const refreshed = await reconciler.refresh(stop.signal, 'webhook');
      const push = { repo: 'https://example.com/config.git', ref: 'refs/heads/main' };
      return { apps: refreshed.apps, affected: refreshed.affectedBy(push) };
    },
    /** All of it, as often as there are apps. */
    settle: async () => {
      const { apps } = await reconciler.refresh(stop.signal);
      for (const name of apps) await reconciler.reconcile(name, 'timer', stop.signal);
    },
  };
}

const addresses = (name: string): number | undefined => fly.simulator.world.apps.get(name)?.addresses.size;
const hang = (rule: { readonly app?: string; readonly template?: string }): void =>
  fly.simulator.world.faults.add({ ...rule, times: 100_000, fault: { latencyMs: 300_000 } });

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const begunAt = fly.clock.now();
  await work();
  return fly.clock.now() - begunAt;
}

describe('an app whose reads hang', () => {
  test('keeps no other from its pass, however many commits it has', async () => {
    commit([app('fast'), app('slow')]);
    const { settle, refresh, turn } = fleet();
    await settle();
    hang({ app: 'slow' });
    for (const color of ['b', 'c', 'd']) {
      commit([app('fast', { ips: color === 'd' ? 3 : 2 }), app('slow', { color })]);
      await refresh();
    }
    expect(await msOf(() => turn('fast'))).toBeLessThan(20_000);
  });

  test('is one that nobody sees: what may be more than the brakes allow with its part is held', async () => {
    commit([app('fast'), app('slow')]);
    const { settle, refresh, turn, store } = fleet();
    await settle();
    hang({ app: 'slow' });
    commit([app('fast', { ips: 1 }), app('slow', { color: 'blue' })]);
    await refresh();
    await turn('fast');
    expect(addresses('fast')).toBe(2);
    const [run] = (await store.latestRuns()).filter((one) => one.app === 'fast');
    expect(run?.plan.holds).toMatchObject([
      { reason: 'brake', because: 'slow could not be read, and may have more to remove' },
    ]);
    fly.simulator.world.faults.clear();
    await fly.clock.sleep(200_000);
    await settle();
    expect(addresses('fast')).toBe(1);
  });

  test('keeps an app that depends on it from its release, and from nothing else', async () => {
    commit([app('db'), app('shop', { dependsOn: ['db'] })]);
    const { settle, refresh, turn, store } = fleet();
    await settle();
    hang({ app: 'db' });
    commit([app('db'), app('shop', { dependsOn: ['db'], color: 'blue', ips: 3 })]);
    await refresh();
    expect(await msOf(() => turn('shop'))).toBeLessThan(30_000);
    expect(addresses('shop')).toBe(3);
    expect((await store.latestRuns()).find((run) => run.app === 'shop')?.plan.holds).toMatchObject([
      { reason: 'dependency' },
    ]);
  });

  test('takes no place from apps that Fly answers for, however many of its kind there are', async () => {
    const slow = ['s1', 's2', 's3', 's4'];
    commit([...slow, 'fast'].map((name) => app(name)));
    const { settle, reconciler, store } = fleet();
    await settle();
    for (const name of slow) hang({ app: name });
    const ended = new Map<string, number>();
    const begunAt = fly.clock.now();
    const loop = createLoop({
      clock: fly.clock,
      log: silentLog,
      store,
      concurrency: 2,
      intervalMs: 180_000,
      random: () => 0.5,
      refresh: (trigger, signal) => reconciler.refresh(signal, trigger),
      reconcile: async (name, trigger, signal, aside) => {
        const reconciled = await reconciler.reconcile(name, trigger, signal, aside);
        ended.set(name, fly.clock.now() - begunAt);
        return reconciled;
      },
    });
    loop.start();
    await fly.clock.sleep(60_000);
    await loop.stop();
    expect(ended.get('fast')).toBeLessThan(40_000);
  });
});

describe('lists of organizations that hang', () => {
  const lists = { template: 'GET /orgs/{org}/machines' };

  test('keep no push waiting for longer than a list takes, and no later one at all', async () => {
    commit([app('fast')]);
    const { settle, refresh } = fleet();
    await settle();
    hang(lists);
    commit([app('fast', { color: 'blue' })]);
    expect(await msOf(refresh)).toBeLessThanOrEqual(10_000);
    commit([app('fast', { color: 'green' })]);
    expect(await msOf(refresh)).toBeLessThan(1000);
    await fly.clock.sleep(400_000);
    expect(await msOf(refresh)).toBeLessThan(1000);
    fly.simulator.world.faults.clear();
    await fly.clock.sleep(400_000);
    await refresh();
    await fly.clock.sleep(1000);
    expect(await msOf(refresh)).toBeLessThan(1000);
  });

  test('take nothing away meanwhile, and what they tell late is acted upon', async () => {
    commit([app('rest'), app('old')]);
    const { settle, refresh, turn } = fleet();
    await settle();
    await fly.clock.sleep(60_000);
    hang(lists);
    commit([app('rest')]);
    expect((await refresh()).affected).toEqual([]);
    await turn('old');
    fly.simulator.world.faults.clear();
    await fly.clock.sleep(200_000);
    // By the first or the second: nobody waits for the list.
    const { affected } = await refresh();
    await fly.clock.sleep(1000);
    expect([...affected, ...(await refresh()).affected]).toEqual(['old']);
    expect(fly.names()).toEqual(['old', 'rest']);
    await turn('old');
    expect(fly.names()).toEqual(['rest']);
  });

  test.each([-7_200_000, 7_200_000])(
    '(the clock set by %i ms) others are looked at anew before one goes',
    async (byMs) => {
      commit([app('rest'), app('old')]);
      const { settle, refresh, turn } = fleet();
      await settle();
      await settle();
      commit([app('rest')]);
      await refresh();
      await fly.clock.sleep(60_000);
      fly.clock.set(byMs);
      const asked = fly.simulator.world.requests.length;
      await turn('old');
      const looks = fly.simulator.world.requests
        .slice(asked)
        .filter(({ path }) => path.endsWith('/apps/rest/machines'));
      expect(looks.length).toBeGreaterThan(0);
    },
  );

  test('tell nothing of an app that git has named again since they were asked for', async () => {
    commit([app('rest'), app('old')]);
    const { settle, refresh } = fleet();
    await settle();
    fly.simulator.world.faults.add({ ...lists, fault: { latencyMs: 20_000 } });
    commit([app('rest')]);
    await refresh();
    commit([app('rest'), app('old', { color: 'blue' })]);
    await refresh();
    await fly.clock.sleep(60_000);
    expect((await refresh()).apps).toEqual(['rest', 'old']);
  });
});

describe('a stop', () => {
  test('ends a survey: nothing more is asked', async () => {
    commit(Array.from({ length: 60 }, (_none, number) => app(`shop-${number}`)));
    fly.simulator.world.faults.add({ template: 'GET /apps/{app}', times: 100_000, fault: { latencyMs: 1000 } });
    const { reconciler, store } = fleet();
    const loop = createLoop({
      clock: fly.clock,
      log: silentLog,
      store,
      concurrency: 8,
      intervalMs: 180_000,
      random: () => 0.5,
      refresh: (trigger, signal) => reconciler.refresh(signal, trigger),
      reconcile: (name, trigger, signal, aside) => reconciler.reconcile(name, trigger, signal, aside),
    });
    loop.start();
    await fly.clock.sleep(1500);
    const apps = () => new Set(fly.simulator.world.requests.flatMap((request) => request.app ?? []));
    const asked = apps();
    expect(asked.size).toBeLessThan(60);
    expect(await msOf(() => loop.stop())).toBeLessThan(1000);
    await fly.clock.sleep(60_000);
    // Of those that were under way Fly may be asked once more.
    expect(apps()).toEqual(asked);
    expect(await store.latestRuns()).toEqual([]);
  });

  test('leaves an orphan be', async () => {
    commit([app('rest'), app('old')]);
    const { settle, refresh, turn, store } = fleet();
    await settle();
    commit([app('rest')]);
    await fly.clock.sleep(60_000);
    await refresh();
    stop.abort(new Error('a stop'));
    await expect(turn('old')).rejects.toThrow('a stop');
    expect(fly.names()).toEqual(['old', 'rest']);
    expect((await store.latestRuns()).map(({ outcome }) => outcome)).not.toContain('deleted');
  });

  test('that comes while an orphan is looked at leaves it be', async () => {
    commit([app('rest'), app('old')]);
    const { settle, refresh, turn } = fleet();
    await settle();
    commit([app('rest')]);
    await fly.clock.sleep(60_000);
    await refresh();
    fly.simulator.world.onRequest = ({ phase, request: { method, path } }) => {
      if (phase === 'after' && method === 'GET' && path.endsWith('/apps/old/volumes')) stop.abort(new Error('a stop'));
    };
    await turn('old').catch(() => undefined);
    expect(stop.signal.aborted).toBe(true);
    expect(fly.names()).toEqual(['old', 'rest']);
  });

  test('does not wait for an app that Fly does not answer for', async () => {
    commit([app('shop')]);
    const { settle, turn } = fleet();
    await settle();
    hang({ app: 'shop' });
    const ends = turn('shop').catch(String);
    await fly.clock.sleep(20_000);
    expect(await msOf(async () => (stop.abort(new Error('a stop')), await ends))).toBe(0);
  });
});

describe('a commit is told of', () => {
  type Begun = readonly (readonly [string, readonly string[]])[];

  function reporting(): { readonly begun: Begun; readonly reporter: CommitReporter } {
    const begun: [string, readonly string[]][] = [];
    const reporter: CommitReporter = {
      begin: ({ revision }, moved) => void begun.push([revision, moved]),
      finished: () => undefined,
      failed: () => undefined,
      told: () => Promise.resolve(),
    };
    return { begun, reporter };
  }

  test('also where the first try to take it up fails halfway', async () => {
    const store = testStore({ clock: fly.clock, synchronous: 'off' });
    let isBroken = false;
    const breaking = new Proxy(store, {
      get(target, key) {
        if (isBroken && key === 'latestRuns') return () => Promise.reject(new Error('disk'));
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { begun, reporter } = reporting();
    const { refresh } = fleet(breaking, reporter);
    commit([app('shop')]);
    await refresh();
    isBroken = true;
    commit([app('shop', { color: 'blue' })], { invalid: [{ name: 'bad', file: 'bad/app.yaml' }] });
    await expect(refresh()).rejects.toThrow('disk');
    isBroken = false;
    await refresh();
    expect(begun).toEqual([
      ['content:1', ['shop']],
      ['content:2', ['shop']],
    ]);
  });

  test('also where Fly refuses the token for lists meanwhile', async () => {
    const { begun, reporter } = reporting();
    const { refresh } = fleet(undefined, reporter);
    commit([app('shop')]);
    await refresh();
    fly.simulator.world.faults.add({ fault: { status: 401, body: { error: 'unauthorized' } }, times: 1000 });
    commit([app('shop', { color: 'blue' })]);
    await refresh().catch(() => undefined);
    fly.simulator.world.faults.clear();
    await fly.clock.sleep(60_000);
    await refresh();
    expect(begun.map(([revision]) => revision)).toEqual(['content:1', 'content:2']);
  });
});
