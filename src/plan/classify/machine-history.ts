import { isFailure, exitOf, type Exit } from './exit.ts';
import type { Machine, MachineEvent } from '../../../schemas/fly/machine.ts';

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

/** When the machine's present version was made, by Fly's clock. undefined: unknown. */
export function versionMadeAt({ instance_id: version }: Pick<Machine, 'instance_id'>): number | undefined {
  return ulidTime(version);
}

/** true: it rests since a person asked for that, and nobody has started it since. */
export function wasStoppedByHand({ events }: Machine): boolean {
  const turns = (events ?? []).filter(({ type }) => ['start', 'resume', 'stop', 'suspend'].includes(type));
  const last = newest(turns.filter(({ source, type }) => source === 'user' || type === 'start' || type === 'resume'));
  return last?.source === 'user' && (last.type === 'stop' || last.type === 'suspend');
}

/** When the machine came into the state it is in, by its events and so by Fly's clock. undefined: unknown. */
export function stateSince(machine: Machine): number | undefined {
  const isArrival = ({ type, status }: MachineEvent): boolean =>
    machine.state !== 'started' || type === 'resume' || (type === 'start' && status === 'started');
  const times = (machine.events ?? []).filter(isArrival).map(({ timestamp = 0 }) => timestamp);
  return times.length === 0 ? bootedAt(machine) : Math.max(...times);
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

/**
 * true: nobody asked for the stop since which its present version rests. Of an exit that Fly restarts after, a later stop is
 * another one, as on a host that fails.
 */
export function endedByItself(machine: Machine): boolean {
  return isOwnEnd(lastExit(machine));
}

/** true: its present version crashed, Fly does not try again and nobody has since, so a start would only crash once more. */
export function hasGivenUp(machine: Machine): boolean {
  const exit = lastExit(machine);
  return exit !== undefined && isOwnEnd(exit) && isFailure(exit);
}

/** true: in whichever version its process ended by itself, and nobody has stopped the machine besides. */
export function isNobodysStop({ events }: Machine): boolean {
  return isOwnEnd(exitOf(newestOf(events, ['exit', 'start', 'resume', 'stop', 'suspend'])));
}

function isOwnEnd(exit: Exit | undefined): boolean {
  return exit !== undefined && !exit.requested && !exit.restarting;
}

/** undefined: its present version has not ended, or has begun to run again since. */
function lastExit(machine: Machine): Exit | undefined {
  const turn = newestOf(machine.events, ['exit', 'start', 'resume']);
  const since = versionMadeAt(machine) ?? 0;
  return (turn?.timestamp ?? since) < since ? undefined : exitOf(turn);
}

function newestOf(events: Machine['events'], types: readonly string[]): MachineEvent | undefined {
  return newest((events ?? []).filter(({ type }) => types.includes(type ?? '')));
}

/** Events come newest first; where they have times, those decide. */
function newest(events: readonly MachineEvent[]): MachineEvent | undefined {
  return events.toSorted((a, b) => (b.timestamp ?? 0) - (a.timestamp ?? 0))[0];
}
