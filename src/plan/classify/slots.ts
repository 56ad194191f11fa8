/** What the planning of one process group looks at, and what it has found so far. */
import type { DesiredApp, DesiredGroup } from '../../model/desired.ts';
import type { Hold, MachineAction, MachineCreate, MachineLabel, MachineUpdate, SlotMachine } from '../../model/plan.ts';
import type { Slot } from '../../model/stamps/stamps.ts';
import type { StandingTexts } from '../../model/stamps/rollout-state.ts';
import type { Census, Member } from './machines.ts';
import type { Wanted } from '../machines/counts.ts';
import type { WantedImage } from '../kinds/image.ts';
import type { PlanAppInput } from '../types.ts';
import type { Marking } from '../machines/stamps.ts';
import type { SecretsFreshness } from '../kinds/secrets.ts';

export interface MachinesInput {
  readonly input: PlanAppInput;
  readonly census: Census;
  readonly image: WantedImage;
  /** Newest change among the secrets that git names, and whether this plan sets one. */
  readonly secrets: SecretsFreshness;
  /** The stamp with evidence that every machine should carry; null: none, undefined: as it is. */
  readonly secretsStamp: string | null | undefined;
  /** What stands about the app as a whole: every machine should carry it. */
  readonly standing: StandingTexts;
  /** Stamp of the release command that has run on the wanted image. */
  readonly command: string | undefined;
  /** true: differences from git are healed; false: `report` or `off` leave the state of machines alone. */
  readonly heals: boolean;
  /** Names of volumes by id, where they could be read. */
  readonly volumeNames: ReadonlyMap<string, string>;
  /** How many volumes belong to machines that are gone or on their way, by `name/region`: they are free in a moment. */
  readonly departing: ReadonlyMap<string, number>;
}

/** Everything that one group's planning looks at. */
export interface GroupScope extends MachinesInput {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly members: readonly Member[];
  readonly slots: ReadonlyMap<string, Slot>;
  readonly wanted: Wanted;
}

export interface Compares extends GroupScope {
  /** true: the group's first machines are all there, so they need not say any more that they are the first. */
  readonly complete: boolean;
  /** Whose place the group's standbys take. */
  readonly primary: SlotMachine | undefined;
}

/** A machine that only a person may have made anew, and how that goes. */
export interface Misfit {
  /** Its slot. */
  readonly place: string;
  /** What it has, and git does not give it. */
  readonly has: string;
  readonly create: MachineCreate;
  readonly destroy: MachineAction;
}

export interface Draft {
  readonly updates: MachineUpdate[];
  readonly labels: MachineLabel[];
  readonly starts: MachineAction[];
  readonly destroys: MachineAction[];
  /** Creates of machines that take the place of others. */
  readonly replacements: MachineCreate[];
  readonly misfits: Misfit[];
  readonly holds: Hold[];
  readonly notes: string[];
  /** Machines that get no volume now, by region. */
  readonly withoutVolume: Map<string, number>;
  /** Places that wait for a volume whose machine is going, by region. */
  readonly awaited: Map<string, number>;
  readonly byFlyctl: Map<string, string | undefined>;
  readonly driftLabels: Set<MachineLabel>;
  readonly kept: Set<string>;
  carried: boolean;
}

export function slotOf(scope: GroupScope, member: Member): Slot {
  const { group, machine } = member;
  return scope.slots.get(machine.id) ?? { group, region: machine.region, number: 1 };
}

export function markingOf(scope: GroupScope, slot: Slot, image: string): Marking {
  const { desired, group, secretsStamp, standing, command } = scope;
  return { desired, group, fleet: scope.input.fleet, slot, image, secretsStamp, standing, command };
}
