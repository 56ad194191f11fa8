import { main } from '../../src/cli/main.ts';
import type { Io } from '../../src/cli/shell/io.ts';
import type { Host } from '../../src/model/base/host.ts';
import { IdleClock } from '../../src/model/base/clock.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TerminalOptions {
  readonly env?: Io['env'];
  readonly cwd?: string;
  readonly clock?: Io['clock'];
  readonly isTTY?: boolean;
  /** Lines that a person types, on a terminal. */
  readonly typed?: readonly string[];
  readonly signal?: AbortSignal;
  /** Default: one that ends with the command. */
  readonly process?: ReturnType<typeof newProcess>;
  /** Sees each text as it is written. */
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
}

/** No request leaves a test that did not ask for it. */
const noFetch: typeof fetch = () => Promise.reject(new Error('this command must not use the network'));

/** Of a test that asks nothing of it. */
export const quietHost: Host = { name: 'host', space: '', pid: 1, isAlive: () => true };

const alive = new Set<number>();
let lastPid = 1;

/** A process of its own on a computer that all tests share: other commands see it live until it has ended. */
export function newProcess(): { readonly host: Host; readonly ended: () => void } {
  lastPid += 1;
  const pid = lastPid;
  alive.add(pid);
  return {
    host: { name: 'host', space: '', pid, isAlive: (id) => alive.has(id) },
    ended: () => void alive.delete(pid),
  };
}

/** Runs one command line in this process, as a terminal would. */
export async function run(
  argv: readonly string[],
  options: TerminalOptions & { readonly fetch?: typeof fetch } = {},
): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const isTTY = options.isTTY ?? false;
  const typed = [...(options.typed ?? [])];
  const { host, ended } = options.process ?? newProcess();
  const code = await main(argv, {
    stdin: { isTTY: options.typed !== undefined, line: () => Promise.resolve(typed.shift()) },
    // Nobody's own flyctl is run by a test.
    env: { PATH: process.env['PATH'], FLYCTL_PATH: '/nowhere/flyctl', ...options.env },
    cwd: options.cwd ?? '/nonexistent',
    clock: options.clock ?? new IdleClock(),
    fetch: options.fetch ?? noFetch,
    signal: options.signal ?? new AbortController().signal,
    random: () => 0.5,
    host,
    stdout: {
      isTTY,
      write(text) {
        written.stdout += text;
        options.onStdout?.(text);
      },
    },
    stderr: {
      isTTY,
      write(text) {
        written.stderr += text;
        options.onStderr?.(text);
      },
    },
  });
  ended();
  return { code, ...written };
}

/** The network ends at one server: image registries are out of reach, as on a train. */
export function fetchFrom(url: string): typeof fetch {
  return (input, init) => {
    const target = input instanceof Request ? input.url : String(input);
    return target.startsWith(`${url}/`) ? fetch(input, init) : Promise.reject(new TypeError(`no way to ${target}`));
  };
}
