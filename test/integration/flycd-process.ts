import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** One line of the service's log. */
interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly url?: string;
  readonly app?: string;
  readonly status?: string;
  readonly outcome?: string;
  readonly revision?: string;
  readonly next?: string;
  readonly why?: string;
  readonly delivery?: string;
}

interface Ended {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** `flycd` as a user runs it: a process of its own, ended by signals. */
export interface FlycdProcess {
  /** Resolves when it has ended and all it said was read. */
  readonly ended: Promise<Ended>;
  /** What it said on stderr so far. */
  told(): string;
  stdout(): string;
  /** Its log so far; what is no JSON is left out. */
  lines(): readonly LogLine[];
  readonly pid: number;
  send(signal: NodeJS.Signals): void;
  /** SIGTERM, and how it ended. */
  stop(): Promise<Ended>;
  /** SIGKILL, and how it ended; harmless when it has ended already. */
  kill(): Promise<Ended>;
}

/** Starts src/main.ts on the Node that runs the tests, with this environment and nothing else of ours. */
export function startFlycd(
  argv: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): FlycdProcess {
  const child = spawn(process.execPath, [entry, ...argv], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const end = (signal: NodeJS.Signals): Promise<Ended> => {
    child.kill(signal);
    return ended;
  };
  return {
    ended,
    told: () => said.stderr,
    stdout: () => said.stdout,
    lines: () => said.stderr.split('\n').flatMap(lineOf),
    pid: child.pid ?? 0,
    send: (signal) => void child.kill(signal),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function lineOf(text: string): readonly LogLine[] {
  try {
    return [JSON.parse(text) as LogLine];
  } catch {
    return [];
  }
}
