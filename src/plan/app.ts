import type { AppPresence } from '../model/observed.ts';
import type { AppPlan, Step } from '../model/plan.ts';
import { byText } from '../model/base/text.ts';
import { stampKeys } from '../model/stamps/keys.ts';
import { isCopy } from '../model/stamps/slot.ts';
import { areInputsSame } from '../model/stamps/input-stamps.ts';
import type { Standing } from '../model/standing/standing.ts';
import { readStanding } from '../model/standing/standing-text.ts';
import { isInForce } from '../model/standing/in-force.ts';
import { isV0Version } from '../model/stamps/v0-versions.ts';
import { planAddresses } from './kinds/addresses.ts';
import { assemble, isOurs, unreadHold, type Assembled, type Parts } from './assemble.ts';
import { takenFrom } from './kinds/owner-labels.ts';
import { allOf, leftAloneLabels, classifyMachines } from './classify/machines.ts';
import { standingOf } from './target/rollout-state.ts';
import { departingVolumes } from './machines/departing-volumes.ts';
import { apartFromBookkeeping } from './steps/bookkeeping.ts';
import { holdOf } from './steps/hold.ts';
import {
  guardPresumed,
  organizationNotes,
  otherOrganization,
  adoptCommand,
  ownerHold,
  takeFrom,
} from './guards/owner.ts';
import { guardBusy, guardChanged, guardDestroyed, releasesNote } from './guards/busy.ts';
import { guardAdoption, guardUnlabelled, holdForOwner } from './guards/adoption.ts';
import { guardReport } from './guards/report.ts';
import { guardHeals } from './guards/repeated-drift.ts';
import { guardFlyctl, leftoverWords } from './guards/flyctl.ts';
import { guardIntents } from './guards/intents.ts';
import { guardSecrets } from './guards/secrets.ts';
import { guardBuild, guardPull, withoutIdleBuild } from './guards/build.ts';
import { updatesOf } from './steps/select.ts';
import { withoutNeedlessRestarts } from './kinds/volume-growth.ts';
import { appPlanId } from './steps/plan-id.ts';
import { wantedImage } from './kinds/image.ts';
import type {
  GroupMachine,
  HoldParts,
  PlanDraft,
  WantedImage,
  MachineInventory,
  KindPlan,
  PlanAppInput,
  MachinesInput,
  GroupPlan,
} from './types.ts';
import { degradedMachines } from './classify/health.ts';
import { isAtRest } from './classify/machine-state.ts';
import { planGivingWay } from './machines/giving-way.ts';
import { planGroup } from './machines/group.ts';
import { leftWords } from './machines/made-by-hand.ts';
import { regionNotes } from './machines/regions.ts';
import { inOrder } from './steps/order.ts';
import { movedOnFly } from './target/fulfilled.ts';
import { plannedCommand, ranCommand } from './target/release-command.ts';
import { planLeftovers, planRemovedGroups } from './machines/removed-groups.ts';
import { guardAddresses, guardRemovals, guardSuccession } from './guards/replacement.ts';
import { knownEvidence, secretsStampText } from './kinds/secret-evidence.ts';
import { planSecrets, unreadSecrets } from './kinds/secrets.ts';
import { statusOf, type StepsSay } from './steps/status.ts';
import { planVolumes } from './kinds/volumes.ts';
import { guardWindows } from './guards/windows.ts';

export type { PlanAppInput, PlanOptions } from './types.ts';
export { needsReleases } from './guards/busy.ts';
export { asksWhoEmptied } from './guards/flyctl.ts';
export { healPath } from './guards/repeated-drift.ts';

const emptyKindPlan: KindPlan = { steps: [], holds: [], notes: [] };

/**
 * What has to be done so that Fly is as git says, and what may not be done and why. Pure: the same input gives the same
 * plan. It never throws for anything that Fly or people say; what cannot be known holds what depends on it.
 */
export function planApp(input: PlanAppInput): AppPlan {
  const { observed } = input;
  if (observed.app.status === 'unread') return unreadApp(input, 'the app', observed.app);
  const presence = observed.app.value;
  if (presence.state === 'taken') return takenApp(input);
  const elsewhere = otherOrganization(input);
  if (elsewhere !== undefined) return heldApp(input, elsewhere);
  const seen = presence.state === 'absent' ? nothingOf(input) : input;
  const { machines } = seen.observed;
  // Without the machines nobody can say whose the app is or who is at work on it.
  if (machines.status === 'unread') return unreadApp(input, 'machines', machines);
  const inventory = classifyMachines({
    desired: input.desired,
    machines: machines.value,
    releases: observed.releases?.status === 'read' ? observed.releases.value : undefined,
    told: input.memory.told,
    departed: observed.departed,
    fleet: input.fleet,
    now: input.now,
    aheadMs: observed.flyAheadMs,
  });
  // Of two other owners the one that a person names goes first: each would else be in the other one's way.
  const isTaken = takenFrom(machines.value, input.fleet).length > 0;
  if (inventory.otherFleet !== undefined && !input.options.adopt && !isTaken) {
    const steps = planGivingWay(input, machines.value);
    // Those that give way were never meant to stay.
    const ours = steps.length > 0 || input.fleet.from !== undefined ? [] : allOf(inventory).filter(isMadeByUs);
    const holds = [holdForOwner(input, inventory, inventory.otherFleet, ours.length)];
    return finish(input, { steps, holds }, [], steps.length > 0 ? 'wanted' : 'nothing');
  }
  if (input.fleet.from !== undefined) return takenOver(input, inventory);
  return planPresent(seen, presence, inventory);
}

const isMadeByUs = ({ ours, machine, metadata }: GroupMachine): boolean => ours && !isCopy(machine.id, metadata);

/** For whoever takes the place of an earlier owner: its labels, and nothing of what git wants besides. */
function takenOver(input: PlanAppInput, { busy, otherFleet }: MachineInventory): AppPlan {
  const labels = takeFrom(input);
  const others = otherFleet === undefined ? [] : [ownerHold(input, otherFleet, labels.steps.length)];
  const taken = { ...labels, holds: [...labels.holds, ...others] };
  // Of what is labelled already, by a command that was cut short, nobody has seen whether it stays.
  const draft = taken.steps.length > 0 ? taken : guardChanged(input, guardDestroyed(input, taken), busy);
  return finish(input, draft, [], draft.steps.length > 0 ? 'wanted' : 'nothing');
}

/** An app that is not there has nothing, whatever was or was not read of it. */
function nothingOf(input: PlanAppInput): PlanAppInput {
  const none = { status: 'read', value: [] } as const;
  const observed = { ...input.observed, machines: none, volumes: none, secrets: none, addresses: none };
  return { ...input, observed };
}

function planPresent(input: PlanAppInput, presence: AppPresence, inventory: MachineInventory): AppPlan {
  const known = knownEvidence(input);
  const standing = standingAbout(input);
  const secrets =
    input.observed.secrets.status === 'read' ? planSecrets(input, input.observed.secrets.value, known) : unreadSecrets;
  const retry = input.options.now || input.options.force;
  const image = wantedImage(input.desired, allOf(inventory), input.observed, retry);
  const commandScope = { desired: input.desired, fleet: input.fleet, inventory, image };
  const machinesInput: MachinesInput = {
    input,
    inventory,
    image,
    secrets: secrets.freshness,
    secretsStamp: secretsStampText(known.stamped),
    standing: standing.texts,
    command: ranCommand(commandScope),
    heals: healsDrift(input),
    volumeNames: volumeNames(input),
    departing: departingVolumes(input, inventory),
  };
  const groups = input.desired.groups.map((group) => planGroup(machinesInput, group));
  const isServed = groups.some(servesSomebody);
  const { leftovers } = inventory;
  const parts: Parts = {
    presence,
    inventory,
    secrets,
    groups,
    volumes:
      input.observed.volumes.status === 'read'
        ? planVolumes(input, groups, input.observed.volumes.value)
        : { ...emptyKindPlan, held: new Map() },
    addresses: addressesOf(input, presence, inventory),
    removed: planRemovedGroups(input.desired, inventory.removed, isServed),
    leftovers: planLeftovers(input.desired, keepsLeftovers(input) ? [] : leftovers, isServed),
    command: plannedCommand(commandScope),
  };
  const draft = assemble(input, parts);
  const isDrift = driftOf(input, parts, { ...draft, fulfilled: standing.fulfilled });
  const isStill = standing.fulfilled === undefined && isStampedStill(input, inventory);
  const isReported: IsDrift = (step) => isDrift(step) || (isStill && step.kind === 'address.allocate');
  const guarded = guard(input, parts, draft, { image, isReported });
  const waits = inventory.busy === undefined || guarded.holds.some((hold) => hold.reason === 'busy');
  const unseen = releasesNote(input.observed, guarded.steps);
  const parted = apartFromBookkeeping(guarded, inventory.otherFleet);
  const notes = [...notesOf(input, parts), ...(waits ? [] : [inventory.busy.holder]), ...unseen];
  return finish(input, parted, notes, stepsSay(parted.steps, isDrift));
}

/** `off`: what is there stays. */
function keepsLeftovers({ desired, options }: PlanAppInput): boolean {
  return desired.policy.drift === 'off' && !options.now;
}

/** It has machines to serve with, or gets them by this plan. */
function servesSomebody({ group, members, creates }: GroupPlan): boolean {
  return group.hasServices && (creates.length > 0 || members.some(({ live }) => live !== undefined));
}

/** Of an app that Fly shows no more: what git was fulfilled at before somebody took it away. */
function standingAbout({ observed, fleet, memory, now }: PlanAppInput): Standing {
  if (observed.machines.status === 'unread') return readStanding([]);
  const isThere = observed.app.status === 'unread' || observed.app.value.state !== 'absent';
  // A word that is over says nothing of the app that is made: there it would be counted before what is said of that one.
  const rows = isThere ? memory.standing : memory.standing.filter((row) => isInForce(row, now + observed.flyAheadMs));
  const standing = standingOf({ machines: observed.machines.value, fleet }, { standing: rows });
  if (memory.fulfilledBefore === undefined) return standing;
  return { ...standing, fulfilled: readStanding([{ [stampKeys.fulfilled]: memory.fulfilledBefore }]).fulfilled };
}

function healsDrift(input: PlanAppInput): boolean {
  const { drift } = input.desired.policy;
  return input.options.now || drift === 'heal' || drift === 'heal_all';
}

function volumeNames(input: PlanAppInput): ReadonlyMap<string, string> {
  const { volumes } = input.observed;
  return new Map(volumes.status === 'read' ? volumes.value.map((volume) => [volume.id, volume.name]) : []);
}

function addressesOf(input: PlanAppInput, presence: AppPresence, inventory: MachineInventory): KindPlan {
  const { addresses } = input.observed;
  if (addresses.status === 'unread') return emptyKindPlan;
  const isNew = presence.state === 'absent' || (presence.state === 'present' && presence.app.status === 'pending');
  const machines =
    inventory.members.length + inventory.removed.length + inventory.leftovers.length + inventory.leftAlone.size;
  return planAddresses(input, { live: addresses.value, isNew, machines });
}

/** An app of v0's is taken over without asking. */
function isFromV0(inventory: MachineInventory): boolean {
  return inventory.members.some((member) => {
    const { config, incomplete_config: incomplete } = member.machine;
    return isV0Version((config ?? incomplete)?.env?.['FLYCD_CONFIG_VERSION']);
  });
}

/** The rules in their order: what cannot be done at all, what waits for somebody, whose app it is, who is at work. */
function guard(
  input: PlanAppInput,
  parts: Parts,
  assembled: Assembled,
  { image, isReported }: { readonly image: WantedImage; readonly isReported: IsDrift },
): PlanDraft {
  const { inventory } = parts;
  let draft: PlanDraft = { steps: inOrder(assembled.steps), holds: assembled.holds };
  draft = guardBuild(input, draft, image);
  draft = guardPull(input, draft);
  draft = guardSecrets(draft, parts.secrets);
  draft = guardIntents(draft);
  draft = guardFlyctl(input, draft, parts);
  draft = guardWindows(input, draft);
  draft = guardHeals(input, draft);
  draft = guardReport(input, draft, isReported);
  draft = guardSuccession(input.desired, draft);
  draft = guardAddresses(draft);
  draft = withUnverified(draft, parts);
  draft = guardRemovals(input.desired, draft);
  // Now that it is known which updates are held: without them a machine has to be restarted after all.
  draft = withoutNeedlessRestarts(draft);
  const strangers = inventory.members.length === 0 && hasStrangers(inventory);
  if (!isOurs(input, inventory) && !isFromV0(inventory)) draft = guardAdoption(input, draft, strangers);
  draft = guardPresumed(input, inventory, draft);
  draft = guardUnlabelled(input, inventory, draft);
  const { busy } = inventory;
  if (busy !== undefined) draft = guardBusy(input, draft, busy);
  return guardDestroyed(input, withoutIdleBuild(draft));
}

/**
 * Secrets of which nobody knows whether Fly has this value are set with a release that reaches every machine that runs and
 * stays: setting one makes machines outside it look behind, and they would restart for a value they may well have.
 */
function withUnverified(draft: PlanDraft, { inventory, secrets }: Parts): PlanDraft {
  const release = draft.steps.find((step) => step.kind === 'release');
  if (release === undefined) return draft;
  const leaving = [...draft.steps, ...draft.holds.flatMap((hold) => hold.steps)].flatMap((step) =>
    step.kind === 'machine.destroy' ? [step.machineId] : [],
  );
  const settled = new Set([...leaving, ...updatesOf(draft.steps).map((step) => step.machineId)]);
  const reachesAll = inventory.members.every(({ machine }) => isAtRest(machine) || settled.has(machine.id));
  return reachesAll ? { ...draft, steps: [...draft.steps, ...secrets.withRelease] } : draft;
}

function hasStrangers(inventory: MachineInventory): boolean {
  return [...inventory.leftAlone.keys()].some((kind) => kind !== 'temporary' && kind !== 'giving way');
}

type IsDrift = (step: Step) => boolean;

/** What undoes something that was done on Fly: it differs from what FlyCD wrote there, or git wants what it has had before. */
function driftOf(
  { desired }: PlanAppInput,
  { inventory: { members }, secrets: { rotated } }: Parts,
  { drift, fulfilled, steps, holds }: Assembled & Pick<Standing, 'fulfilled'>,
): IsDrift {
  const all = [...steps, ...holds.flatMap((hold) => hold.steps)];
  const hasMoved = movedOnFly({ desired, fulfilled, members, steps: all, rotated });
  return (step) => drift.has(step) || hasMoved(step);
}

/** For FlyCDs that wrote down no more than what git said when they wrote to each machine. */
function isStampedStill({ desired }: PlanAppInput, { members }: MachineInventory): boolean {
  const ours = members.filter((member) => member.ours);
  return ours.length > 0 && ours.every(({ metadata }) => areInputsSame(metadata[stampKeys.inputs], desired.inputs));
}

function stepsSay(steps: readonly Step[], isDrift: IsDrift): StepsSay {
  if (steps.length === 0) return 'nothing';
  return steps.every(isDrift) ? 'drift' : 'wanted';
}

function notesOf(input: PlanAppInput, parts: Parts): readonly string[] {
  const { inventory, groups, secrets, volumes, addresses } = parts;
  const alone = [...inventory.leftAlone]
    .map(([kind, count]) => ({ label: leftAloneLabels[kind], count }))
    .toSorted((a, b) => byText(a.label, b.label))
    .map(({ label, count }) => `left alone: ${count} × ${label}`);
  const idle = groups
    .filter(({ group, members }) => group.autoscaled && members.length === 0)
    .map(({ group }) => `${group.name} is autoscaled and has no machine to be copied: make the first one by hand`);
  return [
    ...organizationNotes(input),
    ...groups.flatMap((planned) => planned.notes),
    ...idle,
    // One that somebody scaled to 0 says so itself.
    ...(keepsLeftovers(input) ? leftoverWords(inventory.leftovers).map((words) => leftWords(`${words}, stay`)) : []),
    ...regionNotes(
      input.desired,
      groups.filter(({ members, creates }) => members.length + creates.length > 0),
    ),
    ...secrets.notes,
    ...volumes.notes,
    ...addresses.notes,
    ...alone,
  ];
}

function unreadApp(input: PlanAppInput, kind: string, reading: Parameters<typeof unreadHold>[2]): AppPlan {
  const hold = unreadHold(input, kind, reading);
  const again = adoptCommand(input);
  // Nobody saw whether it is adopted by now.
  const holds = [again === undefined ? hold : { ...hold, next: `${hold.next}; then ${again} again` }];
  return finish(input, { steps: [], holds }, [], 'nothing');
}

function takenApp(input: PlanAppInput): AppPlan {
  const { name, file } = input.desired;
  return heldApp(input, {
    reason: 'owner',
    because: `the name ${name} belongs to an organization that the token does not reach`,
    next: `choose another name in ${file}, or use a token of that organization`,
  });
}

/** Nothing is planned, not even what would be done. */
function heldApp(input: PlanAppInput, parts: HoldParts): AppPlan {
  return finish(input, { steps: [], holds: [holdOf(input.desired.name, parts)] }, [], 'nothing');
}

function finish(
  input: PlanAppInput,
  draft: PlanDraft & Pick<AppPlan, 'bookkeeping'>,
  notes: readonly string[],
  say: StepsSay,
): AppPlan {
  const { desired, problems } = input;
  const { bookkeeping = [] } = draft;
  const steps = inOrder(draft.steps);
  const holds = draft.holds.map((hold) => ({ ...hold, steps: inOrder(hold.steps) }));
  const degraded = degradedIn(input, steps);
  return {
    app: desired.name,
    file: desired.file,
    org: input.observed.org ?? desired.org,
    status: statusOf(say, holds),
    steps,
    holds,
    ...(bookkeeping.length === 0 ? {} : { bookkeeping: inOrder(bookkeeping) }),
    ...(degraded.length === 0 ? {} : { degraded }),
    notes: [...new Set([...notes, ...degraded])],
    problems,
    planId: appPlanId(desired.name, steps, holds),
  };
}

/** What the plan sees to will not be so for long. */
function degradedIn({ observed, fleet }: PlanAppInput, steps: readonly Step[]): readonly string[] {
  if (observed.machines.status === 'unread') return [];
  const changed = new Set(
    steps
      .flatMap((step): Step[] => (step.kind === 'release' ? [...step.machines] : [step]))
      .flatMap((step) => ('machineId' in step && step.kind !== 'machine.label' ? [step.machineId] : [])),
  );
  return degradedMachines(observed.machines.value, fleet).flatMap(({ id, words }) => (changed.has(id) ? [] : [words]));
}
