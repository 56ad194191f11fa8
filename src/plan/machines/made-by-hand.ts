/** What a plan says of machines that somebody made beside FlyCD's: where git gives no count, they stay and are counted. */
import type { Hold, Step } from '../../model/plan.ts';
import { notHealedWords } from '../../model/base/policy.ts';
import { plural } from '../../model/base/text.ts';
import { formatSlot, isCopy } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { shellWord } from '../../model/base/shell.ts';
import { holdOf } from '../steps/hold.ts';
import { isGreen } from '../classify/bluegreen.ts';
import { isByHand, whoEmptied } from '../classify/hand-made.ts';
import { slotOf } from '../classify/slots.ts';
import type { GroupMachine, GroupScope, MachinesInput } from '../types.ts';

/** `staying`: the group's machines that its plan leaves there. */
export function madeByHandNotes(scope: GroupScope, staying: readonly GroupMachine[]): readonly string[] {
  if (scope.group.autoscaled) return [];
  return [...adoptedNotes(scope, staying), ...unnamedRegionNotes(scope, staying)];
}

export function emptiedWords({ input: { observed }, inventory }: MachinesInput, group: string): string {
  const { by } = whoEmptied(observed, inventory, group);
  return `${group} has no machine: ${observed.isDepartedUnread === true ? unreadWords : emptiedBy[by]}`;
}

const unreadWords = 'destroyed machines, which tell who took the last one away, could not be read';
const person = 'somebody scaled it to 0, or destroyed the last one';
const emptiedBy = {
  person,
  unknown: person,
  deployment: 'a deployment by flyctl took the last one away',
  FlyCD: 'FlyCD took the last one away',
} as const;

/** A note on what a person did, where nothing is held for it. */
export function leftWords(what: string): string {
  return `${what}; ${notHealedWords}`;
}

/** Git names the group, and says nothing of how many: nothing is made, and nobody may think that it runs. */
export function emptiedHold(parts: MachinesInput, group: string, steps: readonly Step[]): Hold {
  const app = parts.input.desired.name;
  return holdOf(app, {
    reason: 'flyctl',
    because: `${emptiedWords(parts, group)}, and git gives it no count`,
    next: `a count of it in git (machines), another change of the app, or flycd sync --now --app ${shellWord(app)}`,
    steps,
  });
}

/**
 * Told once: the label that adopts such a machine makes it one of ours. Who is at work may take it away again, and what a
 * bluegreen deployment made is no copy: its original is gone.
 */
function adoptedNotes(scope: GroupScope, staying: readonly GroupMachine[]): readonly string[] {
  if (scope.inventory.busy !== undefined) return [];
  const isOurs = scope.inventory.members.some((member) => member.ours) || scope.input.memory.known;
  if (!isOurs) return [];
  return staying.flatMap((member) => {
    const { id } = member.machine;
    const slot = formatSlot(slotOf(scope, member));
    if (isByHand(member.metadata) && isGreen(member.machine)) return [];
    if (member.ours && !isCopy(id, member.metadata) && !hasAnothersSlot(member, slot)) return [];
    const how = member.ours ? 'is a copy that somebody made by hand' : 'was made by hand with flyctl';
    return [`${slot} (${id}) ${how}: from now on it is updated with its group`];
  });
}

/** Copied before its original was given its own id, which would tell: two say the same place, or it stands elsewhere. */
function hasAnothersSlot({ metadata }: GroupMachine, slot: string): boolean {
  return (metadata[stampKeys.slot] ?? slot) !== slot;
}

/** Told as long as it is so: git does not say what runs there, and whoever reads git alone misses it. */
function unnamedRegionNotes(scope: GroupScope, staying: readonly GroupMachine[]): readonly string[] {
  const { desired, group, wanted } = scope;
  if (wanted.exact) return [];
  const named = new Set([desired.primaryRegion, ...desired.regions]);
  const elsewhere = Map.groupBy(staying, ({ machine }) => machine.region);
  return [...elsewhere]
    .filter(([region]) => !named.has(region))
    .map(
      ([region, there]) =>
        `${group.name} has ${plural(there.length, 'machine')} in ${region}, which git does not name; ` +
        `${there.length === 1 ? 'it stays' : 'they stay'}. Add ${region} to extra_regions, or run fly machine destroy`,
    );
}
