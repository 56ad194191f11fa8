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
  const ours = heardOf({ machines, fleet }).map(metadataOf);
  const rows = standing.filter(({ key, appId }) => appId !== undefined || ours.every((stamps) => !(key in stamps)));
  return readStanding([...ours, ...rows.map(({ key, text }) => ({ [key]: text }))]);
}

/**
 * Ours, as far as their words are about this app. Where one says which app that is, so does every clone that was made of it
 * since: a copy that does not may be another app's. `among`: others that are known.
 */
export function heardOf(
  { machines, fleet }: Pick<TargetScope, 'machines' | 'fleet'>,
  among: readonly Machine[] = [],
): readonly Machine[] {
  const isOurs = (machine: Machine): boolean => isOwn(metadataOf(machine), fleet);
  const isNamed = (machine: Machine): boolean => metadataOf(machine)[stampKeys.app] !== undefined;
  const isKnown = [...machines, ...among].some((machine) => isOurs(machine) && isNamed(machine));
  return machines.filter(
    (machine) => isOurs(machine) && (!isKnown || isNamed(machine) || !isCopy(machine.id, metadataOf(machine))),
  );
}

/** Ours, without those on their way out: who stamps an app stamps these. */
export function standingMachines(machines: readonly Machine[], fleet: FleetOwner): readonly Machine[] {
  return machines.filter((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet));
}
