/** Drift that is only reported. */
import type { Step } from '../../model/plan.ts';
import type { PlanAppInput, PlanDraft } from '../types.ts';
import { holdBack } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

/** `drift: report` shows and does not touch. `addresses`: git has not moved, so one that is gone was taken away on Fly. */
export function guardReport(
  input: PlanAppInput,
  draft: PlanDraft,
  drift: ReadonlySet<Step>,
  addresses: boolean,
): PlanDraft {
  const { desired, options } = input;
  if (desired.policy.drift !== 'report' || options.now) return draft;
  const isDrift = (step: Step): boolean =>
    step.kind !== 'machine.label' && (drift.has(step) || (addresses && step.kind === 'address.allocate'));
  return holdBack(draft, desired.name, isDrift, {
    reason: 'drift',
    because: 'Fly differs from git, and drift is only reported here (sync.drift: report)',
    next: `flycd sync --now --app ${shellWord(desired.name)}`,
  });
}
