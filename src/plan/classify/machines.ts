/** Whose machine is whose: which ones an app's plan is about, which are left alone, who else is at work. */
import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import type { Release } from '../../../schemas/fly/release.ts';
import { reservedGroups } from '../../../schemas/fly/presets.ts';
import type { DesiredApp } from '../../model/desired.ts';
import {
  flyctlKeys,
  parseSent,
  parseSlot,
  stampKeys,
  type Sent,
  type Slot,
  type Told,
} from '../../model/stamps/stamps.ts';
import { busyWith, hasMixedTags, isCanary, isLeftByBluegreen, type Busy } from './other-deployments.ts';
import { groupOf, isGone, liveConfigOf, metadataOf } from './machine-state.ts';
import { replacedIds } from '../machines/replace.ts';

/** A machine that counts for a group. */
export interface Member {
  readonly machine: Machine;
  readonly metadata: Readonly<Record<string, string>>;
  readonly group: string;
  /** false: flyctl's, in a group that git names. */
  readonly ours: boolean;
  /** undefined: its host does not answer; it counts, and nothing else is concluded. */
  readonly live: MachineConfig | undefined;
  readonly sent: Sent | undefined;
  /** The slot its stamp claims, in its own region. */
  readonly claim: Slot | undefined;
}

export interface Census {
  /** In groups that git names, in the order in which they may claim slots. */
  readonly members: readonly Member[];
  /** Ours, with another machine in their place. */
  readonly replaced: readonly Member[];
  /** Ours, in groups that git no longer names. */
  readonly removed: readonly Member[];
  /** Machines of others, by what they are. */
  readonly leftAlone: ReadonlyMap<string, number>;
  /** Ids of all machines that are there, whoever they belong to. */
  readonly present: ReadonlySet<string>;
  /** Regions with a machine of which nothing can be read: it may be one that counts. */
  readonly obscuredRegions: ReadonlySet<string>;
  /** Name of another fleet that owns machines here. */
  readonly otherFleet: string | undefined;
  readonly busy: Busy | undefined;
}

/** Everything of the app that is there: what stands on a machine that goes was true of the app, too. */
export function allOf({ members, replaced, removed }: Census): readonly Member[] {
  return [...members, ...replaced, ...removed];
}

export interface CensusInput {
  readonly desired: DesiredApp;
  readonly machines: readonly Machine[];
  /** As far as they were asked for and could be read. */
  readonly releases: readonly Release[];
  /** The record that SQLite remembers. */
  readonly told?: Told | undefined;
  readonly fleet: string;
  readonly now: number;
}

export function takeCensus(input: CensusInput): Census {
  const members: Member[] = [];
  const removed: Member[] = [];
  const leftAlone = new Map<string, number>();
  const obscuredRegions = new Set<string>();
  const named = new Set(input.desired.groups.map((group) => group.name));
  const present = input.machines.filter((machine) => !isGone(machine));
  const otherFleet = present.map((machine) => metadataOf(machine)[stampKeys.fleet]).find(isOther(input.fleet));
  const mixed = hasMixedTags(present);
  for (const machine of present) {
    const kind = kindOf(machine, input.fleet, named, mixed);
    if (kind === 'member') members.push(memberOf(machine, input.fleet));
    else if (kind === 'removed') removed.push(memberOf(machine, input.fleet));
    else {
      leftAlone.set(kind, (leftAlone.get(kind) ?? 0) + 1);
      if (kind === unreadable) obscuredRegions.add(machine.region);
    }
  }
  const busy = busyWith({ ...input, machines: present });
  const gone = replacedIds(members, { fleet: input.fleet, groups: input.desired.groups });
  return {
    members: members.filter(({ machine }) => !gone.has(machine.id)).toSorted(byClaim),
    replaced: members.filter(({ machine }) => gone.has(machine.id)),
    removed: removed.toSorted(byClaim),
    leftAlone,
    present: new Set(present.map((machine) => machine.id)),
    obscuredRegions,
    otherFleet,
    busy,
  };
}

function isOther(fleet: string): (name: string | undefined) => boolean {
  return (name) => name !== undefined && name !== '' && name !== fleet;
}

const unreadable = 'machine on a host that does not answer';

/** `member`, `removed`, or what a machine that is left alone is, for a person and in the singular. */
function kindOf(machine: Machine, fleet: string, named: ReadonlySet<string>, mixed: boolean): string {
  const metadata = metadataOf(machine);
  const config = machine.config ?? machine.incomplete_config;
  const group = groupOf(metadata);
  if (config === null || config === undefined) return unreadable;
  if (reservedGroups.some((reserved) => reserved === group)) return 'release, test or console machine';
  if (isCanary(metadata)) return 'canary of flyctl';
  if (mixed && isLeftByBluegreen(metadata)) return 'machine that a bluegreen deployment left behind';
  const owner = metadata[stampKeys.fleet];
  if (owner === fleet) return named.has(memberGroup(metadata)) ? 'member' : 'removed';
  if (metadata[flyctlKeys.platformVersion] !== 'v2') return 'machine that neither FlyCD nor flyctl manages';
  return named.has(group ?? '') ? 'member' : 'machine of flyctl in a group that git does not name';
}

function memberGroup(metadata: Readonly<Record<string, string>>): string {
  return groupOf(metadata) ?? parseSlot(metadata[stampKeys.slot])?.group ?? '';
}

function memberOf(machine: Machine, fleet: string): Member {
  const metadata = metadataOf(machine);
  const group = memberGroup(metadata);
  const slot = parseSlot(metadata[stampKeys.slot]);
  return {
    machine,
    metadata,
    group,
    ours: metadata[stampKeys.fleet] === fleet,
    live: liveConfigOf(machine),
    sent: parseSent(metadata[stampKeys.sent]),
    claim: slot !== undefined && slot.group === group && slot.region === machine.region ? slot : undefined,
  };
}

/** The machine that was stamped itself keeps its slot; one without the stamp was just made; a copy comes last. */
function claimRank(member: Member): number {
  const stamped = member.metadata[stampKeys.machine];
  if (!member.ours || member.claim === undefined) return 3;
  if (stamped === member.machine.id) return 0;
  return stamped === undefined ? 1 : 2;
}

function byClaim(a: Member, b: Member): number {
  return (
    claimRank(a) - claimRank(b) ||
    compare(a.machine.created_at ?? '', b.machine.created_at ?? '') ||
    compare(a.machine.id, b.machine.id)
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Slots by machine id: the stamped one where it is free, else the lowest free number. Members come in order of claim. */
export function assignSlots(members: readonly Member[]): ReadonlyMap<string, Slot> {
  const taken = new Set<string>();
  const slots = new Map<string, Slot>();
  const key = (slot: Slot): string => `${slot.group}/${slot.region}/${slot.number}`;
  for (const member of members) {
    // A copy carries its original's slot: the original may be gone, but the copy never was that machine.
    const isCopy = claimRank(member) >= 2;
    if (member.claim === undefined || isCopy || taken.has(key(member.claim))) continue;
    taken.add(key(member.claim));
    slots.set(member.machine.id, member.claim);
  }
  for (const member of members) {
    if (slots.has(member.machine.id)) continue;
    const slot = lowestFree(member.group, member.machine.region, (candidate) => taken.has(key(candidate)));
    taken.add(key(slot));
    slots.set(member.machine.id, slot);
  }
  return slots;
}

export function lowestFree(group: string, region: string, isTaken: (slot: Slot) => boolean): Slot {
  for (let number = 1; ; number += 1) {
    const slot = { group, region, number };
    if (!isTaken(slot)) return slot;
  }
}
