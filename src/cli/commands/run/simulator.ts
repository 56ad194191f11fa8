import { Fault } from '../../../model/base/fault.ts';
import { exitCodes, type ExitCode } from '../../shell/exit.ts';
import type { Invocation } from '../../shell/invocation.ts';
import { shellWord } from '../../../model/base/shell.ts';

export interface SimulatorOptions {
  readonly port: number;
  readonly org: string;
  /** Milliseconds. */
  readonly latency: number;
  readonly seed: number;
}

/** Runs a Fly in a box until the process is asked to stop; prints what points FlyCD at it. */
export async function simulator(invocation: Invocation, options: SimulatorOptions): Promise<ExitCode> {
  const { io } = invocation;
  // oxlint-disable-next-line no-restricted-imports -- this command is the product's one way into the simulator
  const { startSimulator } = await io.clock.busy(() => import('../../../../simulator/simulator.ts'));
  const { port, org, latency: latencyMs, seed } = options;
  const running = await startSimulator({ clock: io.clock, port, org, latencyMs, seed }).catch((error: unknown) => {
    throw notListening(port, error);
  });
  try {
    const lines = Object.entries(running.environment).map(([name, value]) => `export ${name}=${shellWord(value)}\n`);
    // At once: a script that waits for a file with something in it finds all of it.
    io.stdout.write(lines.join(''));
    io.stderr.write(
      `A simulated Fly.io listens on ${running.url}. Paste the lines above into another terminal. Ctrl-C ends it.\n`,
    );
    await stopped(io.signal);
  } finally {
    await running.close();
  }
  return exitCodes.done;
}

function notListening(port: number, cause: unknown): Fault {
  const why = cause instanceof Error ? cause.message : String(cause);
  const next = 'choose another --port, or leave it out for a free one';
  return new Fault({ kind: 'stalled', what: `the simulator cannot listen on port ${port}`, why, next, cause });
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
