/** A machine's mount against its group's: what an update cannot do, a person decides. */
import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { DesiredApp, DesiredGroup } from '../model/desired.ts';
import type { Hold } from '../model/plan.ts';
import { formatSlot, type Slot } from '../model/stamps.ts';
import { holdOf } from './input.ts';

export interface MountHold {
  readonly hold: Hold;
  /** true: git gives the machine a volume, and it has none. */
  readonly lacksVolume: boolean;
}

export interface MountInput {
  readonly desired: DesiredApp;
  readonly group: DesiredGroup;
  readonly live: MachineConfig;
  readonly slot: Slot;
  readonly volumeNames: ReadonlyMap<string, string>;
}

/** A volume attaches when a machine is made, and at no other time. undefined: the mount is as it should be, or only its path moves. */
export function mountHold(input: MountInput): MountHold | undefined {
  const { desired, group, slot } = input;
  const live = input.live.mounts?.[0];
  const wanted = group.mount;
  if (live === undefined && wanted === undefined) return undefined;
  const place = formatSlot(slot);
  const held = (because: string, lacksVolume: boolean): MountHold => {
    const next = `destroy the machine (fly machine destroy, its volume stays): FlyCD makes it anew as git says; or undo the change in git`;
    return { hold: holdOf(desired.name, { reason: 'volume', because, next }), lacksVolume };
  };
  if (wanted === undefined) return held(`${place} has a volume that git no longer mounts`, false);
  if (live === undefined) return held(`${place} has no volume, and git mounts ${wanted.volume}`, true);
  const name = nameOf(live.name, live.volume, input.volumeNames);
  // A name that nobody can tell is no difference.
  if (name === undefined || name === wanted.volume) return undefined;
  return held(`${place} mounts the volume ${name}, and git wants ${wanted.volume}`, true);
}

function nameOf(
  name: string | undefined,
  id: string | undefined,
  volumeNames: ReadonlyMap<string, string>,
): string | undefined {
  if (name !== undefined && name !== '') return name;
  return id === undefined ? undefined : volumeNames.get(id);
}
