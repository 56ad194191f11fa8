import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../../model/base/fault.ts';

export interface WriteRequest {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** Replace a file that says something else. */
  readonly overwrite: boolean;
  /** Only say what would be done. */
  readonly dryRun: boolean;
}

/** `kept`: a file that says something else is there, and was left. */
export type WriteOutcome = 'written' | 'unchanged' | 'kept';

/**
 * Writes a file whole or not at all: nobody reads half of it, and one that came up meanwhile is not replaced unasked. Throws
 * a stalled Fault where something other than a file has that name, or the folder cannot be written to.
 */
export function writeWhole({ path, text, overwrite, dryRun }: WriteRequest): WriteOutcome {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile()) throw notAFile(path);
    if (there !== undefined && readFileSync(path, 'utf8') === text) return 'unchanged';
    if (there !== undefined && !overwrite) return 'kept';
    return dryRun ? 'written' : place(path, text, overwrite);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault({
      kind: 'stalled',
      what: `${path} cannot be written`,
      why: error instanceof Error ? error.message : String(error),
      next: 'check the folder and its permissions',
      cause: error,
    });
  }
}

function place(path: string, text: string, overwrite: boolean): WriteOutcome {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  writeFileSync(draft, text, { flag: 'wx' });
  try {
    if (overwrite) renameSync(draft, path);
    else linkSync(draft, path);
    return 'written';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return 'kept';
    throw error;
  } finally {
    if (lstatSync(draft, { throwIfNoEntry: false }) !== undefined) unlinkSync(draft);
  }
}

function notAFile(path: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${path} cannot be written`,
    why: 'something other than a file has that name',
    next: 'move it away',
  });
}
