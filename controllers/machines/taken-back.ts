import type { Machine } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { hashOf, isObject } from '../../src/model/base/json.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import { isHostOk } from '../../src/plan/classify/machine-state.ts';
import { eventWords } from '../../src/plan/classify/exit.ts';
import { versionMadeAt } from '../../src/plan/classify/machine-history.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { betweenLooksMs } from '../pass/fly-now.ts';
import { overtaken } from './overtaken.ts';

/** A machine that is not booted is replaced within a second, but for an image that Fly looks for in vain. */
const replacedSeconds = 60;
/** Reads lag by seconds, as lists do; one that shows no update by then tells of none, and Fly has taken it back without a word. */
const shownMsMax = 60_000;

/** What an update was sent to. */
export interface Updated {
  /** instance_id that the update answered with. */
  readonly version: string | undefined;
  /** The machine right before the update. undefined: not known, so nothing can be said to have come back. */
  readonly before: Machine | undefined;
}

/**
 * The machine after its update: one that is shown as it was before, or not at all, is looked at again for a while. undefined:
 * it is gone. Throws a waiting Fault where git moves on meanwhile.
 */
export async function machineAfter(pass: AppPass, machineId: string, updated: Updated): Promise<Machine | undefined> {
  const { clock, fly, yieldSlot } = pass.services;
  const giveUpAt = clock.monotonic() + shownMsMax;
  for (;;) {
    const machine = await fly.machine(pass.app.name, machineId);
    if (!isFromBefore(machine, updated) || clock.monotonic() >= giveUpAt) return machine;
    await yieldSlot(() => clock.sleep(betweenLooksMs, pass.newer)).catch((error: unknown) => {
      throw pass.newer?.aborted === true ? overtaken(pass, machineId) : error;
    });
  }
}

/** What lags knows nothing of the update: neither its version, nor a newer one, nor an event of it. */
function isFromBefore(machine: Machine | undefined, { version, before }: Updated): boolean {
  if (machine === undefined) return true;
  if (version === undefined || machine.instance_id === version) return false;
  // Of a machine whose host does not answer Fly shows how it was.
  if (!isHostOk(machine)) return false;
  const known = new Set(before?.events?.map((event) => hashOf(event)));
  const isTold =
    before !== undefined && (machine.events ?? []).some((one) => one.type === 'update' && !known.has(hashOf(one)));
  if (isTold) return false;
  const madeAt = versionMadeAt(machine);
  const since = versionMadeAt({ instance_id: version });
  return machine.instance_id === before?.instance_id || (madeAt !== undefined && since !== undefined && madeAt < since);
}

/**
 * true: since this version of it was made Fly has moved the machine to another host, which gives it a version of its own, of
 * whatever config Fly had then.
 */
export function hasMovedSince({ events }: Machine, version: string): boolean {
  const madeAt = versionMadeAt({ instance_id: version }) ?? Infinity;
  return (events ?? []).some(
    ({ type, request, timestamp = 0 }) =>
      type === 'launch' && isObject(request) && request['migrated'] === true && timestamp >= madeAt,
  );
}

/**
 * Fly gives an update up, for one whose image it cannot get, by putting the machine back to what it was: the instance id is
 * the one from before, or the config is, under an id of its own. It says nothing else of it. Throws a Fault that blames
 * the version then; sent again it would be taken back again.
 */
export function checkNotTakenBack(pass: AppPass, machine: Machine, { version, before }: Updated): void {
  if (before === undefined || version === undefined || machine.instance_id === version || !isHostOk(machine)) return;
  const isSame = machine.instance_id === before.instance_id;
  const isAlike = before.config != null && hashOf(machine.config ?? {}) === hashOf(before.config);
  if ((!isSame && !isAlike) || hasMovedSince(machine, version)) return;
  throw new Fault({
    kind: 'transient',
    blames: 'machine',
    what: 'Fly took the update of a machine back',
    why: `it has the version from before again${eventWords(machine.events ?? [])}`,
    next: `see why: fly logs -a ${shellWord(pass.app.name)} --machine ${shellWord(machine.id)}; where no registry has the image, name another`,
    where: `${pass.app.name} ${machine.id} (${machine.name})`,
  });
}

/** Nobody waits for the health of a machine at rest, but its update may be taken back as well. */
export async function waitReplaced(pass: AppPass, machineId: string, updated: Updated): Promise<void> {
  const { fly, yieldSlot } = pass.services;
  const { name } = pass.app;
  const states = ['stopped', 'started', 'suspended', 'failed', 'destroyed'];
  const { version } = updated;
  try {
    const request = { states, version, timeoutSeconds: replacedSeconds, signal: pass.newer };
    await yieldSlot(() => fly.wait(name, machineId, request));
  } catch (error) {
    if (!(error instanceof FlyError) && pass.newer?.aborted !== true) throw error;
  }
  const machine = await machineAfter(pass, machineId, updated);
  if (machine !== undefined) checkNotTakenBack(pass, machine, updated);
}
