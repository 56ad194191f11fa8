/** The one place where a plan becomes a status word. */
import type { AppStatus, Hold, HoldReason, AppPlan } from '../../model/plan.ts';
import { appPlanId } from './plan-id.ts';
import { inOrder } from './order.ts';

/** What an app's steps say of it: none; only undoing what was done on Fly; or git wants what Fly lacks. */
export type StepsSay = 'nothing' | 'drift' | 'wanted';

/**
 * What a hold makes of its app. blocked: nothing the app needs can go on before somebody has acted; pending: time alone
 * brings it, and git wants it. docs/held.md has a row for each reason.
 */
export const statusByReason = {
  build: 'blocked',
  image: 'blocked',
  busy: 'held',
  flyctl: 'held',
  adoption: 'held',
  drift: 'drifted',
  brake: 'held',
  secret: 'blocked',
  permission: 'held',
  dependency: 'pending',
  window: 'pending',
  unread: 'pending',
  unreachable: 'pending',
  intent: 'held',
  owner: 'blocked',
  volume: 'held',
  destructive: 'held',
  manual: 'held',
  failed: 'held',
  rollback: 'held',
  suspended: 'suspended',
} as const satisfies Record<HoldReason, AppStatus>;

/** Of an app with these steps to do. */
export function statusOf(steps: StepsSay, holds: readonly Hold[]): AppStatus {
  const weighty = weightiest(holds);
  if (weighty !== undefined) return weighty;
  if (steps === 'wanted') return 'pending';
  if (steps === 'drift') return 'drifted';
  return statusOfHolds(holds);
}

/** Of an app with nothing left to do but what is held. */
export function statusOfHolds(holds: readonly Hold[]): AppStatus {
  if (holds.length === 0) return 'synced';
  const weighty = weightiest(holds);
  if (weighty !== undefined) return weighty;
  return holds.every((hold) => statusByReason[hold.reason] === 'drifted') ? 'drifted' : 'held';
}

/** What one hold alone decides, whatever else the app's plan holds or does. */
function weightiest(holds: readonly Hold[]): AppStatus | undefined {
  const said = new Set(holds.map(({ reason }) => statusByReason[reason]));
  return (['suspended', 'blocked', 'pending'] as const).find((status) => said.has(status));
}

/** true: nobody knows how the app is, in part or whole, for Fly did not say. */
export function isUnseen({ status, holds }: Pick<AppPlan, 'status' | 'holds'>): boolean {
  return status === 'failed' || holds.some(({ reason }) => reason === 'unread');
}

/** Status and id follow from what is left. */
export function withSteps(plan: AppPlan, parts: Pick<AppPlan, 'steps' | 'holds'>): AppPlan {
  const steps = inOrder(parts.steps);
  const { holds } = parts;
  const isDrift = plan.status === 'drifted' && steps.every((step) => plan.steps.includes(step));
  const say = steps.length === 0 ? 'nothing' : isDrift ? 'drift' : 'wanted';
  // Nobody's app in git is orphaned, whatever is held.
  const status = plan.status === 'orphaned' ? plan.status : statusOf(say, holds);
  return { ...plan, steps, holds, status, planId: appPlanId(plan.app, steps, holds) };
}
