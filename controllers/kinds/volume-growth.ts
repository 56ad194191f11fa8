import type { Machine } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import type { DesiredApp } from '../../src/model/desired.ts';
import type { Intent } from '../../src/model/stamps/calls-stamp.ts';
import { foundInTwo, shownMachine } from '../../src/observed/presence.ts';
import type { MachineRestart, RolloutStep, VolumeStep } from '../../src/model/plan.ts';
import { beforeGrowth, growthOf } from '../../src/plan/kinds/volume-growth.ts';
import { bootedAt } from '../../src/plan/classify/machine-history.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { givingWay } from '../pass/before-sent.ts';
import { flyNow } from '../pass/fly-now.ts';
import type { AppServices, HeldLease, StepDone } from '../pass/services.ts';
import { waitHealthy } from '../machines/health.ts';
import { holdLease } from '../pass/lease.ts';

/** A restart whose answer was lost shows by then, if it was done. */
const lookupDelayMs = 500;
const noRestart = 'no restart is due';

/**
 * Extends a volume. Fly only says whether its machine has to restart for the filesystem inside to grow, and afterwards
 * nothing tells that it did not: so an intent is stored before the call, and stays until the machine has booted.
 */
export async function extendVolume(
  pass: AppPass,
  step: Extract<VolumeStep, { kind: 'volume.extend' }>,
): Promise<StepDone> {
  const { fly, store } = pass.services;
  const { app } = pass;
  const { volumeId, sizeGb } = step;
  const volume = await foundInTwo(pass.services, () => fly.volume(app.name, volumeId));
  if (volume !== undefined && volume.size_gb >= sizeGb) return { outcome: 'unchanged' };
  const machineId = volume?.attached_machine_id ?? '';
  const look = (): Promise<Machine | undefined> => shownMachine(pass.services, app.name, machineId);
  const machine = machineId === '' ? undefined : await givingWay(pass, machineId, look);
  if (volume === undefined || machine === undefined) {
    await fly.extendVolume(app.name, volumeId, sizeGb);
    return { outcome: 'updated' };
  }
  const before = beforeGrowth(volume, machine, flyNow(pass.services));
  // One that an earlier try left behind says the same: neither has the volume grown nor the machine booted since.
  const intent =
    openGrowth((await store.memory(app.name)).intents, volumeId).find((open) => isSame(open.before, before)) ??
    (await store.addIntent(app.name, { kind: 'volume.extend', target: volumeId, before }));
  try {
    const { needsRestart } = await fly.extendVolume(app.name, volumeId, sizeGb);
    if (!needsRestart) await store.settleIntent(app.name, intent.id);
    return { outcome: 'updated' };
  } catch (error) {
    // What is no answer of Fly's ended it before it was sent.
    const isUndone = error instanceof FlyError ? error.outcome === 'refused' : error instanceof Fault;
    if (isUndone) await store.settleIntent(app.name, intent.id);
    if (isUndone || !(error instanceof FlyError)) throw error;
    // The size tells whether it was done; whether a restart is needed was in the answer, so the intent stays.
    const now = await foundInTwo(pass.services, () => fly.volume(app.name, volumeId));
    if (now === undefined || now.size_gb < sizeGb) throw error;
    return { outcome: 'updated' };
  }
}

/**
 * true: one of these restarts may be owed. A restart leaves no version by which another FlyCD of the fleet, that owes one of
 * another machine, would see that it came second: whoever restarts holds the app's lock.
 */
export async function mayOweRestart(pass: AppPass, steps: readonly RolloutStep[]): Promise<boolean> {
  const restarts = steps.filter((step) => step.kind === 'machine.restart');
  if (restarts.length === 0) return false;
  const { intents } = await pass.services.store.memory(pass.app.name);
  return restarts.some(({ volumeId }) => openGrowth(intents, volumeId).length > 0);
}

/**
 * Restarts a machine whose volume has grown, under its lease, and waits until it is healthy again. Nothing is done where
 * Fly did not ask for it, where the machine has booted since, or where it does not run: it grows when it starts.
 */
export function restartToGrow(pass: AppPass, step: MachineRestart, onSent: () => void): Promise<StepDone> {
  return givingWay(pass, step.machineId, () => restart(pass, step, onSent));
}

async function restart(pass: AppPass, step: MachineRestart, onSent: () => void): Promise<StepDone> {
  const { fly, store } = pass.services;
  const { app } = pass;
  const { machineId, volumeId } = step;
  const intents = openGrowth((await store.memory(app.name)).intents, volumeId);
  if (intents.length === 0) return { outcome: 'unchanged', message: noRestart };
  await using lease = await holdLease(pass, machineId);
  const volume = await foundInTwo(pass.services, () => fly.volume(app.name, volumeId));
  const machine = await shownMachine(pass.services, app.name, machineId);
  if (machine === undefined || !intents.some((intent) => growthOf(intent, volume, machine) === 'owed')) {
    return { outcome: 'unchanged', message: noRestart };
  }
  await sendRestart(pass, machine, lease);
  onSent();
  await waitHealthy(pass, { machineId, version: undefined, nonce: lease.nonce });
  return { outcome: 'updated', message: `its filesystem has ${volume?.size_gb} GB now` };
}

/** Asked twice it would be down twice: one that has moved since a lost answer was restarted. */
async function sendRestart(pass: AppPass, machine: Machine, lease: HeldLease): Promise<void> {
  const { fly, clock } = pass.services;
  const { app } = pass;
  try {
    await fly.restartMachine(app.name, machine.id, lease.nonce);
  } catch (error) {
    if (!(error instanceof FlyError) || error.outcome === 'refused') throw error;
    await clock.sleep(lookupDelayMs);
    const now = await fly.machine(app.name, machine.id);
    if (now === undefined || (now.state === machine.state && bootedAt(now) === bootedAt(machine))) throw error;
  }
}

/**
 * Settles the intents of volumes whose machine has booted since, by whatever brought it about: a restart, an update, or a
 * person. Looks only where there are such intents. One that cannot be looked at stays for the next pass.
 */
export async function settleGrowth(
  request: Pick<AppServices, 'fly' | 'clock' | 'store' | 'log'> & { readonly app: DesiredApp },
  intents: readonly Intent[],
): Promise<void> {
  const { fly, store, app, log } = request;
  for (const intent of openGrowth(intents)) {
    try {
      const volume = await foundInTwo(request, () => fly.volume(app.name, intent.target));
      const machineId = volume?.attached_machine_id ?? '';
      const machine = machineId === '' ? undefined : await shownMachine(request, app.name, machineId);
      if (growthOf(intent, volume, machine) === 'over') await store.settleIntent(app.name, intent.id);
    } catch (error) {
      log.warn({ app: app.name, volume: intent.target, error: String(error) }, 'a grown volume was not looked at');
    }
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function openGrowth(intents: readonly Intent[], volumeId?: string): readonly Intent[] {
  return intents.filter(
    ({ kind, target }) => kind === 'volume.extend' && (volumeId === undefined || target === volumeId),
  );
}
