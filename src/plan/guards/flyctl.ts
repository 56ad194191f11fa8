/** What somebody deployed, or suspended, by hand. */
import type { AppPlan, Step } from '../../model/plan.ts';
import type { AppPresence, ObservedApp } from '../../model/observed.ts';
import type { GroupPlan, MachineInventory, PlanAppInput, PlanDraft, RemovedMachines } from '../types.ts';
import { list, plural } from '../../model/base/text.ts';
import { handMade, isOnlyFlyctls, newestRelease, releasedAt, whoEmptied } from '../classify/hand-made.ts';
import { groupOf, isGone, metadataOf } from '../classify/machine-state.ts';
import { areInputsSame } from '../../model/stamps/input-stamps.ts';
import { stateSince, wasStoppedByHand } from '../classify/machine-history.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { parseTold } from '../../model/stamps/stamps.ts';
import { isRollout, updatesOf, createsOf } from '../steps/select.ts';
import { holdBack } from '../steps/hold.ts';
import { shellWord } from '../../model/base/shell.ts';

interface Found {
  readonly presence: AppPresence;
  readonly inventory: MachineInventory;
  readonly groups: readonly GroupPlan[];
  readonly leftovers: RemovedMachines;
}

/**
 * A finished `fly deploy` by hand is somebody's decision, also one that failed: nothing is rolled out over it, made again or
 * taken away until git has a commit that was first seen after it, or a person insists. So is an app that was suspended. While it
 * goes on the app waits for who is at work, whom `--now` does not overrule.
 */
export function guardFlyctl(input: PlanAppInput, assembled: PlanDraft, parts: Found): PlanDraft {
  const { desired, options } = input;
  const { drift } = desired.policy;
  const isGoingOn = parts.inventory.busy !== undefined;
  const draft = holdUncertain(input, withoutNotes(input, assembled), parts.inventory);
  if (isGoingOn || options.now || drift === 'heal_all' || drift === 'off') return draft;
  return holdPaused(input, holdDeployed(input, draft, parts), parts);
}

/** What was first seen later than that is somebody's later decision. */
function isOverruled({ memory, now, observed }: PlanAppInput, since: number | undefined): boolean {
  // A commit is seen by our clock, a release made by Fly's.
  const { flyAheadMs } = observed;
  return (
    memory.revisionSeenAt !== undefined && memory.revisionSeenAt > (since === undefined ? now : since - flyAheadMs)
  );
}

function holdDeployed(input: PlanAppInput, draft: PlanDraft, parts: Found): PlanDraft {
  const { name } = input.desired;
  const { inventory, groups } = parts;
  const isUnread = input.observed.isDepartedUnread === true;
  const byFlyctl = new Set(groups.flatMap((planned) => [...planned.byFlyctl]));
  const touched = inventory.members.filter(({ machine: { id } }) => byFlyctl.has(id) && touches(draft.steps, id));
  const leaving = new Set(parts.leftovers.destroys.map(({ machineId }) => machineId));
  const left = inventory.leftovers.filter((one) => leaving.has(one.machine.id) && !(isUnread && one.isUncertain));
  const emptied = emptiedGroups(input, draft, parts);
  if (touched.length + left.length + emptied.length === 0) return draft;
  // Machines that are gone, or that others have replaced, do not tell of the release that did it.
  const isToldByOthers = emptied.length > 0 || left.some((one) => one.left === 'replaced');
  const telling = [...touched, ...left, ...(isToldByOthers ? handMade(inventory) : [])];
  const uncertain = new Set(inventory.leftovers.filter((one) => one.isUncertain).map(({ machine }) => machine.id));
  if (isUnread && telling.every(({ machine }) => uncertain.has(machine.id))) return holdUntold(input, draft, emptied);
  if (isOverruled(input, releasedAt(telling, inventory))) return draft;
  const because = [
    ...(touched.length === 0 ? [] : [`${plural(touched.length, 'machine')} not as git says`]),
    ...emptied.map((group) => `${group} has no machine`),
    ...leftoverWords(left),
  ];
  return holdBack(draft, name, changesMachines, {
    reason: 'flyctl',
    because: `changed by flyctl${releaseWords(newestRelease(telling, inventory))}: ${list(because)}`,
    next: `commit what should run, or flycd sync --now --app ${shellWord(name)}`,
  });
}

/** A list that Fly did not answer is asked for again as soon as others of an app are. Milliseconds. */
const untoldLookMs = 60_000;

/** A label that takes note of the release would leave nobody to tell of it. */
function isNote(step: Step): boolean {
  return step.kind === 'machine.label' && step.metadata[stampKeys.release] !== undefined;
}

/** What goes may be what serves while others wait. */
function changesMachines(step: Step): boolean {
  return isNote(step) || isRollout(step) || step.kind === 'machine.destroy';
}

/** Where those that are gone were asked for and not read, what tells of a release stays until they are, whoever insists. */
function withoutNotes({ observed }: PlanAppInput, draft: PlanDraft): PlanDraft {
  if (observed.isDepartedUnread !== true) return draft;
  return { ...draft, steps: draft.steps.filter((step) => !isNote(step)) };
}

/** As what cannot be read holds whatever depends on it, whoever insists: `whether` is what machines that are gone tell. */
function unreadHold({ now }: PlanAppInput, { whether, next }: { readonly whether: string; readonly next: string }) {
  return {
    reason: 'unread',
    because: `destroyed machines could not be read, and only they tell whether ${whether}`,
    next: `FlyCD tries again; ${next}`,
    retryAt: now + untoldLookMs,
  } as const;
}

function holdUntold(input: PlanAppInput, draft: PlanDraft, emptied: readonly string[]): PlanDraft {
  const whether = `a deployment by hand took those of ${list(emptied)}`;
  const next = `flycd sync --now --app ${shellWord(input.desired.name)} goes on without it`;
  return holdBack(draft, input.desired.name, changesMachines, unreadHold(input, { whether, next }));
}

/** What may have been there when FlyCD came is not for it to destroy. */
function holdUncertain(input: PlanAppInput, draft: PlanDraft, { leftovers }: MachineInventory): PlanDraft {
  if (input.observed.isDepartedUnread !== true) return draft;
  const uncertain = leftovers.filter((one) => one.isUncertain);
  const ids = new Set(uncertain.map(({ machine }) => machine.id));
  const isHeld = (step: Step): boolean => step.kind === 'machine.destroy' && ids.has(step.machineId);
  const whether = `${list(leftoverWords(uncertain))}, was there before FlyCD`;
  const next = 'nothing that depends on it is done until then';
  return holdBack(draft, input.desired.name, isHeld, unreadHold(input, { whether, next }));
}

/** Whether somebody deployed by hand only machines that are gone could tell, and nobody could read those. */
function mayBeTold({ observed }: PlanAppInput, inventory: MachineInventory): boolean {
  return inventory.isUntold && observed.isDepartedUnread === true;
}

/** Groups that had machines, and have none beside what tells of a deployment by hand, which may have taken them. */
function emptiedGroups(input: PlanAppInput, { steps }: PlanDraft, { inventory }: Found): readonly string[] {
  if (handMade(inventory).length === 0 && !mayBeTold(input, inventory)) return [];
  const there = new Set(inventory.members.map(({ group }) => group));
  const made = new Set(createsOf(steps).map(({ group }) => group));
  return [...made].filter((group) => {
    if (there.has(group)) return false;
    const { by } = whoEmptied(input.observed, inventory, group);
    return by === 'deployment' || (by === 'unknown' && hadMachines(input, inventory, group));
  });
}

/** Of a group that no machine tells of. Without a database one that came with what git says now had none. */
function hadMachines(
  { desired, memory, observed }: PlanAppInput,
  { members }: MachineInventory,
  group: string,
): boolean {
  if (memory.populated !== undefined) return memory.populated[group] !== undefined;
  const ours = members.filter((member) => member.ours);
  const isNew = ours.every(({ metadata }) => !areInputsSame(metadata[stampKeys.inputs], desired.inputs));
  return observed.departed === undefined || !isNew;
}

/**
 * true: a group has no machine, and those that are gone tell who took the last one away, where that holds it, or whether FlyCD
 * was there before flyctl's machines that are. So they do where one of those would go, and no release tells of it.
 */
export function asksWhoEmptied({ steps, holds }: AppPlan, { machines }: ObservedApp): boolean {
  if (machines.status === 'unread') return false;
  const present = machines.value
    .filter((one) => !isGone(one))
    .map((one) => ({ id: one.id, metadata: metadataOf(one) }));
  const there = new Set(present.map(({ metadata }) => groupOf(metadata)));
  const isBeside = present.some(({ metadata }) => isOnlyFlyctls(metadata));
  const asking = [...(isBeside ? steps : []), ...holds.flatMap((hold) => (hold.reason === 'flyctl' ? hold.steps : []))];
  const flyctls = new Set(present.filter(({ metadata }) => isOnlyFlyctls(metadata)).map(({ id }) => id));
  const isDated = present.some(({ metadata }) => parseTold(metadata[stampKeys.told]) !== undefined);
  return (
    createsOf(asking).some(({ group }) => !there.has(group)) ||
    (!isDated && asking.some((step) => step.kind === 'machine.destroy' && flyctls.has(step.machineId)))
  );
}

const leftAs = {
  canary: 'left as a canary',
  replaced: 'that a bluegreen deployment replaced',
  unfinished: 'of a bluegreen deployment that did not end',
} as const;

/** By what they are: how many there are. */
export function leftoverWords(left: MachineInventory['leftovers']): readonly string[] {
  const groups = Map.groupBy(
    left.filter((one) => one.left === 'group'),
    ({ group }) => group,
  );
  return [
    ...[...groups].map(([group, made]) => `${plural(made.length, 'machine')} of ${group}, which git does not name`),
    ...Object.entries(leftAs).flatMap(([kind, words]) => {
      const count = left.filter((one) => one.left === kind).length;
      return count === 0 ? [] : [`${plural(count, 'machine')} ${words}`];
    }),
  ];
}

function releaseWords(number: number): string {
  return number === 0 ? '' : ` (release v${number})`;
}

/** The steps update the machine, or make it anew. */
function touches(steps: readonly Step[], id: string): boolean {
  return (
    updatesOf(steps).some(({ machineId }) => machineId === id) ||
    createsOf(steps).some(({ replaces }) => replaces?.includes(id) === true)
  );
}

/** Fly calls the app suspended, and a person stopped what would be started. */
function holdPaused(input: PlanAppInput, draft: PlanDraft, { presence, inventory }: Found): PlanDraft {
  if (presence.state !== 'present' || presence.app.status !== 'suspended') return draft;
  const starting = new Set(draft.steps.flatMap((step) => (step.kind === 'machine.start' ? [step.machineId] : [])));
  const paused = inventory.members
    .map(({ machine }) => machine)
    .filter((machine) => starting.has(machine.id) && wasStoppedByHand(machine));
  const times = paused.map((machine) => stateSince(machine) ?? input.now + input.observed.flyAheadMs);
  if (paused.length === 0 || isOverruled(input, Math.max(...times))) return draft;
  const ids = new Set(paused.map(({ id }) => id));
  const { name } = input.desired;
  return holdBack(draft, name, (step) => step.kind === 'machine.start' && ids.has(step.machineId), {
    reason: 'flyctl',
    because: `the app is suspended on Fly: ${plural(paused.length, 'machine')} stopped by hand`,
    // `fly apps resume` only says that it is deprecated, and does nothing.
    next: `fly machine start --app ${shellWord(name)} for each, a commit, or flycd sync --now --app ${shellWord(name)}`,
  });
}
