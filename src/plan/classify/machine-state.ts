/** What a machine on Fly says of itself, read without judging it. */
import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../model/stamps/keys.ts';

export function metadataOf(machine: Machine): Readonly<Record<string, string>> {
  return machine.config?.metadata ?? machine.incomplete_config?.metadata ?? {};
}

/** Fly leaves host_status out where all is well. Of a machine on a host that does not answer the config may be partial. */
export function isHostOk(machine: Machine): boolean {
  return (machine.host_status ?? 'ok') === 'ok';
}

/** The config where it is whole; undefined: the host does not answer, nothing may be concluded. */
export function liveConfigOf(machine: Machine): MachineConfig | undefined {
  return isHostOk(machine) ? (machine.config ?? undefined) : undefined;
}

const restStates = new Set(['stopped', 'suspended', 'stopping', 'suspending', 'created']);

/** flyctl leaves these as they are when it updates them: an update boots them otherwise. */
export function isAtRest(machine: Machine): boolean {
  return restStates.has(machine.state);
}

/**
 * Between two versions it shows neither what it was nor what it will be: an update of ours that boots it says so by a stamp.
 */
export function comesToRest(machine: Machine): boolean {
  return machine.state === 'replacing' && metadataOf(machine)[stampKeys.unproven] === undefined;
}

export function isGone(machine: Machine): boolean {
  return machine.state === 'destroyed' || machine.state === 'destroying';
}

/** true: the proxy stops and starts this machine on its own; its state says nothing. Read back as a boolean or a word. */
export function stopsByItself(config: MachineConfig | undefined): boolean {
  return (config?.services ?? []).some((service) => {
    const autostop = service.autostop ?? false;
    return autostop !== false && autostop !== 'off';
  });
}

export function groupOf(metadata: Readonly<Record<string, string>>): string | undefined {
  return metadata['fly_process_group'] ?? metadata['process_group'];
}
