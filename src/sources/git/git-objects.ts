import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Socket } from 'node:net';
import type { Clock } from '../../model/base/clock.ts';
import { GitError } from './git-command.ts';
import { isPlainName } from '../tree/tree-path.ts';
import type { GitItem } from '../tree/tree.ts';

export interface GitFolder {
  /** A repository: bare, or a work tree's top. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** A listing costs some 300 bytes an entry; the largest public monorepos stay below. Trees can name themselves often: without a cap a small repository lists forever. */
export const treeItemsMax = 150_000;
const stderrBytesMax = 4096;

export class TooManyItems extends Error {}

/** Everything in a commit (an id, or HEAD), folders included. Throws GitError, or TooManyItems beyond treeItemsMax. */
export function listCommit(folder: GitFolder, commit: string): Promise<readonly GitItem[]> {
  return folder.clock.busy(
    () =>
      new Promise((resolve, reject) => {
        const child = startGit(folder, ['ls-tree', '-r', '-t', '-l', '-z', '--full-tree', commit]);
        const items: GitItem[] = [];
        const errors = collectErrors(child);
        let rest = '';
        child.stdout.setEncoding('utf8');
        child.stdout.on('data', (text: string) => {
          const lines = (rest + text).split('\0');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const item = parseItem(line);
            if (item !== undefined) items.push(item);
          }
          if (items.length > treeItemsMax) {
            child.kill('SIGKILL');
            reject(new TooManyItems());
          }
        });
        child.on('error', (error) => reject(new GitError(error.message, 'missing')));
        child.on('close', (code) => {
          if (code === 0) resolve(items);
          else reject(new GitError(errors() || `git ls-tree ended with code ${code}`, 'failed'));
        });
        child.stdin.end();
      }),
  );
}

function parseItem(line: string): GitItem | undefined {
  const tab = line.indexOf('\t');
  const [mode = '', , oid = '', size = '0'] = line.slice(0, tab).split(/ +/);
  const path = line.slice(tab + 1);
  if (!path.split('/').every(isPlainName)) return undefined;
  return { path, mode, oid, size: Number.parseInt(size, 10) || 0 };
}

function startGit(folder: GitFolder, args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn('git', args, { cwd: folder.directory, env: { ...folder.environment }, stdio: 'pipe', shell: false });
}

function collectErrors(child: ChildProcessWithoutNullStreams): () => string {
  let text = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (more: string) => {
    text = (text + more).slice(0, stderrBytesMax);
  });
  return () => text.trim();
}

interface Asked {
  readonly oid: string;
  readonly resolve: (content: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads blobs through one `git cat-file --batch` child, started with the first read and kept for the next ones.
 * While nothing is asked it does not keep FlyCD's process alive, and ends with it.
 */
export class BlobReader {
  readonly #folder: GitFolder;
  #child: ChildProcessWithoutNullStreams | undefined;
  #asked: Asked[] = [];
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes to come of the blob whose header was read, its closing line end included. */
  #wanted: number | undefined;
  #closing = false;

  constructor(folder: GitFolder) {
    this.#folder = folder;
  }

  /** The blob's bytes. The caller knows its size from the listing, and has refused what is too large. */
  read(oid: string): Promise<Uint8Array> {
    return this.#folder.clock.busy(
      () =>
        new Promise((resolve, reject) => {
          this.#child ??= this.#start();
          if (this.#asked.length === 0) hold(this.#child, true);
          this.#asked.push({ oid, resolve, reject });
          this.#child.stdin.write(`${oid}\n`);
        }),
    );
  }

  /** Ends the child once it has answered what was asked. The next read starts another. */
  close(): void {
    this.#closing = this.#asked.length > 0;
    if (this.#closing || this.#child === undefined) return;
    const child = this.#child;
    this.#child = undefined;
    hold(child, false);
    child.stdin.end();
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = startGit(this.#folder, ['cat-file', '--batch']);
    const errors = collectErrors(child);
    child.stdout.on('data', (chunk: Buffer) => {
      if (child === this.#child) this.#take(chunk);
    });
    child.stdin.on('error', () => {}); // a dead child says why on close
    const gone = (why: string): void => {
      if (child !== this.#child) return;
      this.#child = undefined;
      this.#fail(new GitError(errors() || why, 'failed'));
    };
    child.on('error', (error) => gone(error.message));
    child.on('close', (code) => gone(`git cat-file ended with code ${code}`));
    return child;
  }

  #fail(error: GitError): void {
    const asked = this.#asked;
    this.#asked = [];
    this.#chunks = [];
    this.#length = 0;
    this.#wanted = undefined;
    for (const one of asked) one.reject(error);
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#asked.length > 0 && this.#step());
    if (this.#asked.length > 0 || this.#child === undefined) return;
    if (this.#closing) this.close();
    else hold(this.#child, false);
  }

  /** Takes one header or one body off the front; false when more bytes are needed. */
  #step(): boolean {
    if (this.#wanted !== undefined) {
      if (this.#length < this.#wanted) return false;
      const all = this.#joined();
      const body = all.subarray(0, this.#wanted - 1);
      this.#keep(all.subarray(this.#wanted));
      this.#wanted = undefined;
      this.#asked.shift()?.resolve(new Uint8Array(body));
      return true;
    }
    const all = this.#joined();
    const end = all.indexOf(10);
    if (end === -1) return false;
    const [, type = '', size = ''] = all.toString('latin1', 0, end).split(' ');
    this.#keep(all.subarray(end + 1));
    if (/^\d+$/.test(size)) this.#wanted = Number(size) + 1;
    else this.#asked.shift()?.reject(new GitError(`object ${type === '' ? 'unknown' : type}`, 'failed'));
    return true;
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
  }
}

/** Whether the child counts as work that keeps the process alive. */
function hold(child: ChildProcessWithoutNullStreams, held: boolean): void {
  const pipes = [child.stdin, child.stdout, child.stderr].filter((pipe) => pipe instanceof Socket);
  for (const part of [child, ...pipes]) {
    if (held) part.ref();
    else part.unref();
  }
}
