import type { MachineConfig } from '../../schemas/fly/machine.ts';
import { releaseCommandGroup } from '../../schemas/fly/presets.ts';
import { guestOver } from '../flyconfig/sections/guest.ts';
import { overlay } from '../flyconfig/live/overlay.ts';
import { releaseGuest } from '../flyconfig/sections/release-command.ts';
import type { DesiredApp } from '../model/desired.ts';
import { isObject } from '../model/base/json.ts';
import { flyctlMetadata } from '../model/stamps/keys.ts';

/**
 * By process group, and for the release command where there is one, what a new machine of it gets, in the names of Fly's wire: without what differs from one machine or
 * release to the next (image, volume ids, versions). Keys stand in alphabetical order, so that two of them can be compared.
 */
export function machinesText({ groups, releaseCommand }: Pick<DesiredApp, 'groups' | 'releaseCommand'>): string {
  const machines = groups.map(({ name, config, newGuest }) => [name, newMachine(name, sized(config, newGuest))]);
  if (releaseCommand !== undefined) {
    const guest = releaseGuest([], groups[0]?.newGuest);
    machines.push([releaseCommandGroup, newMachine(releaseCommandGroup, sized(releaseCommand.config, guest))]);
  }
  return `${JSON.stringify(inOrder(Object.fromEntries(machines)), undefined, 2)}\n`;
}

/** A size that git names only for new machines. */
function sized(config: MachineConfig, guest: MachineConfig['guest']): MachineConfig {
  const sized = guestOver(config.guest, guest);
  return sized === undefined ? config : { ...config, guest: sized };
}

function newMachine(group: string, config: MachineConfig): MachineConfig {
  const { image: _image, ...made } = overlay(config, undefined);
  return { ...made, metadata: { ...made.metadata, ...flyctlMetadata(group) } };
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, inOrder(item)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
