import PQueue from 'p-queue';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { AppPlan, Plan, Step } from '../../src/model/plan.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import type { SyncContext } from '../app/types.ts';
import { plainPass, planWhole } from './plan.ts';

/**
 * Makes apps ours that carry the owner `desired.from`: their machines get this fleet's labels, and nothing else of a pass is
 * done. Repeating it is harmless; apps without such machines get no run.
 */
export async function takeOver(
  context: SyncContext,
  desired: DesiredFleet,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] }> {
  const { plan } = await planWhole({ ...context, orphans: false }, desired, plainPass);
  const queue = new PQueue({ concurrency: context.concurrency });
  const taken = plan.apps.filter(({ steps }) => steps.length > 0);
  const runs = await Promise.all(taken.map((app) => queue.add(() => takeApp(context, desired, app))));
  return { plan, runs: runs.flat().toSorted((a, b) => byText(a.app, b.app)) };
}

async function takeApp(context: SyncContext, { revision }: DesiredFleet, plan: AppPlan): Promise<readonly Run[]> {
  const { store, actor, onProgress, signal } = context;
  const { app } = plan;
  if (signal.aborted) return [];
  onProgress({ type: 'app.started', app });
  const runId = await store.startRun({ app, trigger: 'command', actor, revision, plan });
  let failed = false;
  for (const step of plan.steps) {
    onProgress({ type: 'step.started', app, step });
    const result = await label(context, step);
    failed ||= result.outcome === 'failed';
    await store.addResult(runId, result);
    onProgress({ type: 'step.finished', app, step, result });
  }
  if (!failed) await store.markKnown(app);
  const outcome = failed ? 'failed' : 'updated';
  // All that was to be done is; what git wants of the app besides is for the next pass to say.
  const run = await store.finishRun(runId, { outcome, status: failed ? 'failed' : 'synced', nextWakeAt: undefined });
  onProgress({ type: 'app.finished', app, run });
  return [run];
}

async function label({ clock, fly }: SyncContext, step: Step): Promise<StepResult> {
  const { kind, target, app } = step;
  const startedAt = clock.now();
  try {
    if (step.kind !== 'machine.label') throw new Error(`${kind} is no label`);
    await fly.patchMetadata(app, step.machineId, step.metadata);
    return {
      kind,
      target,
      outcome: 'updated',
      message: undefined,
      next: undefined,
      startedAt,
      finishedAt: clock.now(),
    };
  } catch (error) {
    const { message, next } = toFault(error, 'a machine could not be labelled');
    return { kind, target, outcome: 'failed', message, next, startedAt, finishedAt: clock.now() };
  }
}
