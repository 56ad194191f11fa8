import { formatCalls, parseCalls, type StampedCall } from '../../src/model/stamps/calls-stamp.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { certainOf } from '../../src/plan/kinds/intents.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from './app-pass.ts';
import { lockApp } from './app-lock.ts';
import type { HeldLease } from './services.ts';

/**
 * Calls of whoever held the app's lock before us, as far as lists may not show yet what they made. None where the app has
 * no machine to be its lock: two FlyCDs that begin such an app at once have only its lists to go by.
 */
export async function callsOnLock(pass: AppPass): Promise<readonly StampedCall[]> {
  const { fly, clock } = pass.services;
  const { app, lock } = pass;
  if (lock === undefined) return [];
  if (pass.calls === undefined) {
    const machine = await fly.machine(app.name, lock.machineId);
    const stamped = parseCalls(machine === undefined ? undefined : metadataOf(machine)[stampKeys.calls]);
    // Stamped by Fly's clock, since FlyCDs on several machines compare them; an earlier one stamped by its own.
    const ours = (at: number): number => Math.min(at - fly.aheadMs(), clock.now());
    const read = stamped.map((call) => ({ ...call, createdAt: ours(call.createdAt) }));
    pass.calls = { before: read.filter((call) => certainOf(call) > clock.now()), ours: [] };
  }
  return pass.calls.before;
}

/** Before the call, so that a crash between the two leaves no more than a minute's wait. */
export async function announceCall(pass: AppPass, call: StampedCall): Promise<void> {
  await callsOnLock(pass);
  if (pass.calls !== undefined) pass.calls.ours = [...pass.calls.ours, call];
  await writeCalls(pass);
}

/** Refused: nothing was made, and nobody has to wait for it. */
export async function retractCall(pass: AppPass, target: string): Promise<void> {
  const { calls } = pass;
  if (calls === undefined) return;
  calls.ours = calls.ours.filter((call) => call.target !== target);
  await writeCalls(pass);
}

/** Metadata of an update of the machine that is the lock: what stands there now is newer than the plan. */
export function callsStamp(pass: AppPass, machineId: string): Record<string, string> {
  const text = pass.lock?.machineId === machineId ? callsText(pass) : null;
  return text === null ? {} : { [stampKeys.calls]: text };
}

/**
 * Before the machine that is the app's lock is destroyed: the lock goes on to the next one, and with it the calls that lists
 * may not show yet. Answers the lease that was the lock, to be given up once the machine is gone. Where the next one cannot
 * be locked, the lists have to do.
 */
export async function passLockOn(pass: AppPass, machineId: string): Promise<HeldLease | undefined> {
  const { log } = pass.services;
  const { app, lock } = pass;
  if (lock?.machineId !== machineId) return undefined;
  pass.lock = undefined;
  try {
    await lockApp(pass, machineId);
    if (callsText(pass) !== null) await writeCalls(pass);
  } catch (error) {
    log.warn({ app: app.name, machine: machineId, error: String(error) }, 'the lock of an app was not passed on');
  }
  return lock;
}

async function writeCalls(pass: AppPass): Promise<void> {
  const { fly } = pass.services;
  const { app, lock } = pass;
  if (lock !== undefined) await fly.patchMetadata(app.name, lock.machineId, { [stampKeys.calls]: callsText(pass) });
}

function callsText({ calls, services: { clock, fly } }: AppPass): string | null {
  const open = [...(calls?.before ?? []), ...(calls?.ours ?? [])].filter((call) => certainOf(call) > clock.now());
  return formatCalls(open.map((call) => ({ ...call, createdAt: call.createdAt + fly.aheadMs() })));
}
