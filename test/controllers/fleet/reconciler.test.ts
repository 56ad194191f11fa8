import { describe, expect, test } from 'vitest';
import type { CommitReporter } from '../../../controllers/fleet/commit-report.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { defaultPolicy } from '../../../src/model/base/policy.ts';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { desiredApp } from '../../plan/builders.ts';
import type { Store } from '../../../src/record/store.ts';
import { runStart, testStore } from '../../record/stores.ts';
import { fleetOf, reconcilerOf } from '../reconcilers.ts';

const push = { repo: 'https://github.com/acme/fleet.git', ref: 'refs/heads/main' };
const { signal } = new AbortController();

function fleet(parts: Partial<DesiredFleet> = {}): DesiredFleet {
  return fleetOf({ apps: [desiredApp({ name: 'shop' }), desiredApp({ name: 'cart' })], ...parts });
}

/** A reconciler whose every request to Fly gets this answer. */
function answered(wanted: () => DesiredFleet, answer: () => Response, reporter?: Partial<CommitReporter>) {
  return reconcilerOf(
    { wanted, url: 'http://127.0.0.1:1', token: 'a-token', fetch: () => Promise.resolve(answer()) },
    {
      configRepo: { ...push, app: undefined },
      reporter: { begin() {}, finished() {}, failed() {}, told: () => Promise.resolve(), ...reporter },
    },
  );
}

const unavailable = (): Response => Response.json({ error: 'unavailable' }, { status: 503 });
const refused = (): Response => Response.json({ error: 'unauthorized' }, { status: 401 });

test('a push concerns the apps that moved until each has begun its pass, however often git is read before', async () => {
  let wanted = fleet();
  const reconciler = answered(() => wanted, unavailable);
  expect((await reconciler.refresh(signal)).affectedBy(push)).toEqual(['shop', 'cart']);
  // That refresh came to nothing: its marks could not be stored.
  expect((await reconciler.refresh(signal)).affectedBy(push)).toEqual(['shop', 'cart']);
  await reconciler.reconcile('shop', 'webhook', signal);
  expect((await reconciler.refresh(signal)).affectedBy(push)).toEqual(['cart']);
  await reconciler.reconcile('cart', 'webhook', signal);
  expect((await reconciler.refresh(signal)).affectedBy(push)).toEqual([]);
  // Gone for one commit and back as it was: nobody knows what happened to it meanwhile.
  const { apps } = wanted;
  wanted = fleet({ apps: apps.slice(0, 1) });
  expect((await reconciler.refresh(signal)).affectedBy(push)).toEqual([]);
  wanted = fleet();
  expect((await reconciler.refresh(signal)).affectedBy(push)).toEqual(['cart']);
});

test('an app that cannot be looked at ends its commit only where trying again mends nothing', async () => {
  const failed: string[] = [];
  const reporter: Partial<CommitReporter> = { failed: (_fleet, app) => void failed.push(app) };
  let answer = unavailable;
  const lasting = answered(fleet, () => answer(), reporter);
  await lasting.refresh(signal);
  answer = refused;
  await expect(lasting.reconcile('shop', 'webhook', signal)).rejects.toThrow();
  expect(failed).toEqual(['shop']);
  const passing = answered(fleet, unavailable, reporter);
  await passing.refresh(signal);
  await passing.reconcile('cart', 'webhook', signal).catch(() => undefined);
  expect(failed).toEqual(['shop']);
});

test('a token that Fly refuses ends the reading of git with one error, whatever the number of apps', async () => {
  const apps = Array.from({ length: 200 }, (_none, number) => desiredApp({ name: `shop-${number}` }));
  let asked = 0;
  const warnings: string[] = [];
  const reconciler = reconcilerOf(
    {
      wanted: () => fleet({ apps }),
      url: 'http://127.0.0.1:1',
      token: 'a-token',
      fetch: () => {
        asked += 1;
        return Promise.resolve(refused());
      },
      log: { ...silentLog, warn: (_fields: object, text: string) => void warnings.push(text) },
    },
    { configRepo: undefined, reporter: undefined },
  );
  await expect(reconciler.refresh(signal)).rejects.toThrow('Fly refused the token');
  await expect(reconciler.reconcile('shop-7', 'timer', signal)).rejects.toThrow('Fly refused the token');
  expect(asked).toBeLessThan(20);
  expect(warnings).toEqual([]);
});

test('an app that could not be read is tried again by the backoff, not only with the next pass of all', async () => {
  const reconciler = answered(fleet, unavailable);
  await reconciler.refresh(signal);
  expect(await reconciler.reconcile('shop', 'webhook', signal)).toMatchObject({ failed: true });
  // The second look finds no news, and is no less in vain.
  expect(await reconciler.reconcile('shop', 'retry', signal)).toMatchObject({ failed: true });
});

describe('orphans', () => {
  const stamped = {
    id: 'm1',
    name: 'web',
    state: 'started',
    region: 'arn',
    config: { metadata: { flycd_fleet: 'acme', flycd_machine: 'm1' } },
  };

  /** A Fly on which one app of the fleet, which git does not name, can be seen or not. */
  function fly(policy = defaultPolicy, parts: Partial<DesiredFleet> = {}, store = testStore()) {
    const seen = { list: true, gaps: false, app: true, machines: true, refused: false };
    const asked: string[] = [];
    const answer = (path: string): Response => {
      asked.push(path);
      if (path.endsWith('/apps/gone')) return Response.json({ error: 'no such app' }, { status: 404 });
      if (path.endsWith('/machines') && seen.refused) return refused();
      if (path.endsWith('/orgs/personal/machines')) {
        if (!seen.list) return Response.json({ error: 'unavailable' }, { status: 503 });
        const machines = seen.app && !seen.gaps ? [{ ...stamped, app_name: 'left' }] : [];
        return Response.json({ machines, error_regions: seen.gaps ? ['arn'] : [] });
      }
      if (/apps.left(.machines)?$/.test(path) && !seen.app)
        return Response.json({ error: 'no such app' }, { status: 404 });
      if (path.endsWith('/apps/left'))
        return Response.json({ name: 'left', status: 'deployed', organization: { slug: 'personal' } });
      if (path.endsWith('/apps/left/machines') && seen.machines) return Response.json([stamped]);
      if (/apps.left.(volumes|machines)$/.test(path)) return Response.json({ error: 'unavailable' }, { status: 503 });
      return Response.json({ error: 'unavailable' }, { status: 503 });
    };
    const one = fleet({ apps: [desiredApp({ name: 'shop', org: 'personal' })], policy, ...parts });
    const warnings: string[] = [];
    const log = {
      ...silentLog,
      warn: (fields: object, text: string) => void warnings.push(`${text} ${JSON.stringify(fields)}`),
    };
    const reconciler = reconcilerOf(
      {
        wanted: () => one,
        url: 'http://127.0.0.1:1',
        token: 'a-token',
        store,
        log,
        fetch: (input) => Promise.resolve(answer(new URL(input instanceof Request ? input.url : input).pathname)),
      },
      { configRepo: undefined, reporter: undefined },
    );
    return { seen, reconciler, store, warnings, asked };
  }

  test('one that the list showed only later is found without a commit', async () => {
    const { seen, reconciler } = fly();
    seen.app = false;
    expect((await reconciler.refresh(signal)).apps).toEqual(['shop']);
    seen.app = true;
    const again = await reconciler.refresh(signal);
    expect(again.apps).toEqual(['shop', 'left']);
    expect(again.affectedBy(push)).toContain('left');
    expect((await reconciler.refresh(signal)).affectedBy(push)).not.toContain('left');
  });

  test.each([
    ['fails', { list: false }],
    ['has gaps', { gaps: true }],
  ])('one that was known stays while the list %s', async (_what, how) => {
    const { seen, reconciler } = fly();
    expect((await reconciler.refresh(signal)).apps).toEqual(['shop', 'left']);
    Object.assign(seen, how);
    expect((await reconciler.refresh(signal)).apps).toEqual(['shop', 'left']);
  });

  test('one that is gone from Fly is recorded as that, by a refresh, once, and told of again when it is back', async () => {
    const { seen, reconciler, store } = fly();
    await reconciler.refresh(signal);
    await reconciler.reconcile('left', 'timer', signal);
    expect(await store.appsTold()).toMatchObject([{ app: 'left', status: 'orphaned' }]);
    seen.app = false;
    seen.list = false;
    await reconciler.refresh(signal);
    expect(await store.appsTold()).toMatchObject([{ app: 'left', status: 'orphaned' }]);
    seen.list = true;
    await reconciler.refresh(signal);
    await reconciler.refresh(signal);
    expect((await store.runs({ all: true, limit: 9 })).map(({ outcome }) => outcome)).toEqual(['deleted', 'no-change']);
    seen.app = true;
    await reconciler.refresh(signal);
    await reconciler.reconcile('left', 'timer', signal);
    expect(await store.appsTold()).toMatchObject([{ app: 'left', status: 'orphaned' }]);
  });

  test('one that is gone when its turn comes is recorded as that', async () => {
    const { seen, reconciler, store } = fly();
    await reconciler.refresh(signal);
    seen.app = false;
    await reconciler.reconcile('left', 'timer', signal);
    expect(await store.runs({ all: true, limit: 9 })).toMatchObject([{ app: 'left', outcome: 'deleted' }]);
  });

  test('one that cannot be looked at when its turn comes is held, kept and tried again', async () => {
    const { seen, reconciler, store } = fly({ ...defaultPolicy, prune: ['app'] });
    await reconciler.refresh(signal);
    seen.machines = false;
    expect(await reconciler.reconcile('left', 'timer', signal)).toMatchObject({ failed: true });
    const [run] = await store.runs({ all: true, limit: 9 });
    expect(run).toMatchObject({ app: 'left', outcome: 'held', status: 'orphaned', results: [] });
    expect(run?.plan.holds).toMatchObject([{ reason: 'unread' }]);
    seen.machines = true;
    await reconciler.reconcile('left', 'timer', signal);
    expect((await store.runs({ all: true, limit: 9 }))[0]?.plan.holds).toMatchObject([{ reason: 'volume' }]);
  });

  test('a list that fails or has gaps is said, with its organization and why, once until that changes', async () => {
    const { seen, reconciler, warnings } = fly();
    await reconciler.refresh(signal);
    expect(warnings).toEqual([]);
    seen.gaps = true;
    await reconciler.refresh(signal);
    await reconciler.refresh(signal);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/personal.*lacks arn/);
    seen.list = false;
    await reconciler.refresh(signal);
    seen.list = true;
    seen.gaps = false;
    await reconciler.refresh(signal);
    seen.gaps = true;
    await reconciler.refresh(signal);
    expect(warnings).toHaveLength(3);
    expect(warnings[1]).toMatch(/personal.*unavailable/);
  });

  test.each([
    ['has no name', { named: false }],
    ['is not whole', { whole: false }],
  ])('are not asked for, of nobody, where the fleet %s', async (_what, parts) => {
    const { reconciler, asked } = fly(defaultPolicy, parts);
    expect((await reconciler.refresh(signal)).apps).toEqual(['shop']);
    expect(asked.filter((path) => /orgs|tokens/.test(path))).toEqual([]);
  });

  /** A store that told of `gone` before. */
  async function storeWithGone(): Promise<Store> {
    const store = testStore();
    const id = await store.startRun(runStart('gone'));
    await store.finishRun(id, { outcome: 'updated', status: 'synced', nextWakeAt: undefined });
    return store;
  }

  test('one that is gone is recorded with what made the look', async () => {
    const { reconciler, store } = fly(defaultPolicy, {}, await storeWithGone());
    await reconciler.refresh(signal, 'webhook');
    expect(await store.latestRuns()).toMatchObject([{ app: 'gone', outcome: 'deleted', trigger: 'webhook' }]);
  });

  test('are kept where it could not be recorded that another is gone, which is said once', async () => {
    const store = await storeWithGone();
    const full = { ...store, startRun: () => Promise.reject(new Error('disk is full')) };
    const { reconciler, warnings } = fly(defaultPolicy, {}, full);
    expect((await reconciler.refresh(signal)).apps).toEqual(['shop', 'left']);
    await reconciler.refresh(signal);
    expect(warnings.filter((text) => text.includes('disk is full'))).toHaveLength(1);
  });

  test('that cannot be looked for stay, which is said once until that changes', async () => {
    const { seen, reconciler, warnings } = fly();
    await reconciler.refresh(signal);
    const said = (): number => warnings.filter((text) => text.includes('could not be looked')).length;
    seen.refused = true;
    for (let look = 0; look < 3; look += 1) expect((await reconciler.refresh(signal)).apps).toEqual(['shop', 'left']);
    expect(said()).toBe(1);
    seen.refused = false;
    await reconciler.refresh(signal);
    seen.refused = true;
    await reconciler.refresh(signal);
    expect(said()).toBe(2);
  });

  test('one that a whole list no longer shows is forgotten', async () => {
    const { seen, reconciler } = fly();
    await reconciler.refresh(signal);
    seen.app = false;
    expect((await reconciler.refresh(signal)).apps).toEqual(['shop']);
  });
});
