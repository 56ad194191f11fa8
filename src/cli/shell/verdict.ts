import type { AppPlan, Plan } from '../../model/plan.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Run } from '../../model/run.ts';
import { isUnseen } from '../../plan/steps/status.ts';
import { latestRuns } from '../../render/sync.ts';
import { exitCodes, type ExitCode } from './exit.ts';

const worstFirst: readonly ExitCode[] = [
  exitCodes.interrupted,
  exitCodes.error,
  exitCodes.invalid,
  exitCodes.blocked,
  exitCodes.changes,
];

/** Where several hold: 1 before 3 before 4 before 2. */
function worst(codes: readonly ExitCode[]): ExitCode {
  return worstFirst.find((code) => codes.includes(code)) ?? exitCodes.done;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

function isInvalid(plan: Plan): boolean {
  return hasErrors(plan.problems) || plan.apps.some((app) => app.status === 'invalid' || hasErrors(app.problems));
}

/** An orphan is a warning, and so is a list in which one may be; not where the policy would destroy it. */
function codesOfFleet(plan: Plan): ExitCode[] {
  return [...(isInvalid(plan) ? [exitCodes.invalid] : []), ...(plan.isListed === false ? [exitCodes.error] : [])];
}

/** `diff`: holds beside changes are changes. An orphan is a warning, but where the policy would destroy it and may not. */
export function exitOfPlan(plan: Plan): ExitCode {
  const codes: ExitCode[] = codesOfFleet(plan);
  const hasSteps = plan.apps.some((app) => app.steps.length > 0);
  if (hasSteps) codes.push(exitCodes.changes);
  for (const app of plan.apps) {
    if (isUnseen(app)) codes.push(exitCodes.error);
    else if (app.holds.length > 0 && !hasSteps) codes.push(exitCodes.blocked);
  }
  return worst(codes);
}

/** `sync --once`: of each app its last run of the pass, or its plan where nothing was run. */
export function exitOfSync(plan: Plan, runs: readonly Run[]): ExitCode {
  const latest = latestRuns(runs);
  const codes: ExitCode[] = codesOfFleet(plan);
  for (const app of plan.apps) codes.push(exitOfApp(app, latest.get(app.app)));
  return worst(codes);
}

/** `adopt --all`: an app that was taken over is done, whatever git wants of it besides. */
export function exitOfTakeOver(plan: Plan, runs: readonly Run[]): ExitCode {
  const taken = new Set(runs.filter(({ outcome }) => outcome === 'updated').map(({ app }) => app));
  return exitOfSync({ ...plan, apps: plan.apps.filter(({ app }) => !taken.has(app)) }, runs);
}

/** `rollback`: being held there is what was asked for; any other hold is not, and what could not be read is an error. */
export function exitOfRollback(plan: Plan, runs: readonly Run[]): ExitCode {
  if (runs.length === 0) return exitCodes.error;
  const isThere = runs.every(
    ({ status, outcome, plan: { holds } }) =>
      outcome !== 'failed' && status === 'held' && holds.every(({ reason }) => reason === 'rollback'),
  );
  return isThere ? exitCodes.done : worst([exitCodes.blocked, exitOfSync(plan, runs)]);
}

const unfinished: ReadonlySet<string> = new Set(['held', 'blocked', 'pending', 'applying', 'drifted']);

function exitOfApp(planned: AppPlan, run: Run | undefined): ExitCode {
  const app = run?.plan ?? planned;
  const status = run?.status ?? planned.status;
  if (run?.outcome === 'interrupted') return exitCodes.interrupted;
  if (run?.outcome === 'failed' || status === 'failed' || isUnseen(app)) return exitCodes.error;
  if (status === 'invalid') return exitCodes.invalid;
  if (status === 'orphaned' && app.holds.length === 0) return exitCodes.done;
  return run?.outcome === 'held' || app.holds.length > 0 || unfinished.has(status) ? exitCodes.blocked : exitCodes.done;
}
