import { main } from '../src/cli/main.ts';
import type { IdleClock } from '../src/model/base/clock.ts';
import type { Simulator } from '../simulator/simulator.ts';

interface SyncRequest {
  readonly simulator: Simulator;
  readonly folder: string;
  /** Where FlyCD keeps its database. */
  readonly state: string;
  readonly clock: IdleClock;
  /** Values of secrets of the type `env`. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** One pass of `flycd sync --once` in this process, on its clock. Throws with what it said where it does not end well. */
export async function syncOnce({ simulator, folder, state, clock, environment }: SyncRequest): Promise<void> {
  let said = '';
  const output = { isTTY: false, write: (text: string): void => void (said += text) };
  const code = await main(['sync', '--once', folder], {
    env: { ...simulator.environment, ...environment, XDG_STATE_HOME: state },
    cwd: folder,
    clock,
    fetch,
    signal: new AbortController().signal,
    random: () => 0.5,
    host: { name: 'bench', space: '', pid: process.pid, isAlive: () => true },
    stdout: output,
    stderr: output,
  });
  if (code !== 0) throw new Error(`sync of ${folder} ended with ${code}: ${said}`);
}
