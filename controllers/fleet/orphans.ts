import type { FlyReader, FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { byText } from '../../src/model/base/text.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { AppPlan } from '../../src/model/plan.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { Run, StepResult, Trigger } from '../../src/model/run.ts';
import { nextWake } from '../app/outcome.ts';
import { observeReleases } from '../../src/observed/app.ts';
import { observeContents, observeOrphan, observeOrphans } from '../../src/observed/orphans.ts';
import type { Store } from '../../src/record/store.ts';

export interface FoundOrphans {
  /** By name. */
  readonly orphans: readonly OrphanedApp[];
  /** false: there may be more, and those that were known before may still be there. */
  readonly complete: boolean;
}

/**
 * Apps of this fleet on Fly that git does not name, in the organizations of those it does. None is looked for while the
 * fleet has no name of its own or part of the config could not be read: what is missing then is unknown, not gone.
 */
export async function findOrphans(
  fly: FlyReader,
  fleet: DesiredFleet,
  orgs: ReadonlySet<string>,
): Promise<FoundOrphans> {
  if (!fleet.named) return { orphans: [], complete: true };
  if (!fleet.whole) return { orphans: [], complete: false };
  const named = new Set([...fleet.apps.map((app) => app.name), ...fleet.invalid.flatMap((app) => app.name ?? [])]);
  const found: OrphanedApp[] = [];
  let complete = true;
  for (const org of orgs) {
    const observed = await observeOrphans({ fly, org, fleet: fleet.name, desired: named });
    found.push(...observed.orphans);
    complete &&= observed.complete;
  }
  const prunes = fleet.policy.prune.includes('app');
  const told = prunes ? await Promise.all(found.map((orphan) => withContents(fly, orphan))) : found;
  return { orphans: told.toSorted((a, b) => byText(a.name, b.name)), complete };
}

/** An orphan as it is now: it may have waited for somebody to be done. undefined: it is none any more, or nobody can tell. */
export async function lookAgain(
  fly: FlyReader,
  fleet: DesiredFleet,
  orphan: OrphanedApp,
): Promise<OrphanedApp | undefined> {
  const found = await observeOrphan({ fly, fleet: fleet.name }, orphan);
  return found === undefined || !fleet.policy.prune.includes('app') ? found : withContents(fly, found);
}

/** Before it is destroyed: who is at work on it, and all that goes with it. */
async function withContents(fly: FlyReader, orphan: OrphanedApp): Promise<OrphanedApp> {
  const [releases, contents] = await Promise.all([
    observeReleases({ fly, app: orphan.name }),
    observeContents(fly, orphan.name),
  ]);
  return { ...orphan, releases, contents };
}

export interface OrphanRequest {
  readonly clock: Clock;
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly fleet: DesiredFleet;
  readonly plan: AppPlan;
  readonly trigger: Trigger;
  readonly actor: string;
  readonly onProgress: OnProgress;
}

/** Records that an app is orphaned, and destroys it where its plan says so: only where the policy prunes apps. */
export async function syncOrphan(request: OrphanRequest): Promise<Run> {
  const { clock, store, plan, fleet, trigger, actor, onProgress } = request;
  onProgress({ type: 'app.started', app: plan.app });
  const runId = await store.startRun({ app: plan.app, trigger, actor, revision: fleet.revision, plan });
  let failed = false;
  for (const step of plan.steps) {
    if (step.kind !== 'app.destroy') continue;
    onProgress({ type: 'step.started', app: plan.app, step });
    const startedAt = clock.now();
    const result: StepResult = {
      ...(await destroy(request)),
      kind: step.kind,
      target: step.target,
      startedAt,
      finishedAt: clock.now(),
    };
    failed = result.outcome === 'failed';
    await store.addResult(runId, result);
    onProgress({ type: 'step.finished', app: plan.app, step, result });
  }
  const left = plan.holds.length > 0 ? 'held' : 'no-change';
  const outcome = failed ? 'failed' : plan.steps.length > 0 ? 'deleted' : left;
  // Destroyed, Fly is as git says; else it runs on.
  const status = failed ? 'failed' : plan.steps.length > 0 ? 'synced' : 'orphaned';
  const run = await store.finishRun(runId, { outcome, status, nextWakeAt: nextWake(plan, []) });
  onProgress({ type: 'app.finished', app: plan.app, run });
  return run;
}

async function destroy({ fly, plan }: OrphanRequest): Promise<Pick<StepResult, 'outcome' | 'message' | 'next'>> {
  try {
    await fly.deleteApp(plan.app);
    return { outcome: 'deleted', message: undefined, next: undefined };
  } catch (error) {
    const fault = toFault(error, `${plan.app} could not be destroyed`);
    return { outcome: 'failed', message: fault.message, next: fault.next };
  }
}
