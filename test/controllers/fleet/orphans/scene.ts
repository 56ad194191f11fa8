/** Two apps of a fleet that prunes: `old` runs, and git names `rest` alone by now. */
import { expect } from 'vitest';
import type { FleetReconcilerOptions } from '../../../../controllers/fleet/reconciler.ts';
import type { Clock } from '../../../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../../../src/model/desired.ts';
import { formatSuspension } from '../../../../src/model/standing/standing-text.ts';
import { stampKeys } from '../../../../src/model/stamps/keys.ts';
import { desiredApp, group } from '../../../plan/builders.ts';
import { testStore } from '../../../record/stores.ts';
import { fleetOf, ownFly, pruning } from '../../reconcilers.ts';

const fleet = (apps: readonly string[], arn = 1): DesiredFleet =>
  fleetOf({
    policy: pruning,
    revision: `content:${apps.length}`,
    apps: apps.map((name) => desiredApp({ name, groups: [group({ counts: { arn } })], policy: pruning })),
  });
export const both = fleet(['old', 'rest']);
export const one = fleet(['rest']);

interface Removed {
  readonly signal?: AbortSignal;
  /** How FlyCDs reach Fly: one database each. Default: one FlyCD, at once. */
  readonly ways?: readonly (typeof fetch)[];
  /** Machines of each app. Default 1. */
  readonly machines?: number;
  /** Default: Fly's. */
  readonly clock?: Clock;
  readonly onProgress?: FleetReconcilerOptions['onProgress'];
}

/** Of the file that calls it: each of its tests has a Fly of its own. */
export function orphanScene() {
  const fly = ownFly();
  const { names, machinesOf } = fly;
  const call = async (method: string, path: string, body?: unknown): Promise<void> => {
    const { url, token } = fly.simulator;
    const { status } = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(status).toBeLessThan(300);
  };
  return {
    get simulator() {
      return fly.simulator;
    },
    get clock() {
      return fly.clock;
    },
    /** Of all apps on Fly. */
    names,
    /** One call as a person with the fleet's token makes it; Fly has to do it. */
    call,
    machinesOf,
    /** As a person’s FlyCD elsewhere writes it, on all machines of `old`. */
    suspendOld: async (reason = 'a look', count = 1): Promise<void> => {
      const said = { reason, by: 'bob', at: fly.clock.now(), until: undefined, count };
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
    removed: async ({
      signal = new AbortController().signal,
      ways = [fetch],
      machines,
      clock = fly.clock,
      onProgress = () => undefined,
    }: Removed = {}) => {
      let wanted = fleet(['old', 'rest'], machines);
      const all = ways.map((way) => {
        const store = testStore({ path: ':memory:', clock });
        return { store, reconciler: fly.reconciler(() => wanted, { store, fetch: way, clock, onProgress }) };
      });
      const [{ store, reconciler } = never()] = all;
      const refresh = (to: DesiredFleet) => {
        wanted = to;
        return reconciler.refresh(signal);
      };
      const turns = all.map((flycd) => (app: string) => flycd.reconciler.reconcile(app, 'timer', signal));
      const [turn = never()] = turns;
      for (const [at, flycd] of all.entries()) {
        await flycd.reconciler.refresh(signal);
        for (const app of ['old', 'rest']) await turns[at]?.(app);
      }
      wanted = fleet(['rest'], machines);
      for (const [at, flycd] of all.entries()) {
        await flycd.reconciler.refresh(signal);
        await turns[at]?.('rest');
      }
      expect(names()).toEqual(['old', 'rest']);
      const ofOld = async () => (await store.runs({ app: 'old', limit: 9, all: true })).map(({ outcome }) => outcome);
      return { refresh, turn, turns, ofOld, store };
    },
  };
}

function never(): never {
  throw new Error('one FlyCD at least');
}
