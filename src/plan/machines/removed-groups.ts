/** Process groups that git no longer names. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { DesiredApp } from '../../model/desired.ts';
import type { Hold, MachineAction } from '../../model/plan.ts';
import { actionStep } from '../steps/machine-action.ts';
import { assignSlots } from '../classify/slots.ts';
import type { GroupMachine, MachineInventory, RemovedMachines } from '../types.ts';
import { plural } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';
import { acceptCommand } from '../steps/accept-word.ts';

/**
 * Groups of ours that git no longer names. One that serves goes when the machines of the others were seen healthy, since
 * they may be there to take over; where no other group serves, destroying its last machine is destructive, and without it
 * the others are no use: such a group is held whole. So is one whose volumes would be left behind.
 */
export function planRemovedGroups(
  desired: DesiredApp,
  removed: readonly GroupMachine[],
  /** true: a group that git names has services, and machines for them now or by this plan. */
  isServed: boolean,
  why = (group: string): string => `git no longer names the process group ${group}`,
): RemovedMachines {
  const destroys: MachineAction[] = [];
  const holds: Hold[] = [];
  for (const [group, members] of Map.groupBy(removed, (member) => member.group)) {
    const slots = assignSlots(members);
    const config = (member: GroupMachine): MachineConfig | null | undefined =>
      member.machine.config ?? member.machine.incomplete_config;
    const serves = members.some((member) => (config(member)?.services ?? []).length > 0);
    const isLast = serves && !isServed;
    const mounts = members.some((member) => (config(member)?.mounts ?? []).length > 0);
    const because = why(group);
    const steps = members.map((member, index): MachineAction => {
      const risk = isLast && index === members.length - 1 ? 'destructive' : 'safe';
      const step = actionStep({ desired, slots }, member, { kind: 'machine.destroy', because, risk });
      return serves ? { ...step, onceHealthy: true } : step;
    });
    if (!isLast && !mounts) destroys.push(...steps);
    else {
      const what = isLast ? 'no other group with services has machines' : 'it has volumes';
      holds.push(
        holdOf(desired.name, {
          reason: isLast ? 'destructive' : 'volume',
          because: `${because}, and ${what}: ${plural(members.length, 'machine')} would be destroyed`,
          next: `${acceptCommand(desired.name)}, or name the group in git again`,
          steps,
        }),
      );
    }
  }
  return { destroys, holds };
}

const passingBecause = {
  canary: 'a canary that a deployment by flyctl left behind',
  replaced: 'a deployment by flyctl replaced it, and left it behind',
  unfinished: 'a bluegreen deployment by flyctl made it, and did not end',
} as const;

/** What a deployment by hand left where git names nothing: its own groups go as those that git no longer names. */
export function planLeftovers(
  desired: DesiredApp,
  leftovers: MachineInventory['leftovers'],
  isServed: boolean,
): RemovedMachines {
  const groups = leftovers.filter(({ left }) => left === 'group');
  const { destroys, holds } = planRemovedGroups(
    desired,
    groups,
    isServed,
    (group) => `somebody made the process group ${group} by flyctl, and git does not name it`,
  );
  const slots = assignSlots(leftovers);
  const steps = leftovers.flatMap((member): readonly MachineAction[] => {
    if (member.left === 'group') return [];
    const because = passingBecause[member.left];
    const step = actionStep({ desired, slots }, member, { kind: 'machine.destroy', because, risk: 'safe' });
    // It has no slot: the group's own machines have those.
    return [{ ...step, target: `${desired.name}/${member.machine.id}` }];
  });
  return { destroys: [...destroys, ...steps], holds };
}
