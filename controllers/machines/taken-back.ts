import type { Machine } from '../../schemas/fly/machine.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { hashOf } from '../../src/model/base/json.ts';
import { shellWord } from '../../src/model/base/shell.ts';
import { eventWords } from '../../src/plan/classify/machine-history.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** A machine that is not booted is replaced within a second, but for an image that Fly looks for in vain. */
const replacedSeconds = 60;

/** What an update was sent to. */
export interface Updated {
  /** instance_id that the update answered with. */
  readonly version: string | undefined;
  /** The machine right before the update. undefined: not known, so nothing can be said to have come back. */
  readonly before: Machine | undefined;
}

/**
 * Fly gives an update up, for one whose image it cannot get, by putting the machine back to what it was: the instance id is
 * the one from before, or the config is, under an id of its own. It says nothing else of it. Throws a Fault that blames
 * the version then; sent again it would be taken back again.
 */
export function checkNotTakenBack(pass: AppPass, machine: Machine, { version, before }: Updated): void {
  if (before === undefined || version === undefined || machine.instance_id === version) return;
  const isSame = machine.instance_id === before.instance_id;
  const isAlike = before.config != null && hashOf(machine.config ?? {}) === hashOf(before.config);
  if (!isSame && !isAlike) return;
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
  const { fly } = pass.services;
  const { name } = pass.app;
  const states = ['stopped', 'started', 'suspended', 'failed', 'destroyed'];
  const { version } = updated;
  try {
    await fly.wait(name, machineId, { states, version, timeoutSeconds: replacedSeconds, signal: pass.newer });
  } catch (error) {
    if (!(error instanceof FlyError) && pass.newer?.aborted !== true) throw error;
  }
  const machine = await fly.machine(name, machineId);
  if (machine !== undefined) checkNotTakenBack(pass, machine, updated);
}
