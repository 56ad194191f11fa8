/** Apps that FlyCD did not make. */
import type { PlanAppInput, PlanDraft } from '../types.ts';
import { isRollout, touchesWhatRuns } from '../steps/select.ts';
import { holdBack, withConfirmable } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

/**
 * An app that somebody else made is not restarted or cut down without being asked. Then nothing at all is done, not even
 * stamped: a stamp would make the app ours.
 */
export function guardAdoption(input: PlanAppInput, draft: PlanDraft, strangers: boolean): PlanDraft {
  const { desired, options } = input;
  if (options.adopt) return draft;
  const all = [...draft.steps, ...draft.holds.flatMap((hold) => hold.steps)];
  const restarts = all.some((step) => touchesWhatRuns(step) || (strangers && isRollout(step)));
  if (!restarts && !all.some(({ kind }) => kind === 'address.release')) return draft;
  // A person who accepts a removal has not thereby handed the app over.
  return holdBack(withConfirmable(draft), desired.name, () => true, {
    reason: 'adoption',
    because: strangers
      ? 'nothing says that FlyCD made the app, and its machines are none that git names'
      : restarts
        ? 'the app was not made by FlyCD, and taking it over would change what runs'
        : 'the app was not made by FlyCD, and taking it over would release addresses that somebody gave it',
    next: `read the steps, then flycd adopt ${shellWord(desired.name)}`,
  });
}

/** The command by which a person takes the app over in this pass. undefined: nobody does. */
export function adoptCommand({
  desired,
  fleet: { from },
  options,
}: Pick<PlanAppInput, 'desired' | 'fleet' | 'options'>): string | undefined {
  const { name } = desired;
  if (from === undefined) return options.adopt ? `flycd adopt ${shellWord(name)}` : undefined;
  return (options.apps ?? []).length > 0
    ? `flycd adopt ${shellWord(name)} --from ${shellWord(from.text)}`
    : `flycd adopt --all --from ${shellWord(from.text)}`;
}
