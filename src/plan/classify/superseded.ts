/** Machines that another one has taken the place of: they count no more. */
import type { DesiredGroup } from '../../model/desired.ts';
import { parseIds } from '../../model/stamps/stamps.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { GroupMachine } from '../types.ts';
import { mountMismatch } from './mount-mismatch.ts';

/**
 * Ids of machines that do not count: another one has taken their place. One that was never seen healthy, with another
 * mount than git gives it by now, takes no place where the one before it still fits: that one stays, as if nothing had been.
 */
export function replacedIds(
  members: readonly GroupMachine[],
  { fleet, groups }: { readonly fleet: FleetOwner; readonly groups: readonly DesiredGroup[] },
): ReadonlySet<string> {
  const byId = new Map(members.map((member) => [member.machine.id, member]));
  const ids = members.flatMap((member) => {
    const { machine, metadata, group: name } = member;
    if (!isOwn(metadata, fleet)) return [];
    const before = parseIds(metadata[stampKeys.replaces])
      .flatMap((id) => byId.get(id) ?? [])
      .filter((one) => one !== member && one.group === name);
    const group = groups.find((one) => one.name === name);
    const stays = before.find((one) => isTakenBack(member, one, group));
    return [...before.filter((one) => one !== stays).map((one) => one.machine.id), ...(stays ? [machine.id] : [])];
  });
  return new Set(ids);
}

/** By the stamps of the one that may be the successor: it does that one's work, and was seen healthy. */
export function hasSucceeded(metadata: Readonly<Record<string, string>>, id: string): boolean {
  return metadata[stampKeys.unproven] === undefined && parseIds(metadata[stampKeys.replaces]).includes(id);
}

function isTakenBack(member: GroupMachine, before: GroupMachine, group: DesiredGroup | undefined): boolean {
  const fits = ({ live }: GroupMachine): boolean | undefined =>
    live && group && mountMismatch(live, group, new Map()) === undefined;
  return member.metadata[stampKeys.unproven] !== undefined && fits(member) === false && fits(before) === true;
}
