/** Labels that make machines of another owner ours, by a person's word. */
import type { Machine } from '../../../schemas/fly/machine.ts';
import type { MachineLabel } from '../../model/plan.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { otherOwner, ownerStamps, type FleetOwner } from '../../model/stamps/owner.ts';
import { isFrom } from '../../model/stamps/predecessor.ts';
import { formatSlot, parseSlot } from '../../model/stamps/slot.ts';
import { isGone, liveConfigOf, metadataOf } from '../classify/machine-state.ts';
import type { MachineInventory } from '../types.ts';

export interface LabelsInput {
  readonly app: string;
  readonly machines: readonly Machine[];
  readonly fleet: FleetOwner;
  readonly because: string;
}

/**
 * The labels that make these machines ours. Nothing restarts for it. On a host that does not answer nobody can write one, and
 * the call would fail: such a machine keeps its owner.
 */
export function ownerLabels({ app, machines, fleet, because }: LabelsInput): readonly MachineLabel[] {
  return machines.flatMap((machine) => {
    const metadata = metadataOf(machine);
    // Whoever takes it over by a person's word has it for good.
    const wanted: Record<string, string | null> = {
      ...ownerStamps(fleet, metadata),
      [stampKeys.begun]: null,
      // The earlier owner's: what somebody made by hand under that one is not for this one to undo.
      [stampKeys.firstRelease]: null,
    };
    const changed = Object.entries(wanted).filter(([key, to]) => (metadata[key] ?? null) !== to);
    if (changed.length === 0 || liveConfigOf(machine) === undefined) return [];
    return [
      {
        kind: 'machine.label' as const,
        app,
        target: `${app}/${placeOf(machine)}`,
        because,
        risk: 'safe' as const,
        changes: changed.map(([key, to]) => ({ path: `metadata.${key}`, from: metadata[key], to: to ?? undefined })),
        machineId: machine.id,
        metadata: Object.fromEntries(changed),
      },
    ];
  });
}

/** The labels that take over what carries the owner `fleet.from`. */
export function labelsFrom({ app, machines, fleet }: Omit<LabelsInput, 'because'>): readonly MachineLabel[] {
  const because = `taken over from ${fleet.from?.text ?? ''}`;
  return ownerLabels({ app, machines: takenFrom(machines, fleet), fleet, because });
}

/** These machines, as the labels leave them. */
export function withLabels(machines: readonly Machine[], labels: readonly MachineLabel[]): readonly Machine[] {
  const wanted = new Map(labels.map(({ machineId, metadata }) => [machineId, metadata]));
  return machines.map((machine) => {
    const changes = wanted.get(machine.id);
    if (changes === undefined || machine.config === null || machine.config === undefined) return machine;
    const entries = Object.entries({ ...machine.config.metadata, ...changes });
    const metadata = Object.fromEntries(
      entries.flatMap(([key, text]) => (text === null ? [] : [[key, text] as const])),
    );
    return { ...machine, config: { ...machine.config, metadata } };
  });
}

/** Those that carry the owner `fleet.from`. */
export function takenFrom(machines: readonly Machine[], fleet: FleetOwner): readonly Machine[] {
  return machines.filter((machine) => !isGone(machine) && isFrom(metadataOf(machine), fleet));
}

/** Machines of another owner that count for groups of ours: whoever adopts the app takes these over. */
export function adoptable({ members, replaced }: MachineInventory, fleet: FleetOwner): readonly Machine[] {
  return [...members, ...replaced]
    .filter(({ ours, metadata }) => !ours && otherOwner(metadata, fleet) !== undefined)
    .map(({ machine }) => machine);
}

function placeOf(machine: Machine): string {
  const slot = parseSlot(metadataOf(machine)[stampKeys.slot]);
  return slot === undefined ? machine.id : formatSlot(slot);
}
