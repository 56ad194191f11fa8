import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { standbyEnv } from '../../src/flyconfig/live/overlay.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { SlotMachine, MachineChange } from '../../src/model/plan.ts';
import { formatSlot, parseSlot } from '../../src/model/stamps/slot.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isOwn } from '../../src/model/stamps/owner.ts';
import { isGone } from '../../src/plan/classify/machine-state.ts';
import { isCutOff } from '../../src/plan/classify/standbys.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { giveWay } from '../pass/basis.ts';
import { lookNow } from '../pass/before-sent.ts';

/**
 * A standby's config with the id of the machine it stands in for, which the planner may not know yet: it is made by the
 * same plan. Other steps come back as they are. Throws a transient Fault when no machine has that slot.
 */
export async function withStandby<S extends MachineChange>(pass: AppPass, step: S): Promise<S> {
  const { standsInFor } = step;
  if (standsInFor === undefined) return step;
  const id = standsInFor.machineId ?? (await machineOf(pass, standsInFor));
  const config: MachineConfig = { ...step.config, standbys: [id], env: { ...step.config.env, [standbyEnv]: id } };
  return { ...step, config };
}

async function machineOf({ app, fleet, services: { fly } }: AppPass, { slot }: SlotMachine): Promise<string> {
  const wanted = formatSlot(slot);
  const found = (await fly.machines(app.name)).find((machine) => {
    const metadata = machine.config?.metadata ?? {};
    const stamped = parseSlot(metadata[stampKeys.slot]);
    const isThere = !isGone(machine) && isOwn(metadata, fleet);
    return isThere && stamped !== undefined && formatSlot(stamped) === wanted;
  });
  if (found !== undefined) return found.id;
  throw new Fault({
    kind: 'transient',
    what: `no machine has the slot ${wanted}`,
    why: 'it was to be made first, and a standby needs its id',
    next: 'FlyCD plans again from what it sees',
    where: `${app.name}/${wanted}`,
  });
}

/** true: it stands in for others, and none of them is cut off now. Fly has stopped it then, or will: it would do the work twice. */
export async function isSpare(pass: AppPass, { standbys }: Pick<MachineConfig, 'standbys'>): Promise<boolean> {
  const ids = standbys ?? [];
  // By their ids: a list tells late of a host that is back.
  for (const id of ids) {
    const machine = await lookNow(pass, id);
    if (machine !== undefined && isCutOff(machine)) return false;
  }
  return ids.length > 0;
}

/** Right before a machine is started. Throws a waiting Fault where that was for hosts that answer again. */
export async function checkWanted(pass: AppPass, machineId: string): Promise<void> {
  const planned = pass.basis.machines?.find(({ id }) => id === machineId);
  if ((planned?.config?.standbys ?? []).length === 0) return;
  const machine = await lookNow(pass, machineId);
  if (await isSpare(pass, machine?.config ?? {}))
    throw giveWay(pass, `what machine ${machineId} stands in for is on a host that answers again`);
}
