/** `depends_on`: an app's release waits until the apps it names run what git wants of them, and are well. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { DesiredApp } from '../../model/desired.ts';
import type { ObservedApp } from '../../model/observed.ts';
import type { AppPlan, Hold, HoldReason, Step } from '../../model/plan.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { holdBack } from '../steps/hold.ts';
import { isRollout, waitsWithRelease } from '../steps/select.ts';
import { groupOf, isAtRest, isGone, isHostOk, metadataOf } from '../classify/machine-state.ts';
import { hasGivenUp } from '../classify/machine-history.ts';
import { withSteps } from '../steps/status.ts';

export interface DependenciesInput {
  readonly apps: readonly DesiredApp[];
  readonly plans: readonly AppPlan[];
  /** Of apps that the pass is not about, of invalid ones and of those that could not be planned. */
  readonly others: readonly AppPlan[];
  readonly observed: readonly ObservedApp[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * An app that is done wakes those that wait for it, where the same FlyCD did it. What another one does, or a person, is seen by
 * looking again: after so long three times, then less and less often, and 5 minutes apart at most (the loop's backoff).
 */
export const otherAppsLookMs = 15_000;

/** Releases wait, everything else of the app goes on. Names that the given part of the config does not have are passed over. */
export function gateReleases(input: DependenciesInput): readonly AppPlan[] {
  const apps = new Map(input.apps.map((app) => [app.name, app]));
  const plans = new Map([...input.others, ...input.plans].map((plan) => [plan.app, plan]));
  const observed = new Map(input.observed.map((one) => [one.name, one]));
  return input.plans.map((plan) => {
    const names = apps.get(plan.app)?.dependsOn ?? [];
    if (names.length === 0 || goesBack(plan) || plan.steps.every((step) => step.kind !== 'release')) return plan;
    const lacks = names.flatMap((name) => {
      const lack = lackOf(plans.get(name), observed.get(name));
      const isInvalid = plans.get(name)?.status === 'invalid';
      return lack === undefined ? [] : [{ name, lack, hold: standsStill(plans.get(name)), isInvalid }];
    });
    if (lacks.length === 0) return plan;
    const words = lacks.map(
      ({ name, lack, hold }) => `${name} ${lack}${hold === undefined ? '' : `: ${hold.because}`}`,
    );
    const stuck = lacks.flatMap(({ name, hold }) => (hold === undefined ? [] : [`${name}: ${hold.next}`]));
    const draft = holdBack(plan, plan.app, (step) => waitsWithRelease.has(step.kind), {
      reason: 'dependency',
      because: `its release waits: ${words.join('; ')}`,
      next: [...stuck, 'FlyCD goes on by itself when they run what git says'].join('; '),
      retryAt: retryAtOf(lacks, input.now),
    });
    return withSteps(plan, draft);
  });
}

/**
 * It waits for all of them: while one stands still, looking again brings nothing before that one's own time, if it has one.
 * undefined: the pass over all apps looks anyhow.
 */
function retryAtOf(
  lacks: readonly { readonly hold: Hold | undefined; readonly isInvalid: boolean }[],
  now: number,
): number | undefined {
  const still = lacks.filter(({ hold, isInvalid }) => hold !== undefined || isInvalid);
  const times = still.map(({ hold }) => hold?.retryAt);
  return times.includes(undefined) ? undefined : Math.max(now + otherAppsLookMs, ...times.flatMap((at) => at ?? []));
}

/** Towards a version that ran well beside what it depends on: somebody needs it now. What git says waits within the hold. */
function goesBack(plan: AppPlan): boolean {
  return plan.holds.some(({ reason }) => reason === 'rollback' || reason === 'failed');
}

/** What holds an app until a person, or a commit, says otherwise: waiting alone brings nothing. undefined: time may. */
function standsStill(plan: AppPlan | undefined): Hold | undefined {
  return plan?.holds.find(({ reason }) => standing.has(reason));
}

const standing: ReadonlySet<HoldReason> = new Set(['failed', 'rollback', 'suspended']);

/** What keeps others waiting for an app. undefined: it is where git wants it, whatever else is held or drifts. */
export function lackOf(plan: AppPlan | undefined, observed: ObservedApp | undefined): string | undefined {
  if (plan === undefined) return 'could not be looked at';
  if (['invalid', 'failed', 'orphaned', 'blocked'].includes(plan.status)) return `is ${plan.status}`;
  if (plan.holds.some((hold) => hold.reason === 'unread')) return 'could not be read whole';
  if (plan.holds.some((hold) => hold.isBehind === true))
    return 'has a machine that does not run what git says, on a host that does not answer';
  const steps = [...plan.steps, ...plan.holds.flatMap((hold) => hold.steps)];
  if (steps.some(isNew)) return 'is not at its newest version yet';
  const machines = observed?.machines.status === 'read' ? observed.machines.value : [];
  const isUnproven = steps.some((step) => step.kind === 'machine.label' && step.proves === true);
  if (isUnproven || machines.some(isUnwell)) return 'is not healthy yet';
  const silent = silentGroup(machines);
  return silent === undefined ? undefined : `has no machine of ${silent} on a host that answers`;
}

/** A heal or a roll for a secret brings it nothing that git has not had for long. */
function isNew(step: Step): boolean {
  if (step.kind === 'machine.update') return step.reason === 'change';
  return isRollout(step) || step.kind === 'app.create' || step.kind === 'image.build';
}

/** A group of which nothing can be seen, and so nothing is known to serve. Others of its machines make up for one that is out. */
function silentGroup(machines: readonly Machine[]): string | undefined {
  const placed = machines.filter((machine) => !isGone(machine) && metadataOf(machine)[stampKeys.slot] !== undefined);
  const groups = Map.groupBy(placed, (machine) => groupOf(metadataOf(machine)) ?? '');
  return [...groups].find(([, members]) => members.every((machine) => !isHostOk(machine)))?.[0];
}

function isUnwell(machine: Machine): boolean {
  if (isGone(machine) || !isHostOk(machine)) return false;
  // A machine that somebody ran once beside the app's own may have ended as it liked.
  if (isAtRest(machine)) return metadataOf(machine)[stampKeys.slot] !== undefined && hasGivenUp(machine);
  return machine.state !== 'started' || (machine.checks ?? []).some((check) => check.status !== 'passing');
}
