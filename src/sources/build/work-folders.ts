import { promises as files } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Host } from '../../model/base/host.ts';
import type { Log } from '../../model/base/log.ts';

export interface WorkFoldersOptions {
  readonly clock: Clock;
  /** FlyCD's own; made when first needed. */
  readonly directory: string;
  readonly log: Log;
  readonly host: Host;
}

export interface WorkFolders {
  /** An empty folder for a piece of work, gone with everything in it when the work ends, however it ends. */
  within<T>(work: (folder: string) => Promise<T>): Promise<T>;
  /** Removes what processes left that were killed. To be called before anything else here. */
  sweep(): Promise<void>;
}

/** Folders are named after the process that works in them: others of a shared data directory leave them alone. */
export function createWorkFolders({ clock, directory, log, host }: WorkFoldersOptions): WorkFolders {
  const remove = async (folder: string): Promise<void> => {
    try {
      await clock.busy(() => files.rm(folder, { recursive: true, force: true }));
    } catch (error) {
      log.warn({ folder, why: (error as Error).message }, 'a folder could not be removed');
    }
  };
  return {
    async within(work) {
      const folder = await clock.busy(() => made(directory, host.pid));
      try {
        return await work(folder);
      } finally {
        await remove(folder);
      }
    },
    async sweep() {
      for (const name of await clock.busy(() => files.readdir(directory).catch(() => []))) {
        const owner = Number(/^(\d+)-/.exec(name)?.[1] ?? Number.NaN);
        // Our own id is that of a process before us: in a container every first process has the same.
        const isLeft = Number.isInteger(owner) && (owner === host.pid || !host.isAlive(owner));
        if (isLeft) await remove(join(directory, name));
      }
    },
  };
}

async function made(directory: string, pid: number): Promise<string> {
  try {
    await files.mkdir(directory, { recursive: true, mode: 0o700 });
    return await files.mkdtemp(join(directory, `${pid}-`));
  } catch (cause) {
    throw new Fault({
      kind: 'transient',
      what: 'there is no place to put together what is built',
      why: `${directory}: ${(cause as Error).message}`,
      next: 'make the data directory writable (data_dir in flycd.yaml)',
      cause,
    });
  }
}
