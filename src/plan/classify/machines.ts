/** Whose machine is whose: which ones an app's plan is about, which are left alone, who else is at work. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { Release } from '../../../schemas/fly/release.ts';
import { reservedGroups } from '../../../schemas/fly/presets.ts';
import { byText } from '../../model/base/text.ts';
import type { DesiredApp } from '../../model/desired.ts';
import type { RememberedRelease } from '../../model/standing/memory.ts';
import { parseSent } from '../../model/stamps/stamps.ts';
import { isOwn, otherOwner, type FleetOwner, type OtherOwner } from '../../model/stamps/owner.ts';
import { parseSlot } from '../../model/stamps/slot.ts';
import { flyctlKeys, stampKeys } from '../../model/stamps/keys.ts';
import { isBegun, ownerBefore } from './beginning.ts';
import { isByHand, madeSince } from './hand-made.ts';
import { halvesOf, isLeftByBluegreen, type Half } from './bluegreen.ts';
import { busyWith, hasMixedTags, isCanary, ownReleases } from './other-deployments.ts';
import { groupOf, isGone, liveConfigOf, metadataOf } from './machine-state.ts';
import { replacedIds } from './superseded.ts';
import type { GroupMachine, LeftAloneKind, MachineInventory } from '../types.ts';
import { claimRank } from './slots.ts';

/** Everything of the app that is there: what stands on a machine that goes was true of the app, too. */
export function allOf({ members, replaced, removed }: MachineInventory): readonly GroupMachine[] {
  return [...members, ...replaced, ...removed];
}

export interface ClassifyInput {
  readonly desired: DesiredApp;
  readonly machines: readonly Machine[];
  /** undefined: not asked for, or unread. */
  readonly releases: readonly Release[] | undefined;
  /** The record that SQLite remembers. */
  readonly told?: RememberedRelease | undefined;
  /** Destroyed ones. undefined: not asked for, or unread. */
  readonly departed?: readonly Machine[] | undefined;
  readonly fleet: FleetOwner;
  readonly now: number;
  /** Milliseconds that Fly's clock is ahead of ours. */
  readonly aheadMs: number;
}

export function classifyMachines(input: ClassifyInput): MachineInventory {
  const members: GroupMachine[] = [];
  const removed: GroupMachine[] = [];
  const leftAlone = new Map<LeftAloneKind, number>();
  const obscuredRegions = new Set<string>();
  const named = new Set(input.desired.groups.map((group) => group.name));
  const leftovers: MachineInventory['leftovers'][number][] = [];
  const present = input.machines.filter((machine) => !isGone(machine));
  const otherFleet = ownerBefore(present, input.fleet);
  const mixed = hasMixedTags(present);
  const own = ownReleases({ ...input, machines: present });
  const { isSince, isUncertain, isUntold } = madeSince({ ...input, machines: present, own });
  const busy = busyWith({ ...input, machines: present });
  // Whoever is at work on them has all of them.
  const halves = busy === undefined ? halvesOf(present, isWrittenSince) : new Map<string, Half>();
  for (const machine of present) {
    const kind = kindOf(machine, { fleet: input.fleet, otherFleet, named, mixed });
    const left = leftOf(kind, halves.get(machine.id));
    const isHalf = left === 'replaced' || left === 'unfinished';
    if (left !== undefined && (isHalf || isSince(metadataOf(machine))))
      leftovers.push({
        ...memberOf(machine, input.fleet),
        left,
        isUncertain: !isHalf && isUncertain(metadataOf(machine)),
      });
    else if (kind === 'member') members.push(memberOf(machine, input.fleet));
    else if (kind === 'removed') removed.push(memberOf(machine, input.fleet));
    else {
      leftAlone.set(kind, (leftAlone.get(kind) ?? 0) + 1);
      if (kind === 'unreadable') obscuredRegions.add(machine.region);
    }
  }
  const gone = replacedIds(members, { fleet: input.fleet, groups: input.desired.groups });
  return {
    members: members.filter(({ machine }) => !gone.has(machine.id)).toSorted(byClaim),
    replaced: members.filter(({ machine }) => gone.has(machine.id)),
    removed: removed.toSorted(byClaim),
    leftovers: leftovers.toSorted(byClaim),
    leftAlone,
    present: new Set(present.map((machine) => machine.id)),
    obscuredRegions,
    otherFleet,
    ownReleases: own,
    isUntold: isUntold && (leftAlone.get('unnamed group') ?? 0) > 0,
    busy,
  };
}

/** FlyCD has written on it, and nobody else has released to it since. */
function isWrittenSince(metadata: Readonly<Record<string, string>>): boolean {
  return parseSent(metadata[stampKeys.sent]) !== undefined && !isByHand(metadata);
}

/** undefined: no deployment by hand left it there. */
function leftOf(
  kind: 'member' | 'removed' | LeftAloneKind,
  half: Half | undefined,
): MachineInventory['leftovers'][number]['left'] | undefined {
  if (kind === 'left by bluegreen') return 'replaced';
  if (kind === 'unnamed group') return 'group';
  if (kind === 'canary') return 'canary';
  return kind === 'member' ? half : undefined;
}

/** What a machine that is left alone is, for a person and in the singular. */
export const leftAloneLabels: Record<LeftAloneKind, string> = {
  unreadable: 'machine on a host that does not answer',
  temporary: 'release, test or console machine',
  canary: 'canary of flyctl',
  'left by bluegreen': 'machine that a bluegreen deployment left behind',
  'giving way': 'machine of another owner, which began the app later and takes it away with its next sync',
  copied: 'machine cloned by hand from one of another owner',
  unmanaged: 'machine that neither FlyCD nor flyctl manages',
  'unnamed group': 'machine of flyctl in a group that git does not name',
};

interface KindScope {
  readonly fleet: FleetOwner;
  readonly otherFleet: OtherOwner | undefined;
  readonly named: ReadonlySet<string>;
  readonly mixed: boolean;
}

function kindOf(
  machine: Machine,
  { fleet, otherFleet, named, mixed }: KindScope,
): 'member' | 'removed' | LeftAloneKind {
  const metadata = metadataOf(machine);
  const config = machine.config ?? machine.incomplete_config;
  const group = groupOf(metadata);
  if (config === null || config === undefined) return 'unreadable';
  if (reservedGroups.some((reserved) => reserved === group)) return 'temporary';
  if (isCanary(metadata)) return 'canary';
  if (mixed && isLeftByBluegreen(metadata)) return 'left by bluegreen';
  if (isOwn(metadata, fleet)) return named.has(memberGroup(metadata)) ? 'member' : 'removed';
  // Where the app is another's, whoever takes it over by a person's word takes its machines.
  if (otherFleet === undefined && otherOwner(metadata, fleet) !== undefined)
    return isBegun(machine) ? 'giving way' : 'copied';
  if (metadata[flyctlKeys.platformVersion] !== 'v2') return 'unmanaged';
  return named.has(group ?? '') ? 'member' : 'unnamed group';
}

function memberGroup(metadata: Readonly<Record<string, string>>): string {
  return groupOf(metadata) ?? parseSlot(metadata[stampKeys.slot])?.group ?? '';
}

function memberOf(machine: Machine, fleet: FleetOwner): GroupMachine {
  const metadata = metadataOf(machine);
  const group = memberGroup(metadata);
  const slot = parseSlot(metadata[stampKeys.slot]);
  return {
    machine,
    metadata,
    group,
    ours: isOwn(metadata, fleet),
    live: liveConfigOf(machine),
    sent: parseSent(metadata[stampKeys.sent]),
    claim: slot !== undefined && slot.group === group && slot.region === machine.region ? slot : undefined,
  };
}

function byClaim(a: GroupMachine, b: GroupMachine): number {
  return (
    claimRank(a) - claimRank(b) ||
    byText(a.machine.created_at ?? '', b.machine.created_at ?? '') ||
    byText(a.machine.id, b.machine.id)
  );
}
