/** What stands about an app as a whole, on its machines and in SQLite. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Memory } from '../../model/standing/memory.ts';
import type { Standing } from '../../model/standing/standing.ts';
import { readStanding } from '../../model/standing/standing-text.ts';
import { textsOn } from '../../model/standing/on-machine.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { metadataOf, isGone } from '../classify/machine-state.ts';
import type { TargetScope } from './app-version.ts';

/**
 * Stamps of all our machines and SQLite's rows, the newest of each. A row of which nobody wrote down what app it is about may be
 * of an earlier one by the name: what stands on the machines counts more.
 */
export function standingOf(
  { app, machines, fleet }: Pick<TargetScope, 'machines' | 'fleet'> & { readonly app: string },
  { standing }: Pick<Memory, 'standing'>,
): Standing {
  const stamped = machines.map(metadataOf).filter((metadata) => isOwn(metadata, fleet));
  const ours = stamped.map((metadata) => textsOn(app, metadata));
  const rows = standing.filter(
    ({ key, appId }) => appId !== undefined || ours.every((texts) => texts[key] === undefined),
  );
  return readStanding([...ours, ...rows.map(({ key, text }) => ({ [key]: text }))]);
}

/** Ours, without those on their way out: who stamps an app stamps these. */
export function standingMachines(machines: readonly Machine[], fleet: FleetOwner): readonly Machine[] {
  return machines.filter((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet));
}
