/** What SQLite's errors mean to whoever runs FlyCD (https://sqlite.org/rescode.html). */
import Sqlite from 'better-sqlite3';
import { Fault } from '../../model/base/fault.ts';

function isOne(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Sqlite.SqliteError &&
    codes.some((code) => error.code === code || error.code.startsWith(`${code}_`))
  );
}

/** Another process writes to it, or reads all of it: a moment later it is free. */
export function isLocked(error: unknown): boolean {
  return isOne(error instanceof Fault ? error.cause : error, 'SQLITE_BUSY', 'SQLITE_LOCKED');
}

/** The folder, or the disk, does not let this process write there. */
export function isRefused(error: unknown): boolean {
  return isOne(error, 'SQLITE_CANTOPEN', 'SQLITE_READONLY');
}

/** Whatever kept the database from being opened. */
export function openingFault(error: unknown, path: string): Fault {
  const fault = recordFault(error, path, 'opened');
  if (fault instanceof Fault) return fault;
  return new Fault({
    kind: 'stalled',
    what: `the database ${path} could not be opened`,
    why: error instanceof Error ? error.message : String(error),
    next: 'check that the data directory belongs to the user FlyCD runs as and has free space',
    cause: error,
  });
}

/** The error as a Fault; what is not SQLite's as it is. `doing`: what could not be done with the database. */
export function recordFault(error: unknown, path: string, doing = 'used'): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  const { kind, why, next } = meaningOf(error);
  return new Fault({ kind, what: `the database ${path} could not be ${doing}`, why, next, cause: error });
}

interface Meaning {
  readonly kind: 'transient' | 'stalled';
  readonly why: string;
  readonly next: string;
}

function meaningOf(error: InstanceType<typeof Sqlite.SqliteError>): Meaning {
  const said = `SQLite says: ${error.message}`;
  if (isLocked(error)) {
    return {
      kind: 'transient',
      why: 'it is locked: another process, a second FlyCD, a backup or sqlite3, has held it for seconds',
      next: 'end that process if it hangs (fuser names it); FlyCD tries again',
    };
  }
  if (isOne(error, 'SQLITE_FULL')) {
    return {
      kind: 'transient',
      why: 'its disk is full',
      next: 'free some space, or make the volume larger (fly volumes extend); FlyCD tries again',
    };
  }
  if (isOne(error, 'SQLITE_CORRUPT', 'SQLITE_NOTADB')) {
    return {
      kind: 'stalled',
      why: `it is damaged (${said})`,
      next: 'stop FlyCD and move the file away, with those of its name that end in -wal and -shm: Fly keeps the versions, only history starts afresh',
    };
  }
  if (isOne(error, 'SQLITE_READONLY', 'SQLITE_PERM', 'SQLITE_CANTOPEN', 'SQLITE_AUTH')) {
    return {
      // Whoever mends it does not always start FlyCD anew.
      kind: isOne(error, 'SQLITE_READONLY') ? 'transient' : 'stalled',
      why: `it may not be written (${said})`,
      next: 'check that the data directory belongs to the user FlyCD runs as, and that its disk is not mounted read-only',
    };
  }
  return {
    kind: isOne(error, 'SQLITE_IOERR', 'SQLITE_PROTOCOL') ? 'transient' : 'stalled',
    why: said,
    next: 'check the disk and the data directory: it has to belong to the user FlyCD runs as and to have free space',
  };
}
