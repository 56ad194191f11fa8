import { fork, spawn, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

/** How much of a child's last words an error repeats. */
const wordsMax = 4_000;

/** A temporary folder and the processes started from it. Both are gone when the bench is, however it ends. */
export interface Workspace {
  readonly folder: string;
  /** The environment of every child: nothing of the person who runs the bench but PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** A script that talks to us with messages. */
  fork(script: URL, args: readonly string[], environment?: Readonly<Record<string, string>>): Child;
  /** Any program to its end; throws with its words when it fails. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<void>;
  close(): Promise<void>;
}

interface RunOptions {
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Child {
  readonly process: ChildProcess;
  /** The next message that the child sends. Throws with its last words when it ends before. */
  message<T>(): Promise<T>;
  /** What it wrote to stderr so far, the end of it. */
  words(): string;
  /** The first line of stderr that `pattern` matches, with its groups. Throws when it ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Asks it to end, and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export async function openWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'flycd-bench-'));
  const children = new Set<ChildProcess>();
  const base = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    // Compile caches and whatever else a child leaves behind go away with the folder.
    TMPDIR: folder,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Bench',
    GIT_AUTHOR_EMAIL: 'bench@example.test',
    GIT_COMMITTER_NAME: 'Bench',
    GIT_COMMITTER_EMAIL: 'bench@example.test',
  };
  const keep = (child: ChildProcess): void => {
    children.add(child);
    child.once('exit', () => children.delete(child));
  };
  return {
    folder,
    environment: base,
    fork(script, args, environment = {}) {
      const child = fork(script, [...args], {
        env: { ...base, ...environment },
        execArgv: [],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      keep(child);
      return talkWith(child, script.pathname);
    },
    async run(program, args, options = {}) {
      const child = spawn(program, args, {
        cwd: options.folder ?? folder,
        env: { ...base, ...options.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      keep(child);
      const words = lastWords(child, ['stdout', 'stderr']);
      const [code] = (await once(child, 'close')) as [number | null];
      if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}: ${words()}`);
    },
    async close() {
      for (const child of children) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function talkWith(child: ChildProcess, name: string): Child {
  const words = lastWords(child, ['stderr']);
  const texts = createInterface({ input: child.stderr ?? Readable.from([]) });
  const messages: unknown[] = [];
  let waiting: (() => void) | undefined;
  let ended: string | undefined;
  child.on('message', (message) => {
    messages.push(message);
    waiting?.();
  });
  child.once('close', (code, signal) => {
    ended = `${name} ended with ${String(code ?? signal)}`;
    waiting?.();
  });
  return {
    process: child,
    words,
    async message<T>() {
      while (messages.length === 0) {
        if (ended !== undefined) throw new Error(`${ended}: ${words()}`);
        await new Promise<void>((resolve) => (waiting = resolve));
      }
      return messages.shift() as T;
    },
    async line(pattern) {
      for await (const text of on(texts, 'line', { close: ['close'] })) {
        const found = pattern.exec(String(text));
        if (found !== null) return found;
      }
      throw new Error(`${name} ended without the words ${pattern.source}: ${words()}`);
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'close');
    },
  };
}

function lastWords(child: ChildProcess, streams: readonly ('stdout' | 'stderr')[]): () => string {
  let text = '';
  for (const stream of streams) {
    child[stream]?.setEncoding('utf8').on('data', (more: string) => {
      text = (text + more).slice(-wordsMax);
    });
  }
  return () => text.trim();
}
