import type { Invocation } from '../../src/cli/shell/invocation.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';

/** What a command gets, without a terminal: nothing is said but errors. */
export function benchInvocation(cwd: string): Invocation {
  const silent = { isTTY: false, write: () => undefined };
  const silence = () => undefined;
  return {
    io: {
      env: Object.freeze({ ...process.env }),
      cwd,
      stdout: silent,
      stderr: { isTTY: false, write: (text: string) => void process.stderr.write(text) },
      clock: systemClock,
      fetch,
      signal: new AbortController().signal,
      random: Math.random,
      host: { name: 'bench', space: '', pid: process.pid, isAlive: () => true },
    },
    redactor: new Redactor(),
    log: { debug: silence, info: silence, warn: silence, error: silence },
  };
}

/** From a bench child to the bench. */
export function report(message: object): void {
  process.send?.(message);
}

/** Command line arguments of a bench child, one for each name. */
export function argumentsOf<Name extends string>(...names: readonly Name[]): Readonly<Record<Name, string>> {
  const values = process.argv.slice(2);
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])) as Record<Name, string>;
}
