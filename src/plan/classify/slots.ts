/** Slots: which machine of a group stands in which place, `group/region/n`. */
import { isCopy, type Slot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { GroupMachine, GroupScope } from '../types.ts';

export function slotOf(scope: GroupScope, member: GroupMachine): Slot {
  const { group, machine } = member;
  return scope.slots.get(machine.id) ?? { group, region: machine.region, number: 1 };
}

/** The machine that was stamped itself keeps its slot; one without the stamp was just made; a copy comes last. */
export function claimRank(member: GroupMachine): number {
  if (!member.ours || member.claim === undefined) return 3;
  if (isCopy(member.machine.id, member.metadata)) return 2;
  return member.metadata[stampKeys.machine] === undefined ? 1 : 0;
}

/** Slots by machine id: the stamped one where it is free, else the lowest free number. Members come in order of claim. */
export function assignSlots(members: readonly GroupMachine[]): ReadonlyMap<string, Slot> {
  const taken = new Set<string>();
  const slots = new Map<string, Slot>();
  const key = (slot: Slot): string => `${slot.group}/${slot.region}/${slot.number}`;
  for (const member of members) {
    // A copy carries its original's slot: the original may be gone, but the copy never was that machine.
    if (member.claim === undefined || claimRank(member) >= 2 || taken.has(key(member.claim))) continue;
    taken.add(key(member.claim));
    slots.set(member.machine.id, member.claim);
  }
  for (const member of members) {
    if (slots.has(member.machine.id)) continue;
    const slot = lowestFree(member.group, member.machine.region, (candidate) => taken.has(key(candidate)));
    taken.add(key(slot));
    slots.set(member.machine.id, slot);
  }
  return slots;
}

export function lowestFree(group: string, region: string, isTaken: (slot: Slot) => boolean): Slot {
  for (let number = 1; ; number += 1) {
    const slot = { group, region, number };
    if (!isTaken(slot)) return slot;
  }
}
