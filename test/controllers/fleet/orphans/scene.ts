/** Two apps of a fleet that prunes: `old` runs, and git names `rest` alone by now. */
import { afterEach, beforeEach, expect } from 'vitest';
import { startSimulator, type Simulator } from '../../../../simulator/simulator.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { formatSuspension } from '../../../../src/model/standing/standing-text.ts';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, pruning, reconcilerOf } from '../../reconcilers.ts';

const groups = [group({ counts: { arn: 1 } })];
const fleet = (...apps: readonly string[]): DesiredFleet =>
  fleetOf({
    policy: pruning,
    revision: `content:${apps.length}`,
    apps: apps.map((name) => desiredApp({ name, groups, policy: pruning })),
  });
export const both = fleet('old', 'rest');
export const one = fleet('rest');

/** Of the file that calls it: each of its tests has a Fly of its own. */
export function orphanScene() {
  let simulator: Simulator;
  let clock: IdleClock;
  beforeEach(async () => {
    clock = new IdleClock();
    simulator = await startSimulator({ clock });
  });
  afterEach(() => simulator.close());
  const names = () => simulator.world.snapshot().map(({ name }) => name);
  const call = async (method: string, path: string, body?: unknown): Promise<void> => {
    const { url, token } = simulator;
    const { status } = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(status).toBeLessThan(300);
  };
  const machinesOf = (app: string) => [...(simulator.world.apps.get(app)?.machines.values() ?? [])];
  return {
    get simulator() {
      return simulator;
    },
    get clock() {
      return clock;
    },
    /** Of all apps on Fly. */
    names,
    /** One call as a person with the fleet's token makes it; Fly has to do it. */
    call,
    machinesOf,
    /** As a person’s FlyCD elsewhere writes it, on all machines of `old`. */
    suspendOld: async (reason = 'a look', count = 1): Promise<void> => {
      const said = { reason, by: 'bob', at: clock.now(), until: undefined, count };
      const stamps = { [stampKeys.suspend]: formatSuspension(said), [stampKeys.app]: 'old' };
      for (const { id } of machinesOf('old'))
        for (const [key, value] of Object.entries(stamps))
          await call('POST', `/apps/old/machines/${id}/metadata/${key}`, { value });
    },
    /** As where the machine that told of it is gone. */
    unsayOld: (): void => {
      for (const { config } of machinesOf('old'))
        config.metadata = Object.fromEntries(
          Object.entries(config.metadata ?? {}).filter(([key]) => key !== stampKeys.suspend),
        );
    },
    /** Both apps run, and git names `rest` alone by now, as its newest pass has seen. */
    removed: async (signal: AbortSignal = new AbortController().signal) => {
      const { url, token } = simulator;
      const store = testStore({ path: ':memory:', clock });
      let wanted = both;
      const reports = { configRepo: undefined, reporter: undefined };
      const reconciler = reconcilerOf({ wanted: () => wanted, url, token, fetch, clock, store }, reports);
      const refresh = (to: DesiredFleet) => {
        wanted = to;
        return reconciler.refresh(signal);
      };
      const turn = (app: string) => reconciler.reconcile(app, 'timer', signal);
      await refresh(both);
      for (const app of ['old', 'rest']) await turn(app);
      await refresh(one);
      await turn('rest');
      expect(names()).toEqual(['old', 'rest']);
      const ofOld = async () => (await store.runs({ app: 'old', limit: 9, all: true })).map(({ outcome }) => outcome);
      return { refresh, turn, ofOld, store };
    },
  };
}
