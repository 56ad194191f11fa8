import PQueue from 'p-queue';
import { toFault } from '../../src/model/base/fault.ts';
import { stampKeys } from '../../src/model/stamps/keys.ts';
import { isOwn } from '../../src/model/stamps/owner.ts';
import { secretsStampText } from '../../src/plan/kinds/secret-evidence.ts';
import { isGone, isHostOk, metadataOf } from '../../src/plan/classify/machine-state.ts';
import type { AppPass } from '../pass/app-pass.ts';

/** Machines stamped at once: each patch is a call of its own, and other apps have theirs to make. */
const patchesAtOnce = 8;

/** Metadata to send, with evidence as it is by now: the planner's is from before this pass set a secret. */
export function withSecretsStamp(
  pass: AppPass,
  metadata: Readonly<Record<string, string>> | null | undefined,
): Record<string, string> {
  const stamp = secretsStampText(pass.stamped);
  if (stamp === undefined) return { ...metadata };
  const { [stampKeys.secrets]: _before, ...others } = metadata ?? {};
  return stamp === null ? others : { ...others, [stampKeys.secrets]: stamp };
}

/**
 * Brings the stamp to all machines of ours at once, also to those that this pass does not update: from the moment a secret
 * is set, whoever plans this app elsewhere has to find the value's evidence. It fails nothing: the value is set, SQLite
 * knows it, and the next plan labels what was missed. A machine whose host does not answer gets its stamp then.
 */
export async function stampSecrets(pass: AppPass): Promise<void> {
  const { fly, log } = pass.services;
  const { app, fleet } = pass;
  const stamp = secretsStampText(pass.stamped);
  if (stamp === undefined) return;
  try {
    const behind = (await fly.machines(app.name)).filter((machine) => {
      const metadata = metadataOf(machine);
      if (isGone(machine) || !isHostOk(machine) || !isOwn(metadata, fleet)) return false;
      return (metadata[stampKeys.secrets] ?? null) !== stamp;
    });
    const queue = new PQueue({ concurrency: patchesAtOnce });
    const patches = behind.map(({ id }) =>
      queue.add(() => fly.patchMetadata(app.name, id, { [stampKeys.secrets]: stamp })),
    );
    const failed = (await Promise.allSettled(patches)).find((patch) => patch.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    const { message } = toFault(error, 'evidence of secrets could not be stamped');
    log.warn({ app: app.name, error: message }, 'evidence of secrets is not on every machine yet');
  }
}
