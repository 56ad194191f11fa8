import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import type { HostGuard } from '../../src/http/guard.ts';
import { IdleClock, type Clock } from '../../src/model/base/clock.ts';
import { Fault } from '../../src/model/base/fault.ts';
import { silentLog } from '../../src/model/base/log.ts';
import { createGitCredentials, type GitCredentials } from '../../src/sources/git/credentials.ts';
import type { MirrorLimits } from '../../src/sources/mirror/mirror-size.ts';
import type { Patience } from '../../src/http/patience.ts';
import { createGitMirrors, type OpenGitMirrors } from '../../src/sources/mirror/mirror.ts';
import type { Tree } from '../../src/sources/tree/tree.ts';
import { makeBareRepository, temporaryFolder, type BareRepository } from '../servers/git-server.ts';

export const limit = 1_000_000;

export interface RecordedMirrors {
  readonly mirrors: OpenGitMirrors;
  /** Arguments of every git child so far, of one git command where named. */
  readonly calls: (name?: string) => readonly string[];
  /** Everything FlyCD writes lies under it. */
  readonly data: string;
}

interface RecordedOptions {
  readonly folder: string;
  readonly credentials?: GitCredentials;
  readonly clock?: Clock;
  readonly askTimeoutMs?: number;
  readonly limits?: Partial<MirrorLimits>;
  readonly hosts?: HostGuard;
  readonly patience?: Patience;
}

/** Mirrors whose every git child is written down, one line of arguments each, by a `git` that stands first on PATH. */
export function recordMirrors({ folder, credentials, clock, ...options }: RecordedOptions): RecordedMirrors {
  const bin = join(folder, 'bin');
  const record = join(folder, 'calls');
  const data = join(folder, 'data');
  mkdirSync(bin, { recursive: true });
  const path = process.env['PATH'] ?? '';
  const real = path.split(':').find((place) => existsSync(join(place, 'git'))) ?? '/usr/bin';
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$*" >> '${record}'\nexec '${real}/git' "$@"\n`, { mode: 0o755 });
  chmodSync(join(bin, 'git'), 0o755);
  return {
    mirrors: createGitMirrors({
      directory: join(data, 'mirrors'),
      clock: clock ?? new IdleClock(),
      log: silentLog,
      credentials: credentials ?? createGitCredentials({ directory: join(data, 'ssh') }),
      environment: { ...process.env, PATH: `${bin}:${path}` },
      ...options,
    }),
    data,
    calls: (name) => {
      const lines = existsSync(record) ? readFileSync(record, 'utf8').split('\n').filter(Boolean) : [];
      return name === undefined ? lines : lines.filter((line) => line.startsWith(`${name} `));
    },
  };
}

/** For each test of a file: a folder, a bare repository in it, and an end for what was opened. */
export class MirrorPlace {
  #folder: ReturnType<typeof temporaryFolder> | undefined;
  #repository: BareRepository | undefined;
  #closing: (() => unknown)[] = [];

  constructor() {
    beforeEach(() => {
      this.#folder = temporaryFolder();
      this.#repository = makeBareRepository(this.served, 'config.git');
    });
    afterEach(async () => {
      for (const close of this.#closing.splice(0).toReversed()) await close();
      this.#folder?.remove();
    });
  }

  get path(): string {
    return given(this.#folder).path;
  }

  /** What a git server shows. */
  get served(): string {
    return join(this.path, 'served');
  }

  get repository(): BareRepository {
    return given(this.#repository);
  }

  closing(close: () => unknown): void {
    this.#closing.push(close);
  }

  mirrors(options: Omit<RecordedOptions, 'folder'> = {}): RecordedMirrors {
    const recorded = recordMirrors({ ...options, folder: this.path });
    this.closing(() => recorded.mirrors.close());
    return recorded;
  }
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('only there while a test runs');
  return value;
}

export async function textOf(tree: Tree, path: string): Promise<string | undefined> {
  const content = await tree.read(path, limit);
  return content === undefined ? undefined : new TextDecoder().decode(content);
}

export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
}
