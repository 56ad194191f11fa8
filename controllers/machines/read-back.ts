import type { Machine, MachineConfig } from '../../schemas/fly/machine.ts';
import { fieldChanges } from '../../src/flyconfig/live/changes.ts';
import { settle } from '../../src/flyconfig/live/settle.ts';
import { readHash } from '../../src/flyconfig/live/version.ts';
import { formatRead, parseIds } from '../../src/model/stamps/stamps.ts';
import { flyctlKeys, stampKeys } from '../../src/model/stamps/keys.ts';
import { isHostOk } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';
import { takenOver } from '../pass/basis.ts';
import { silentHost } from './silent-host.ts';
import { machineAfter } from './taken-back.ts';

/** Metadata values have no documented limit; a platform that rewrites more than this is named, not listed. */
const keptPathsMax = 50;

export interface Written {
  readonly machineId: string;
  /** instance_id that the write answered with. */
  readonly version: string | undefined;
  readonly sent: MachineConfig;
  /** It was seen healthy, or was not to be started. */
  readonly isProven: boolean;
}

/**
 * After a write: what Fly made of the config we sent is read back and stamped, so that the next pass can tell in-sync
 * from drift by comparing two hashes. What the platform keeps its own way is stamped too, and said once. A machine that
 * somebody changed meanwhile is not stamped: what they wrote would pass for what Fly made of ours, and never be seen.
 */
export async function stampReadBack(
  pass: AppPass,
  { machineId, version, sent, isProven }: Written,
): Promise<{ readonly note: string | undefined }> {
  const { fly } = pass.services;
  const { app } = pass;
  // What was seen healthy is there: a read that shows it otherwise lags. Of one that failed the next pass finds out.
  const machine = isProven
    ? await machineAfter(pass, machineId, { version, before: undefined })
    : await fly.machine(app.name, machineId);
  // It was seen healthy, and nobody can write that down.
  if (machine !== undefined && !isHostOk(machine)) throw silentHost(pass, machine);
  if (machine?.config === undefined || machine.config === null) return { note: undefined };
  // What was done is done, and told as that: who comes next plans from there.
  takenOver(pass, [machine]);
  if (isProven) succeeds(pass, machine);
  if (version !== undefined && machine.instance_id !== version) {
    return { note: 'somebody changed it right after; the next pass compares it' };
  }
  const live = machine.config;
  const kept = fieldChanges(settle(sent), settle(live)).map((change) => change.path);
  const metadata: Record<string, string | null> = {
    [stampKeys.read]: formatRead(readHash(live)),
    [stampKeys.machine]: machineId,
    [stampKeys.kept]: kept.length > 0 ? JSON.stringify(kept.slice(0, keptPathsMax)) : null,
    [stampKeys.release]: live.metadata?.[flyctlKeys.releaseId] ?? null,
    ...(isProven ? { [stampKeys.unproven]: null } : {}),
    // What stays until here came first.
    [stampKeys.begun]: null,
  };
  // Removing a key that is not there would be a needless write.
  for (const [key, value] of Object.entries(metadata)) {
    if (value === null && live.metadata?.[key] === undefined) delete metadata[key];
  }
  await fly.patchMetadata(app.name, machineId, metadata);
  const note = kept.length > 0 ? `the platform keeps ${kept.slice(0, 5).join(', ')} its own way` : undefined;
  return { note };
}

/** It was seen healthy: from now on the machine whose place it has taken does not count. */
export function succeeds(pass: AppPass, { config }: Machine): void {
  for (const id of parseIds(config?.metadata?.[stampKeys.replaces])) pass.replaced.add(id);
}
