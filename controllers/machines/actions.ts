import { FlyError } from '../../src/fly/http/error.ts';
import { momentOf, msSince } from '../../src/model/base/moment.ts';
import type { MachineAction } from '../../src/model/plan.ts';
import { foundInTwo } from '../../src/observed/presence.ts';
import { readIfPossible } from '../../src/observed/reading.ts';
import { smokeMs } from '../../src/plan/classify/health.ts';
import { isAtRest, isGone } from '../../src/plan/classify/machine-state.ts';
import { passLockOn } from '../pass/pending-calls.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { givingWay } from '../pass/before-sent.ts';
import type { StepDone } from '../pass/services.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { waitHealthy } from './health.ts';
import { holdLease } from '../pass/lease.ts';
import { lookUntilShown } from './shown.ts';
import { checkStaying, checkStayingNow, lookAhead } from './staying.ts';

/** start, cordon, uncordon and destroy, each under the machine's lease. Repeating one is harmless. */
export function actOnMachine(pass: AppPass, step: MachineAction): Promise<StepDone> {
  const { kind, machineId } = step;
  const act = (): Promise<StepDone> =>
    kind === 'machine.destroy' ? destroyMachine(pass, step) : changeMachine(pass, kind, machineId);
  return givingWay(pass, machineId, act);
}

type Change = Exclude<MachineAction['kind'], 'machine.destroy'>;

async function changeMachine(pass: AppPass, kind: Change, machineId: string): Promise<StepDone> {
  const { fly } = pass.services;
  const { app } = pass;
  await using lease = await holdLease(pass, machineId);
  switch (kind) {
    case 'machine.start':
      await started(pass, machineId, lease.nonce);
      await waitHealthy(pass, { machineId, version: undefined, nonce: lease.nonce });
      break;
    case 'machine.cordon':
      await fly.cordonMachine(app.name, machineId, lease.nonce);
      break;
    case 'machine.uncordon':
      await fly.uncordonMachine(app.name, machineId, lease.nonce);
      break;
  }
  return { outcome: 'updated' };
}

/** Without an answer to each of its tries it may have been started, too: what is up then, or on its way, was. */
async function started({ app, services, underway }: AppPass, machineId: string, nonce: string): Promise<void> {
  const { fly } = services;
  const isUp = async (): Promise<true | undefined> => {
    const machine = await fly.machine(app.name, machineId);
    return machine === undefined || isAtRest(machine) ? undefined : true;
  };
  try {
    await fly.startMachine(app.name, machineId, nonce, (timesUnclear) => {
      if (timesUnclear > 0) underway.add(machineId);
      return Promise.resolve();
    });
    underway.add(machineId);
  } catch (error) {
    if (!(error instanceof FlyError)) throw error;
    if (error.outcome === 'unknown') underway.add(machineId);
    if (!underway.has(machineId)) throw error;
    // Where nobody can tell it has failed as Fly says.
    const seen = await foundInTwo(services, isUp).catch(() => undefined);
    if (seen === undefined) throw error;
  }
}

/** One that goes by its start goes while it is watched for a crash; lists lag behind that by seconds. */
const listLagMs = 10_000;

/**
 * Whether a machine whose start failed is gone since, or nobody can tell: the next one may go the same way. One of which Fly shows
 * nothing by its id is looked for in the list. Plans rest on that one: where it is not read either no pass gets as far as a start,
 * so that no group waits for one bad machine for good.
 */
export async function isLostByStart(pass: AppPass, machineId: string): Promise<boolean> {
  const { clock, fly, signal, yieldSlot } = pass.services;
  const stop = pass.newer === undefined ? signal : AbortSignal.any([signal, pass.newer]);
  const pause = (ms: number): Promise<void> => yieldSlot(() => clock.sleep(ms, stop));
  try {
    await pause(smokeMs);
    const seen = await readIfPossible(fly.machine(pass.app.name, machineId));
    if (seen.status === 'read' && seen.value !== undefined) return isGone(seen.value);
    await pause(listLagMs);
    const listed = await fly.machines(pass.app.name);
    return !listed.some((machine) => machine.id === machineId && !isGone(machine));
  } catch {
    // The list could not be read, or nothing more is to be begun.
    return true;
  }
}

/** For whoever finds a group empty, whichever database it has. One that cannot be marked goes all the same. */
async function markLeaving({ app, services: { fly, log } }: AppPass, machineId: string): Promise<void> {
  try {
    await fly.patchMetadata(app.name, machineId, { [stampKeys.leaving]: app.inputs });
  } catch (error) {
    log.debug({ app: app.name, machine: machineId, error: String(error) }, 'could not be marked before it goes');
  }
}

async function destroyMachine(pass: AppPass, step: MachineAction): Promise<StepDone> {
  const { fly, clock } = pass.services;
  const { app } = pass;
  const there = await lookUntilShown(pass, step.machineId);
  if (there === undefined || there.state === 'destroyed')
    return { outcome: 'unchanged', message: 'it was gone already' };
  await checkStaying(pass, step);
  const askedAt = momentOf(clock);
  const lease = await holdLease(pass, step.machineId);
  const leaseMs = msSince(clock, askedAt);
  pass.touched.add(step.machineId);
  const lock = await passLockOn(pass, step.machineId);
  // Marking it takes about as long as the lease did, and its last look waits for no list then.
  const ahead = lookAhead(pass, leaseMs);
  try {
    await markLeaving(pass, step.machineId);
    await fly.destroyMachine(app.name, step.machineId, lease.nonce, () => checkStayingNow(pass, step));
  } finally {
    await lease[Symbol.asyncDispose]();
    await lock?.[Symbol.asyncDispose]();
    await ahead;
  }
  return { outcome: 'deleted' };
}
