/**
 * Standbys: stopped machines that Fly starts at the moment when the host of the machine they stand in for fails, and stops when
 * it is back. FlyCD leaves both to Fly, and says where a standby is not as it should be.
 */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { noLongerNamed } from '../../flyconfig/live/named.ts';
import type { DesiredGroup } from '../../model/desired.ts';
import type { FieldChange, SlotMachine } from '../../model/plan.ts';
import { formatSlot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { shellWord } from '../../model/base/shell.ts';
import type { GroupMachine } from '../types.ts';
import { endedByItself, hasGivenUp } from './machine-history.ts';
import { isAtRest, isGone, isHostOk } from './machine-state.ts';

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

/** Its host does not answer: it wants its standby. */
export function isCutOff(machine: Machine): boolean {
  return !isHostOk(machine) && !isGone(machine);
}

/** A standby that is not at work where it is needed, or is where it is not, and the command that mends it. */
export function standbyNote(
  member: GroupMachine,
  { app, place, members }: { readonly app: string; readonly place: string; readonly members: readonly GroupMachine[] },
): string | undefined {
  const { machine } = member;
  const ids = standsFor(member);
  const others = members.map((one) => one.machine).filter(({ id }) => ids.includes(id) && id !== machine.id);
  const cutOff = others.filter(isCutOff);
  // One that rested or had failed before its host did is missed by nobody, and a job that is done is not done twice.
  const missed = cutOff.find((one) => !isAtRest(one) && one.state !== 'failed');
  if (isAtRest(machine) && missed !== undefined && !hasEndedWell(machine)) {
    const why = `the host of the machine it stands in for (${missed.id}) does not answer`;
    return `${place} does not run, and ${why}; fly machine start ${shellWord(machine.id)} --app ${shellWord(app)} starts it`;
  }
  const beside = others.find(({ state }) => state === 'started');
  if (machine.state !== 'started' || beside === undefined || cutOff.length > 0) return undefined;
  return `${place} runs beside the machine it stands in for (${beside.id}); fly machine stop ${shellWord(machine.id)} --app ${shellWord(app)} stops it`;
}

function hasEndedWell(machine: Machine): boolean {
  return endedByItself(machine) && !hasGivenUp(machine);
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
