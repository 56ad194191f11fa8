import { formatCalls, parseCalls, type StampedCall } from '../../src/model/stamps/calls-stamp.ts';
import { stampKeys } from '../../src/model/stamps/stamps.ts';
import { certainOf } from '../../src/plan/kinds/intents.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { ApplyContext } from './app-pass.ts';
import { lockApp, type HeldLease } from './lease.ts';

/**
 * Calls of whoever held the app's lock before us, as far as lists may not show yet what they made. None where the app has
 * no machine to be its lock: two FlyCDs that begin such an app at once have only its lists to go by.
 */
export async function callsOnLock(context: ApplyContext): Promise<readonly StampedCall[]> {
  const { fly, app, lock, clock } = context;
  if (lock === undefined) return [];
  if (context.calls === undefined) {
    const machine = await fly.machine(app.name, lock.machineId);
    const stamped = parseCalls(machine === undefined ? undefined : metadataOf(machine)[stampKeys.calls]);
    // Another machine's clock may run ahead of ours.
    const read = stamped.map((call) => ({ ...call, createdAt: Math.min(call.createdAt, clock.now()) }));
    context.calls = { before: read.filter((call) => certainOf(call) > clock.now()), ours: [] };
  }
  return context.calls.before;
}

/** Before the call, so that a crash between the two leaves no more than a minute's wait. */
export async function announceCall(context: ApplyContext, call: StampedCall): Promise<void> {
  await callsOnLock(context);
  if (context.calls !== undefined) context.calls.ours = [...context.calls.ours, call];
  await writeCalls(context);
}

/** Refused: nothing was made, and nobody has to wait for it. */
export async function retractCall(context: ApplyContext, target: string): Promise<void> {
  const { calls } = context;
  if (calls === undefined) return;
  calls.ours = calls.ours.filter((call) => call.target !== target);
  await writeCalls(context);
}

/** Metadata of an update of the machine that is the lock: what stands there now is newer than the plan. */
export function callsStamp(context: ApplyContext, machineId: string): Record<string, string> {
  const text = context.lock?.machineId === machineId ? callsText(context) : null;
  return text === null ? {} : { [stampKeys.calls]: text };
}

/**
 * Before the machine that is the app's lock is destroyed: calls that lists may not show yet go on to the next one, and with
 * them the lock. Answers the lease that was the lock, to be given up once the machine is gone. Where the next one cannot
 * be locked, the lists have to do.
 */
export async function passLockOn(context: ApplyContext, machineId: string): Promise<HeldLease | undefined> {
  const { app, lock, log } = context;
  if (lock?.machineId !== machineId || callsText(context) === null) return undefined;
  context.lock = undefined;
  try {
    await lockApp(context, machineId);
    await writeCalls(context);
  } catch (error) {
    log.warn({ app: app.name, machine: machineId, error: String(error) }, 'the lock of an app was not passed on');
  }
  return lock;
}

async function writeCalls(context: ApplyContext): Promise<void> {
  const { fly, app, lock } = context;
  if (lock !== undefined) await fly.patchMetadata(app.name, lock.machineId, { [stampKeys.calls]: callsText(context) });
}

function callsText({ calls, clock }: ApplyContext): string | null {
  return formatCalls(
    [...(calls?.before ?? []), ...(calls?.ours ?? [])].filter((call) => certainOf(call) > clock.now()),
  );
}
