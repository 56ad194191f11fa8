/**
 * Standbys: stopped machines that Fly starts at the moment when the host of the machine they stand in for fails, and stops when
 * it is back. Fly promises no more: one that was not `stopped` then, or was made to stand in for it later, is left to FlyCD.
 */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { noLongerNamed } from '../../flyconfig/live/named.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { FieldChange, SlotMachine } from '../../model/plan.ts';
import { formatSlot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { GroupMachine } from '../types.ts';
import { endedByItself, versionMadeAt, wasStoppedByHand } from './machine-history.ts';
import { isAtRest, isHostOk } from './machine-state.ts';

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

/** What it did is done by nobody: its host does not answer, and it was not at rest before. It wants its standby. */
export function isCutOff(machine: Machine): boolean {
  return !isHostOk(machine) && !isAtRest(machine);
}

/**
 * true: a standby's present version rests since a person asked for that, or its process ended by itself. That it had its start
 * says nothing: Fly starts and stops it as hosts fail and come back.
 */
export function isMeantToRest(machine: Machine): boolean {
  const since = versionMadeAt(machine) ?? 0;
  const events = (machine.events ?? []).filter(({ timestamp = 0 }) => timestamp >= since);
  return endedByItself(machine) || wasStoppedByHand({ ...machine, events });
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
