/** Volumes that grow: the filesystem inside follows only when the machine boots, and Fly restarts nothing by itself. */
import type { Volume } from '../../../schemas/fly/app.ts';
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Intent } from '../../model/stamps/calls-stamp.ts';
import type { MachineRestart, Step } from '../../model/plan.ts';
import type { Slot } from '../../model/stamps/slot.ts';
import { targetOf } from '../steps/machine-action.ts';
import { assignSlots } from '../classify/slots.ts';
import { updatesOf } from '../steps/select.ts';
import type { PlanDraft, GroupMachine, PlanAppInput, GroupPlan } from '../types.ts';
import { isGone, stopsByItself } from '../classify/machine-state.ts';
import { bootedAt } from '../classify/machine-history.ts';

/** What an intent to extend a volume remembers of the time before the call. `now`: for a machine that does not say. */
export function beforeGrowth(volume: Volume, machine: Machine, now: number): readonly string[] {
  return [String(volume.size_gb), String(bootedAt(machine) ?? now)];
}

/**
 * What became of an intent to extend a volume. owed: the volume has grown, and the machine runs on with the filesystem it
 * had; over: the machine has booted since, or is gone; open: it did not grow as far as one sees, or the machine does not
 * run just now. Times are compared with Fly's own, so that no two clocks have to agree.
 */
export function growthOf(
  intent: Pick<Intent, 'before'>,
  volume: Volume | undefined,
  machine: Machine | undefined,
): 'owed' | 'open' | 'over' {
  const [sizeGb, booted] = intent.before.map(Number);
  if (volume === undefined || machine === undefined || isGone(machine)) return 'over';
  if (volume.attached_machine_id !== machine.id || (bootedAt(machine) ?? 0) > (booted ?? 0)) return 'over';
  return volume.size_gb > (sizeGb ?? 0) && runs(machine) ? 'owed' : 'open';
}

/** One at rest takes the size up when it starts. */
function runs(machine: Machine): boolean {
  return machine.state === 'started' || machine.state === 'starting';
}

/** A restart for each running machine whose volume grows by this plan, or grew by an earlier one that was cut short. */
export function planRestarts(
  input: PlanAppInput,
  groups: readonly GroupPlan[],
  growing: { readonly volumes: readonly Volume[]; readonly steps: readonly Step[] },
): readonly MachineRestart[] {
  const growsTo = new Map(
    growing.steps.flatMap((step) => (step.kind === 'volume.extend' ? [[step.volumeId, step.sizeGb] as const] : [])),
  );
  const becauseOf = (volume: Volume, machine: Machine): string | undefined => {
    const sizeGb = growsTo.get(volume.id);
    if (sizeGb !== undefined) return `so that its filesystem grows to ${sizeGb} GB, where Fly needs a restart for that`;
    const isOwed = input.memory.intents.some(
      (intent) =>
        intent.kind === 'volume.extend' && intent.target === volume.id && growthOf(intent, volume, machine) === 'owed',
    );
    return isOwed ? `its volume grew to ${volume.size_gb} GB, and its filesystem follows with a restart` : undefined;
  };
  return groups.flatMap(({ members }) => {
    const slots = assignSlots(members);
    return members.flatMap((member): MachineRestart[] => {
      const { machine } = member;
      const volume = growing.volumes.find((one) => one.attached_machine_id === machine.id);
      const slot = slots.get(machine.id);
      if (member.live === undefined || volume === undefined || slot === undefined || !runs(machine)) return [];
      const because = becauseOf(volume, machine);
      return because === undefined ? [] : [restartStep(input, { member, slot, volume, because })];
    });
  });
}

function restartStep(
  { desired }: PlanAppInput,
  what: { readonly member: GroupMachine; readonly slot: Slot; readonly volume: Volume; readonly because: string },
): MachineRestart {
  const { member, slot, volume, because } = what;
  return {
    kind: 'machine.restart',
    app: desired.name,
    target: targetOf(desired, slot),
    because,
    risk: 'restart',
    changes: [],
    machineId: member.machine.id,
    group: member.group,
    volumeId: volume.id,
    sent: member.sent,
    stopsByItself: stopsByItself(member.live),
  };
}

/** A machine that this plan updates boots with the update, and one that goes needs no larger filesystem. */
export function withoutNeedlessRestarts(draft: PlanDraft): PlanDraft {
  const boots = new Set(updatesOf(draft.steps).map((step) => step.machineId));
  for (const step of draft.steps) if (step.kind === 'machine.destroy') boots.add(step.machineId);
  return {
    ...draft,
    steps: draft.steps.filter((step) => step.kind !== 'machine.restart' || !boots.has(step.machineId)),
  };
}
