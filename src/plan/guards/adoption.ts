/** Apps that FlyCD did not make. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import { reservedGroups } from '../../../schemas/fly/presets.ts';
import type { Hold, Step } from '../../model/plan.ts';
import { byText, plural } from '../../model/base/text.ts';
import { shortOrigin } from '../../model/stamps/origin.ts';
import { isSameOwner, otherOwner, type OtherOwner } from '../../model/stamps/owner.ts';
import { ownerBefore } from '../classify/beginning.ts';
import { groupOf, isGone, liveConfigOf, metadataOf } from '../classify/machine-state.ts';
import { adoptable, ownerLabels, withLabels } from '../kinds/owner-labels.ts';
import type { HoldParts, MachineInventory, PlanAppInput, PlanDraft } from '../types.ts';
import { isRollout, touchesWhatRuns } from '../steps/select.ts';
import { holdBack, holdOf, withConfirmable } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';
import { ownerHold, ownerWords, unlabelledOf } from './owner.ts';

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

/**
 * An app is adopted whole or waits: one of which another owner has machines still is held by the next plan, and by theirs. What can
 * be labelled is; where nothing can, or what git does not name would stay another owner's, the app stays theirs.
 */
export function guardUnlabelled(input: PlanAppInput, inventory: MachineInventory, draft: PlanDraft): PlanDraft {
  const { desired, fleet, options } = input;
  if (options.adopted === true) return withoutRemovals(input, inventory, draft);
  if (!options.adopt) return draft;
  const theirs = adoptable(inventory, fleet);
  const kept = keptFrom(input, theirs);
  const [first, ...others] = [unlabelledOf(desired.name, theirs, fleet), kept].filter((parts) => parts !== undefined);
  if (first === undefined) return withoutRemovals(input, inventory, draft);
  // With a part of it labelled both owners would hold the app, also one that is still at its first release.
  const canLabel = kept === undefined && theirs.some((machine) => liveConfigOf(machine) !== undefined);
  const goesOn = (step: Step): boolean => canLabel && step.kind === 'app.adopt';
  const all = withConfirmable(draft);
  const held = [{ ...first, steps: all.steps.filter((step) => !goesOn(step)) }, ...others];
  const holds = held.map((parts) => holdOf(desired.name, parts));
  return { steps: all.steps.filter(goesOn), holds: [...all.holds, ...holds] };
}

/** What takes something away for good. */
const removals: ReadonlySet<Step['kind']> = new Set(['machine.destroy', 'address.release', 'secret.unset']);

/**
 * Of another owner's app no plan has shown what would go: it is taken over by labels, and the next plan shows it. So it is where the
 * labels are written already, by a command that was cut short perhaps. What git says of an app that flyctl made its hold has shown.
 */
function withoutRemovals(
  { desired, fleet, options }: PlanAppInput,
  inventory: MachineInventory,
  draft: PlanDraft,
): PlanDraft {
  const isAdopted = draft.steps.some(({ kind }) => kind === 'app.adopt');
  const isTheirs = adoptable(inventory, fleet).length > 0;
  const isOver = options.adopted === true || !isAdopted;
  if (!draft.steps.some(({ kind }) => removals.has(kind)) || !(isTheirs || isOver)) return draft;
  const words = isTheirs
    ? {
        because: 'some of what the app has would go, which no plan has shown while it was another owner’s',
        next: 'flycd diff shows it once the app is adopted',
      }
    : {
        because: 'the app is this fleet’s by now, and some of what it has would go: flycd adopt leaves that to a sync',
        next: 'flycd diff shows it, and flycd sync --once does it',
      };
  return holdBack(draft, desired.name, ({ kind }) => kind !== 'app.adopt', { reason: 'owner', ...words });
}

/** For whoever plans an app that is another owner's: adopting it may need a word about all that this one has. */
export function holdForOwner(input: PlanAppInput, inventory: MachineInventory, other: OtherOwner, ours: number): Hold {
  const kept = ours > 0 ? undefined : keptFrom(input, adoptable(inventory, input.fleet));
  const hold = ownerHold(input, other, ours, kept?.next);
  return kept === undefined ? hold : { ...hold, because: `${hold.because}; ${kept.because}` };
}

/** What another owner has in the app once these get their labels, those on dark hosts aside. undefined: nothing that keeps it from being ours. */
function keptFrom({ desired, observed, fleet }: PlanAppInput, theirs: readonly Machine[]): HoldParts | undefined {
  const { name } = desired;
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const dark = new Set(theirs.filter((machine) => liveConfigOf(machine) === undefined).map(({ id }) => id));
  const labels = ownerLabels({ app: name, machines: theirs, fleet, because: 'taken over' });
  const left = withLabels(machines, labels).filter((machine) => !isGone(machine) && !dark.has(machine.id));
  const other = ownerBefore(left, fleet);
  if (other === undefined) return undefined;
  const kept = left.filter((machine) => isSameOwner(other, otherOwner(metadataOf(machine), fleet)));
  const named = new Set(desired.groups.map((group) => group.name));
  const unnamed = kept.map((machine) => groupOf(metadataOf(machine)) ?? '').filter((group) => !named.has(group));
  const isGroup = (group: string): boolean => group !== '' && reservedGroups.every((one) => one !== group);
  const groups = [...new Set(unnamed)].filter(isGroup).toSorted(byText);
  const what = `process group${groups.length > 1 ? 's' : ''} ${groups.join(', ')}, which git does not name`;
  const count = groups.length > 0 ? unnamed.filter(isGroup).length : kept.length;
  const again = `then flycd adopt ${shellWord(name)}`;
  // What a second owner has is left to a word of its own.
  const owners = machines
    .filter((machine) => !isGone(machine))
    .map((machine) => otherOwner(metadataOf(machine), fleet));
  const isAll = owners.every((owner) => owner === undefined || isSameOwner(other, owner));
  const after = isAll ? 'flycd diff then shows what happens to it' : again;
  const way = `flycd adopt ${shellWord(name)} --from ${shellWord(shortOrigin(other.origin) ?? other.fleet)} takes over all that it has in the app; ${after}`;
  return {
    reason: 'owner',
    because: `${ownerWords(other)} has ${plural(count, 'machine')} ${groups.length > 0 ? `of ${what}` : 'that git does not count'}`,
    next: groups.length > 0 ? `${way}. Or name ${groups.join(', ')} in git, ${again}` : way,
  };
}
