import PQueue from 'p-queue';
import type { Machine } from '../../schemas/fly/machine.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { AppPlan, MachineLabel, Plan } from '../../src/model/plan.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import { withPlans } from '../../src/plan/fleet.ts';
import type { GuardedPlan } from '../../src/plan/steps/guarded.ts';
import type { SyncContext } from '../app/types.ts';
import { keepLabels } from '../kinds/kept-labels.ts';
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
  const { plan: whole, planned } = await planWhole({ ...context, orphans: false }, desired, {
    ...plainPass,
    apps,
  }).catch(async (error: unknown) => {
    await recordBroken(recording, selectApps(desired.apps, apps), error);
    throw error;
  });
  const shown = whole.apps.filter(({ steps, status }) => steps.length > 0 || status !== 'synced');
  const queue = new PQueue({ concurrency: context.concurrency });
  for (const own of whole.apps) if (isLeftToUs(own)) await context.store.takeRows(own.app);
  const taken = shown.filter(({ steps }) => steps.length > 0);
  const runs = await allEnded(
    taken.map((plan) => {
      const machines = planned.get(plan.app)?.observed.machines;
      const listed = machines?.status === 'read' ? machines.value : [];
      return queue.add(() => takeApp(context, desired, { plan, machines: listed }));
    }),
  );
  const plan = withPlans(whole, shown);
  const unseen = await recordUnseen(recording, plan);
  return { plan, runs: [...runs.flat(), ...unseen].toSorted((a, b) => byText(a.app, b.app)) };
}

/** Nobody else has a machine in it, as far as anybody can tell; or what of it can be labelled is ours from now on. */
function isLeftToUs({ steps, holds }: AppPlan): boolean {
  return steps.length > 0 || holds.length === 0;
}

async function takeApp(
  context: SyncContext,
  { revision }: DesiredFleet,
  { plan, machines }: { readonly plan: GuardedPlan; readonly machines: readonly Machine[] },
): Promise<readonly Run[]> {
  const { store, actor, onProgress, signal } = context;
  const { app } = plan;
  if (signal.aborted) return [];
  onProgress({ type: 'app.started', app });
  const runId = await store.startRun({ app, trigger: 'command', actor, revision, plan });
  // What a plan for an earlier owner's place consists of.
  const labels = plan.steps.filter((one) => one.kind === 'machine.label');
  const written: StepResult[] = [];
  for (const step of labels) {
    onProgress({ type: 'step.started', app, step });
    written.push(await label(context, step));
  }
  const results = await kept(context, app, { labels, machines, written });
  for (const [index, result] of results.entries()) {
    await store.addResult(runId, result);
    const step = labels[index];
    if (step !== undefined) onProgress({ type: 'step.finished', app, step, result });
  }
  const failed = results.some(({ outcome }) => outcome === 'failed');
  if (!failed) await store.markKnown(app);
  const outcome = failed ? 'failed' : plan.holds.length > 0 ? 'held' : 'updated';
  // Whether it runs what git wants nobody has compared: that is for the next pass.
  const run = await store.finishRun(runId, { outcome, status: failed ? 'failed' : 'pending', nextWakeAt: undefined });
  onProgress({ type: 'app.finished', app, run });
  return [run];
}

interface Taken {
  readonly labels: readonly MachineLabel[];
  /** As they were listed before. */
  readonly machines: readonly Machine[];
  readonly written: readonly StepResult[];
}

/** Where the app goes all the same, with somebody who was destroying it, or nobody could see whether it does, none of them is done. */
async function kept(
  context: SyncContext,
  app: string,
  { labels, machines, written }: Taken,
): Promise<readonly StepResult[]> {
  const done = labels.filter((_, index) => written[index]?.outcome !== 'failed');
  try {
    await keepLabels(context, app, { labels: done, machines });
    return written;
  } catch (error) {
    const { message, next } = toFault(error, `whether ${app} was taken over could not be seen`);
    const finishedAt = context.clock.now();
    return written.map((result) => ({ ...result, outcome: 'failed', message, next, finishedAt }));
  }
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
