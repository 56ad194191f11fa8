import PQueue from 'p-queue';
import type { Machine } from '../../schemas/fly/machine.ts';
import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault, type Fault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { AppPlan, AppStatus, Plan } from '../../src/model/plan.ts';
import type { Run, RunOutcome, StepResult } from '../../src/model/run.ts';
import { withPlans } from '../../src/plan/fleet.ts';
import { labelsFrom } from '../../src/plan/kinds/owner-labels.ts';
import type { GuardedPlan } from '../../src/plan/steps/guarded.ts';
import { isGone } from '../../src/plan/classify/machine-state.ts';
import type { ObservedApp } from '../../src/model/observed.ts';
import { betweenLooksMs } from '../pass/fly-now.ts';
import { asideOf, type Aside } from '../../src/loop/aside.ts';
import type { SyncContext } from '../app/types.ts';
import { writeLabels, type Labelled } from '../kinds/kept-labels.ts';
import { selectApps } from './asked-for.ts';
import { plainPass, planWhole, type Whole } from './plan.ts';
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
  const { plan: whole, planned } = await planTwice(context, desired, apps).catch(async (error: unknown) => {
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
      const yieldSlot = asideOf(queue, context.concurrency);
      return queue.add(() => takeApp({ ...context, yieldSlot }, desired, { plan, machines: listed }));
    }),
  );
  const plan = withPlans(whole, shown);
  const unseen = await recordUnseen(recording, plan);
  return { plan, runs: [...runs.flat(), ...unseen].toSorted((a, b) => byText(a.app, b.app)) };
}

/** An app that Fly shows and no machine of is looked at once more: one list may show none for a moment, and nothing would be taken over. */
async function planTwice(
  context: SyncContext,
  desired: DesiredFleet,
  apps: readonly string[],
): Promise<Pick<Whole, 'plan' | 'planned'>> {
  const look = (names: readonly string[]): Promise<Whole> =>
    planWhole({ ...context, orphans: false }, desired, { ...plainPass, apps: names });
  const whole = await look(apps);
  const chosen = new Set(whole.plan.apps.map(({ app }) => app));
  const empty = [...whole.planned].filter(([app, { observed }]) => chosen.has(app) && showsNoMachine(observed));
  if (empty.length === 0) return whole;
  await context.clock.sleep(betweenLooksMs, context.signal);
  const again = await look(empty.map(([app]) => app));
  const newer = new Map(again.plan.apps.map((plan) => [plan.app, plan]));
  const plans = whole.plan.apps.map((plan) => newer.get(plan.app) ?? plan);
  return { plan: { ...whole.plan, apps: plans }, planned: new Map([...whole.planned, ...again.planned]) };
}

function showsNoMachine({ app, machines }: ObservedApp): boolean {
  const isThere = app.status === 'read' && app.value.state === 'present';
  return isThere && machines.status === 'read' && machines.value.every(isGone);
}

/** Nobody else has a machine in it, as far as anybody can tell; or what of it can be labelled is ours from now on. */
function isLeftToUs({ steps, holds }: AppPlan): boolean {
  return steps.length > 0 || holds.length === 0;
}

async function takeApp(
  context: SyncContext & { readonly yieldSlot: Aside },
  fleet: DesiredFleet,
  { plan, machines }: { readonly plan: GuardedPlan; readonly machines: readonly Machine[] },
): Promise<readonly Run[]> {
  const { store, actor, onProgress, signal, clock } = context;
  const { app } = plan;
  if (signal.aborted) return [];
  onProgress({ type: 'app.started', app });
  const runId = await store.startRun({ app, trigger: 'command', actor, revision: fleet.revision, plan });
  // What a plan for an earlier owner's place consists of.
  const labels = plan.steps.filter((one) => one.kind === 'machine.label');
  const labelled = await writeLabels(context, app, {
    fleet,
    machines,
    labels,
    labelsFor: (listed) => labelsFrom({ app, machines: listed, fleet }),
    onProgress: (step) => onProgress({ type: 'step.started', app, step }),
  }).catch((error: unknown) => {
    // Where the app went all the same, or nobody could see whether it stays or they do, none of them is written.
    const fault = toFault(error, `whether ${app} was taken over could not be seen`);
    const now = clock.now();
    return labels.map((label): Labelled => ({ label, fault, startedAt: now, finishedAt: now }));
  });
  const results = labelled.map(resultOf);
  for (const [index, result] of results.entries()) {
    await store.addResult(runId, result);
    const step = labelled[index]?.label;
    if (step !== undefined) onProgress({ type: 'step.finished', app, step, result });
  }
  const faults = labelled.flatMap(({ fault }) => fault ?? []);
  if (faults.length === 0) await store.markKnown(app);
  const end = endOf(faults, plan);
  const run = await store.finishRun(runId, { ...end, nextWakeAt: undefined });
  onProgress({ type: 'app.finished', app, run });
  return [run];
}

/** What somebody else has taken over at that moment has not failed: the two have to agree. */
function endOf(
  faults: readonly Fault[],
  { holds }: AppPlan,
): { readonly outcome: RunOutcome; readonly status: AppStatus } {
  if (faults.some(({ kind }) => kind !== 'held')) return { outcome: 'failed', status: 'failed' };
  if (faults.length > 0) return { outcome: 'held', status: 'held' };
  // Whether it runs what git wants nobody has compared: that is for the next pass.
  return { outcome: holds.length > 0 ? 'held' : 'updated', status: 'pending' };
}

function resultOf({ label: { kind, target }, fault, startedAt, finishedAt }: Labelled): StepResult {
  const outcome = fault === undefined ? 'updated' : 'failed';
  return { kind, target, outcome, message: fault?.message, next: fault?.next, startedAt, finishedAt };
}
