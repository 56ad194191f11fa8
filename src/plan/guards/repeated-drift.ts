/** Drift that comes back after each heal. */
import type { FieldChange, Step } from '../../model/plan.ts';
import type { PlanAppInput, PlanDraft } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { holdBack } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

const healWindowMs = 60 * 60_000;

/** Healed this often within the window: somebody or something keeps changing it back, and every heal is a restart. */
const healsMax = 3;

/** How a heal is called in SQLite: the update's target and the field. */
export function healPath(target: string, change: FieldChange): string {
  return `${target} ${change.path}`;
}

export function guardHeals(input: PlanAppInput, draft: PlanDraft): PlanDraft {
  const { desired, memory, now, options } = input;
  if (options.now || desired.policy.drift === 'heal_all') return draft;
  const recent = memory.heals.filter((heal) => heal.at > now - healWindowMs);
  const often = (path: string): boolean => recent.filter((heal) => heal.path === path).length >= healsMax;
  const pathsOf = (step: Step): string[] =>
    step.kind === 'machine.update' && step.reason === 'drift'
      ? step.changes.map((change) => healPath(step.target, change)).filter(often)
      : [];
  const paths = draft.steps.flatMap(pathsOf);
  const oldest = Math.min(...recent.filter((heal) => paths.includes(heal.path)).map((heal) => heal.at));
  return holdBack(draft, desired.name, (step) => pathsOf(step).length > 0, {
    reason: 'drift',
    because: `healed ${healsMax} times within an hour, and changed again: ${list(paths)}`,
    next: `find out who changes it, then flycd sync --now --app ${shellWord(desired.name)}`,
    retryAt: oldest + healWindowMs,
  });
}
