import { randomUUID } from 'node:crypto';
import { promises as files } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../../model/base/fault.ts';

/**
 * A file of FlyCD's own that nobody else reads, in a folder (made where missing) that nobody else enters. It is there whole
 * or not at all: another process may be using it. Throws a transient Fault.
 */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${randomUUID()}`;
  try {
    await files.mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await files.writeFile(unfinished, text, { mode: 0o600, flag: 'wx' });
    await files.rename(unfinished, file);
  } catch (cause) {
    await files.rm(unfinished, { force: true }).catch(() => undefined); // the first error says more
    throw new Fault({
      kind: 'transient',
      what: `${file}, which git needs for ssh, could not be written`,
      why: (cause as Error).message,
      next: 'make the data directory writable (data_dir in flycd.yaml)',
      cause,
    });
  }
}
