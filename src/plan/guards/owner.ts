/** Apps of other owners: a fleet of another name, another repo whose fleet nobody named either, another organization. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Hold } from '../../model/plan.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { parseOrigin, shortOrigin } from '../../model/stamps/origin.ts';
import { plural } from '../../model/base/text.ts';
import { isPresumed, otherOwner, type FleetOwner, type OtherOwner } from '../../model/stamps/owner.ts';
import { liveConfigOf, metadataOf } from '../classify/machine-state.ts';
import { allOf } from '../classify/machines.ts';
import { labelsFrom, takenFrom } from '../kinds/owner-labels.ts';
import { holdBack, holdOf, withConfirmable } from '../steps/hold.ts';
import { touchesWhatRuns } from '../steps/select.ts';
import type { HoldParts, MachineInventory, PlanAppInput, PlanDraft } from '../types.ts';
import { shellWord } from '../../model/base/shell.ts';

export function ownerWords(other: OtherOwner): string {
  const origin = shortOrigin(other.origin);
  return origin === undefined ? `fleet ${other.fleet}` : `the config repo of origin ${origin}`;
}

/**
 * Nothing else is done in another's app. `ours`: machines of this fleet in it, as a person's word left them. `way`: how it is
 * taken over, where that takes more than to adopt it.
 */
export function ownerHold(
  { desired, fleet }: Pick<PlanAppInput, 'desired' | 'fleet'>,
  other: OtherOwner,
  ours: number,
  way?: string,
): Hold {
  const { name } = desired;
  const origin = shortOrigin(other.origin);
  if (ours > 0) {
    return holdOf(name, {
      reason: 'owner',
      because: `${ownerWords(other)} has machines in this app, beside ${plural(ours, 'machine')} of this fleet`,
      next: `flycd adopt ${shellWord(name)} --from ${shellWord(origin ?? other.fleet)} takes them over, too; flycd diff then shows what happens to them. Or remove ${name} from one of the two config repos`,
    });
  }
  if (origin === undefined) {
    return holdOf(name, {
      reason: 'owner',
      because: `fleet ${other.fleet} owns this app`,
      // In the other order that fleet may destroy it: to a fleet that prunes apps it is one that git no longer names.
      next: `${way ?? `flycd adopt ${shellWord(name)} (all its apps: flycd adopt --all --from ${shellWord(other.fleet)})`}. Then remove ${name} from ${other.fleet}'s config repo; not before, or ${other.fleet} may destroy it`,
    });
  }
  const isKin = other.origin?.root !== undefined && other.origin.root === fleet.origin?.root;
  const names = fleet.unwritten === undefined ? 'Neither repo names its fleet' : 'That repo names no fleet';
  const kin = 'Both share a first commit: one is a moved repo or a copy';
  return holdOf(name, {
    reason: 'owner',
    because: `another config repo owns this app (origin ${origin}). ${isKin ? kin : names}`,
    next: `if this repo replaces it: ${way ?? `flycd adopt --all --from ${shellWord(origin)}`}; otherwise remove ${name} from one of the two`,
  });
}

/**
 * An app that is ours by nothing but a name that nobody wrote: another repo's may be called the same. It is taken over where
 * that changes nothing but labels, and where no repo is known to have made it; else a person has to say so.
 */
export function guardPresumed(input: PlanAppInput, inventory: MachineInventory, draft: PlanDraft): PlanDraft {
  const { desired, fleet, memory, options } = input;
  if (options.adopt || memory.known) return draft;
  const presumed = allOf(inventory).filter(({ metadata }) => isPresumed(metadata, fleet));
  const origin = presumed.map(({ metadata }) => shortOrigin(parseOrigin(metadata[stampKeys.origin]))).find(Boolean);
  const all = [...draft.steps, ...draft.holds.flatMap((hold) => hold.steps)];
  if (presumed.length === 0) return draft;
  const isProven = allOf(inventory).some(({ ours, metadata }) => ours && !isPresumed(metadata, fleet));
  if (origin === undefined && (isProven || !all.some(touchesWhatRuns))) return draft;
  const name = fleet.unwritten ?? fleet.name;
  const unclear = `its machines carry the name ${name} and not the repo that made them, so another may have, and a sync would change what runs`;
  return holdBack(withConfirmable(draft), desired.name, () => true, {
    reason: 'owner',
    because:
      origin === undefined
        ? unclear
        : `its machines are of a config repo of origin ${origin}, and nothing here says whether that is this one`,
    next: `if this repo made them: flycd adopt --all --from ${shellWord(origin ?? name)}`,
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

/** For whoever takes the place of an earlier owner, by a person's word: the labels, and what they cannot reach. */
export function takeFrom(input: PlanAppInput): PlanDraft {
  const { desired, observed, fleet } = input;
  const machines = observed.machines.status === 'read' ? observed.machines.value : [];
  const { name } = desired;
  const from = fleet.from?.text ?? '';
  const theirs = takenFrom(machines, fleet);
  const steps = labelsFrom({ app: name, machines, fleet });
  const parts = unlabelled(theirs, { whose: from, command: adoptCommand(input) ?? '' });
  return { steps, holds: parts === undefined ? [] : [holdOf(name, parts)] };
}

/** Of machines that are to be adopted. undefined: each of them can be labelled. */
export function unlabelledOf(app: string, machines: readonly Machine[], fleet: FleetOwner): HoldParts | undefined {
  const other = machines.map((machine) => otherOwner(metadataOf(machine), fleet)).find((owner) => owner !== undefined);
  if (other === undefined) return undefined;
  return unlabelled(machines, { whose: ownerWords(other), command: `flycd adopt ${shellWord(app)}` });
}

/** So many are named by their ids: a host that is down has a few machines of an app, and a hold is a line or two. */
const namedMax = 5;

/** `whose` they are, and the `command` that takes them over. undefined: each of them can be labelled. */
function unlabelled(
  machines: readonly Machine[],
  { whose, command }: { readonly whose: string; readonly command: string },
): HoldParts | undefined {
  const dark = machines.filter((machine) => liveConfigOf(machine) === undefined).map(({ id }) => id);
  if (dark.length === 0) return undefined;
  const more = dark.length > namedMax ? ` and ${dark.length - namedMax} more` : '';
  const ids = dark.slice(0, namedMax).join(', ') + more;
  return {
    reason: 'unreachable',
    because: `could not label ${plural(dark.length, 'machine')} of ${whose} on a host that does not answer: ${ids}`,
    next: `${command} again when it answers`,
  };
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
    because: `git says organization ${org}, but the app is in ${there}`,
    next: `set org: ${there} in ${file} or its projects; or fly apps move ${shellWord(name)} --org ${shellWord(org)} (brief downtime)`,
  };
}

/** What is not held, and may be meant otherwise. */
export function organizationNotes({ desired, observed }: PlanAppInput): readonly string[] {
  const { org, orgIsDefault } = desired;
  if (observed.reached === undefined || orgIsDefault === true || org === observed.org) return [];
  return [
    `git says ${org}, Fly says ${observed.org}: FlyCD treats them as one organization. Set org: ${observed.org} to be explicit`,
  ];
}

/** One organization is listed once, whatever it is called: two that are listed are two. */
function areBothReached(reached: NonNullable<PlanAppInput['observed']['reached']>, ...slugs: string[]): boolean {
  return reached.status === 'read' && slugs.every((slug) => reached.value.includes(slug));
}
