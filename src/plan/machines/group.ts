/** The machines of an app's process groups: how many, which slot is whose, what has to change on each. */
import type { DesiredGroup } from '../../model/desired.ts';
import type { Hold, MachineAction, MachineCreate, SlotMachine } from '../../model/plan.ts';
import { formatSlot, type Slot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { actionStep, targetOf } from '../steps/machine-action.ts';
import { isJob, isEmptiedByHand, noMachines, wantedMachines } from './counts.ts';
import { madeByHandNotes, emptiedHold, emptiedWords, leftWords } from './made-by-hand.ts';
import { onOtherHosts } from './other-hosts.ts';
import { waitForVolumes } from './departing-volumes.ts';
import type {
  GroupMachine,
  CompareScope,
  GroupDraft,
  GroupScope,
  MachinesInput,
  GroupPlan,
  StampInput,
} from '../types.ts';
import { list } from '../../model/base/text.ts';
import { holdOf } from '../steps/hold.ts';
import { withoutHalfMade } from './regions.ts';
import { configToSend, sentOf, stampInput } from './stamps.ts';
import { planMember } from './machine.ts';
import { inPlaceOf, planReplaced, replaceableAt } from './replace.ts';
import { assignSlots, lowestFree, slotOf } from '../classify/slots.ts';
import { isStandby, primaryOf, standbyChange, standsFor, withoutStandbys } from '../classify/standbys.ts';
import { acceptCommand } from '../steps/accept-word.ts';

export function planGroup(parts: MachinesInput, group: DesiredGroup): GroupPlan {
  const { desired } = parts.input;
  const members = parts.inventory.members.filter((member) => member.group === group.name);
  const wanted = wantedMachines(desired, group, members);
  const scope: GroupScope = { ...parts, desired, group, members, slots: assignSlots(members), wanted };
  const draft: GroupDraft = {
    updates: [],
    labels: [],
    starts: [],
    destroys: [],
    holds: [],
    notes: [],
    replacements: [],
    misfits: [],
    withoutVolume: new Map(),
    awaited: new Map(),
    byFlyctl: new Set(),
    driftLabels: new Set(),
    kept: new Set(),
    carried: false,
  };
  const counting = withoutStandbys(members, group);
  const idle = new Set(idleStandbys(scope, draft));
  const staying = members.filter((member) => !idle.has(member.machine.id));
  const hosts = onOtherHosts(scope, staying, draft);
  const fitting = counting.filter((member) => !hosts.leaving.has(member.machine.id));
  const surplus = new Set([...idle, ...hosts.leaving, ...findSurplus(scope, fitting, draft)]);
  const missing = missingSlots(scope, fitting, draft);
  const primary = primaryOf(
    [
      ...counting
        .filter((member) => !surplus.has(member.machine.id))
        .map((member) => ({ slot: slotOf(scope, member), machineId: member.machine.id })),
      ...missing.map((slot) => ({ slot, machineId: undefined })),
    ],
    desired.primaryRegion,
  );
  const making = {
    ...scope,
    wanted: withoutHalfMade(wanted, [...missing, ...fitting.map((member) => slotOf(scope, member))]),
  };
  const creates = missing.map((slot) => createStep(making, counting, slot));
  const standby = primary === undefined ? undefined : missingStandby(scope, missing, primary);
  if (standby !== undefined) creates.push(standby);
  const unreachable = counting.filter((member) => (replaceableAt(scope, member) ?? Infinity) <= scope.input.now);
  creates.push(...unreachable.map((member) => inPlaceOf(createStep(scope, counting, slotOf(scope, member)), member)));
  planReplaced(
    scope,
    parts.inventory.replaced.filter((member) => member.group === group.name),
    draft,
  );
  const whole: CompareScope = { ...scope, complete: wanted.first && creates.length === 0, primary };
  for (const member of members) {
    if (surplus.has(member.machine.id) || unreachable.includes(member)) continue;
    if (!hosts.held.has(member.machine.id)) planMember(whole, member, draft);
  }
  draft.notes.push(
    ...madeByHandNotes(
      scope,
      members.filter(({ machine }) => !surplus.has(machine.id)),
    ),
  );
  if (draft.kept.size > 0) draft.notes.push(`the platform keeps ${list([...draft.kept].toSorted())} its own way`);
  if (!isEmptiedByHand(parts, group))
    return { ...draft, group, members, wanted, creates: [...creates, ...draft.replacements] };
  const isLeft = desired.policy.drift === 'off';
  const holds = isLeft ? draft.holds : [...draft.holds, emptiedHold(parts, group.name, creates)];
  const notes = isLeft ? [...draft.notes, leftWords(emptiedWords(parts, group.name))] : draft.notes;
  return { ...draft, holds, notes, group, members, wanted: noMachines, creates: [] };
}

/** Standbys that are of no use any more, or do harm. */
function idleStandbys(scope: GroupScope, draft: GroupDraft): readonly string[] {
  const because = idleBecause(scope);
  if (because === undefined) return [];
  const idle = scope.members.filter((member) => isStandby(member, scope.group));
  for (const member of idle) {
    draft.destroys.push(actionStep(scope, member, { kind: 'machine.destroy', because, risk: 'safe' }));
  }
  return idle.map((member) => member.machine.id);
}

function idleBecause({ group, wanted }: GroupScope): string | undefined {
  const none = wanted.exact && [...wanted.byRegion.values()].every((count) => count === 0);
  if (none) return 'git wants no machine it could stand in for';
  if (group.mount !== undefined) return 'a standby cannot take over a volume';
  return isJob(group) ? 'a job that ends has nobody to stand in for it' : undefined;
}

/** Machines over the wanted number: destroys are planned, held where a volume would be left behind. */
function findSurplus(scope: GroupScope, members: readonly GroupMachine[], draft: GroupDraft): ReadonlySet<string> {
  const surplus = new Set<string>();
  if (!scope.wanted.exact) return surplus;
  const byRegion = Map.groupBy(members, (member) => member.machine.region);
  for (const [region, there] of byRegion) {
    const wanted = scope.wanted.byRegion.get(region) ?? 0;
    const over = there.length - wanted;
    if (over <= 0) continue;
    if (scope.inventory.obscuredRegions.has(region) || there.some((member) => member.live === undefined)) {
      draft.notes.push(
        `${scope.group.name} has ${over} too many in ${region}; none is removed while a host there does not answer`,
      );
      continue;
    }
    // One that was a standby until the group got services serves nobody yet.
    const served = (member: GroupMachine): number => Number(standsFor(member).length === 0);
    const order = there.toSorted((a, b) => served(a) - served(b) || slotOf(scope, b).number - slotOf(scope, a).number);
    const leaving = order.slice(0, over);
    for (const member of leaving) surplus.add(member.machine.id);
    const because = `git wants ${wanted} in ${region}, Fly has ${there.length}`;
    const steps = leaving.map((member) =>
      actionStep(scope, member, { kind: 'machine.destroy', because, risk: 'safe' }),
    );
    const named = scope.group.counts !== undefined && Object.hasOwn(scope.group.counts, region);
    if (scope.group.mount === undefined || named) draft.destroys.push(...steps);
    else draft.holds.push(leavingHold(scope, region, steps));
  }
  return surplus;
}

function leavingHold(scope: GroupScope, region: string, steps: readonly MachineAction[]): Hold {
  const { group, desired } = scope;
  return holdOf(desired.name, {
    reason: 'volume',
    because: `${group.name} leaves ${region}, and what its volumes there hold is used no longer`,
    next: `${acceptCommand(desired.name)}, or name ${region} in git again; the volumes stay either way`,
    steps,
  });
}

function missingSlots(scope: GroupScope, members: readonly GroupMachine[], draft: GroupDraft): readonly Slot[] {
  const taken = new Set(scope.members.map((member) => formatSlot(slotOf(scope, member))));
  const missing: Slot[] = [];
  for (const [region, wanted] of scope.wanted.byRegion) {
    const there = members.filter((member) => member.machine.region === region).length;
    if (there >= wanted) continue;
    if (scope.inventory.obscuredRegions.has(region)) {
      draft.notes.push(
        `${scope.group.name} lacks machines in ${region}; none is made while a host there does not answer`,
      );
      continue;
    }
    for (let count = there + waitForVolumes(scope, region, wanted - there, draft); count < wanted; count += 1) {
      const slot = lowestFree(scope.group.name, region, (candidate) => taken.has(formatSlot(candidate)));
      taken.add(formatSlot(slot));
      missing.push(slot);
    }
  }
  return missing;
}

/** The last of a group's first machines: it can only be made once the machine it stands in for is there. */
function missingStandby(scope: GroupScope, missing: readonly Slot[], primary: SlotMachine): MachineCreate | undefined {
  const { group, members, wanted } = scope;
  const { region } = primary.slot;
  const there = members.filter((member) => isStandby(member, group)).length;
  if (there >= wanted.standbys || scope.inventory.obscuredRegions.has(region)) return undefined;
  const taken = new Set(
    [...members.map((member) => slotOf(scope, member)), ...missing].map((slot) => formatSlot(slot)),
  );
  const slot = lowestFree(group.name, region, (candidate) => taken.has(formatSlot(candidate)));
  const step = createStep(scope, withoutStandbys(members, group), slot);
  return {
    ...step,
    because: `takes the place of ${formatSlot(primary.slot)} when its host fails`,
    changes: [...step.changes, standbyChange(undefined, primary)],
    skipLaunch: true,
    standsInFor: primary,
  };
}

function createStep(scope: GroupScope, members: readonly GroupMachine[], slot: Slot): MachineCreate {
  const { desired, group, image, wanted } = scope;
  const marking: StampInput = {
    ...stampInput(scope, slot, image.state === 'known' ? image.ref : ''),
    ...(wanted.regions?.lacking.includes(slot.region) === true ? { regions: wanted.regions.made } : {}),
  };
  const sibling = members.find((member) => member.live !== undefined)?.live;
  const config = configToSend(marking, undefined, sibling);
  const total = [...wanted.byRegion.values()].reduce((sum, count) => sum + count, wanted.standbys);
  // One machine alone cannot be half of a first release.
  if (wanted.first && total > 1) config.metadata = { ...config.metadata, [stampKeys.first]: String(total) };
  const there = members.filter((member) => member.machine.region === slot.region).length;
  const written = image.state === 'known' ? image.ref : undefined;
  return {
    kind: 'machine.create',
    app: desired.name,
    target: targetOf(scope.desired, slot),
    because: `git wants ${wanted.byRegion.get(slot.region) ?? 0} in ${slot.region}, Fly has ${there}`,
    risk: 'safe',
    changes: written === undefined ? [] : [{ path: 'image', from: undefined, to: written }],
    slot,
    config,
    sent: sentOf(group, marking.image),
    mount: group.mount,
    group: group.name,
    // One that stands in for others is started when their host fails, not before.
    skipLaunch: (config.standbys ?? []).length > 0,
  };
}
