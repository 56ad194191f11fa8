/** Steps on one machine that send no config. */
import type { DesiredApp } from '../../model/desired.ts';
import type { MachineAction, Risk } from '../../model/plan.ts';
import { formatSlot, parseSlot, type Slot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import type { GroupMachine } from '../types.ts';

/** `app/web/arn/1` */
export function targetOf(desired: DesiredApp, slot: Slot): string {
  return `${desired.name}/${formatSlot(slot)}`;
}

export function actionStep(
  scope: { readonly desired: DesiredApp; readonly slots: ReadonlyMap<string, Slot> },
  member: GroupMachine,
  what: { readonly kind: MachineAction['kind']; readonly because: string; readonly risk: Risk },
): MachineAction {
  const { machine, group } = member;
  const slot = scope.slots.get(machine.id) ??
    parseSlot(member.metadata[stampKeys.slot]) ?? { group, region: machine.region, number: 1 };
  return {
    kind: what.kind,
    app: scope.desired.name,
    target: targetOf(scope.desired, slot),
    because: what.because,
    risk: what.risk,
    changes: [],
    machineId: machine.id,
    group,
  };
}
