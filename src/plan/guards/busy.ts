/** Somebody else at work on the app. */
import type { ObservedApp } from '../../model/observed.ts';
import type { AppPlan, Hold, Step } from '../../model/plan.ts';
import { destroyedBy, whyBusy } from '../classify/other-deployments.ts';
import { isFlycdLease, isOwnLease } from '../../model/stamps/lease-holder.ts';
import type { OtherDeployment, PlanAppInput, PlanDraft } from '../types.ts';
import { holdBack, holdOf, withConfirmable } from '../steps/hold.ts';
import { isToAdopt } from '../steps/bookkeeping.ts';
import { adoptCommand } from './owner.ts';

/** Somebody else is at work: nothing of the app is touched, nor what a person confirms meanwhile. */
export function guardBusy(input: PlanAppInput, draft: PlanDraft, busy: OtherDeployment): PlanDraft {
  const again = isToAdopt(draft) ? adoptCommand(input) : undefined;
  return holdBack(withConfirmable(draft), input.desired.name, () => true, whyBusy(busy, again));
}

/** Done without a lease, and so without a wait for whoever has them all. */
const unleased: ReadonlySet<Step['kind']> = new Set([
  'machine.label',
  'machine.uncordon',
  'address.release',
  'secret.set',
  'secret.unset',
  'volume.extend',
  'volume.configure',
]);

/**
 * Of an app that somebody is destroying nobody says that it is as git says, nor does the little that needs no lease. What needs one
 * waits for the same leases by itself, and goes on where the app stays.
 */
export function guardDestroyed(input: PlanAppInput, draft: PlanDraft): PlanDraft {
  const { desired, observed, now, fleet } = input;
  if (observed.machines.status === 'unread') return draft;
  const going = destroyedBy({ machines: observed.machines.value, now, aheadMs: observed.flyAheadMs });
  if (going === undefined) return draft;
  const { steps } = draft;
  const holds = draft.holds.map((hold) => (hold.reason === 'busy' ? withoutLabels(hold) : hold));
  if (steps.length === 0 && holds.length > 0) return { ...draft, holds };
  if (!steps.every(({ kind }) => unleased.has(kind))) return draft;
  const again = fleet.from === undefined ? undefined : adoptCommand(input);
  const hold = holdOf(desired.name, { ...whyBusy(going, again), steps });
  return { ...draft, steps: [], holds: [...holds, withoutLabels(hold)] };
}

/**
 * Of an app that is taken over already, by a command that was cut short perhaps: what an earlier owner's FlyCD sent under a lease
 * that it still holds may write its own labels, and nobody says that the app is this fleet's for good.
 */
export function guardChanged(input: PlanAppInput, draft: PlanDraft, busy: OtherDeployment | undefined): PlanDraft {
  const { desired, observed, fleet } = input;
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const isTheirs = machines.some(
    ({ lease }) => isFlycdLease(lease?.description) && !isOwnLease(lease?.description, fleet),
  );
  if (busy === undefined || !isTheirs || draft.holds.some(({ reason }) => reason === 'busy')) return draft;
  return { ...draft, holds: [...draft.holds, holdOf(desired.name, whyBusy(busy, adoptCommand(input)))] };
}

/** Nobody waits for stamps: a hold of nothing else would not be told. */
function withoutLabels(hold: Hold): Hold {
  return { ...hold, steps: hold.steps.filter(({ kind }) => kind !== 'machine.label') };
}

/** Labels and taking over only write stamps: whoever deploys meanwhile does not notice. */
const unnoticed: ReadonlySet<Step['kind']> = new Set(['machine.label', 'app.adopt']);

/**
 * true: the plan has something to do that could disturb somebody at work on the app, so that its releases have to be
 * asked for, and the app planned again with them; or it waits for somebody, whatever for, and they say whether that is over.
 * An app that is not there has none.
 */
export function needsReleases(plan: AppPlan, observed: ObservedApp): boolean {
  if (observed.app.status === 'unread' || observed.app.value.state !== 'present') return false;
  if (mayBeOver(plan, observed)) return true;
  return withConfirmable(plan).steps.some((step) => !unnoticed.has(step.kind));
}

/** It waits for a deployment by its machines alone, and whether that goes on only its release says. */
function mayBeOver({ holds }: AppPlan, { machines, releases, askedAt, flyAheadMs }: ObservedApp): boolean {
  if (releases !== undefined || machines.status === 'unread' || holds.every(({ reason }) => reason !== 'busy'))
    return false;
  return machines.value.every(({ lease }) => (lease?.expires_at ?? 0) * 1000 <= askedAt.now + flyAheadMs);
}

/** What a plan that changes machines says where nobody knows whether somebody is about to. */
export function releasesNote(observed: ObservedApp, steps: readonly Step[]): readonly string[] {
  const { releases } = observed;
  const changesMachines = steps.some(
    (step) => step.kind === 'release' || (step.kind.startsWith('machine.') && !unnoticed.has(step.kind)),
  );
  if (releases?.status !== 'unread' || !changesMachines) return [];
  return [`a deployment in progress is seen only by its machines and leases: ${releases.reason}`];
}
