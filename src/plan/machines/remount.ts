/** Machines with another mount than git gives them: others are made in their places. */
import { notHealedWords } from '../../model/base/policy.ts';
import type { Hold, MachineUpdate, Step } from '../../model/plan.ts';
import { formatSlot } from '../../model/stamps/slot.ts';
import { goWithout, waitForVolumes } from './departing-volumes.ts';
import type { MountMismatch, CompareScope, GroupDraft, Remount } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';
import { destroyFor, inItsPlace } from './replace.ts';
import { shellWord } from '../../model/base/shell.ts';
import { acceptCommand } from '../steps/accept-word.ts';

/**
 * A machine with another mount than git gives it is made anew. By itself where it gets a volume; where one would be left
 * behind a person decides, and nothing of the machine is touched until then.
 */
export function planRemount(
  scope: CompareScope,
  misfit: MountMismatch,
  update: MachineUpdate,
  draft: GroupDraft,
): void {
  const { group, input, desired } = scope;
  const { region } = update.slot;
  const place = formatSlot(update.slot);
  const because = `${place} has ${misfit.has}`;
  const create = inItsPlace({ ...update, because: `it has ${misfit.has}` }, group.mount);
  const steps: Remount = {
    has: misfit.has,
    place,
    create,
    destroy: destroyFor(update, 'once the machine made in its place is healthy'),
  };
  if (!misfit.gains && input.options.accept !== true) {
    draft.misfits.push(steps);
    if (group.mount !== undefined) goWithout(draft, region);
  } else if (update.reason === 'drift' && !scope.heals && !input.options.force) {
    goWithout(draft, region);
    if (desired.policy.drift === 'off') {
      draft.notes.push(`${because}; ${notHealedWords}`);
      return;
    }
    const next = `flycd sync --now --app ${shellWord(desired.name)}`;
    const reported = `${because}; drift is only reported here (sync.drift: report)`;
    const held = [steps.create, steps.destroy];
    draft.holds.push(holdOf(desired.name, { reason: 'drift', because: reported, next, steps: held }));
  } else if (waitForVolumes(scope, region, 1, draft) === 0) {
    draft.replacements.push(steps.create);
    draft.destroys.push(steps.destroy);
  }
}

/** Of a group's machines that only a person may have made anew, with the volumes that they need. undefined: there are none. */
export function remountHold(app: string, misfits: readonly Remount[], volumes: readonly Step[]): Hold | undefined {
  if (misfits.length === 0) return undefined;
  const said = [...Map.groupBy(misfits, ({ has }) => has)].map(([has, those]) => {
    return `${list(those.map(({ place }) => place))} ${those.length === 1 ? 'has' : 'have'} ${has}`;
  });
  return holdOf(app, {
    reason: 'volume',
    because: said.join('; '),
    next: `${acceptCommand(app)} makes each anew, and its volume stays; or undo the change in git`,
    steps: [...volumes, ...misfits.flatMap(({ create, destroy }) => [create, destroy])],
  });
}
