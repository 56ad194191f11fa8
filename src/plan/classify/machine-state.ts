/** What a machine on Fly says of itself, read without judging it. */
import { exitOf, isFailure, type Exit } from './exit.ts';
import type { Machine, MachineConfig, MachineEvent } from '../../../schemas/fly/machine.ts';
import { stampKeys } from '../../model/stamps/stamps.ts';

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

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ulidTimeDigits = 10;

/** Milliseconds since the epoch at which a ULID was made; instance_id is one. */
function ulidTime(id: string | undefined): number | undefined {
  if (id === undefined || !/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id)) return undefined;
  let time = 0;
  for (const digit of id.slice(0, ulidTimeDigits)) time = time * crockford.length + crockford.indexOf(digit);
  return time;
}

/**
 * When the machine last booted, and so took up the app's secrets and the size of its volume: its version's time or its
 * newest start, by Fly's clock. undefined: unknown.
 */
export function bootedAt(machine: Machine): number | undefined {
  const events = (machine.events ?? []).toSorted((a, b) => (b.timestamp ?? 0) - (a.timestamp ?? 0));
  const starts = events.map((event, index) => {
    if (event.type !== 'start') return undefined;
    // It runs since then, and began to boot after whatever came before: what changed in between passed it by.
    return event.status === 'started' ? (events[index + 1]?.timestamp ?? event.timestamp) : event.timestamp;
  });
  const times = [ulidTime(machine.instance_id), ...starts].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}

/**
 * true: the machine's present version had its start. Either somebody asked for one since the version came to be, or the
 * version ran and its process ended by itself: a job that is done is not done twice.
 */
export function wasStartedOnce(machine: Machine): boolean {
  const since = ulidTime(machine.instance_id) ?? 0;
  const starts = (machine.events ?? []).filter(
    (event) => (event.type === 'start' || event.type === 'resume') && (event.timestamp ?? 0) >= since,
  );
  if (starts.some((event) => event.source === 'user')) return true;
  return starts.length > 0 && endedByItself(machine);
}

/** true: nobody asked for its last stop. */
export function endedByItself(machine: Machine): boolean {
  const exit = lastExit(machine);
  return exit !== undefined && !exit.requested;
}

/** true: the newest exit was a crash that Fly does not try again, so a start would only crash once more. */
export function hasGivenUp(machine: Machine): boolean {
  const exit = lastExit(machine);
  return exit !== undefined && !exit.requested && !exit.restarting && isFailure(exit);
}

function lastExit(machine: Machine): Exit | undefined {
  return exitOf(newest((machine.events ?? []).filter(({ type }) => type === 'exit')));
}

/** Events come newest first; where they have times, those decide. */
function newest(events: readonly MachineEvent[]): MachineEvent | undefined {
  return events.toSorted((a, b) => (b.timestamp ?? 0) - (a.timestamp ?? 0))[0];
}
