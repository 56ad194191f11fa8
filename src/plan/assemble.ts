/** Puts an app's plan together from what its kinds have found, before any rule takes something out of it. */
import { formatTime } from '../model/base/clock.ts';
import type { AppPresence, Reading } from '../model/observed.ts';
import type { Hold, MachineAction, ReleaseCommandRun, Step } from '../model/plan.ts';
import { ownerWords } from './guards/owner.ts';
import { planRestarts } from './kinds/volume-growth.ts';
import type {
  PlanDraft,
  MachineInventory,
  KindPlan,
  PlanAppInput,
  SecretsPlan,
  VolumesPlan,
  RemovedMachines,
  GroupPlan,
} from './types.ts';
import { holdOf } from './steps/hold.ts';
import { remountHold } from './machines/remount.ts';
import { gatherRelease } from './machines/release.ts';
import { inOrder } from './steps/order.ts';
import { removalOf } from './steps/removal.ts';

/** What each kind has found. */
export interface Parts {
  readonly presence: AppPresence;
  readonly inventory: MachineInventory;
  readonly secrets: SecretsPlan;
  readonly groups: readonly GroupPlan[];
  readonly volumes: VolumesPlan;
  readonly addresses: KindPlan;
  readonly removed: RemovedMachines;
  /** Of a deployment by hand. */
  readonly leftovers: RemovedMachines;
  readonly command: ReleaseCommandRun | undefined;
}

export interface Assembled extends PlanDraft {
  /** Of the steps: those that undo what somebody did on Fly. */
  readonly drift: ReadonlySet<Step>;
}

/** All steps that git wants, with the holds that the kinds themselves found. */
export function assemble(input: PlanAppInput, parts: Parts): Assembled {
  const { desired, observed } = input;
  const { secrets, groups, volumes, addresses, removed, leftovers } = parts;
  const holds: Hold[] = [];
  for (const kind of ['volumes', 'secrets', 'addresses'] as const) {
    const reading = observed[kind];
    if (reading.status === 'unread') holds.push(unreadHold(input, kind, reading));
  }
  const canMake = makeable(input, groups);
  // Where secrets are unread nobody knows whether one of them brings a release.
  const isWhole = !lacksSecrets(input) && canMake.every((made, index) => made === groups[index]);
  const rollout = gatherRelease(desired.name, canMake, parts.command);
  const labels = groups.flatMap((planned) => planned.labels);
  const starts = groups.flatMap((planned) => planned.starts);
  const read = observed.volumes.status === 'read' ? observed.volumes.value : [];
  const steps: Step[] = [
    ...appSteps(input, parts),
    ...addresses.steps,
    ...volumes.steps,
    ...secrets.steps,
    ...labels,
    ...(rollout.release === undefined ? [] : [rollout.release]),
    ...rollout.machines,
    ...planRestarts(input, groups, { volumes: read, steps: volumes.steps }),
    ...starts,
    ...canMake.flatMap((made) => made.destroys),
    ...[...removed.destroys, ...leftovers.destroys].filter((step) => isWhole || waitsForNobody(step)),
  ];
  const found = [
    ...volumes.holds,
    ...secrets.holds,
    ...addresses.holds,
    ...removed.holds,
    ...leftovers.holds,
    ...groups.flatMap((planned) => planned.holds),
    ...groups.flatMap(
      ({ group, misfits }) => remountHold(desired.name, misfits, volumes.held.get(group.name) ?? []) ?? [],
    ),
  ];
  const healed = rollout.machines.filter((step) => step.kind === 'machine.update' && step.reason === 'drift');
  const moved = groups.flatMap((planned) => [...planned.driftLabels]);
  // What runs may need it until it is known what would take its place.
  const kept = isWhole ? [] : steps.filter((step) => removalOf(step, desired) !== undefined);
  const withheld = withheldFrom(groups, canMake);
  const waiting = gatherRelease(desired.name, withheld, withheld.length === 0 ? undefined : parts.command);
  const [unread, ...others] = holds;
  const held = [...(waiting.release === undefined ? [] : [waiting.release]), ...waiting.machines, ...kept];
  const keeping = unread === undefined ? [] : [{ ...unread, steps: inOrder([...unread.steps, ...held]) }, ...others];
  return {
    steps: steps.filter((step) => !kept.includes(step)),
    holds: [...keeping, ...found],
    drift: new Set<Step>([...healed, ...leftovers.destroys, ...starts, ...moved, ...secrets.drift]),
  };
}

/** Without what could not be read: no machine is made that needs a volume, none is changed that needs a secret. */
function makeable(input: PlanAppInput, groups: readonly GroupPlan[]): readonly GroupPlan[] {
  const { volumes } = input.observed;
  const withoutSecrets = lacksSecrets(input);
  return groups.map((planned) => {
    const withoutVolumes = volumes.status === 'unread' && planned.group.mount !== undefined;
    const creates = withoutSecrets || withoutVolumes ? [] : planned.creates;
    const updates = withoutSecrets ? [] : planned.updates;
    if (creates.length === planned.creates.length && updates.length === planned.updates.length) return planned;
    return { ...planned, creates, updates, destroys: planned.destroys.filter(waitsForNobody) };
  });
}

function lacksSecrets({ desired, observed }: PlanAppInput): boolean {
  return observed.secrets.status === 'unread' && desired.secrets.length > 0;
}

/** What is not made of groups for now. */
function withheldFrom(groups: readonly GroupPlan[], canMake: readonly GroupPlan[]): readonly GroupPlan[] {
  return groups.flatMap((planned, index): GroupPlan[] => {
    const made = canMake[index];
    if (made === undefined || made === planned) return [];
    const creates = planned.creates.filter((step) => !made.creates.includes(step));
    return [{ ...planned, creates, updates: planned.updates.filter((step) => !made.updates.includes(step)) }];
  });
}

function waitsForNobody({ onceHealthy }: MachineAction): boolean {
  return onceHealthy !== true;
}

function appSteps(input: PlanAppInput, parts: Parts): readonly Step[] {
  const { desired } = input;
  const base = { app: desired.name, target: desired.name, risk: 'safe', changes: [] } as const;
  if (parts.presence.state === 'absent') {
    return [
      { ...base, kind: 'app.create', because: 'git names it, Fly lacks it', org: desired.org, network: undefined },
    ];
  }
  const other = parts.inventory.otherFleet;
  if (other !== undefined) return [{ ...base, kind: 'app.adopt', because: `taken over from ${ownerWords(other)}` }];
  if (isOurs(input, parts.inventory)) return [];
  // A person's word is written down, whatever of the rest is held: else the next command would ask for it again.
  if (parts.inventory.members.length === 0 && !input.options.adopt) return [];
  return [{ ...base, kind: 'app.adopt', because: 'git names it, and it was not made by FlyCD' }];
}

/** By a stamp on any machine, or by what SQLite remembers. */
export function isOurs(input: PlanAppInput, inventory: MachineInventory): boolean {
  return input.memory.known || inventory.removed.length > 0 || inventory.members.some((member) => member.ours);
}

type Unread = Extract<Reading<unknown>, { readonly status: 'unread' }>;

export function unreadHold(input: PlanAppInput, kind: string, { reason, retryAt }: Unread): Hold {
  const again = retryAt === undefined ? 'again' : `again at ${formatTime(retryAt)}, as Fly asked`;
  return holdOf(input.desired.name, {
    reason: 'unread',
    because: `${kind} could not be read: ${reason}`,
    next: `FlyCD tries ${again}; nothing that depends on it is done until then`,
    retryAt,
  });
}
