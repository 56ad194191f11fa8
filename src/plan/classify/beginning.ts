/**
 * Two owners that begin one app at the same moment: neither sees a machine of the other before it has made one itself. What
 * is made so says it (`flycd_begun`), and whoever looks after that finds who came first. Lists show machines in the order in
 * which they were made, so that of two at least the later one sees the other.
 */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import {
  isNamedOwn,
  isOwn,
  isPresumed,
  otherOwner,
  type FleetOwner,
  type OtherOwner,
} from '../../model/stamps/owner.ts';
import { isCopy, provesItself } from '../../model/stamps/slot.ts';
import { isGone, metadataOf } from './machine-state.ts';
import { bySeniority } from './seniority.ts';

/** It was made while none of its owner's stood in the app, and nobody knows yet whether another owner came first. */
export function isBegun(machine: Machine): boolean {
  return metadataOf(machine)[stampKeys.begun] !== undefined;
}

/** true: a machine of ours is there for good. */
export function stands(machines: readonly Machine[], fleet: FleetOwner): boolean {
  return machines.some((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet) && !isBegun(machine));
}

/**
 * Another owner that has the app: one with a machine that is there for good, else the one of the oldest machine that was
 * made at the beginning. undefined: it is ours or nobody's; others' machines in it give way by themselves.
 */
export function ownerBefore(machines: readonly Machine[], fleet: FleetOwner): OtherOwner | undefined {
  const present = machines.filter((machine) => !isGone(machine));
  const ownerOf = (machine: Machine): OtherOwner | undefined => otherOwner(metadataOf(machine), fleet);
  const isMade = (machine: Machine): boolean => !isCopy(machine.id, metadataOf(machine));
  // What somebody cloned by hand into an app that is ours says nothing of whose the app is.
  const counts = stands(present.filter(isMade), fleet) ? isMade : () => true;
  const others = present.filter((machine) => ownerOf(machine) !== undefined && counts(machine));
  const standing = others.find((machine) => !isBegun(machine));
  if (standing !== undefined) return ownerOf(standing);
  if (stands(present, fleet)) return undefined;
  const ours = present.filter((machine) => isOwn(metadataOf(machine), fleet));
  const [oldest] = [...ours, ...others]
    .map((machine) => ({ machine, id: machine.id, createdAt: machine.created_at ?? undefined }))
    .toSorted(bySeniority([]));
  return oldest === undefined ? undefined : ownerOf(oldest.machine);
}

/** true: the app is ours beyond doubt. One of its machines proves it, and none says otherwise or leaves open which repo made it. */
export function provesOurs(machines: readonly Machine[], fleet: FleetOwner): boolean {
  const present = machines.filter((machine) => !isGone(machine));
  if (ownerBefore(present, fleet) !== undefined) return false;
  if (present.some((machine) => isPresumed(metadataOf(machine), fleet))) return false;
  return present.some((machine) => {
    const metadata = metadataOf(machine);
    return !isBegun(machine) && isNamedOwn(metadata, fleet) && provesItself(machine.id, metadata, fleet.name);
  });
}

/** What we made at the beginning of an app that another owner has: nothing else of ours is in it. */
export function givingWay(machines: readonly Machine[], fleet: FleetOwner): readonly Machine[] {
  if (ownerBefore(machines, fleet) === undefined || stands(machines, fleet)) return [];
  return machines.filter((machine) => !isGone(machine) && isOwn(metadataOf(machine), fleet) && isBegun(machine));
}
