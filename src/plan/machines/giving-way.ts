/** What we made at the beginning of an app that another owner began first. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { MachineAction } from '../../model/plan.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { parseSlot } from '../../model/stamps/slot.ts';
import { givingWay } from '../classify/beginning.ts';
import { groupOf, metadataOf } from '../classify/machine-state.ts';
import { targetOf } from '../steps/machine-action.ts';
import type { PlanAppInput } from '../types.ts';

/** All that is done in an app that is another's: nobody else takes these away, and until then they serve beside its own. */
export function planGivingWay(
  { desired, fleet }: Pick<PlanAppInput, 'desired' | 'fleet'>,
  machines: readonly Machine[],
): readonly MachineAction[] {
  return givingWay(machines, fleet).map((machine) => {
    const metadata = metadataOf(machine);
    const slot = parseSlot(metadata[stampKeys.slot]);
    return {
      kind: 'machine.destroy',
      app: desired.name,
      target: slot === undefined ? `${desired.name}/${machine.id}` : targetOf(desired, slot),
      because: 'another owner began the app first',
      risk: 'safe',
      changes: [],
      machineId: machine.id,
      group: groupOf(metadata) ?? '',
    };
  });
}
