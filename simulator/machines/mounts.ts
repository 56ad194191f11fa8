import type { MachineConfig } from '../../schemas/fly/machine.ts';
import type { App, Machine, Volume } from '../world/records.ts';
import { refusal } from '../wire/replies.ts';
import type { World } from '../world/world.ts';

/** The volume a new machine asks for: known, of that region (where one is named) and bound to no other machine. */
export function volumeToAttach(
  world: World,
  app: App,
  config: MachineConfig,
  region: string | undefined,
): Volume | undefined {
  const [mount, ...more] = config.mounts ?? [];
  if (mount === undefined) return undefined;
  if (more.length > 0) throw refusal(422, 'invalid_argument: a machine can have one mount only');
  const volume = world.volume(app, mount.volume ?? '');
  if (volume === undefined || volume.deletedAt !== undefined) {
    throw refusal(422, `invalid_argument: volume ${mount.volume ?? ''} not found in app ${app.name}`);
  }
  if (volume.attachedMachine !== undefined) {
    throw refusal(409, `failed_precondition: volume is currently bound to machine: ${volume.attachedMachine}`);
  }
  if (region !== undefined && volume.region !== region) {
    throw refusal(422, `invalid_argument: volume ${volume.id} is in region ${volume.region}, the machine in ${region}`);
  }
  return volume;
}

/** A volume is attached when its machine is created and stays with it; an update may only move the path. */
export function refuseOtherMount(machine: Machine, config: MachineConfig): void {
  const before = machine.config.mounts?.[0]?.volume;
  const after = config.mounts?.[0]?.volume;
  if (before !== after || (config.mounts ?? []).length > 1) {
    throw refusal(
      422,
      `invalid_argument: volumes can only be attached when a machine is created: machine ${machine.id} has ` +
        `${before ?? 'none'}, the update names ${after ?? 'none'}`,
    );
  }
}

/** The platform writes name, size and encryption of the volume into the mount. */
export function fillMount(config: MachineConfig, volume: Volume): void {
  const [mount] = config.mounts ?? [];
  if (mount === undefined) return;
  config.mounts = [{ ...mount, name: volume.name, size_gb: volume.sizeGb, encrypted: volume.encrypted }];
}
