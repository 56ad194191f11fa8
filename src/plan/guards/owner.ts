/** Apps of other owners: a fleet of another name, another repo whose fleet nobody named either, another organization. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Hold, MachineLabel } from '../../model/plan.ts';
import { formatSlot, parseSlot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { originId } from '../../model/stamps/origin.ts';
import { isPresumed, ownerStamps, type OtherOwner } from '../../model/stamps/owner.ts';
import { isFrom } from '../../model/stamps/predecessor.ts';
import { isGone, isHostOk, liveConfigOf, metadataOf } from '../classify/machine-state.ts';
import { allOf } from '../classify/machines.ts';
import { holdBack, holdOf, withConfirmable } from '../steps/hold.ts';
import { touchesWhatRuns } from '../steps/select.ts';
import type { HoldParts, MachineInventory, PlanAppInput, PlanDraft } from '../types.ts';

/** Digits of an origin that tell repos apart for a person, and that `adopt --from` takes. */
const shownDigits = 12;

function shown({ origin }: OtherOwner): string | undefined {
  return originId(origin)?.slice(0, shownDigits);
}

export function ownerWords(other: OtherOwner): string {
  const origin = shown(other);
  return origin === undefined ? `fleet ${other.fleet}` : `the config repo of origin ${origin}`;
}

/** Nothing at all is done in another's app. */
export function ownerHold({ desired, fleet }: PlanAppInput, other: OtherOwner): Hold {
  const { name } = desired;
  const origin = shown(other);
  if (origin === undefined) {
    return holdOf(name, {
      reason: 'owner',
      because: `the app belongs to fleet ${other.fleet}`,
      // In the other order that fleet may destroy it: to a fleet that prunes apps it is one that git no longer names.
      next: `flycd adopt ${name}; only when that has taken it over, take it out of the config repo of fleet ${other.fleet} (all of its apps: flycd adopt --all --from ${other.fleet})`,
    });
  }
  const isKin = other.origin?.root !== undefined && other.origin.root === fleet.origin?.root;
  const kin = 'its history begins as this one does, so that this one has moved or one is a copy of the other';
  return holdOf(name, {
    reason: 'owner',
    because: `the app belongs to another config repo, of origin ${origin}: ${isKin ? kin : 'neither of the two names its fleet'}`,
    next: `where this repo goes on in its place, flycd adopt --all --from ${origin}; else take ${name} out of one of the two`,
  });
}

/**
 * An app that is ours by nothing but the name the fleet had before one was written, when nobody had named it: another repo's may
 * have been called the same. It is taken over where that changes nothing but labels; else a person has to say so.
 */
export function guardPresumed(input: PlanAppInput, inventory: MachineInventory, draft: PlanDraft): PlanDraft {
  const { desired, fleet, memory, options } = input;
  if (options.adopt || memory.known || !allOf(inventory).some(({ metadata }) => isPresumed(metadata, fleet)))
    return draft;
  const all = [...draft.steps, ...draft.holds.flatMap((hold) => hold.steps)];
  if (!all.some(touchesWhatRuns)) return draft;
  return holdBack(withConfirmable(draft), desired.name, () => true, {
    reason: 'owner',
    because: `its machines are of a fleet ${fleet.unwritten}, as every repo's is that names none, and taking them over would change what runs`,
    next: `if they are this repo's, flycd adopt --all --from ${fleet.unwritten}`,
  });
}

/** The labels that make machines ours which carry what a person named as the earlier owner. Nothing restarts for it. */
export function labelsOver({ desired, observed, fleet }: PlanAppInput): readonly MachineLabel[] {
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const theirs = machines.filter((machine) => !isGone(machine) && isFrom(metadataOf(machine), fleet));
  return theirs.flatMap((machine) => {
    const metadata = metadataOf(machine);
    const changed = Object.entries(ownerStamps(fleet, metadata)).filter(([key, to]) => (metadata[key] ?? null) !== to);
    if (changed.length === 0 || liveConfigOf(machine) === undefined || !isHostOk(machine)) return [];
    return [
      {
        kind: 'machine.label' as const,
        app: desired.name,
        target: `${desired.name}/${placeOf(machine)}`,
        because: `taken over from ${fleet.from?.text}`,
        risk: 'safe' as const,
        changes: changed.map(([key, to]) => ({ path: `metadata.${key}`, from: metadata[key], to: to ?? undefined })),
        machineId: machine.id,
        metadata: Object.fromEntries(changed),
      },
    ];
  });
}

function placeOf(machine: Machine): string {
  const slot = parseSlot(metadataOf(machine)[stampKeys.slot]);
  return slot === undefined ? machine.id : formatSlot(slot);
}

/**
 * FlyCD moves no app from one organization to another: that takes it down, and away from the private network it knows.
 * undefined: git names none, Fly does not say, or both mean the same as far as can be told.
 */
export function otherOrganization({ desired, observed }: PlanAppInput): HoldParts | undefined {
  const { name, org, orgIsDefault, file } = desired;
  const there = observed.org;
  if (orgIsDefault === true || org === undefined || there === undefined || there === org) return undefined;
  if (observed.reached !== undefined && !areBothReached(observed.reached, org, there)) return undefined;
  return {
    reason: 'owner',
    because: `git says organization ${org}, and on Fly the app is in ${there}`,
    next: `say org: ${there} in git (${file} or its projects), or move the app, which takes it down for moments: fly apps move ${name} --org ${org}`,
  };
}

/** What is not held, and may be meant otherwise. */
export function organizationNotes({ desired, observed }: PlanAppInput): readonly string[] {
  const { org, orgIsDefault } = desired;
  if (observed.reached === undefined || orgIsDefault === true || org === observed.org) return [];
  return [
    `git says organization ${org}, Fly ${observed.org}: taken for two names of one; org: ${observed.org} says it plainly`,
  ];
}

/** One organization is listed once, whatever it is called: two that are listed are two. */
function areBothReached(reached: NonNullable<PlanAppInput['observed']['reached']>, ...slugs: string[]): boolean {
  return reached.status === 'read' && slugs.every((slug) => reached.value.includes(slug));
}
