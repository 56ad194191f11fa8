import type { SyncWritten, WindowWritten } from '../../../schemas/policy.ts';
import { durationSeconds } from '../../../schemas/written.ts';
import { defaultPolicy, type SyncPolicy, type SyncWindow } from '../../model/base/policy.ts';

/** Outermost first: each key of a later one wins, lists as a whole. */
export function syncPolicy(written: readonly (SyncWritten | undefined)[]): SyncPolicy {
  let policy = defaultPolicy;
  for (const sync of written) {
    if (sync === undefined) continue;
    policy = {
      auto: sync.auto ?? policy.auto,
      drift: sync.drift ?? policy.drift,
      prune: sync.prune ?? policy.prune,
      maxDeletes: sync.max_deletes ?? policy.maxDeletes,
      intervalSeconds: sync.interval === undefined ? policy.intervalSeconds : durationSeconds(sync.interval),
      windows: sync.windows === undefined ? policy.windows : sync.windows.map(windowOf),
      replaceUnreachable: sync.replace_unreachable ?? policy.replaceUnreachable,
      onFailure: sync.on_failure ?? policy.onFailure,
    };
  }
  return policy;
}

function windowOf({ kind, schedule, duration, timezone }: WindowWritten): SyncWindow {
  return {
    kind: kind ?? 'allow',
    schedule,
    durationSeconds: durationSeconds(duration) ?? 0,
    timezone: timezone ?? 'UTC',
  };
}
