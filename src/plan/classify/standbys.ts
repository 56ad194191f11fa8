/** Standbys: stopped machines that Fly starts when the host of the machine they stand in for fails. */
import { noLongerNamed } from '../../flyconfig/live/named.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { FieldChange, SlotMachine } from '../../model/plan.ts';
import { formatSlot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { GroupMachine } from '../types.ts';

/**
 * A group with services has none: a machine of it that was one becomes like the others, as with flyctl. Where git itself
 * says whom the group's machines stand in for, they are its machines like any others.
 */
export function isStandby(member: GroupMachine, group: DesiredGroup): boolean {
  if (group.hasServices || namesStandbys(group) || standsFor(member).length === 0) return false;
  // What git named once goes with the next update: the machine is one like any other from then on.
  return !noLongerNamed(group.config, member.metadata[stampKeys.named]).fields.includes('standbys');
}

export function namesStandbys(group: DesiredGroup): boolean {
  return (group.config.standbys ?? undefined) !== undefined;
}

export function standsFor({ machine }: GroupMachine): readonly string[] {
  return (machine.config ?? machine.incomplete_config)?.standbys ?? [];
}

/** The machines that count: a standby only ever takes the place of one. */
export function withoutStandbys(members: readonly GroupMachine[], group: DesiredGroup): readonly GroupMachine[] {
  return members.filter((member) => !isStandby(member, group));
}

/** The machine that a group's standby stands in for. undefined: there is none and none is made. */
export function primaryOf(candidates: readonly SlotMachine[], primaryRegion: string): SlotMachine | undefined {
  const elsewhere = ({ slot }: SlotMachine): number => Number(slot.region !== primaryRegion);
  return candidates.toSorted((a, b) => elsewhere(a) - elsewhere(b) || a.slot.number - b.slot.number)[0];
}

/** In words of slots: the id of a machine that is still to be made is not known. */
export function standbyChange(from: readonly string[] | undefined, { slot }: SlotMachine): FieldChange {
  return { path: 'standbys', from: from === undefined ? undefined : [...from], to: [formatSlot(slot)] };
}
