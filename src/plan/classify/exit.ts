/** How a machine's process ended, as its events tell; and those events in words. */
import type { MachineEvent } from '../../../schemas/fly/machine.ts';
import { isObject } from '../../model/base/json.ts';

export interface Exit {
  /** 0 where the event names none. */
  readonly code: number;
  /** Somebody asked for the stop: a person, the proxy, an update. */
  readonly requested: boolean;
  /** Fly starts it again by its restart policy. */
  readonly restarting: boolean;
  /** Restarts so far. */
  readonly restarts: number;
  readonly outOfMemory: boolean;
}

/**
 * undefined: the event is no exit, or says nothing of it. Source: exit events carry exit_event{exit_code, requested_stop,
 * restarting, oom_killed}, older ones within MonitorEvent, which Fly's own client prefers.
 */
export function exitOf(event: MachineEvent | undefined): Exit | undefined {
  if (event?.type !== 'exit') return undefined;
  const request: Record<string, unknown> = isObject(event.request) ? event.request : {};
  const monitor = request['MonitorEvent'];
  const details = (isObject(monitor) ? monitor['exit_event'] : undefined) ?? request['exit_event'];
  if (!isObject(details)) return undefined;
  const { exit_code: code } = details;
  const { restart_count: restarts } = request;
  return {
    code: typeof code === 'number' ? code : 0,
    requested: details['requested_stop'] === true,
    restarting: details['restarting'] === true,
    restarts: typeof restarts === 'number' ? restarts : 0,
    outOfMemory: details['oom_killed'] === true,
  };
}

/** true: it did not end well. */
export function isFailure(exit: Exit): boolean {
  return exit.outOfMemory || exit.code !== 0;
}

/** What a machine's events show, oldest first: enough to tell a process that ran from one that never came up. */
const eventsShown = 5;

/** Its last events as words in brackets, after a space; nothing where there are none. */
export function eventWords(events: readonly MachineEvent[]): string {
  const words = events
    .filter(({ type }) => type !== 'destroy')
    .slice(0, eventsShown)
    .toReversed()
    .map(({ type, status }) => [type, status].filter((word) => word !== undefined).join(' '));
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}
