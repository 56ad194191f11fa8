/** What stands about an app as a whole, on its machines and in SQLite. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Memory } from '../../model/standing/memory.ts';
import type { Standing } from '../../model/standing/standing.ts';
import { readStanding } from '../../model/standing/standing-text.ts';
import { isCopy } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { metadataOf, isGone } from '../classify/machine-state.ts';
import type { TargetScope } from './app-version.ts';

/**
 * Stamps of all our machines and SQLite's rows, the newest of each. A row of which nobody wrote down what app it is about may be
 * of an earlier one by the name: what stands on the machines counts more.
 */
export function standingOf(
  { machines, fleet }: Pick<TargetScope, 'machines' | 'fleet'>,
  { standing }: Pick<Memory, 'standing'>,
): Standing {
  const stamped = machines.filter((machine) => isOwn(metadataOf(machine), fleet));
  const isNamed = (machine: Machine): boolean => metadataOf(machine)[stampKeys.app] !== undefined;
  // Where one says which app its words are about, so does every clone that was made of it since: another may be another app's.
  const heard = stamped.some(isNamed)
    ? stamped.filter((machine) => isNamed(machine) || !isCopy(machine.id, metadataOf(machine)))
    : stamped;
  const ours = heard.map(metadataOf);
  const rows = standing.filter(({ key, appId }) => appId !== undefined || ours.every((stamps) => !(key in stamps)));
  return readStanding([...ours, ...rows.map(({ key, text }) => ({ [key]: text }))]);
}

/** Ours, without those on their way out: who stamps an app stamps these. */
export function standingMachines(machines: readonly Machine[], fleet: FleetOwner): readonly Machine[] {
  return machines.filter((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet));
}
