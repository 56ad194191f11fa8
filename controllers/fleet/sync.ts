import PQueue from 'p-queue';
import { allEnded } from '../../src/model/base/ending.ts';
import { asideOf, inPlace } from '../../src/loop/aside.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { isFleetWide, toFault } from '../../src/model/base/fault.ts';
import { byText } from '../../src/model/base/text.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { AppPlan, Plan } from '../../src/model/plan.ts';
import type { Run, Trigger } from '../../src/model/run.ts';
import { otherOwner } from '../../src/model/stamps/owner.ts';
import { metadataOf } from '../../src/plan/classify/machine-state.ts';
import { holdUnlisted, type Acceptance } from '../../src/plan/guards/accept.ts';
import { planOrphanAgain, withPlans, type FailedApp } from '../../src/plan/fleet.ts';
import { goesLast, lackingOf } from '../../src/plan/guards/removal-order.ts';
import { nothingOf, type GuardedPlan } from '../../src/plan/steps/guarded.ts';
import { listedMs } from '../pass/fly-now.ts';
import { readingOwnWrites } from '../kinds/own-writes.ts';
import { otherProcessMsMax } from '../app/own-turn.ts';
import { syncApp } from '../app/sync-app.ts';
import { recordUntouched } from '../app/outcome.ts';
import { observeAndPlan } from '../app/plan-app.ts';
import type { PlannedApp, SyncAppOptions, SyncContext } from '../app/types.ts';
import { selectApps } from './asked-for.ts';
import { recordGone } from './gone-apps.ts';
import { turnOf } from './orphan-destroy.ts';
import { lookAgain, rememberOrphan, syncOrphan, type OrphanWork } from './orphans.ts';
import { recordBroken } from './untouched.ts';
import { looksAtOnce } from './states/survey.ts';
import { failedAt, planWhole, type PassOptions, type Whole, optionsFor } from './plan.ts';

/**
 * Plans, then applies every app's plan side by side. One app's failure stops another's only with `abortEarly`. `runs` undefined: a
 * person who insisted thought better of it, and nothing was done.
 */
export async function syncPass(
  context: SyncContext,
  desired: DesiredFleet,
  options: PassOptions,
  trigger: Trigger,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] | undefined }> {
  const { whole, isMeant } = await planMeant(context, desired, { options, trigger });
  if (!isMeant) return { plan: whole.plan, runs: undefined };
  return applyWhole(context, desired, { ...whole, trigger, options });
}

/** Digits of a plan's id that name it: as many as text shows, and no fewer than tell plans apart. */
export const planIdDigitsMin = 8;

/**
 * The same, if what would be done is still the plan of this id: the whole fleet's, or one app's, which is then all that is
 * done. What a person accepts was held in the plan that `diff` showed: its id is as good as that of what is done. `runs`
 * undefined: it is another plan by now, and nothing was done.
 */
export async function syncPlanned(
  context: SyncContext,
  desired: DesiredFleet,
  options: PassOptions,
  id: string,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] | undefined; readonly isDeclined?: boolean }> {
  const { whole, isMeant } = await planMeant(context, desired, { options, trigger: 'command' });
  const { plan } = whole;
  if (!isMeant) return { plan, runs: undefined, isDeclined: true };
  const meant = [plan, whole.replan({ accepted: unaccepted })].flatMap((one) => appsOf(one, id));
  const apps = plan.apps.filter(({ app }) => meant.includes(app));
  if (apps.length === 0) return { plan, runs: undefined };
  return applyWhole(context, desired, {
    ...whole,
    plan: { ...plan, apps },
    isNamed: true,
    trigger: 'command',
    options,
  });
}

/** With what a person insists on as they have confirmed it, where they are asked. That nothing could be planned is recorded. */
async function planMeant(
  context: SyncContext,
  desired: DesiredFleet,
  { options, trigger }: Pick<Work, 'options' | 'trigger'>,
): Promise<{ readonly whole: Whole; readonly isMeant: boolean }> {
  await context.store.seeRevision(desired.revision);
  for (;;) {
    const whole = await planWhole(context, desired, options).catch(async (error: unknown) => {
      const apps = selectApps(desired.apps, options.apps);
      await recordBroken({ ...context, fleet: desired, trigger }, apps, error);
      throw error;
    });
    const doing = whole.plan.apps.filter(({ steps }) => steps.length > 0);
    const lifted = doing.flatMap(({ app }) => whole.planned.get(app)?.lifted ?? []);
    const answer = lifted.length === 0 ? 'go' : ((await context.confirm?.(lifted)) ?? 'go');
    if (answer !== 'again') return { whole, isMeant: answer === 'go' };
  }
}

const unaccepted: Acceptance = { accept: false, acceptOnly: [] };

/** The apps whose plan has this id, or all of them. */
function appsOf({ planId, apps }: Plan, id: string): readonly string[] {
  return apps.filter((one) => planId.startsWith(id) || one.planId.startsWith(id)).map(({ app }) => app);
}

interface Work extends Whole {
  /** Of a plan that a person named by its id. */
  readonly isNamed?: boolean;
  readonly trigger: Trigger;
  readonly options: PassOptions;
}

/**
 * An app whose release waits for others has its turn when they have had theirs, and is planned anew. Apps that git no longer
 * names come after all others: one that waited for those is planned with what has become of them.
 */
async function applyWhole(
  context: SyncContext,
  desired: DesiredFleet,
  work: Work,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] }> {
  const runs: Run[] = [];
  const { found, options } = work;
  if (found !== undefined) {
    const isMeant = (name: string): boolean => selectApps([{ name }], options.apps).length > 0;
    runs.push(...(await recordGone({ ...context, fleet: desired, trigger: work.trigger }, found, isMeant)));
  }
  for (const orphan of work.orphans) await rememberOrphan({ ...context, fleet: desired }, orphan);
  const { abortEarly } = work.options;
  // Side by side there is no first one to stop at: the others would be under way already.
  const queue = new PQueue({ concurrency: abortEarly ? 1 : context.concurrency });
  const turns = new Map(work.plan.apps.map(({ app }) => [app, Promise.withResolvers<void>()]));
  const plans = new Map<string, AppPlan>(work.plan.apps.map((plan) => [plan.app, plan]));
  let failed = false;
  // A refused token fails every app that comes after as it failed this one.
  let endsAll = false;
  const sync = async (first: GuardedPlan): Promise<void> => {
    if (context.signal.aborted || endsAll || (failed && abortEarly)) return;
    const app = work.apps.get(first.app);
    const waited = app !== undefined && isWaiting(first);
    const { plan, planned } = waited
      ? await planAgain(context, desired, { work, app, first })
      : { plan: first, planned: work.planned.get(first.app) };
    plans.set(plan.app, plan);
    const yieldSlot = abortEarly ? inPlace : asideOf(queue, context.concurrency);
    const request = { ...context, fleet: desired, plan, wholePlan: work.plan.planId, trigger: work.trigger };
    if (plan.status === 'orphaned') {
      const now = await orphanNow(context, desired, work, plan);
      const run = await syncOrphan({ ...request, yieldSlot }, now);
      plans.set(plan.app, run.plan);
      if (run.outcome === 'failed') failed = true;
      runs.push(run);
    }
    if (plan.status === 'failed') failed = true;
    if (plan.status === 'invalid' || plan.status === 'failed') await recordUntouched(request);
    else if (app !== undefined && planned !== undefined) {
      const guard = guardBy(work, first);
      const options = { ...request, app, planned, guard, reached: work.reached, yieldSlot, patience: 'wait' } as const;
      const { run, faults, plan: last } = await syncUntilOwn(context, desired, { work, options });
      plans.set(last.app, last);
      if (faults.some(isFleetWide)) endsAll = true;
      if (run.outcome === 'failed') failed = true;
      runs.push(run);
    }
  };
  const isOrphaned = ({ status }: AppPlan): boolean => status === 'orphaned';
  await allEnded(
    work.plan.apps.map(async (plan) => {
      if (isOrphaned(plan)) return;
      const turn = turns.get(plan.app);
      try {
        const names = isWaiting(plan) ? (work.apps.get(plan.app)?.dependsOn ?? []) : [];
        await allEnded(names.flatMap((name) => turns.get(name)?.promise ?? []));
        await queue.add(() => sync(plan));
      } finally {
        turn?.resolve();
      }
    }),
  );
  const failedNow = runs.flatMap(({ app, outcome }) => (outcome === 'failed' ? [app] : []));
  const orphans = await planOrphansAgain(context, desired, { ...work, failedNow });
  await allEnded(orphans.map((plan) => queue.add(() => sync(plan))));
  const ordered = runs.toSorted((a, b) => byText(a.app, b.app));
  return { plan: withPlans(work.plan, [...plans.values()]), runs: ordered };
}

/** Those that waited, once all others have had their turn: what these still lack is looked at again. */
async function planOrphansAgain(
  context: SyncContext,
  desired: DesiredFleet,
  work: Work & { readonly failedNow: readonly string[] },
): Promise<readonly GuardedPlan[]> {
  const first = work.plan.apps.filter(({ status }) => status === 'orphaned');
  const isSettled = work.failedNow.length === 0 && !first.some(({ holds }) => holds.some(goesLast));
  if (context.signal.aborted || isSettled) return first;
  const lacking = lackingOf({
    plans: work.plan.apps,
    observed: [...work.planned.values()].map(({ observed }) => observed),
  });
  const names = new Set(first.map(({ app }) => app));
  const looked = await observeAgain(context, desired, { work, names: lacking.map(({ app }) => app) }).catch((error) => {
    // Planned with what was seen before: what lacked something then keeps them waiting, and so does what failed since.
    context.log.warn({ error: String(error) }, 'apps that others wait for could not be looked at again');
    return {};
  });
  const again = work.replan({ ...looked, failedNow: work.failedNow }).apps.filter(({ app }) => names.has(app));
  if (work.isNamed !== true) return again;
  // What the plan that a person named holds back is for the next one, though this pass has made it due.
  const held = new Map(first.filter(({ steps }) => steps.length === 0).map((plan) => [plan.app, plan]));
  return again.map((plan) => held.get(plan.app) ?? plan);
}

/** Each time, somebody else got somewhere; in a loop of jobs that overtake each other this one leaves it to the others. */
const overtakenMax = 5;

/**
 * An app that somebody else was faster at is planned again from there, until what is left of it is done. What another process on
 * this database is at is waited for, all tries together as long as one.
 */
async function syncUntilOwn(
  context: SyncContext,
  desired: DesiredFleet,
  turn: { readonly work: Work; readonly options: SyncAppOptions },
): ReturnType<typeof syncApp> {
  const { app, plan: first, planned } = turn.options;
  const ownWrites = readingOwnWrites(context);
  const own = { ...context, fly: ownWrites.fly };
  let work = turn.work;
  let isAdopted = false;
  const planAgain = async (times: number): ReturnType<typeof plannedNow> => {
    // Longer each time: as long as lists lag, they show what was planned from before.
    await turn.options.yieldSlot(() => context.clock.sleep(listedMs * times, context.signal));
    // A person asked for it once: from whoever has taken it over since, it is not taken again.
    if (isAdopted || ownWrites.adopted.size > 0) work = { ...work, options: takenOver(work.options, turn.options) };
    const now = await plannedNow(own, desired, { work, app, first });
    if (!isUnasked(now.planned, planned)) return now;
    // Nobody has insisted on this: it came while FlyCD was at work.
    work = { ...work, options: { ...work.options, now: false } };
    return plannedNow(own, desired, { work, app, first });
  };
  const othersLeft = { ms: otherProcessMsMax };
  const options: SyncAppOptions = { ...turn.options, ownWrites, othersLeft, planAgain: () => planAgain(1) };
  let ended = await syncApp(options);
  for (let times = 1; ended.isOvertaken && times <= overtakenMax && !context.signal.aborted; times += 1) {
    try {
      ({ isAdopted } = ended);
      const now = await planAgain(times);
      ended = await syncApp({ ...options, ...now, isAgain: true, isLastTry: times === overtakenMax });
    } catch (error) {
      if (context.signal.aborted) return ended;
      context.log.warn({ app: app.name, error: String(error) }, 'an app that moved could not be planned again');
      return ended;
    }
  }
  return ended;
}

/** Nor does anything go that no plan has shown while it was another owner's. */
function takenOver(asked: PassOptions, { fleet, planned }: Pick<SyncAppOptions, 'fleet' | 'planned'>): PassOptions {
  const { machines } = planned.observed;
  const before = machines.status === 'read' ? machines.value : [];
  const adopted = before.some((machine) => otherOwner(metadataOf(machine), fleet) !== undefined);
  return { ...asked, adopt: false, adopted };
}

/** true: a person's word would go over more than what they knew of. */
function isUnasked(now: PlannedApp, first: Pick<PlannedApp, 'lifted'>): boolean {
  const known = new Set(first.lifted.map(({ reason }) => reason));
  return now.lifted.some(({ reason }) => !known.has(reason));
}

/** With what it depends on, and with no more than what a person has seen where they confirmed it. */
async function plannedNow(
  context: SyncContext,
  desired: DesiredFleet,
  { work, app, first }: Turn,
): Promise<{ readonly plan: GuardedPlan; readonly planned: PlannedApp }> {
  const looked = await observeAgain(context, desired, { work, names: [app.name, ...(app.dependsOn ?? [])] });
  const planned = looked.newer.get(app.name);
  const failed = looked.unplanned.find((one) => one.app === app.name)?.fault;
  if (planned === undefined) throw failed ?? toFault('it was not looked at', `${app.name} could not be planned again`);
  const plan = work.replan(looked).apps.find((one) => one.app === app.name) ?? first;
  return { plan: asRead(work, plan, first), planned };
}

/** Where a person has read the first plan, nothing goes that it does not list. */
function asRead({ isNamed, options }: Work, plan: GuardedPlan, first: GuardedPlan): GuardedPlan {
  const isBound = isNamed === true || options.accept || options.acceptOnly.length > 0;
  return isBound ? holdUnlisted(plan, first) : plan;
}

/** What they accepted was of the plan that they read: of a later one only what passes without that word. */
function guardBy(work: Work, first: GuardedPlan): SyncAppOptions['guard'] {
  return (later) => {
    const { app } = later.plan;
    const { apps } = work.replan({ newer: new Map([[app, later]]), accepted: unaccepted });
    return asRead(work, apps.find((one) => one.app === app) ?? nothingOf(later.plan), first);
  };
}

/** One that cannot be planned now keeps those that depend on it waiting, and ends nobody's pass. */
async function observeAgain(
  context: SyncContext,
  fleet: DesiredFleet,
  { work, names }: { readonly work: Work; readonly names: readonly string[] },
): Promise<{ readonly newer: ReadonlyMap<string, PlannedApp>; readonly unplanned: readonly FailedApp[] }> {
  const { reached, regions } = work;
  const newer = new Map<string, PlannedApp>();
  const unplanned: FailedApp[] = [];
  const queue = new PQueue({ concurrency: looksAtOnce });
  const look = async (app: DesiredApp): Promise<void> => {
    try {
      const options = optionsFor(app, work.options);
      newer.set(app.name, await observeAndPlan({ ...context, reached, regions, fleet, app, options }));
    } catch (error) {
      if (isFleetWide(error)) throw error;
      unplanned.push(failedAt(app, error));
    }
  };
  const apps = names.flatMap((name) => work.apps.get(name) ?? []);
  await allEnded(apps.map((app) => queue.add(() => look(app))));
  return { newer, unplanned };
}

/** Looked at again before it is destroyed: what has come into it, or who is at work on it, since the plan was made. */
async function orphanNow(
  context: SyncContext,
  fleet: DesiredFleet,
  work: Work,
  plan: GuardedPlan,
): Promise<OrphanWork> {
  const before = work.orphans.find(({ name }) => name === plan.app);
  if (before === undefined || plan.steps.length === 0) return { plan: nothingOf(plan) };
  const seen = await lookAgain({ ...context, fleet }, before);
  if (seen.state === 'orphan') await rememberOrphan({ ...context, fleet }, seen.orphan);
  const replan = (orphan: OrphanedApp): GuardedPlan =>
    planOrphanAgain(plan, { fleet, orphan, now: context.clock.now() }, work.options);
  const again = { orphan: seen.state === 'orphan' ? seen.orphan : before, replan };
  return { ...turnOf(seen, again), again };
}

function isWaiting(plan: AppPlan): boolean {
  return plan.holds.some((hold) => hold.reason === 'dependency');
}

interface Turn {
  readonly work: Work;
  readonly app: DesiredApp;
  readonly first: GuardedPlan;
}

/** Once the apps it depends on have had their turn: they are looked at again, and it with them. */
async function planAgain(
  context: SyncContext,
  desired: DesiredFleet,
  { work, app, first }: Turn,
): Promise<{ readonly plan: GuardedPlan; readonly planned: PlannedApp | undefined }> {
  try {
    return await plannedNow(context, desired, { work, app, first });
  } catch (error) {
    context.log.warn({ app: app.name, error: String(error) }, 'an app that waited could not be planned again');
    return { plan: first, planned: work.planned.get(app.name) };
  }
}
