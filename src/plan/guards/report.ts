/** Drift that is only reported. */
import type { Step } from '../../model/plan.ts';
import type { PlanAppInput, PlanDraft } from '../types.ts';
import { holdBack } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

/** `drift: report` shows and does not touch. */
export function guardReport(input: PlanAppInput, draft: PlanDraft, isDrift: (step: Step) => boolean): PlanDraft {
  const { desired, options } = input;
  if (desired.policy.drift !== 'report' || options.now) return draft;
  return holdBack(draft, desired.name, (step) => step.kind !== 'machine.label' && isDrift(step), {
    reason: 'drift',
    because: 'Fly differs from git, and drift is only reported here (sync.drift: report)',
    next: `flycd sync --now --app ${shellWord(desired.name)}`,
  });
}
