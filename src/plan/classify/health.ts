import type { Machine, MachineConfig, MachineEvent } from '../../../schemas/fly/machine.ts';
import { isFailure, exitOf, type Exit } from './exit.ts';

/** Restarts within the smoke watch that make a crash loop; as flyctl, which allows one. */
const restartsMax = 1;

type Verdict =
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly why: string }
  | { readonly state: 'smoke' | 'waiting'; readonly passing: number; readonly why: string };

/** One look at a machine. Exported for its table of states. */
export function judge(machine: Machine): Verdict {
  if (machine.state === 'failed' || machine.state === 'launch_failed')
    return { state: 'failed', why: `it is ${machine.state}` };
  const exit = lastExit(machine.events ?? []);
  if (machine.state === 'stopped' || machine.state === 'suspended') {
    if (exit === undefined || exit.requested) return { state: 'done' };
    if (!isFailure(exit) && !serves(machine.config ?? {})) return { state: 'done' };
    return {
      state: 'failed',
      why: `it exited with code ${exitWords(exit)} and stays stopped`,
    };
  }
  if (exit !== undefined && exit.restarting && !exit.requested && isFailure(exit) && exit.restarts > restartsMax) {
    return {
      state: 'failed',
      why: `it crashes again and again: exit code ${exitWords(exit)}`,
    };
  }
  if (machine.state !== 'started') return { state: 'waiting', passing: 0, why: `it is ${machine.state}` };
  if (!hasChecks(machine.config ?? {})) return { state: 'smoke', passing: 0, why: 'watching for crashes' };
  const checks = machine.checks ?? [];
  const failing = checks.filter((check) => check.status !== 'passing');
  if (checks.length > 0 && failing.length === 0) return { state: 'done' };
  const words = failing.map(
    (check) => `check ${check.name ?? '?'} is ${check.status ?? 'unknown'}${saying(check.output)}`,
  );
  return {
    state: 'waiting',
    passing: checks.length - failing.length,
    why: words.length > 0 ? words.join('; ') : 'no check has answered yet',
  };
}

/** Output of a check comes from the app: short, and one line. */
const checkOutputCharactersMax = 200;

function saying(output: string | null | undefined): string {
  const line = (output ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, checkOutputCharactersMax);
  return line === '' ? '' : ` ("${line}")`;
}

function hasChecks(config: MachineConfig): boolean {
  if (Object.keys(config.checks ?? {}).length > 0) return true;
  return (config.services ?? []).some((service) => (service.checks ?? []).length > 0);
}

/** A process that ends by itself is done with its job, unless somebody was to be served by it. */
function serves(config: MachineConfig): boolean {
  if ((config.schedule ?? '') !== '') return false;
  return (config.services ?? []).length > 0 || hasChecks(config);
}

/** Newest exit after the newest launch or update: older ones speak of an older version. Events come newest first. */
function lastExit(events: readonly MachineEvent[]): Exit | undefined {
  for (const event of events) {
    if (event.type === 'launch' || event.type === 'update') return undefined;
    if (event.type === 'exit') return exitOf(event);
  }
  return undefined;
}

function exitWords(exit: Exit): string {
  return `${exit.code}${exit.outOfMemory ? ' (out of memory)' : ''}`;
}
