/** One machine of a group that stays: in sync, to be stamped, updated or started. */
import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import { hashOf } from '../../model/base/json.ts';
import type { MachineLabel, MachineUpdate, SlotMachine } from '../../model/plan.ts';
import { formatSlot, type Slot } from '../../model/stamps/slot.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { actionStep, targetOf } from '../steps/machine-action.ts';
import { compareMachine, type Comparison } from './compare.ts';
import { shownStamp } from '../kinds/secret-evidence.ts';
import type { GroupMachine, CompareScope, GroupDraft, GroupScope } from '../types.ts';
import { list } from '../../model/base/text.ts';
import { comesToRest, isAtRest, stopsByItself } from '../classify/machine-state.ts';
import { bootedAt, endedByItself, hasGivenUp, isNobodysStop, wasStartedOnce } from '../classify/machine-history.ts';
import { isUnnamedCopy, withoutStamps } from '../../model/stamps/foreign.ts';
import { configToSend, sentOf, stampInput } from './stamps.ts';
import { leftWords } from './made-by-hand.ts';
import { planRemount } from './remount.ts';
import { mountMismatch } from '../classify/mount-mismatch.ts';
import { replaceableAt } from './replace.ts';
import { slotOf } from '../classify/slots.ts';
import { isCutOff, isStandby, standbyChange, standbyNote, standsFor } from '../classify/standbys.ts';
import { hasSucceeded } from '../classify/superseded.ts';
import { planUnreachable } from './unreachable.ts';

/** Nothing, new stamps, an update or a start. */
export function planMember(scope: CompareScope, member: GroupMachine, draft: GroupDraft): void {
  const { live } = member;
  const slot = slotOf(scope, member);
  if (live === undefined) {
    const replaceAt = replaceableAt(scope, member);
    const { desired, group, input } = scope;
    const { note, hold } = planUnreachable({ desired, group, member, slot, replaceAt, now: input.now });
    if (note !== undefined) draft.notes.push(note);
    if (hold !== undefined) draft.holds.push(hold);
    draft.carried ||= wasReached(scope, member);
    return;
  }
  const comparison = compareMachine({
    desired: scope.desired,
    group: scope.group,
    fleet: scope.input.fleet,
    member,
    live,
    slot,
    image: scope.image.state === 'known' ? scope.image : undefined,
    unstamped: unstampedMeans(scope),
    secretsStamp: scope.secretsStamp,
    standing: scope.standing,
    regions: scope.wanted.regions?.there ?? null,
    healsMetadata: scope.heals || scope.desired.policy.drift === 'report',
  });
  const misfit = mountMismatch(live, scope.group, scope.volumeNames);
  if (misfit !== undefined)
    return planRemount(scope, misfit, remountedStep(scope, { member, live, slot, comparison }, draft), draft);
  draft.carried ||= comparison.carries;
  for (const path of comparison.kept) draft.kept.add(path);
  const standsInFor = newPrimary(scope, member);
  const { inventory, desired } = scope;
  const about = { app: desired.name, place: formatSlot(slot), members: inventory.members };
  const note = standbyNote(member, about);
  if (note !== undefined) draft.notes.push(note);
  const update = updateOf(scope, { member, live, slot, comparison, standsInFor }, draft);
  if (update !== undefined) draft.updates.push(update);
  else if (comparison.changes.length === 0) planRest(scope, { member, live, slot, comparison }, draft);
}

/**
 * What a machine that cannot be compared was sent, by its stamp; an image that was sent as a tag is known by the machine's own
 * words.
 */
function wasReached({ group, image }: GroupScope, { machine, sent }: GroupMachine): boolean {
  if (sent?.config !== group.configVersion || image.state !== 'known') return false;
  return sent.image === hashOf(image.ref) || image.matches(machine, machine.config ?? machine.incomplete_config ?? {});
}

/** Of a standby whose machines are all gone, so that it would never be started: the one it stands in for from now on. */
function newPrimary(scope: CompareScope, member: GroupMachine): SlotMachine | undefined {
  if (!isStandby(member, scope.group)) return undefined;
  if (standsFor(member).some((id) => isThere(scope, id))) return undefined;
  const { primary, inventory } = scope;
  const there = inventory.members.find(({ machine }) => machine.id === primary?.machineId);
  // It would be brought to rest, and is the only one at work.
  const isNeeded = member.machine.state === 'started' && there !== undefined && there.machine.state !== 'started';
  return isNeeded ? undefined : primary;
}

/** Of one on a host that does not answer the successor does the work once it was seen healthy. */
function isThere({ inventory: { present, replaced, members } }: GroupScope, id: string): boolean {
  const isReplaced = replaced.some(({ machine }) => machine.id === id);
  return present.has(id) && !(isReplaced && members.some(({ metadata }) => hasSucceeded(metadata, id)));
}

interface Compared {
  readonly member: GroupMachine;
  readonly live: MachineConfig;
  readonly slot: Slot;
  readonly comparison: Comparison;
  readonly standsInFor?: SlotMachine | undefined;
}

/** An unstamped machine beside ones that an update is due for is behind like them; else somebody changed it. */
function unstampedMeans(scope: GroupScope): 'change' | 'drift' {
  const { group, inventory, input } = scope;
  const stamped = inventory.members.filter(
    (member) => member.ours && member.group === group.name && member.sent !== undefined,
  );
  if (stamped.length === 0)
    return inventory.members.some((member) => member.ours) || input.memory.known ? 'drift' : 'change';
  return stamped.some((member) => member.sent?.config !== group.configVersion) ? 'change' : 'drift';
}

function updateOf(scope: CompareScope, compared: Compared, draft: GroupDraft): MachineUpdate | undefined {
  const { member, slot, comparison } = compared;
  const { desired, input } = scope;
  const secret = secretsBecause(scope, compared);
  const { standsInFor } = compared;
  if (comparison.changes.length > 0) {
    const ignored =
      comparison.reason === 'drift' && desired.policy.drift === 'off' && !input.options.now && !input.options.force;
    if (!ignored) {
      if (comparison.flyctl?.deployed === true) draft.byFlyctl.add(member.machine.id);
      const because = comparison.reason === 'drift' ? 'changed on Fly since the last sync' : 'git moved';
      return updateStep(scope, compared, { reason: comparison.reason, because });
    }
    if (secret === undefined) {
      draft.notes.push(leftWords(`${formatSlot(slot)} (${member.machine.id}) differs from git`));
      return undefined;
    }
  } else if (standsInFor !== undefined) {
    const isGone = standsFor(member).every((id) => !scope.inventory.present.has(id));
    const because = `the machine it stood in for ${isGone ? 'is gone' : 'has a successor'}`;
    return updateStep(scope, compared, { reason: 'change', because });
  } else if (input.options.force) return updateStep(scope, compared, { reason: 'change', because: 'forced' });
  return secret === undefined ? undefined : updateStep(scope, compared, { reason: 'secrets', because: secret });
}

/**
 * Only a running machine holds old values; a stopped one takes up the new ones when it starts, one that resumes does not.
 * One that crashed until its restarts ran out is not started again for what it had: with a new value it may well run.
 */
function secretsBecause(scope: GroupScope, { member, live }: Compared): string | undefined {
  const { newestAt, newestName, sets } = scope.secrets;
  const { machine } = member;
  const resumes = machine.state === 'suspended' && !wasStartedOnce(machine);
  const crashed = machine.state === 'failed' || (machine.state === 'stopped' && hasGivenUp(machine));
  const wakes = (resumes || crashed) && !staysAtRest(scope, machine, live);
  if (machine.state !== 'started' && !wakes) return undefined;
  if (sets.length > 0) return `its secrets change: ${list(sets)}`;
  const taken = bootedAt(member.machine);
  if (newestAt === undefined || taken === undefined || taken >= newestAt) return undefined;
  return `secret ${newestName} is newer than the machine`;
}

/** What a copy that does not say of which app brought along does not become this app's with its name. */
function unstamped({ member: { machine, metadata }, live }: Compared): MachineConfig {
  return isUnnamedCopy(machine.id, metadata) ? withoutStamps({ id: machine.id, config: live }).config : live;
}

function updateStep(
  scope: CompareScope,
  compared: Compared,
  why: { readonly reason: MachineUpdate['reason']; readonly because: string },
): MachineUpdate {
  const { member, live, slot, comparison, standsInFor } = compared;
  const { group } = scope;
  const written = imageToSend(scope, compared, why.reason);
  const config = configToSend(stampInput(scope, slot, written), unstamped(compared), undefined);
  if (scope.complete) delete config.metadata?.[stampKeys.first];
  const { machine } = member;
  const resting = isAtRest(machine);
  return {
    kind: 'machine.update',
    app: scope.desired.name,
    target: targetOf(scope.desired, slot),
    because: why.because,
    risk: resting ? 'safe' : 'restart',
    changes:
      standsInFor === undefined
        ? comparison.changes
        : [...comparison.changes, standbyChange(live.standbys ?? undefined, standsInFor)],
    machineId: member.machine.id,
    slot,
    group: group.name,
    config,
    sent: sentOf(group, written),
    currentVersion: member.machine.instance_id,
    skipLaunch: skipsLaunch(scope, compared, config),
    reason: why.reason,
    ...(comparison.remapped ? { remapped: true } : {}),
    ...(comparison.remapped && comparison.unknownInputs ? { unknownInputs: true } : {}),
    ...(standsInFor === undefined ? {} : { standsInFor }),
  };
}

function skipsLaunch(scope: CompareScope, { member, comparison }: Compared, config: MachineConfig): boolean {
  const { machine } = member;
  const standsBy = (config.standbys ?? []).length > 0;
  // What a create began goes on as that would have: it is nobody's stop.
  if (comparison.unlaunched) return standsBy;
  // Fly starts it when it is needed; beside the machine that it stands in for it would do the work twice.
  if (machine.state === 'failed' && standsBy) return !isNeeded(scope, member);
  return (isAtRest(machine) || comesToRest(machine)) && staysAtRest(scope, machine, config);
}

/** The host of one that it stands in for does not answer. */
function isNeeded({ inventory }: GroupScope, member: GroupMachine): boolean {
  const ids = standsFor(member);
  return inventory.members.some(({ machine }) => ids.includes(machine.id) && isCutOff(machine));
}

/** What it would be sent if an update could change its mount: the volume that it has is no part of it. */
function remountedStep(scope: CompareScope, compared: Compared, draft: GroupDraft): MachineUpdate {
  const { member, comparison } = compared;
  const { mounts: _mounts, ...live } = compared.live;
  if (comparison.flyctl?.deployed === true) draft.byFlyctl.add(member.machine.id);
  return updateStep(scope, { ...compared, live }, { reason: comparison.reason, because: '' });
}

/** A machine that runs the wanted image keeps the reference it has: another spelling of it is no reason to pull it anew. */
function imageToSend(scope: GroupScope, compared: Compared, reason: MachineUpdate['reason']): string {
  const { image } = scope;
  const live = compared.live.image ?? '';
  if (image.state !== 'known') return live;
  if (reason !== 'change' && image.matches(compared.member.machine, compared.live) && live !== '') return live;
  return image.ref;
}

/**
 * What the proxy or a schedule stopped stays so; anything else is started once in its new version. Where drift is not healed a
 * person's stop stays as well: what ended by itself nobody has stopped, and git brings it something new.
 */
function staysAtRest(scope: GroupScope, machine: Machine, config: MachineConfig): boolean {
  const isNobodys = machine.state === 'failed' || isNobodysStop(machine);
  return restsByDesign(config) || !(scope.heals || isNobodys);
}

function restsByDesign(config: MachineConfig): boolean {
  return stopsByItself(config) || (config.schedule ?? '') !== '' || (config.standbys ?? []).length > 0;
}

/** No update: stamps that are missing, and a start where a machine stopped that should not have. */
function planRest(scope: CompareScope, compared: Compared, draft: GroupDraft): void {
  const { member, live, slot, comparison } = compared;
  const metadata: Record<string, string | null> = { ...comparison.stamps };
  if (scope.complete && member.metadata[stampKeys.first] !== undefined) metadata[stampKeys.first] = null;
  for (const key of [stampKeys.unproven, stampKeys.begun, stampKeys.leaving])
    if (member.metadata[key] !== undefined) metadata[key] = null;
  if (Object.keys(metadata).length > 0) {
    const label = labelStep(scope, compared, metadata);
    draft.labels.push(label);
    if (comparison.moved) draft.driftLabels.add(label);
    // Who is at work has not done yet.
    if (scope.inventory.busy === undefined) noteLabel(comparison, slot, draft);
  }
  const { machine } = member;
  if ((machine.state !== 'stopped' && machine.state !== 'suspended') || restsByDesign(live)) return;
  if (hasGivenUp(machine))
    draft.notes.push(`${formatSlot(slot)} crashed until its restarts ran out; flyctl logs says why`);
  else if (wasStartedOnce(machine)) noteStopped(machine, slot, draft);
  else if (scope.heals || scope.desired.policy.drift === 'report') {
    const because = `${machine.state}, and nothing in its config lets it be`;
    draft.starts.push(actionStep(scope, member, { kind: 'machine.start', because, risk: 'safe' }));
  } else draft.notes.push(leftWords(`${formatSlot(slot)} is ${machine.state}`));
}

/** Started once per version: whoever stops it after that means it. One whose process ended by itself has done its work. */
function noteStopped(machine: Machine, slot: Slot, draft: GroupDraft): void {
  if (endedByItself(machine)) return;
  draft.notes.push(
    `${formatSlot(slot)} was ${machine.state} again after its version had been started; it stays so until git changes or somebody starts it`,
  );
}

function noteLabel(comparison: Comparison, slot: Slot, draft: GroupDraft): void {
  const by = comparison.flyctl;
  if (by !== undefined) {
    const release = by.release === undefined ? '' : ` (release v${by.release})`;
    draft.notes.push(`${formatSlot(slot)} was restarted by flyctl${release}; what git names did not change`);
  } else if (comparison.moved && comparison.metadata.length === 0)
    draft.notes.push(`${formatSlot(slot)} changed on Fly in what git does not name`);
}

function becauseOf({ metadata, moved, reason }: Comparison): string {
  if (metadata.length > 0) {
    return `${reason === 'drift' ? 'changed on Fly since the last sync' : 'git moved'}; metadata needs no restart`;
  }
  return moved ? 'it runs what git wants; its stamps are from before' : 'it runs what git wants';
}

function labelStep(
  scope: GroupScope,
  compared: Compared,
  metadata: Readonly<Record<string, string | null>>,
): MachineLabel {
  const { member, slot, comparison } = compared;
  const keys = Object.keys(metadata).toSorted();
  const proves = metadata[stampKeys.unproven] === null;
  return {
    kind: 'machine.label',
    app: scope.desired.name,
    target: targetOf(scope.desired, slot),
    because: proves ? 'it was not healthy when it was changed last, and has to be' : becauseOf(comparison),
    risk: 'safe',
    changes: keys.map((key) => ({
      path: `metadata.${key}`,
      from: shownStamp(key, member.metadata[key]),
      to: shownStamp(key, metadata[key]),
    })),
    machineId: member.machine.id,
    metadata,
    ...(proves ? { group: member.group, proves } : {}),
  };
}
