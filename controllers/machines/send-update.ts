import type { Machine, MachineRequest } from '../../schemas/fly/machine.ts';
import type { BeforeSent } from '../../src/fly/api.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import type { MachineUpdate } from '../../src/model/plan.ts';
import { formatSent } from '../../src/model/stamps/stamps.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** Tries of one update whose answers were lost: each is refused where an earlier one got through. */
const updateTriesMax = 3;
/** Fly's own client waits this long before it looks what became of a call whose answer was lost. */
export const lookupDelayMs = 500;

type Sending = Pick<MachineUpdate, 'machineId' | 'currentVersion' | 'sent'>;

/**
 * A lost answer is settled by looking: the machine carries our stamp and another version when the update was done. One
 * that still has the version it had may be sent again: Fly refuses the second of two updates of the same version. `asDecided`
 * is asked right before each try.
 */
export async function sendUpdate(
  pass: AppPass,
  step: Sending,
  request: MachineRequest,
  { nonce, asDecided }: { readonly nonce?: string; readonly asDecided?: BeforeSent } = {},
): Promise<Machine> {
  const { fly } = pass.services;
  const { app } = pass;
  for (let tries = 1; ; tries += 1) {
    try {
      return await fly.updateMachine(app.name, step.machineId, request, nonce, asDecided);
    } catch (error) {
      if (!(error instanceof FlyError) || (error.outcome !== 'unknown' && tries === 1)) throw error;
      await pass.services.clock.sleep(lookupDelayMs);
      const machine = await fly.machine(app.name, step.machineId);
      if (machine !== undefined && isUpdated(machine, step)) return machine;
      const untouched = step.currentVersion !== undefined && machine?.instance_id === step.currentVersion;
      if (error.outcome !== 'unknown' || !untouched || tries >= updateTriesMax) throw error;
    }
  }
}

/** Our update takes the stamp of what was read away; somebody else's keeps it. */
function isUpdated(machine: Machine, step: Sending): boolean {
  const metadata = machine.config?.metadata ?? {};
  return (
    machine.instance_id !== step.currentVersion &&
    metadata[stampKeys.sent] === formatSent(step.sent) &&
    metadata[stampKeys.read] === undefined
  );
}
