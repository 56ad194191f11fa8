/** The machines of an app's process groups: how many, which slot is whose, what has to change on each. */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { DesiredApp, DesiredGroup } from '../model/desired.ts';
import type { Hold, MachineAction, MachineCreate, MachineLabel, MachineUpdate } from '../model/plan.ts';
import { formatSlot, stampKeys, type Slot } from '../model/stamps.ts';
import { actionStep, targetOf } from './actions.ts';
import { assignSlots, lowestFree, type Census, type Member } from './census.ts';
import { compareMachine, type Comparison } from './compare.ts';
import { wantedMachines, type Wanted } from './counts.ts';
import type { WantedImage } from './image.ts';
import { counted, holdOf, listed, type PlanAppInput } from './input.ts';
import { hasGivenUp, isAtRest, secretsTakenUpAt, stopsByItself, wasStartedOnce } from './live.ts';
import { configToSend, sentOf, type Marking } from './mark.ts';
import { mountHold } from './mounts.ts';
import { planUnreachable } from './unreachable.ts';
import type { SecretsFreshness } from './secrets.ts';

export interface MachinesInput {
  readonly input: PlanAppInput;
  readonly census: Census;
  readonly image: WantedImage;
  /** Newest change among the secrets that git names, and whether this plan sets one. */
  readonly secrets: SecretsFreshness;
  /** true: differences from git are healed; false: `report` or `off` leave the state of machines alone. */
  readonly heals: boolean;
  /** Names of volumes by id, where they could be read. */
  readonly volumeNames: ReadonlyMap<string, string>;
}

/** A destroy takes seconds; looking again sooner would find it unfinished. */
const departMs = 10_000;

/** Machine changes of one group, not yet gathered into a release. */
export interface GroupMachines {
  readonly group: DesiredGroup;
  readonly members: readonly Member[];
  readonly wanted: Wanted;
  readonly creates: readonly MachineCreate[];
  readonly updates: readonly MachineUpdate[];
  readonly labels: readonly MachineLabel[];
  readonly starts: readonly MachineAction[];
  readonly destroys: readonly MachineAction[];
  readonly holds: readonly Hold[];
  readonly notes: readonly string[];
  /** Machines that FlyCD will not give a volume, by region: their mount cannot be changed by an update. */
  readonly withoutVolume: ReadonlyMap<string, number>;
  /** true: some machine has been brought to what git wants, so its release has been. */
  readonly carried: boolean;
  /** Of the updates: those on machines that somebody changed by flyctl, with the release's number where known. */
  readonly byFlyctl: ReadonlyMap<string, string | undefined>;
  /** Of the labels: those that follow a change on Fly. */
  readonly driftLabels: ReadonlySet<MachineLabel>;
}

/** Everything that one group's planning looks at. */
interface GroupScope extends MachinesInput {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly wanted: Wanted;
}

interface Compares extends GroupScope {
  /** true: the group's first machines are all there, so they need not say any more that they are the first. */
  readonly complete: boolean;
}

interface Draft {
  readonly updates: MachineUpdate[];
  readonly labels: MachineLabel[];
  readonly starts: MachineAction[];
  readonly destroys: MachineAction[];
  readonly holds: Hold[];
  readonly notes: string[];
  readonly withoutVolume: Map<string, number>;
  readonly byFlyctl: Map<string, string | undefined>;
  readonly driftLabels: Set<MachineLabel>;
  readonly kept: Set<string>;
  carried: boolean;
}

export function planGroup(parts: MachinesInput, group: DesiredGroup): GroupMachines {
  const { desired } = parts.input;
  const members = parts.census.members.filter((member) => member.group === group.name);
  const wanted = wantedMachines(desired, group, members);
  const scope: GroupScope = { ...parts, desired, group, slots: assignSlots(members), wanted };
  const draft: Draft = {
    updates: [],
    labels: [],
    starts: [],
    destroys: [],
    holds: [],
    notes: [],
    withoutVolume: new Map(),
    byFlyctl: new Map(),
    driftLabels: new Set(),
    kept: new Set(),
    carried: false,
  };
  const surplus = findSurplus(scope, members, draft);
  const missing = missingSlots(scope, members, draft);
  const whole: Compares = { ...scope, complete: wanted.first && missing.length === 0 };
  for (const member of members) if (!surplus.has(member.machine.id)) planMember(whole, member, draft);
  if (draft.kept.size > 0) draft.notes.push(`the platform keeps ${listed([...draft.kept].toSorted())} its own way`);
  const creates = missing.map((slot) => createStep(scope, members, slot));
  return { ...draft, group, members, wanted, creates };
}

function slotOf(scope: GroupScope, member: Member): Slot {
  const { group, machine } = member;
  return scope.slots.get(machine.id) ?? { group, region: machine.region, number: 1 };
}

/** Machines over the wanted number: destroys are planned, held where a volume would be left behind. */
function findSurplus(scope: GroupScope, members: readonly Member[], draft: Draft): ReadonlySet<string> {
  const surplus = new Set<string>();
  if (!scope.wanted.exact) return surplus;
  const byRegion = Map.groupBy(members, (member) => member.machine.region);
  for (const [region, there] of byRegion) {
    const wanted = scope.wanted.byRegion.get(region) ?? 0;
    const over = there.length - wanted;
    if (over <= 0) continue;
    if (scope.census.obscuredRegions.has(region) || there.some((member) => member.live === undefined)) {
      draft.notes.push(
        `${scope.group.name} has ${over} too many in ${region}; none is removed while a host there does not answer`,
      );
      continue;
    }
    const highestFirst = there.toSorted((a, b) => slotOf(scope, b).number - slotOf(scope, a).number);
    const leaving = highestFirst.slice(0, over);
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
    next: `flycd sync --accept, or name ${region} in git again; the volumes stay either way`,
    steps,
  });
}

function missingSlots(scope: GroupScope, members: readonly Member[], draft: Draft): readonly Slot[] {
  const taken = new Set(members.map((member) => formatSlot(slotOf(scope, member))));
  const missing: Slot[] = [];
  for (const [region, wanted] of scope.wanted.byRegion) {
    const there = members.filter((member) => member.machine.region === region).length;
    if (there >= wanted) continue;
    if (scope.census.obscuredRegions.has(region)) {
      draft.notes.push(
        `${scope.group.name} lacks machines in ${region}; none is made while a host there does not answer`,
      );
      continue;
    }
    for (let count = there + departing(scope, region, draft); count < wanted; count += 1) {
      const slot = lowestFree(scope.group.name, region, (candidate) => taken.has(formatSlot(candidate)));
      taken.add(formatSlot(slot));
      missing.push(slot);
    }
  }
  return missing;
}

/** Places whose machine is going together with the hold on its volume: a new machine takes that volume, not an empty one. */
function departing(scope: GroupScope, region: string, draft: Draft): number {
  const { group, desired, census } = scope;
  const going = group.mount === undefined ? 0 : (census.departing.get(`${group.name}/${region}`) ?? 0);
  if (going === 0) return 0;
  draft.withoutVolume.set(region, (draft.withoutVolume.get(region) ?? 0) + going);
  draft.holds.push(
    holdOf(desired.name, {
      reason: 'busy',
      because: `${counted(going, 'machine')} of ${group.name} in ${region} with a volume is being destroyed`,
      next: 'FlyCD fills the place when the volume is free',
      retryAt: scope.input.now + departMs,
    }),
  );
  return going;
}

function createStep(scope: GroupScope, members: readonly Member[], slot: Slot): MachineCreate {
  const { desired, group, image, wanted } = scope;
  const marking = markingOf(scope, slot, image.state === 'known' ? image.ref : '');
  const sibling = members.find((member) => member.live !== undefined)?.live;
  const config = configToSend(marking, undefined, sibling);
  const total = [...wanted.byRegion.values()].reduce((sum, count) => sum + count, 0);
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
    skipLaunch: false,
  };
}

function markingOf(scope: GroupScope, slot: Slot, image: string): Marking {
  return { desired: scope.desired, group: scope.group, fleet: scope.input.fleet, slot, image };
}

/** One machine that stays: nothing, new stamps, an update or a start. */
function planMember(scope: Compares, member: Member, draft: Draft): void {
  const { live } = member;
  const slot = slotOf(scope, member);
  if (live === undefined) {
    const { note, hold } = planUnreachable({ desired: scope.desired, group: scope.group, member, slot });
    if (note !== undefined) draft.notes.push(note);
    if (hold !== undefined) draft.holds.push(hold);
    draft.carried ||= member.sent?.config === scope.group.configVersion;
    return;
  }
  const mount = mountHold({ desired: scope.desired, group: scope.group, live, slot, volumeNames: scope.volumeNames });
  if (mount !== undefined) {
    draft.holds.push(mount.hold);
    if (mount.lacksVolume) draft.withoutVolume.set(slot.region, (draft.withoutVolume.get(slot.region) ?? 0) + 1);
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
  });
  draft.carried ||= comparison.carries;
  for (const path of comparison.kept) draft.kept.add(path);
  const update = updateOf(scope, { member, live, slot, comparison }, draft);
  if (update !== undefined) draft.updates.push(update);
  else if (comparison.changes.length === 0) planRest(scope, { member, live, slot, comparison }, draft);
}

interface Compared {
  readonly member: Member;
  readonly live: MachineConfig;
  readonly slot: Slot;
  readonly comparison: Comparison;
}

/** An unstamped machine beside ones that an update is due for is behind like them; else somebody changed it. */
function unstampedMeans(scope: GroupScope): 'change' | 'drift' {
  const { group, census, input } = scope;
  const stamped = census.members.filter(
    (member) => member.ours && member.group === group.name && member.sent !== undefined,
  );
  if (stamped.length === 0)
    return census.members.some((member) => member.ours) || input.memory.known ? 'drift' : 'change';
  return stamped.some((member) => member.sent?.config !== group.configVersion) ? 'change' : 'drift';
}

function updateOf(scope: Compares, compared: Compared, draft: Draft): MachineUpdate | undefined {
  const { member, slot, comparison } = compared;
  const { desired, input } = scope;
  const secret = secretsBecause(scope, compared);
  if (comparison.changes.length > 0) {
    const ignored =
      comparison.reason === 'drift' && desired.policy.drift === 'off' && !input.options.now && !input.options.force;
    if (!ignored) {
      if (comparison.flyctl !== undefined) draft.byFlyctl.set(member.machine.id, comparison.flyctl.release);
      const because = comparison.reason === 'drift' ? 'changed on Fly since the last sync' : 'git moved';
      return updateStep(scope, compared, { reason: comparison.reason, because });
    }
    if (secret === undefined) {
      draft.notes.push(`${formatSlot(slot)} differs from git; drift is not healed here (sync.drift: off)`);
      return undefined;
    }
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
  const mayWake = scope.heals && !restsByDesign(live);
  const resumes = machine.state === 'suspended' && mayWake && !wasStartedOnce(machine);
  const crashed = machine.state === 'failed' || (machine.state === 'stopped' && hasGivenUp(machine));
  if (machine.state !== 'started' && !resumes && !(crashed && mayWake)) return undefined;
  if (sets.length > 0) return `its secrets change: ${listed(sets)}`;
  const taken = secretsTakenUpAt(member.machine);
  if (newestAt === undefined || taken === undefined || taken >= newestAt) return undefined;
  return `secret ${newestName} is newer than the machine`;
}

function updateStep(
  scope: Compares,
  compared: Compared,
  why: { readonly reason: MachineUpdate['reason']; readonly because: string },
): MachineUpdate {
  const { member, live, slot, comparison } = compared;
  const { group } = scope;
  const written = imageToSend(scope, compared, why.reason);
  const config = configToSend(markingOf(scope, slot, written), live, undefined);
  if (scope.complete) delete config.metadata?.[stampKeys.first];
  const resting = isAtRest(member.machine);
  return {
    kind: 'machine.update',
    app: scope.desired.name,
    target: targetOf(scope.desired, slot),
    because: why.because,
    risk: resting ? 'safe' : 'restart',
    changes: comparison.changes,
    machineId: member.machine.id,
    slot,
    group: group.name,
    config,
    sent: sentOf(group, written),
    currentVersion: member.machine.instance_id,
    skipLaunch: resting && staysAtRest(scope, config),
    reason: why.reason,
    ...(comparison.remapped ? { remapped: true } : {}),
  };
}

/** A machine that runs the wanted image keeps the reference it has: another spelling of it is no reason to pull it anew. */
function imageToSend(scope: GroupScope, compared: Compared, reason: MachineUpdate['reason']): string {
  const { image } = scope;
  const live = compared.live.image ?? '';
  if (image.state !== 'known') return live;
  if (reason !== 'change' && image.matches(compared.member.machine, compared.live) && live !== '') return live;
  return image.ref;
}

/** What the proxy or a schedule stopped stays so; anything else is started once in its new version. */
function staysAtRest(scope: GroupScope, config: MachineConfig): boolean {
  return !scope.heals || restsByDesign(config);
}

function restsByDesign(config: MachineConfig): boolean {
  return stopsByItself(config) || (config.schedule ?? '') !== '';
}

/** No update: stamps that are missing, and a start where a machine stopped that should not have. */
function planRest(scope: Compares, compared: Compared, draft: Draft): void {
  const { member, live, slot, comparison } = compared;
  const metadata: Record<string, string | null> = { ...comparison.stamps };
  if (scope.complete && member.metadata[stampKeys.first] !== undefined) metadata[stampKeys.first] = null;
  if (Object.keys(metadata).length > 0) {
    const label = labelStep(scope, compared, metadata);
    draft.labels.push(label);
    if (comparison.moved) draft.driftLabels.add(label);
    noteLabel(comparison, slot, draft);
  }
  const { machine } = member;
  if ((machine.state !== 'stopped' && machine.state !== 'suspended') || restsByDesign(live)) return;
  if (hasGivenUp(machine))
    draft.notes.push(`${formatSlot(slot)} crashed until its restarts ran out; flyctl logs says why`);
  else if (!wasStartedOnce(machine) && (scope.heals || scope.desired.policy.drift === 'report')) {
    const because = `${machine.state}, and nothing in its config lets it be`;
    draft.starts.push(actionStep(scope, member, { kind: 'machine.start', because, risk: 'safe' }));
  }
}

function noteLabel(comparison: Comparison, slot: Slot, draft: Draft): void {
  const by = comparison.flyctl;
  if (by !== undefined) {
    const release = by.release === undefined ? '' : ` (release v${by.release})`;
    draft.notes.push(`${formatSlot(slot)} was restarted by flyctl${release}; what git names did not change`);
  } else if (comparison.moved) draft.notes.push(`${formatSlot(slot)} changed on Fly in what git does not name`);
}

function labelStep(
  scope: GroupScope,
  compared: Compared,
  metadata: Readonly<Record<string, string | null>>,
): MachineLabel {
  const { member, slot, comparison } = compared;
  const keys = Object.keys(metadata).toSorted();
  return {
    kind: 'machine.label',
    app: scope.desired.name,
    target: targetOf(scope.desired, slot),
    because: comparison.moved ? 'it runs what git wants; its stamps are from before' : 'it runs what git wants',
    risk: 'safe',
    changes: keys.map((key) => ({
      path: `metadata.${key}`,
      from: member.metadata[key],
      to: metadata[key] ?? undefined,
    })),
    machineId: member.machine.id,
    metadata,
  };
}
