/** A machine's mount against its group's: a volume attaches when a machine is made, and at no other time. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import type { DesiredGroup, DesiredVolume } from '../../model/desired.ts';
import type { MountMismatch } from '../types.ts';

/** undefined: the mount is as it should be, or only its path moves. */
export function mountMismatch(
  live: MachineConfig,
  { mount }: DesiredGroup,
  volumeNames: ReadonlyMap<string, string>,
): MountMismatch | undefined {
  const [has] = live.mounts ?? [];
  if (has === undefined) return mount && { gains: true, has: `no volume, and should mount ${mount.volume}` };
  const name = (has.name ?? '') === '' ? volumeNames.get(has.volume ?? '') : has.name;
  if (mount === undefined) {
    return { gains: false, has: `the volume ${name ?? has.volume ?? ''}, and should mount none` };
  }
  // A name that nobody can tell is no difference.
  if (name === undefined || name === mount.volume) return undefined;
  return { gains: false, has: `the volume ${name}, and should mount ${mount.volume}` };
}

/** Whether any of the groups mounts the volumes that an entry of `volumes` is about. */
export function isMounted(volume: DesiredVolume, groups: readonly DesiredGroup[]): boolean {
  return groups.some(({ name, mount }) => mount?.volume === volume.name && (volume.group ?? name) === name);
}
