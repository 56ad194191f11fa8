/** What somebody deployed by hand. */
import type { Step } from '../../model/plan.ts';
import type { PlanAppInput, PlanDraft } from '../types.ts';
import { plural } from '../../model/base/text.ts';
import { isRollout, updatesOf, createsOf } from '../steps/select.ts';
import { holdBack } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

/**
 * A finished `fly deploy` by hand is somebody's decision: nothing is rolled out over it until git has a newer commit than
 * the one it was found at, or a person insists.
 */
export function guardFlyctl(
  input: PlanAppInput,
  draft: PlanDraft,
  byFlyctl: ReadonlyMap<string, string | undefined>,
): PlanDraft {
  const { desired, memory, options, revision } = input;
  const newer = memory.heldRevision !== undefined && memory.heldRevision !== revision;
  if (options.now || newer || desired.policy.drift === 'heal_all' || desired.policy.drift === 'off') return draft;
  const touched = [...touchedBy(draft.steps)].filter((machineId) => byFlyctl.has(machineId));
  if (touched.length === 0) return draft;
  const releases = [...new Set(touched.map((machineId) => byFlyctl.get(machineId)))].flatMap(
    (release) => release ?? [],
  );
  const named =
    releases.length === 0
      ? ''
      : ` (release ${releases
          .toSorted()
          .map((release) => `v${release}`)
          .join(', ')})`;
  return holdBack(draft, desired.name, isRollout, {
    reason: 'flyctl',
    because: `changed by flyctl${named}: ${plural(touched.length, 'machine')} not as git says`,
    next: `commit what should run, or flycd sync --now --app ${shellWord(desired.name)}`,
  });
}

/** Machines that the steps update or make anew, by id. */
function touchedBy(steps: readonly Step[]): ReadonlySet<string> {
  const updated = updatesOf(steps).map((step) => step.machineId);
  return new Set([...updated, ...createsOf(steps).flatMap((step) => step.replaces ?? [])]);
}
