import { stampKeys } from './keys.ts';

export interface Slot {
  readonly group: string;
  readonly region: string;
  readonly number: number;
}

export function formatSlot(slot: Slot): string {
  return `${slot.group}/${slot.region}/${slot.number}`;
}

export function parseSlot(text: string | undefined): Slot | undefined {
  const parts = /^([^/]+)\/([a-z]+)\/([1-9][0-9]{0,5})$/.exec(text ?? '');
  if (parts === null) return undefined;
  return { group: parts[1] ?? '', region: parts[2] ?? '', number: Number(parts[3]) };
}

/** `fly machine clone` copies a machine's stamps, also into an app that was never ours: the id among them is another's. */
export function isCopy(machineId: string, metadata: Readonly<Record<string, string>> | null | undefined): boolean {
  const stamped = metadata?.[stampKeys.machine];
  return stamped !== undefined && stamped !== machineId;
}

/**
 * A config that somebody copies by hand carries the fleet's name as well, and an id only where it was copied, too. FlyCD
 * writes the id after each create and update that it has read back: one that was cut short proves nothing yet.
 */
export function provesItself(
  machineId: string,
  metadata: Readonly<Record<string, string>> | null | undefined,
  fleet: string,
): boolean {
  return metadata?.[stampKeys.fleet] === fleet && metadata[stampKeys.machine] === machineId;
}
