/** What fails ends nothing early: nothing goes on behind a pass that has ended. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plainPass } from '../../../controllers/fleet/plan.ts';
import { syncPass } from '../../../controllers/fleet/sync.ts';
import type { SyncContext } from '../../../controllers/app/types.ts';
import { startSimulator, type Simulator } from '../../../simulator/simulator.ts';
import { createFlyWriter } from '../../../src/fly/client.ts';
import { createTransport } from '../../../src/fly/http/transport.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import { createEvidence } from '../../../src/record/evidence.ts';
import type { Store } from '../../../src/record/store.ts';
import { desiredApp, group, webService } from '../../plan/builders.ts';
import { testStore } from '../../record/stores.ts';
import { fleetOf } from '../reconcilers.ts';

let simulator: Simulator;
let clock: IdleClock;
let warnings: string[];

beforeEach(async () => {
  clock = new IdleClock();
  simulator = await startSimulator({ clock });
  warnings = [];
});
afterEach(() => simulator.close());

/** A store of which the calls fail that `isBroken` says. */
function breaking(isBroken: (method: string, args: readonly unknown[]) => boolean): Store {
  return new Proxy(testStore({ clock, synchronous: 'off' }), {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown =>
        isBroken(String(key), args)
          ? Promise.reject(new Error('database is locked'))
          : Reflect.apply(value, target, args);
    },
  });
}

function context(store: Store): SyncContext {
  const { url, token } = simulator;
  const transport = createTransport({
    baseUrl: url,
    webBaseUrl: url,
    token,
    fetch,
    clock,
    log: silentLog,
    userAgent: 'test',
    redactor: new Redactor(),
    random: () => 0.5,
  });
  return {
    clock,
    log: { ...silentLog, warn: (_fields: object, text: string) => void warnings.push(text) },
    fly: createFlyWriter(transport),
    store,
    evidence: createEvidence({ key: new Uint8Array(32) }),
    flyOrg: undefined,
    concurrency: 2,
    onProgress: () => undefined,
    actor: 'test',
    instance: 'test',
    orphans: true,
    signal: new AbortController().signal,
  };
}

let revisions = 0;
function sync(store: Store, apps: readonly DesiredApp[]) {
  revisions += 1;
  return syncPass(context(store), fleetOf({ apps, revision: `content:${revisions}` }), plainPass, 'command');
}

/** Requests in the minutes after. */
async function askedAfter(): Promise<number> {
  const asked = simulator.world.requests.length;
  await clock.sleep(120_000);
  return simulator.world.requests.length - asked;
}

const machines = (app: string): number => simulator.world.apps.get(app)?.machines.size ?? 0;

test('a run that cannot be begun fails the pass once all other apps have had their turn', async () => {
  let runs = 0;
  const store = breaking((method) => method === 'startRun' && (runs += 1) === 2);
  const apps = ['a', 'b', 'c'].map((name) =>
    desiredApp({ name, inputs: name, groups: [group({ counts: { arn: 3 }, config: { services: [webService] } })] }),
  );
  await expect(sync(store, apps)).rejects.toThrow('database is locked');
  expect(await askedAfter()).toBe(0);
  expect(['a', 'b', 'c'].map(machines).toSorted((a, b) => a - b)).toEqual([0, 3, 3]);
});

test.each([
  ['addResult', 1],
  ['addResult', 2],
  ['finishRun', 1],
])(
  '%s that fails (%d times) in the middle of a roll leaves none of its groups to go on alone',
  async (broken, times) => {
    let left = 0;
    const store = breaking((method) => method === broken && (left -= 1) >= 0);
    const app = (color: string): DesiredApp =>
      desiredApp({
        name: 'a',
        inputs: color,
        groups: [
          group({ name: 'web', counts: { arn: 2 }, config: { env: { COLOR: color } } }),
          group({ name: 'worker', counts: { arn: 6 }, config: { env: { COLOR: color } } }),
        ],
      });
    await sync(store, [app('red')]);
    left = times;
    await sync(store, [app('blue')]).catch(() => undefined);
    expect(await askedAfter()).toBe(0);
  },
);

test('an app that waited for one that cannot be planned is planned from what there is when its turn comes', async () => {
  const store = testStore({ clock, synchronous: 'off' });
  const app = (name: string, color: string, dependsOn: readonly string[] = []): DesiredApp =>
    desiredApp({
      name,
      inputs: `${name} ${color}`,
      dependsOn,
      groups: [group({ counts: { arn: 1 }, config: { env: { COLOR: color }, services: [webService] } })],
    });
  await sync(store, [app('db', 'red'), app('cache', 'red'), app('shop', 'red', ['db', 'cache'])]);
  const lost = desiredApp({ ...app('db', 'blue'), groups: [group({ counts: { zzz: 1 } })] });
  const { plan } = await sync(store, [lost, app('cache', 'blue'), app('shop', 'blue', ['db', 'cache'])]);
  expect(warnings).toEqual([]);
  // The cache has had its turn: nothing but what cannot be planned keeps it waiting.
  expect(plan.apps.find((one) => one.app === 'shop')?.holds).toMatchObject([
    { reason: 'dependency', because: 'its release waits: db is failed' },
  ]);
});
