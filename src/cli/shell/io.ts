import type { Clock } from '../../model/base/clock.ts';
import type { Host } from '../../model/base/host.ts';
import type { Watchdog, WatchdogOptions } from '../../watchdog/watchdog.ts';

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
}

interface Input {
  readonly isTTY: boolean;
  /** The next line that is typed, without its end; undefined: there is none to come. */
  line(): Promise<string | undefined>;
}

/** Everything a command may touch of the world: tests hand in their own and run commands in their process. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** undefined: nobody is there to be asked. */
  readonly stdin?: Input | undefined;
  /** Answers only: what a script reads. */
  readonly stdout: Output;
  /** Everything else: progress, warnings, errors. */
  readonly stderr: Output;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly host: Host;
  /** Ends the process unless it beats: for a service, which somebody starts again. Default: nothing ends it. */
  readonly watchdog?: (onError: WatchdogOptions['onError']) => Promise<Watchdog>;
}

/** Colour only on a terminal, and not where NO_COLOR or a terminal without colours asks for none. */
export function hasColour(output: Output, env: Io['env']): boolean {
  return output.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** FLYCD_DEBUG=1: debug lines and stacks of errors. */
export function isDebugging(env: Io['env']): boolean {
  return !['', '0', 'false'].includes(env['FLYCD_DEBUG'] ?? '');
}

/** A variable's value; an empty one is none, as in a CI that declares variables it does not fill. */
export function variable(env: Io['env'], name: string): string | undefined {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? undefined : value;
}

/** The token for Fly, looked for in the order of flyctl. */
export function flyToken(io: Pick<Io, 'env'>): string | undefined {
  return variable(io.env, 'FLY_ACCESS_TOKEN') ?? variable(io.env, 'FLY_API_TOKEN');
}
