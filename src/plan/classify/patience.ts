import type { Machine, MachineConfig } from '../../../schemas/fly/machine.ts';
import { millisecond, parseDuration } from '../../flyconfig/reading/duration.ts';
import { exitOf } from './exit.ts';

/** What Fly gives a process to stop where its config says nothing. */
const stopMsDefault = 5000;
/** Fly refuses more. */
const stopMsMax = 300_000;
/** Beside the time to stop: for what the platform does itself. */
const spareMs = 60_000;
/** Fly itself calls a machine stuck that is replaced for longer. */
const leavingMsMax = 600_000;
/** A pull of an image hides in `created` and `starting`, and cannot be seen: large ones take minutes. */
const arrivingMs = 300_000;

const leavingStates: ReadonlySet<string> = new Set(['replacing', 'updating', 'restarting', 'stopping', 'suspending']);

/** true: nobody asked for it, its process has ended, and Fly begins it again. Events come newest first. */
function restartsByItself({ state, events }: Machine): boolean {
  if (state !== 'restarting') return false;
  // Of one that somebody restarts, the exit is told of once it has stopped.
  const exit = exitOf((events ?? []).find(({ type }) => type === 'exit' || type === 'restart'));
  return exit !== undefined && !exit.requested;
}

/** true: its image may be on its way to it, which nothing shows. */
export function isArriving({ state }: Machine): boolean {
  return state === 'created' || state === 'starting';
}

interface PatienceQuery {
  /** deploy.wait_timeout: what a version has to become healthy once it runs. */
  readonly waitTimeoutSeconds: number;
  /** What it was sent before the config it has now. undefined: nobody says. */
  readonly before: readonly MachineConfig[] | undefined;
}

/** true: what ran before is still on its way out, and nothing of a new version has begun. */
export function isLeaving(machine: Machine): boolean {
  return leavingStates.has(machine.state) && !restartsByItself(machine);
}

/**
 * Milliseconds that a machine may stay in its state without progress. What ran before has its own time to stop; a machine
 * on its way up has at least five minutes; one that runs has the grace period of its checks and then wait_timeout.
 */
export function patienceFor(machine: Machine, { waitTimeoutSeconds, before }: PatienceQuery): number {
  const waitMs = waitTimeoutSeconds * 1000;
  // What ends by itself has run.
  if (machine.state === 'started' || restartsByItself(machine)) return graceMs(machine.config ?? {}) + waitMs;
  if (!isLeaving(machine)) return Math.max(arrivingMs, waitMs);
  const replaced = machine.state === 'replacing' || machine.state === 'updating';
  // Which of several is still stopping is not told: one may have been replaced before it had begun.
  const stopping = replaced ? before?.map(stopMs) : [stopMs(machine.config ?? {})];
  return Math.min(leavingMsMax, Math.max(stopMsDefault, ...(stopping ?? [stopMsMax])) + spareMs);
}

function stopMs({ stop_config: stop }: MachineConfig): number {
  return milliseconds(stop?.['timeout']) ?? stopMsDefault;
}

/** The largest: the others count from the same moment. */
function graceMs({ checks, services }: MachineConfig): number {
  const all = [...Object.values(checks ?? {}), ...(services ?? []).flatMap((service) => service.checks ?? [])];
  return Math.max(0, ...all.map(({ grace_period: grace }) => milliseconds(grace) ?? 0));
}

/** Fly writes a Go duration or whole nanoseconds. */
function milliseconds(value: unknown): number | undefined {
  const nanoseconds = typeof value === 'string' ? parseDuration(value) : value;
  return typeof nanoseconds === 'number' && nanoseconds >= 0 ? nanoseconds / millisecond : undefined;
}
