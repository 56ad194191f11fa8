/** Process groups that git no longer names. */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { DesiredApp } from '../model/desired.ts';
import type { Hold, MachineAction } from '../model/plan.ts';
import { actionStep } from './actions.ts';
import { assignSlots, type Member } from './census.ts';
import { counted, holdOf } from './input.ts';

export interface RemovedMachines {
  readonly destroys: readonly MachineAction[];
  readonly holds: readonly Hold[];
}

/**
 * Groups of ours that git no longer names. The last machine of a group that serves somebody is destructive, and without
 * it the others are no use: such a group is held whole, and so is one whose volumes would be left behind.
 */
export function planRemovedGroups(desired: DesiredApp, removed: readonly Member[]): RemovedMachines {
  const destroys: MachineAction[] = [];
  const holds: Hold[] = [];
  for (const [group, members] of Map.groupBy(removed, (member) => member.group)) {
    const slots = assignSlots(members);
    const config = (member: Member): MachineConfig | null | undefined =>
      member.machine.config ?? member.machine.incomplete_config;
    const serves = members.some((member) => (config(member)?.services ?? []).length > 0);
    const mounts = members.some((member) => (config(member)?.mounts ?? []).length > 0);
    const because = `git no longer names the process group ${group}`;
    const steps = members.map((member, index) =>
      actionStep({ desired, slots }, member, {
        kind: 'machine.destroy',
        because,
        risk: serves && index === members.length - 1 ? 'destructive' : 'safe',
      }),
    );
    if (!serves && !mounts) destroys.push(...steps);
    else {
      const what = serves ? 'it has services' : 'it has volumes';
      holds.push(
        holdOf(desired.name, {
          reason: serves ? 'destructive' : 'volume',
          because: `${because}, and ${what}: ${counted(members.length, 'machine')} would be destroyed`,
          next: 'flycd sync --accept, or name the group in git again',
          steps,
        }),
      );
    }
  }
  return { destroys, holds };
}
