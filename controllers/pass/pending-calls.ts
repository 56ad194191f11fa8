import { formatCalls, parseCalls, type StampedCall } from '../../src/model/stamps/calls-stamp.ts';
import { datedNow } from '../../src/model/base/moment.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { certainOf } from '../../src/plan/kinds/intents.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass, PassCall } from './app-pass.ts';
import { lockApp } from './app-lock.ts';
import type { HeldLease } from './services.ts';

/** Clocks that are told apart by Fly's answers agree better than this. */
const apartMsMax = 5000;

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
    const ageOf = ({ createdAt }: StampedCall): number => clock.now() + fly.aheadMs() - createdAt;
    const read = stamped.map((call) => ({ ...call, since: clock.monotonic() - Math.max(0, ageOf(call)) }));
    pass.calls = { before: read.filter((call) => isUncertain(pass, call)), ours: [] };
    // Dated anew: else whoever comes next would wait for it once more, until that time has come.
    if (stamped.some((call) => ageOf(call) < -apartMsMax)) await writeCalls(pass).catch(() => undefined);
  }
  return pass.calls.before.map((call) => dated(pass, call));
}

function dated({ services: { clock } }: AppPass, { kind, target, before, since }: PassCall): StampedCall {
  return { kind, target, before, createdAt: datedNow(clock, { monotonic: since }) };
}

function isUncertain(pass: AppPass, call: PassCall): boolean {
  return certainOf(dated(pass, call)) > pass.services.clock.now();
}

/** Before the call, so that a crash between the two leaves no more than a minute's wait; again dates it anew. */
export async function announceCall(pass: AppPass, call: Omit<StampedCall, 'createdAt'>): Promise<void> {
  await callsOnLock(pass);
  const { calls, services } = pass;
  if (calls === undefined) return;
  const others = calls.ours.filter(({ kind, target }) => kind !== call.kind || target !== call.target);
  calls.ours = [...others, { ...call, since: services.clock.monotonic() }];
  await writeCalls(pass);
}

/** Refused: nothing was made, and nobody has to wait for it. */
export async function retractCall(pass: AppPass, call: Pick<StampedCall, 'kind' | 'target'>): Promise<void> {
  const { calls } = pass;
  if (calls === undefined) return;
  calls.ours = calls.ours.filter(({ kind, target }) => kind !== call.kind || target !== call.target);
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

function callsText(pass: AppPass): string | null {
  const { calls, services } = pass;
  const open = [...(calls?.before ?? []), ...(calls?.ours ?? [])].filter((call) => isUncertain(pass, call));
  const all = open.map((call) => dated(pass, call));
  return formatCalls(all.map((call) => ({ ...call, createdAt: call.createdAt + services.fly.aheadMs() })));
}
