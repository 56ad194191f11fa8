/** Machines on another dedicated host than git wants: no update moves a machine. Source: flyctl's launchInputForUpdate. */
import { formatSlot } from '../../model/stamps/slot.ts';
import { actionStep } from '../steps/machine-action.ts';
import type { GroupMachine, GroupDraft, GroupScope } from '../types.ts';
import { holdOf } from '../steps/hold.ts';
import { slotOf } from '../classify/slots.ts';
import { shellWord } from '../../model/base/shell.ts';

export interface OtherHosts {
  /** New ones take their places, and then they go. */
  readonly leaving: ReadonlySet<string>;
  /** They stay as they are until a person decides. */
  readonly held: ReadonlySet<string>;
}

/** As flyctl: only a host that git names, and that is not the machine's, makes another machine of it. */
export function onOtherHosts(scope: GroupScope, members: readonly GroupMachine[], draft: GroupDraft): OtherHosts {
  const { group, desired, wanted } = scope;
  const host = group.config.guest?.['host_dedication_id'];
  const leaving = new Set<string>();
  const held = new Set<string>();
  if (typeof host !== 'string' || host === '') return { leaving, held };
  for (const member of members) {
    const { live, machine } = member;
    if (live === undefined || live.guest?.['host_dedication_id'] === host) continue;
    const place = formatSlot(slotOf(scope, member));
    const because = `${place} is not on the dedicated host ${host}, and no machine moves`;
    const hasVolume = (live.mounts ?? []).length > 0 || group.mount !== undefined;
    // Where nobody gives a number, machines that are there are the number: old and new could not be told apart.
    if (wanted.exact && !hasVolume) {
      leaving.add(machine.id);
      draft.destroys.push(actionStep(scope, member, { kind: 'machine.destroy', because, risk: 'safe' }));
      continue;
    }
    held.add(machine.id);
    const next = hasVolume
      ? `fork its volume to that host (fly volume fork --host-dedication-id ${shellWord(host)}), then destroy the machine`
      : 'name how many there are (machines.count): FlyCD then makes new ones there, and destroys these';
    draft.holds.push(holdOf(desired.name, { reason: 'volume', because, next }));
  }
  return { leaving, held };
}
