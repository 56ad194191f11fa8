/** The release command: when it runs, and what its machine gets. */
import type { MachineConfig } from '../../../schemas/fly/machine.ts';
import { releaseCommandGroup } from '../../../schemas/fly/presets.ts';
import { guestOver } from '../../flyconfig/sections/guest.ts';
import { parseImage } from '../../flyconfig/sections/image.ts';
import { releaseGuest } from '../../flyconfig/sections/release-command.ts';
import type { DesiredApp, DesiredReleaseCommand } from '../../model/desired.ts';
import { hashOf } from '../../model/base/json.ts';
import type { ReleaseCommandRun } from '../../model/plan.ts';
import type { FleetOwner } from '../../model/stamps/owner.ts';
import { flyctlMetadata, stampKeys } from '../../model/stamps/keys.ts';
import { allOf } from '../classify/machines.ts';
import type { MachineInventory, WantedImage } from '../types.ts';

/** What machines carry once the command has run on this image: it does not run again for the same two. */
export function commandStamp(image: string, version: string): string {
  return hashOf([parseImage(image).digest ?? image, version]);
}

export interface CommandScope {
  readonly desired: DesiredApp;
  readonly fleet: FleetOwner;
  readonly inventory: MachineInventory;
  readonly image: WantedImage;
}

/** The stamp where the command has run already, so that machines made from now on carry it, too. */
export function ranCommand(scope: CommandScope): string | undefined {
  const { desired, inventory, image } = scope;
  if (desired.releaseCommand === undefined || image.state !== 'known') return undefined;
  const stamp = commandStamp(image.ref, commandVersion(desired.releaseCommand));
  return allOf(inventory).some(({ metadata }) => metadata[stampKeys.command] === stamp) ? stamp : undefined;
}

/** What a release has to run first. undefined: there is no command, or it has run on this image. */
export function plannedCommand(scope: CommandScope): ReleaseCommandRun | undefined {
  const { desired, fleet, inventory, image } = scope;
  const { releaseCommand: wanted } = desired;
  if (wanted === undefined || image.state !== 'known' || ranCommand(scope) !== undefined) return undefined;
  const [group] = desired.groups;
  const guests = inventory.members.filter((member) => member.group === group?.name).map(({ live }) => live?.guest);
  const metadata = { ...flyctlMetadata(releaseCommandGroup), [stampKeys.fleet]: fleet.name };
  const config: MachineConfig = {
    ...wanted.config,
    guest: guestOver(wanted.config.guest, releaseGuest(guests, group?.newGuest)),
    image: image.ref,
    metadata,
  };
  const { command, timeoutSeconds } = wanted;
  return { command, version: commandVersion(wanted), config, region: desired.primaryRegion, timeoutSeconds };
}

/** Its own words and settings; not the environment that every machine gets, which changes without it. */
export function commandVersion({ command }: DesiredReleaseCommand): string {
  return hashOf(['release command', command]);
}
