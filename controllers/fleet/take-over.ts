import PQueue from 'p-queue';
import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { AppPlan, MachineLabel, Plan } from '../../src/model/plan.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import { withPlans } from '../../src/plan/fleet.ts';
import type { GuardedPlan } from '../../src/plan/steps/guarded.ts';
import type { SyncContext } from '../app/types.ts';
import { selectApps } from './asked-for.ts';
import { plainPass, planWhole } from './plan.ts';
import { recordBroken, recordUnseen } from './untouched.ts';

/**
 * Makes apps ours that carry the owner `desired.from`: their machines get this fleet's labels, and nothing else of a pass is
 * done. What that owner remembers of an app follows it, before its labels: once the last of them is written nothing on Fly asks
 * for this command again. It follows as well where there is nothing to label, because another FlyCD has done so or there is no
 * machine yet. Repeating it is harmless. Apps without such machines get no run, and are not in the plan: nobody compared them. That
 * one could not be looked at is recorded, as by every pass.
 * `apps`: globs of those that are asked about; empty = all.
 */
export async function takeOver(
  context: SyncContext,
  desired: DesiredFleet,
  apps: readonly string[] = [],
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] }> {
  const recording = { ...context, fleet: desired, trigger: 'command' } as const;
  const { plan: whole } = await planWhole({ ...context, orphans: false }, desired, { ...plainPass, apps }).catch(
    async (error: unknown) => {
      await recordBroken(recording, selectApps(desired.apps, apps), error);
      throw error;
    },
  );
  const shown = whole.apps.filter(({ steps, status }) => steps.length > 0 || status !== 'synced');
  const queue = new PQueue({ concurrency: context.concurrency });
  for (const own of whole.apps) if (isLeftToUs(own)) await context.store.takeRows(own.app);
  const taken = shown.filter(({ steps }) => steps.length > 0);
  const runs = await allEnded(taken.map((app) => queue.add(() => takeApp(context, desired, app))));
  const plan = withPlans(whole, shown);
  const unseen = await recordUnseen(recording, plan);
  return { plan, runs: [...runs.flat(), ...unseen].toSorted((a, b) => byText(a.app, b.app)) };
}

/** Nobody else has a machine in it, as far as anybody can tell; or what of it can be labelled is ours from now on. */
function isLeftToUs({ steps, holds }: AppPlan): boolean {
  return steps.length > 0 || holds.length === 0;
}

async function takeApp(context: SyncContext, { revision }: DesiredFleet, plan: GuardedPlan): Promise<readonly Run[]> {
  const { store, actor, onProgress, signal } = context;
  const { app } = plan;
  if (signal.aborted) return [];
  onProgress({ type: 'app.started', app });
  const runId = await store.startRun({ app, trigger: 'command', actor, revision, plan });
  let failed = false;
  // What a plan for an earlier owner's place consists of.
  for (const step of plan.steps.filter((one) => one.kind === 'machine.label')) {
    onProgress({ type: 'step.started', app, step });
    const result = await label(context, step);
    failed ||= result.outcome === 'failed';
    await store.addResult(runId, result);
    onProgress({ type: 'step.finished', app, step, result });
  }
  if (!failed) await store.markKnown(app);
  const outcome = failed ? 'failed' : plan.holds.length > 0 ? 'held' : 'updated';
  // Whether it runs what git wants nobody has compared: that is for the next pass.
  const run = await store.finishRun(runId, { outcome, status: failed ? 'failed' : 'pending', nextWakeAt: undefined });
  onProgress({ type: 'app.finished', app, run });
  return [run];
}

async function label({ clock, fly }: SyncContext, step: MachineLabel): Promise<StepResult> {
  const { kind, target, app, machineId, metadata } = step;
  const startedAt = clock.now();
  try {
    await fly.patchMetadata(app, machineId, metadata);
    const done = { message: undefined, next: undefined, startedAt, finishedAt: clock.now() };
    return { kind, target, outcome: 'updated', ...done };
  } catch (error) {
    const { message, next } = toFault(error, 'a machine could not be labelled');
    return { kind, target, outcome: 'failed', message, next, startedAt, finishedAt: clock.now() };
  }
}
