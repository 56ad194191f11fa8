import PQueue from 'p-queue';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { FlyWriter } from '../../src/fly/api.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { StandingTexts } from '../../src/model/standing/standing.ts';
import { isUnprovenCopy } from '../../src/model/stamps/foreign.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import { isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { Store } from '../../src/record/store.ts';

/** Machines stamped at once: each patch is a call of its own, and other apps have theirs to make. */
const patchesAtOnce = 8;

export interface StandingContext {
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly fleet: DesiredFleet;
  readonly log: Log;
}

export interface Stamping {
  /** Fly's id of the app. undefined: Fly shows none, or does not say. */
  readonly appId: string | undefined;
  readonly texts: StandingTexts;
  readonly machines: readonly Machine[];
}

/**
 * Writes what stands about an app, to SQLite first and then to all its machines. Answers how many of the machines carry it
 * now: the others get it as a label with a later plan, and until then the newest on any machine counts.
 */
export async function stampRolloutState(
  { fly, store, fleet, log }: StandingContext,
  app: string,
  { appId, texts, machines }: Stamping,
): Promise<{ readonly stamped: number; readonly machines: number }> {
  await store.applyEvent(app, { kind: 'said', texts, appId });
  const ours = standingMachines(machines, fleet);
  // One that may be another app's gets its name with all other stamps, which replace what it brought along.
  const patchOf = (machine: Machine) =>
    isUnprovenCopy(machine, machines) ? texts : { ...texts, [stampKeys.app]: app };
  const behind = ours.filter((machine) => isHostOk(machine) && lacks(machine, patchOf(machine)));
  const queue = new PQueue({ concurrency: patchesAtOnce });
  const patches = behind.map((machine) => queue.add(() => fly.patchMetadata(app, machine.id, patchOf(machine))));
  const failed = (await Promise.allSettled(patches)).flatMap((patch) =>
    patch.status === 'rejected' ? [toFault(patch.reason, 'a machine could not be stamped').message] : [],
  );
  if (failed.length > 0) log.warn({ app, error: failed[0] }, 'what stands about an app is not on every machine yet');
  return { stamped: ours.filter(isHostOk).length - failed.length, machines: ours.length };
}

function lacks(machine: Machine, patch: Readonly<Record<string, string>>): boolean {
  const metadata = metadataOf(machine);
  return Object.entries(patch).some(([key, text]) => metadata[key] !== text);
}
