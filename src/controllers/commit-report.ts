import type { DesiredFleet } from '../model/desired.ts';
import type { Run } from '../model/run.ts';
import type { CommitStatus } from '../notify/commit-status.ts';

export interface CommitReporter {
  /** A new commit was read; these apps have yet to have their pass at it. */
  begin(fleet: DesiredFleet, moved: readonly string[]): Promise<void>;
  /** An app had its pass. */
  finished(fleet: DesiredFleet, run: Run): Promise<void>;
}

/**
 * Tells the config repo's host how a commit fares: pending when it is read, and one terminal state with the counts once
 * every app that it moved has had its pass. An app that fails and recovers later turns the state again.
 */
export function createCommitReporter(options: {
  readonly status: CommitStatus;
  readonly repo: string;
}): CommitReporter {
  const outstanding = new Set<string>();
  const outcomes = new Map<string, Run>();
  let revision = '';

  async function report(fleet: DesiredFleet): Promise<void> {
    if (!/^[0-9a-f]{40}$/.test(fleet.revision)) return;
    const runs = [...outcomes.values()];
    await options.status.reportFleet({
      repo: options.repo,
      commit: fleet.revision,
      pending: outstanding.size,
      synced: fleet.apps.length - runs.filter((run) => run.status !== 'synced').length - outstanding.size,
      failed: runs.filter((run) => run.status === 'failed').length,
      held: runs.filter((run) => run.status !== 'failed' && run.status !== 'synced').length,
      invalid: fleet.invalid.length,
      whole: fleet.whole,
    });
  }

  return {
    async begin(fleet, moved) {
      if (fleet.revision !== revision) outstanding.clear();
      revision = fleet.revision;
      for (const app of moved) {
        outstanding.add(app);
        outcomes.delete(app);
      }
      for (const app of outcomes.keys()) if (fleet.apps.every((wanted) => wanted.name !== app)) outcomes.delete(app);
      await report(fleet);
    },
    async finished(fleet, run) {
      if (fleet.revision !== revision) return;
      const waited = outstanding.delete(run.app);
      const before = outcomes.get(run.app)?.status;
      outcomes.set(run.app, run);
      if (outstanding.size === 0 && (waited || before !== run.status)) await report(fleet);
    },
  };
}
