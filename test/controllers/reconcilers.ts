import { afterEach, beforeEach } from 'vitest';
import { FleetReconciler, type FleetReconcilerOptions } from '../../controllers/fleet/reconciler.ts';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { createFlyWriter } from '../../src/fly/client.ts';
import { createTransport } from '../../src/fly/http/transport.ts';
import { IdleClock, type Clock } from '../../src/model/base/clock.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { silentLog, type Log } from '../../src/model/base/log.ts';
import { defaultPolicy } from '../../src/model/base/policy.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import { createEvidence } from '../../src/record/evidence.ts';
import type { Store } from '../../src/record/store.ts';
import { desiredApp, group, webService } from '../plan/builders.ts';
import { testStore } from '../record/stores.ts';

/** A whole fleet of one app, but for what a test says. */
export function fleetOf(parts: Partial<DesiredFleet> = {}): DesiredFleet {
  return {
    name: 'acme',
    named: true,
    unwritten: 'flycd',
    revision: 'a'.repeat(40),
    apps: [desiredApp({ name: 'shop' })],
    invalid: [],
    policy: defaultPolicy,
    problems: [],
    whole: true,
    followed: [],
    root: '',
    secretValue: () => undefined,
    writeBuild: () => Promise.reject(new Error('nothing is built')),
    builtByV0: () => Promise.resolve(false),
    explain: () => [],
    ...parts,
  };
}

/** Of a fleet that destroys what git no longer names. */
export const pruning = { ...defaultPolicy, prune: ['app'] as const };

/** One of its apps: a machine that serves. */
export function servingApp(name: string): DesiredApp {
  const groups = [group({ counts: { arn: 1 }, config: { env: {}, services: [webService] } })];
  return desiredApp({ name, groups, inputs: name, policy: pruning });
}

export interface KeeperOf {
  readonly wanted: () => DesiredFleet;
  readonly url: string;
  readonly token: string;
  readonly fetch: typeof fetch;
  readonly clock?: Clock;
  readonly store?: Store;
  readonly log?: Log;
  readonly onProgress?: FleetReconcilerOptions['onProgress'];
}

/** A reconciler of whatever `wanted` is at the time, on a Fly at this address. */
export function reconcilerOf(
  {
    wanted,
    url,
    token,
    fetch,
    clock = new IdleClock(),
    store = testStore({ clock }),
    log = silentLog,
    ...parts
  }: KeeperOf,
  reports: Pick<FleetReconcilerOptions, 'configRepo' | 'reporter'>,
): FleetReconciler {
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
  return new FleetReconciler({
    clock,
    log,
    fly: createFlyWriter(transport),
    store,
    evidence: createEvidence({ key: new Uint8Array(32) }),
    flyOrg: undefined,
    concurrency: 2,
    onProgress: parts.onProgress ?? (() => undefined),
    actor: 'flycd',
    instance: 'test',
    load: () => Promise.resolve(wanted()),
    ...reports,
  });
}

/** Of the file that calls it: each of its tests has a Fly of its own, and FlyCDs that keep a fleet on it. */
export function ownFly() {
  let simulator: Simulator;
  let clock: IdleClock;
  beforeEach(async () => {
    clock = new IdleClock();
    simulator = await startSimulator({ clock });
  });
  afterEach(() => simulator.close());
  return {
    get simulator() {
      return simulator;
    },
    get clock() {
      return clock;
    },
    /** Of all apps on Fly. */
    names: (): readonly string[] => [...simulator.world.apps.keys()].toSorted(),
    machinesOf: (app: string) => [...(simulator.world.apps.get(app)?.machines.values() ?? [])],
    reconciler: (
      wanted: KeeperOf['wanted'],
      { reporter, ...parts }: Partial<Omit<KeeperOf, 'wanted'> & Pick<FleetReconcilerOptions, 'reporter'>> = {},
    ): FleetReconciler => {
      const { url, token } = simulator;
      return reconcilerOf({ wanted, url, token, fetch, clock, ...parts }, { configRepo: undefined, reporter });
    },
  };
}
