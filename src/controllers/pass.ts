import PQueue from 'p-queue';
import type { FlyReader, FlyWriter } from '../fly/api.ts';
import type { Clock } from '../model/clock.ts';
import type { DesiredApp, DesiredFleet } from '../model/desired.ts';
import { Fault, toFault } from '../model/fault.ts';
import { matchesGlob } from '../model/glob.ts';
import type { Log } from '../model/log.ts';
import type { ObservedApp } from '../model/observed.ts';
import type { AppPlan, Plan } from '../model/plan.ts';
import type { OnProgress } from '../model/progress.ts';
import type { Run, Trigger } from '../model/run.ts';
import { resolveOrganization } from '../observed/organization.ts';
import { planFleet } from '../plan/fleet.ts';
import type { Evidence } from '../record/evidence.ts';
import type { Store } from '../record/store.ts';
import { planOne, recordUntouched, syncOne, type PlannedApp } from './app.ts';
import { findOrphans, syncOrphan } from './prune.ts';

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
  readonly apps: ReadonlyMap<string, DesiredApp>;
  /** By app: what is known of its secrets and of its records on Fly. */
  readonly known: ReadonlyMap<string, Pick<PlannedApp, 'known' | 'release'>>;
}

async function planWhole(context: PlanContext, desired: DesiredFleet, options: PassOptions): Promise<Whole> {
  const chosen = selectApps(desired.apps, options.apps);
  const withOrg = await nameOrganizations(context, chosen);
  const plans: AppPlan[] = [];
  const observed: ObservedApp[] = [];
  const known = new Map<string, Pick<PlannedApp, 'known' | 'release'>>();
  const failed: { app: DesiredApp; fault: Fault }[] = [];
  const queue = new PQueue({ concurrency: looksAtOnce });
  const orgs = new Set(withOrg.flatMap((app) => app.org ?? []));
  const seek = context.orphans && options.apps.length === 0;
  const seeking = seek ? findOrphans(context.fly, desired, orgs) : Promise.resolve([]);
  const looking = Promise.all(
    withOrg.map((app) =>
      queue.add(async () => {
        try {
          const one = await planOne({ ...context, fleet: desired, app, options });
          plans.push(one.plan);
          observed.push(one.observed);
          known.set(app.name, { known: one.known, release: one.release });
        } catch (error) {
          // A refused token concerns every app: one error, not a thousand.
          if (error instanceof Fault && error.kind === 'stalled' && error.where === undefined) throw error;
          failed.push({ app, fault: toFault(error, `${app.name} could not be planned`) });
        }
      }),
    ),
  );
  const [orphans] = await Promise.all([seeking, looking]);
  const byName = (a: AppPlan, b: AppPlan): number => a.app.localeCompare(b.app);
  const plan = planFleet({
    fleet: desired,
    plans: plans.toSorted(byName),
    observed,
    orphans,
    now: context.clock.now(),
    accept: options.accept,
    failed: failed.map(({ app, fault }) => ({ app: app.name, file: app.file, org: app.org, fault })),
    selected: options.apps,
  });
  return { plan, apps: new Map(withOrg.map((app) => [app.name, app])), known };
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
  const runs = await applyWhole(context, desired, { ...whole, trigger, abortEarly: options.abortEarly });
  return { plan: whole.plan, runs };
}

async function applyWhole(
  context: SyncContext,
  desired: DesiredFleet,
  work: Whole & { readonly trigger: Trigger; readonly abortEarly: boolean },
): Promise<readonly Run[]> {
  const runs: Run[] = [];
  // Side by side there is no first one to stop at: the others would be under way already.
  const queue = new PQueue({ concurrency: work.abortEarly ? 1 : context.concurrency });
  let failed = false;
  await Promise.all(
    work.plan.apps.map((plan) =>
      queue.add(async () => {
        const app = work.apps.get(plan.app);
        const known = work.known.get(plan.app);
        if (context.signal.aborted || (failed && work.abortEarly)) return;
        const request = { ...context, fleet: desired, plan, trigger: work.trigger };
        if (plan.status === 'orphaned') runs.push(await syncOrphan(request));
        if (plan.status === 'failed') failed = true;
        if (plan.status === 'invalid' || plan.status === 'failed') await recordUntouched(request);
        else if (app !== undefined && known !== undefined) {
          const { run } = await syncOne({ ...request, ...known, app, patience: 'wait' });
          if (run.outcome === 'failed') failed = true;
          runs.push(run);
        }
      }),
    ),
  );
  return runs.toSorted((a, b) => a.app.localeCompare(b.app));
}
