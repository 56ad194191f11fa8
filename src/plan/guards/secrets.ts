/** Secrets without a value. */
import type { Hold } from '../../model/plan.ts';
import type { PlanDraft, SecretsPlan } from '../types.ts';
import { needsMachines } from '../steps/select.ts';

/** A machine that starts without a secret it needs fails in ways that are hard to read: its release waits. */
export function guardSecrets(draft: PlanDraft, { absent }: Pick<SecretsPlan, 'absent'>): PlanDraft {
  const lacks = ({ steps }: Hold): boolean => steps.some((step) => step.kind === 'secret.set' && absent.has(step.name));
  const index = draft.holds.findIndex(lacks);
  const hold = draft.holds[index];
  if (hold === undefined) return draft;
  const held = draft.steps.filter(needsMachines);
  const holds = draft.holds.with(index, { ...hold, steps: [...hold.steps, ...held] });
  return { steps: draft.steps.filter((step) => !needsMachines(step)), holds };
}
