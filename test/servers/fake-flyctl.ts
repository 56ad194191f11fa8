import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface FlyctlCall {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Names of what it had. */
  readonly environment: readonly string[];
  /** The config it was given. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly dockerfile: string;
  /** Paths in the context. */
  readonly files: readonly string[];
}

export interface FakeFlyctl {
  /** For FLYCTL_PATH. */
  readonly path: string;
  readonly calls: () => readonly FlyctlCall[];
}

/** What Node has compiled of it, for the next one: half of the time that a start takes. Node sees by itself what has changed. */
const compiled = join(tmpdir(), 'flycd-test-compiled');

const script = fileURLToPath(new URL('flyctl.ts', import.meta.url));

/** A program that is flyctl.ts, and writes down how it was called. */
export function fakeFlyctl(folder: string): FakeFlyctl {
  const path = join(folder, 'bin', 'flyctl');
  const record = join(folder, 'flyctl-calls');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const text = `#!/bin/sh\nFLYCTL_RECORD='${record}' NODE_COMPILE_CACHE='${compiled}' exec '${process.execPath}' '${script}' "$@"\n`;
  writeFileSync(path, text, { mode: 0o755 });
  return {
    path,
    calls: () =>
      existsSync(record)
        ? readFileSync(record, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as FlyctlCall)
        : [],
  };
}
