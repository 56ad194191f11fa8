import type { DesiredFleet } from '../model/desired.ts';
import type { Fault } from '../model/base/fault.ts';
import { matchesGlob } from '../model/base/glob.ts';
import type { ObservedApp, OrphanedApp, UnreadOrganization } from '../model/observed.ts';
import type { AppPlan, Plan, PlanSummary } from '../model/plan.ts';
import type { Problem } from '../model/base/problem.ts';
import { holdUnlisted, idleWords, releaseAccepted, type Acceptance } from './guards/accept.ts';
import { brakeFleet, type BrakeInput } from './guards/brakes.ts';
import { holdRemovals } from './guards/removal-order.ts';
import { gateReleases } from './guards/dependencies.ts';
import { appPlanId, fleetPlanId } from './steps/plan-id.ts';
import { byText } from '../model/base/text.ts';
import { passed, type GuardedFleet, type GuardedPlan } from './steps/guarded.ts';
import { withSteps } from './steps/status.ts';
import { planOrphan } from './orphan.ts';

export interface PlanFleetInput {
  readonly fleet: DesiredFleet;
  /** One for each app that could be planned. */
  readonly plans: readonly AppPlan[];
  /** Apps that the pass is not about and others depend on. */
  readonly dependencies?: readonly AppPlan[] | undefined;
  /** What the brakes measure removals by. */
  readonly observed: readonly ObservedApp[];
  /** Where one of those that the pass is about may go, all of them. */
  readonly orphans: readonly OrphanedApp[];
  /** Organizations that could not be looked through whole for more of them. */
  readonly unread: readonly UnreadOrganization[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A person accepts what the brakes and the rules on destruction hold. */
  readonly accept: boolean;
  /** Just that: names of apps, reasons of holds, `app:NAME`. */
  readonly acceptOnly: readonly string[];
  /** Apps that could not be planned, and why. */
  readonly failed: readonly FailedApp[];
  /** Globs of app names that the pass is about; empty = all. */
  readonly selected: readonly string[];
  /** Apps that this very pass has failed at, whatever their plans say now: what takes the place of others may be among them. */
  readonly failedNow?: readonly string[] | undefined;
}

export interface FailedApp {
  readonly app: string;
  readonly file: string;
  readonly org: string | undefined;
  readonly fault: Fault;
}

/** The whole fleet's plan: every app by name, the brakes applied. Pure. */
export function planFleet(input: PlanFleetInput): GuardedFleet {
  const { fleet, accept, acceptOnly } = input;
  const orphans = input.orphans.map((orphan) => {
    const { name, org, isGuessed } = orphan;
    return plainPlan({
      app: name,
      file: '',
      // Recorded as the fleet's, a guess would be known by the next pass.
      org: isGuessed === true ? undefined : org,
      status: 'orphaned',
      ...planOrphan({ fleet, orphan, now: input.now }),
    });
  });
  const invalids = invalidPlans(input);
  const failed = input.failed.map(failedPlan);
  const others = [...(input.dependencies ?? []), ...invalids, ...failed];
  const ordered = holdRemovals(orphans, { ...input, plans: [...input.plans, ...others] });
  const unconfirmed = [...input.plans, ...ordered];
  const confirmed = unconfirmed.map((plan) => releaseAccepted(plan, { accept, acceptOnly }));
  const planned = gateReleases({ ...input, apps: fleet.apps, plans: confirmed, others });
  const brakes: BrakeInput = { ...input, plans: planned };
  const held = brakeFleet(brakes);
  const braked = accept ? planned : held.map((plan) => releaseAccepted(plan, { accept, acceptOnly }));
  const known = new Set([...braked.map((plan) => plan.app), ...input.failed.map((failed) => failed.app)]);
  const invalid = invalids.filter(({ app, file }) => !known.has(app) && (app === file || isSelected(input, app)));
  const shown = braked.filter(({ status, app }) => status !== 'orphaned' || isSelected(input, app));
  const apps = [...shown, ...failed, ...invalid].toSorted((a, b) => byText(a.app, b.app)).map(passed);
  return {
    fleet: fleet.name,
    revision: fleet.revision,
    ...idAndSummary(fleet.name, apps),
    problems: [
      ...fleet.problems.filter((problem) => belongsToNoApp(fleet, problem)),
      ...input.unread.map(unreadProblem),
      ...idleWords(acceptOnly, [...unconfirmed, ...held]),
    ],
    whole: fleet.whole,
    isListed: input.unread.length === 0 || !fleet.policy.prune.includes('app'),
  };
}

/** An orphan that goes, looked at again: what has come into it since goes only as far as the plan from before lists it. Pure. */
export function planOrphanAgain(
  before: GuardedPlan,
  input: Parameters<typeof planOrphan>[0],
  accepted: Acceptance,
): GuardedPlan {
  // It is the same removal: whatever it holds by now, the brakes have counted it.
  return holdUnlisted(passed(releaseAccepted(withSteps(before, planOrphan(input)), accepted)), before);
}

/** With the plans that were acted upon where an app was looked at again: id and summary are theirs. */
export function withPlans(plan: Plan, apps: readonly AppPlan[]): Plan {
  return { ...plan, ...idAndSummary(plan.fleet, apps) };
}

function idAndSummary<P extends AppPlan>(
  fleet: string,
  apps: readonly P[],
): Pick<Plan, 'planId' | 'summary'> & { readonly apps: readonly P[] } {
  return { apps, planId: fleetPlanId(fleet, apps), summary: summaryOf(apps) };
}

/** What was known of them stays, so nothing but this tells that a list was not read. */
function unreadProblem({ org, reason }: UnreadOrganization): Problem {
  return {
    severity: 'warning',
    file: `organization ${org}`,
    line: 0,
    column: 0,
    path: '',
    message: `FlyCD could not list all machines: ${reason}. Apps that git no longer names may be missing here`,
    hint: 'FlyCD removes none of them until it can list all machines',
  };
}

function plainPlan(parts: Pick<AppPlan, 'app' | 'file' | 'org' | 'status'> & Partial<AppPlan>): AppPlan {
  const { app, steps = [], holds = [] } = parts;
  return { steps, holds, notes: [], problems: [], planId: appPlanId(app, steps, holds), ...parts };
}

/** Of an app that could not be looked at. */
export function failedPlan(failed: FailedApp): AppPlan {
  const { app, file, org, fault } = failed;
  const problem: Problem = {
    severity: 'error',
    file: file === '' ? app : file,
    line: 0,
    column: 0,
    path: '',
    message: fault.message,
    hint: fault.next,
    app,
  };
  return plainPlan({ app, file, org, status: 'failed', problems: [problem] });
}

/** Others are weighed with these, and not told of. */
function isSelected({ selected }: PlanFleetInput, app: string): boolean {
  return selected.length === 0 || selected.some((glob) => matchesGlob(app, glob));
}

/** By name where it could be read; the others by their file. */
export function invalidPlans({ fleet }: Pick<PlanFleetInput, 'fleet'>): readonly AppPlan[] {
  return fleet.invalid.map(({ name, file }) => {
    // Where two files claim one name, what is wrong in one of them is not told again with the other.
    const twins = fleet.invalid.filter((other) => other.name === name && other.file !== file);
    const problems = fleet.problems.filter(
      (problem) =>
        problem.file === file ||
        (name !== undefined && problem.app === name && twins.every((twin) => twin.file !== problem.file)),
    );
    return plainPlan({ app: name ?? file, file, org: undefined, status: 'invalid', problems });
  });
}

function belongsToNoApp(fleet: DesiredFleet, problem: Problem): boolean {
  if (problem.app !== undefined && fleet.apps.some((app) => app.name === problem.app)) return false;
  return !fleet.invalid.some(
    (invalid) => invalid.file === problem.file || (invalid.name !== undefined && invalid.name === problem.app),
  );
}

/** `changed` has steps, `held` has holds: an app may be both. */
function summaryOf(apps: readonly AppPlan[]): PlanSummary {
  const count = (matches: (app: AppPlan) => boolean): number => apps.filter(matches).length;
  return {
    apps: apps.length,
    synced: count((app) => app.status === 'synced'),
    changed: count((app) => app.steps.length > 0),
    invalid: count((app) => app.status === 'invalid'),
    failed: count((app) => app.status === 'failed'),
    held: count((app) => app.holds.length > 0),
  };
}
