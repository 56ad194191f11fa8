import { promises as files } from 'node:fs';
import { Fault } from '../../model/base/fault.ts';

export interface NamedFile {
  /** Absolute. */
  readonly file: string;
  /** What it is to hold, for errors: `the settings`. */
  readonly holds: string;
  readonly bytesMax: number;
}

/** A file that the operator names. undefined: none is there. Throws a stalled Fault where it is too large or cannot be read. */
export async function readNamedFile({ file, holds, bytesMax }: NamedFile): Promise<Uint8Array | undefined> {
  try {
    const { size } = await files.stat(file);
    if (size <= bytesMax) return await files.readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Fault({
      kind: 'stalled',
      what: `${holds} could not be read`,
      why: error instanceof Error ? error.message : String(error),
      next: 'name a file that can be read',
      where: file,
      cause: error,
    });
  }
  throw new Fault({
    kind: 'stalled',
    what: `${file} is too large for ${holds}`,
    why: `at most ${bytesMax} bytes are read`,
    next: 'name another file',
  });
}
