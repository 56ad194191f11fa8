import PQueue from 'p-queue';
import type { FlyReader, FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { asideOf, inPlace } from '../../src/loop/aside.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import { matchesGlob } from '../../src/model/base/glob.ts';
import type { Log } from '../../src/model/base/log.ts';
import type { AppPlan, Plan } from '../../src/model/plan.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { Run, Trigger } from '../../src/model/run.ts';
import { resolveOrganization } from '../../src/observed/organization.ts';
import { planFleet } from '../../src/plan/fleet.ts';
import type { Evidence } from '../../src/record/evidence.ts';
import type { Store } from '../../src/record/store.ts';
import { planOne, recordUntouched, syncOne, type PlannedApp } from '../app/sync-app.ts';
import type { ImageBuilds } from '../images/builds.ts';
import type { ImageEyes } from '../images/lookup.ts';
import { findOrphans, syncOrphan } from './orphans.ts';

/**
 * Apps looked at side by side. Looking writes nothing, so what a pass may write at once does not bound it: each look is
 * five calls at once, twenty fill the client's 96 reads in flight, and a few more keep it full while plans are computed.
 */
const looksAtOnce = 24;

export interface PassOptions {
  /** Globs of app names; empty = all. */
  readonly apps: readonly string[];
  /** Releases the brakes for this pass. */
  readonly accept: boolean;
  /** Lifts adoption holds. */
  readonly adopt: boolean;
  /** An update for every machine, changes or not (v0's --force). */
  readonly force: boolean;
  /** A person insists: holds for hand-made changes are lifted. */
  readonly now: boolean;
  /** The first app that fails ends the pass (v0's --abort-early). */
  readonly abortEarly: boolean;
}

export interface PlanContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly fly: FlyReader;
  readonly store: Store | undefined;
  readonly evidence: Evidence | undefined;
  /** undefined: images of sources are neither looked for nor built. */
  readonly sight?: ImageEyes | undefined;
  /** FLY_ORG. */
  readonly flyOrg: string | undefined;
  /** Apps synced at once. */
  readonly concurrency: number;
  /** The whole config root was given, without --app: orphans may be looked for. */
  readonly orphans: boolean;
}

export interface SyncContext extends PlanContext {
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly evidence: Evidence;
  readonly builds?: ImageBuilds | undefined;
  readonly onProgress: OnProgress;
  readonly actor: string;
  readonly instance: string;
  readonly signal: AbortSignal;
}

/** The apps a pass is about: those that any of the globs names. */
export function selectApps<T extends { readonly name: string }>(
  apps: readonly T[],
  globs: readonly string[],
): readonly T[] {
  if (globs.length === 0) return apps;
  return apps.filter((app) => globs.some((glob) => matchesGlob(app.name, glob)));
}

/** Observes and plans every chosen app side by side, then applies the fleet's brakes. Writes nothing. */
export async function planPass(context: PlanContext, desired: DesiredFleet, options: PassOptions): Promise<Plan> {
  const { plan } = await planWhole(context, desired, options);
  return plan;
}

interface Whole {
  readonly plan: Plan;
  /** With those that others depend on. */
  readonly apps: ReadonlyMap<string, DesiredApp>;
  /** By app: its plan, and what that was made from. */
  readonly planned: ReadonlyMap<string, PlannedApp>;
  /** The fleet's plan again, with newer plans of some apps. */
  replan(newer: ReadonlyMap<string, PlannedApp>): Plan;
}

async function planWhole(context: PlanContext, desired: DesiredFleet, options: PassOptions): Promise<Whole> {
  const chosen = selectApps(desired.apps, options.apps);
  const chosenNames = new Set(chosen.map(({ name }) => name));
  const withOrg = await nameOrganizations(context, withDependencies(desired.apps, chosen));
  const planned = new Map<string, PlannedApp>();
  const failed: { app: DesiredApp; fault: Fault }[] = [];
  const queue = new PQueue({ concurrency: looksAtOnce });
  const orgs = new Set(withOrg.flatMap((app) => (chosenNames.has(app.name) ? (app.org ?? []) : [])));
  const seek = context.orphans && options.apps.length === 0;
  const seeking = seek ? findOrphans(context.fly, desired, orgs) : Promise.resolve([]);
  const looking = Promise.all(
    withOrg.map((app) =>
      queue.add(async () => {
        try {
          planned.set(app.name, await planOne({ ...context, fleet: desired, app, options }));
        } catch (error) {
          // A refused token concerns every app: one error, not a thousand.
          if (error instanceof Fault && error.kind === 'stalled' && error.where === undefined) throw error;
          failed.push({ app, fault: toFault(error, `${app.name} could not be planned`) });
        }
      }),
    ),
  );
  const [orphans] = await Promise.all([seeking, looking]);
  const plansOf = (all: ReadonlyMap<string, PlannedApp>, isChosen: boolean): readonly AppPlan[] =>
    [...all.values()]
      .map(({ plan }) => plan)
      .filter(({ app }) => chosenNames.has(app) === isChosen)
      .toSorted((a, b) => a.app.localeCompare(b.app));
  const replan = (newer: ReadonlyMap<string, PlannedApp>): Plan => {
    const all = new Map([...planned, ...newer]);
    return planFleet({
      fleet: desired,
      plans: plansOf(all, true),
      dependencies: plansOf(all, false),
      observed: [...all.values()].map(({ observed }) => observed),
      orphans,
      now: context.clock.now(),
      accept: options.accept,
      failed: failed.map(({ app, fault }) => ({ app: app.name, file: app.file, org: app.org, fault })),
      selected: options.apps,
    });
  };
  return { plan: replan(new Map()), apps: new Map(withOrg.map((app) => [app.name, app])), planned, replan };
}

/** With the apps that the chosen ones depend on: those are looked at, and not touched. */
function withDependencies(apps: readonly DesiredApp[], chosen: readonly DesiredApp[]): readonly DesiredApp[] {
  const needed = new Set(chosen.flatMap((app) => [app.name, ...(app.dependsOn ?? [])]));
  return apps.filter((app) => needed.has(app.name));
}

/** Only asks Fly where an app names no organization. */
async function nameOrganizations(context: PlanContext, apps: readonly DesiredApp[]): Promise<readonly DesiredApp[]> {
  if (apps.every((app) => app.org !== undefined)) return apps;
  const org = await resolveOrganization(context.fly, { flyOrg: context.flyOrg });
  return apps.map((app) => (app.org === undefined ? { ...app, org } : app));
}

/** Plans, then applies every app's plan side by side. One app's failure stops another's only with `abortEarly`. */
export async function syncPass(
  context: SyncContext,
  desired: DesiredFleet,
  options: PassOptions,
  trigger: Trigger,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] }> {
  const whole = await planWhole(context, desired, options);
  return applyWhole(context, desired, { ...whole, trigger, options });
}

/** Digits of a plan's id that name it: as many as text shows, and no fewer than tell plans apart. */
export const planIdDigitsMin = 8;

/**
 * The same, if what would be done is still the plan of this id: the whole fleet's, or one app's, which is then all that is
 * done. `runs` undefined: it is another plan by now, and nothing was done.
 */
export async function syncPlanned(
  context: SyncContext,
  desired: DesiredFleet,
  options: PassOptions,
  id: string,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] | undefined }> {
  const whole = await planWhole(context, desired, options);
  const { plan } = whole;
  const apps = plan.planId.startsWith(id) ? plan.apps : plan.apps.filter(({ planId }) => planId.startsWith(id));
  if (apps.length === 0) return { plan, runs: undefined };
  return applyWhole(context, desired, { ...whole, plan: { ...plan, apps }, trigger: 'command', options });
}

interface Work extends Whole {
  readonly trigger: Trigger;
  readonly options: PassOptions;
}

/** An app whose release waits for others has its turn when they have had theirs, and is planned anew. */
async function applyWhole(
  context: SyncContext,
  desired: DesiredFleet,
  work: Work,
): Promise<{ readonly plan: Plan; readonly runs: readonly Run[] }> {
  const runs: Run[] = [];
  const { abortEarly } = work.options;
  // Side by side there is no first one to stop at: the others would be under way already.
  const queue = new PQueue({ concurrency: abortEarly ? 1 : context.concurrency });
  const turns = new Map(work.plan.apps.map(({ app }) => [app, Promise.withResolvers<void>()]));
  const plans = new Map(work.plan.apps.map((plan) => [plan.app, plan]));
  let failed = false;
  const sync = async (first: AppPlan): Promise<void> => {
    if (context.signal.aborted || (failed && abortEarly)) return;
    const app = work.apps.get(first.app);
    const waited = app !== undefined && isWaiting(first);
    const { plan, planned } = waited
      ? await planAgain(context, desired, { work, app, first })
      : { plan: first, planned: work.planned.get(first.app) };
    plans.set(plan.app, plan);
    const request = { ...context, fleet: desired, plan, trigger: work.trigger };
    if (plan.status === 'orphaned') runs.push(await syncOrphan(request));
    if (plan.status === 'failed') failed = true;
    if (plan.status === 'invalid' || plan.status === 'failed') await recordUntouched(request);
    else if (app !== undefined && planned !== undefined) {
      const aside = abortEarly ? inPlace : asideOf(queue, context.concurrency);
      const { run } = await syncOne({ ...request, app, planned, aside, patience: 'wait' });
      if (run.outcome === 'failed') failed = true;
      runs.push(run);
    }
  };
  await Promise.all(
    work.plan.apps.map(async (plan) => {
      const turn = turns.get(plan.app);
      try {
        const names = isWaiting(plan) ? (work.apps.get(plan.app)?.dependsOn ?? []) : [];
        await Promise.all(names.flatMap((name) => turns.get(name)?.promise ?? []));
        await queue.add(() => sync(plan));
      } finally {
        turn?.resolve();
      }
    }),
  );
  const ordered = runs.toSorted((a, b) => a.app.localeCompare(b.app));
  return { plan: { ...work.plan, apps: [...plans.values()] }, runs: ordered };
}

function isWaiting(plan: AppPlan): boolean {
  return plan.holds.some((hold) => hold.reason === 'dependency');
}

/** Once the apps it depends on have had their turn: they are looked at again, and it with them. */
async function planAgain(
  context: SyncContext,
  desired: DesiredFleet,
  { work, app, first }: { readonly work: Work; readonly app: DesiredApp; readonly first: AppPlan },
): Promise<{ readonly plan: AppPlan; readonly planned: PlannedApp | undefined }> {
  const apps = [app.name, ...(app.dependsOn ?? [])].flatMap((name) => work.apps.get(name) ?? []);
  try {
    const planned = await Promise.all(
      apps.map((one) => planOne({ ...context, fleet: desired, app: one, options: work.options })),
    );
    const newer = new Map(planned.map((one) => [one.plan.app, one]));
    const plan = work.replan(newer).apps.find((one) => one.app === app.name) ?? first;
    return { plan, planned: newer.get(app.name) };
  } catch (error) {
    context.log.warn({ app: app.name, error: String(error) }, 'an app that waited could not be planned again');
    return { plan: first, planned: work.planned.get(app.name) };
  }
}
