import type { Machine, MachineEvent } from '../../../schemas/fly/machine.ts';
import { isFailure, exitOf, type Exit } from './exit.ts';
import { isOwn, type FleetOwner } from '../../model/stamps/owner.ts';
import { stampKeys } from '../../model/stamps/keys.ts';
import { endedByItself, hasGivenUp, wasStoppedByHand } from './machine-history.ts';
import { isHostOk, metadataOf, stopsByItself } from './machine-state.ts';

/** As flyctl: what runs this long without ending does not crash as it starts. */
export const smokeMs = 10_000;

/** Restarts within the smoke watch that make a crash loop; as flyctl, which allows one. */
const restartsMax = 1;

export type Verdict =
  /** It rests, and may. */
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly why: string }
  /** Its host does not answer: what Fly shows is how it was, and without its config. */
  | { readonly state: 'silent' }
  /** Somebody stopped it, who asks no checks: whether they had passed is for those to say who looked before. */
  | { readonly state: 'rests'; readonly why: string }
  /** It runs, and its checks pass where it has some: how long it has run is for those to say who looked before. */
  | { readonly state: 'smoke'; readonly passing: number }
  | { readonly state: 'waiting'; readonly passing: number; readonly why: string };

/** One look at a machine. Exported for its table of states. */
export function judge(machine: Machine): Verdict {
  if (!isHostOk(machine)) return { state: 'silent' };
  if (machine.state === 'failed' || machine.state === 'launch_failed')
    return { state: 'failed', why: `it is ${machine.state}` };
  const events = sinceVersion(machine.events ?? []);
  const exit = exitOf(events.find(({ type }) => type === 'exit'));
  if (machine.state === 'stopped' || machine.state === 'suspended') return judgeAtRest(machine, events, exit);
  const loop = exit === undefined ? undefined : loopWords(exit, events);
  if (loop !== undefined) return { state: 'failed', why: loop };
  if (machine.state !== 'started') {
    const after = machine.state === 'restarting' && exit?.requested === false ? ` after exit code ${exit.code}` : '';
    return { state: 'waiting', passing: 0, why: `it is ${machine.state}${after}` };
  }
  if (!hasChecks(machine)) return { state: 'smoke', passing: 0 };
  const checks = machine.checks ?? [];
  const failing = checks.filter((check) => check.status !== 'passing');
  if (checks.length > 0 && failing.length === 0) return { state: 'smoke', passing: checks.length };
  const words = failing.map(
    (check) => `check ${check.name ?? '?'} is ${check.status ?? 'unknown'}${saying(check.output)}`,
  );
  return {
    state: 'waiting',
    passing: checks.length - failing.length,
    why: words.length > 0 ? words.join('; ') : 'no check has answered yet',
  };
}

function judgeAtRest(machine: Machine, events: readonly MachineEvent[], exit: Exit | undefined): Verdict {
  if (exit !== undefined && !exit.requested) {
    if (!isFailure(exit) && !serves(machine)) return { state: 'done' };
    return { state: 'failed', why: `it exited with code ${exitWords(exit)} and stays stopped` };
  }
  // A person's word counts more than what nobody saw.
  const hasRun = events.some(({ type }) => type === 'start' || type === 'resume');
  if (!hasRun || !hasChecks(machine) || wasStoppedByHand(machine)) return { state: 'done' };
  return { state: 'rests', why: 'it was stopped before its checks passed' };
}

/**
 * Of the app's own machines those that ended by themselves for good, each in words. Not what rests because the proxy, a schedule
 * or a person wants that, a job that is done, what Fly is still restarting, nor what nobody can see.
 */
export function degradedMachines(
  machines: readonly Machine[],
  fleet: FleetOwner,
): readonly { readonly id: string; readonly words: string }[] {
  return machines.flatMap((machine) => {
    const metadata = metadataOf(machine);
    const slot = metadata[stampKeys.slot];
    const why = slot === undefined || !isOwn(metadata, fleet) || !isHostOk(machine) ? undefined : endedWords(machine);
    return why === undefined ? [] : [{ id: machine.id, words: `${slot} ${why}` }];
  });
}

function endedWords(machine: Machine): string | undefined {
  const { state } = machine;
  const config = machine.config ?? {};
  if (state === 'failed' || state === 'launch_failed') return `is ${state}; flyctl logs says why`;
  const rests = stopsByItself(config) || (config.schedule ?? '') !== '' || (config.standbys ?? []).length > 0;
  if (state !== 'stopped' || rests) return undefined;
  if (hasGivenUp(machine)) return 'crashed until its restarts ran out; flyctl logs says why';
  return endedByItself(machine) && serves(machine)
    ? 'ended by itself, and serves nobody; flyctl logs says why'
    : undefined;
}

/** Output of a check comes from the app: short, and one line. */
const checkOutputCharactersMax = 200;

function saying(output: string | null | undefined): string {
  const line = (output ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, checkOutputCharactersMax);
  return line === '' ? '' : ` ("${line}")`;
}

/** Where its host answers: elsewhere Fly shows no config, which says nothing of checks. */
export function hasChecks({ config }: Machine): boolean {
  if (Object.keys(config?.checks ?? {}).length > 0) return true;
  return (config?.services ?? []).some((service) => (service.checks ?? []).length > 0);
}

/** A process that ends by itself is done with its job, unless somebody was to be served by it. */
function serves(machine: Machine): boolean {
  const { schedule, services } = machine.config ?? {};
  if ((schedule ?? '') !== '') return false;
  return (services ?? []).length > 0 || hasChecks(machine);
}

/** Since the newest launch or update: older ones speak of an older version. Events come newest first. */
function sinceVersion(events: readonly MachineEvent[]): readonly MachineEvent[] {
  const begun = events.findIndex(({ type }) => type === 'launch' || type === 'update');
  return begun === -1 ? events : events.slice(0, begun);
}

/** What Fly starts again and again: a crash, or whatever does not run for as long as the smoke watch takes. */
function loopWords(exit: Exit, events: readonly MachineEvent[]): string | undefined {
  if (!exit.restarting || exit.requested) return undefined;
  if (isFailure(exit) && exit.restarts > restartsMax) return `it crashes again and again: exit code ${exitWords(exit)}`;
  if (shortRuns(events) > restartsMax) return `it ends again and again, and is restarted: exit code ${exitWords(exit)}`;
  return undefined;
}

const turns: ReadonlySet<string | undefined> = new Set(['start', 'resume', 'restart', 'stop', 'suspend']);

/** How many of the newest runs, one after the other, ended by themselves within the smoke time and were begun again by Fly. */
function shortRuns(events: readonly MachineEvent[]): number {
  let runs = 0;
  let endedAt: number | undefined;
  for (const event of events) {
    const { type, status, source, timestamp = 0 } = event;
    // What came before was before somebody asked for another start.
    if (source === 'user' && turns.has(type)) break;
    const exit = exitOf(event);
    if (exit !== undefined) {
      if (exit.requested || !exit.restarting) break;
      endedAt = timestamp;
    } else if (type === 'start' && status === 'started' && endedAt !== undefined) {
      if (endedAt - timestamp >= smokeMs) break;
      runs += 1;
      endedAt = undefined;
    }
  }
  return runs;
}

function exitWords(exit: Exit): string {
  return `${exit.code}${exit.outOfMemory ? ' (out of memory)' : ''}`;
}
