import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import Sqlite from 'better-sqlite3';
import { Fault } from '../../model/base/fault.ts';
import { isRefused, openingFault } from './faults.ts';
import { migrations } from './migrations.ts';
import { busyTimeoutMs } from './patience.ts';

export type Connection = Sqlite.Database;

export interface Connections {
  /** Everything but what must survive a power cut. */
  readonly main: Connection;
  /** Deliveries and intents: each commit is on the disk when it returns. The same connection where there is no difference. */
  readonly durable: Connection;
}

export interface ConnectionOptions {
  readonly path: string;
  readonly mode: 'write' | 'read';
  /** normal (default): only deliveries and intents wait for the disk; full: everything; off: nothing, for tests. */
  readonly synchronous?: 'normal' | 'full' | 'off' | undefined;
}

/** "FlyC": marks the file as ours, so that a wrong --data-dir never migrates somebody else's database. */
const applicationId = 0x46_6c_79_43;
const privateMode = 0o600;
const privateFolderMode = 0o700;
/** Offsets of the two header bytes that say "WAL"; a database in memory has no WAL and must not claim one. */
const walHeaderBytes = [18, 19] as const;
const rollbackJournal = 1;

/**
 * Opens the database, making and migrating it in `write` mode. In `read` mode the file is never changed: one that is
 * missing is an empty one in memory, one with an older schema is migrated as a copy in memory.
 * Throws a stalled Fault where the file is of a newer FlyCD, not FlyCD's, damaged, or may not be opened.
 */
export function openConnections(options: ConnectionOptions): Connections {
  try {
    return options.mode === 'read' ? openForReading(options.path) : openForWriting(options);
  } catch (error) {
    throw openingFault(error, options.path);
  }
}

/**
 * Of a file that is open now: whether it is still the one under its name. Throws a stalled Fault where somebody has moved it away,
 * removed it or put another in its place: all that is written from then on is lost.
 */
export function fileCheck(path: string): () => void {
  const opened = fileAt(path);
  return () => {
    if (fileAt(path) === opened) return;
    throw new Fault({
      kind: 'stalled',
      what: `the database ${path} is not there any more`,
      why: 'somebody moved or removed the file, or put another in its place, while FlyCD had it open',
      next: 'start FlyCD anew: it takes the file that is there, or begins a new one; Fly keeps the versions',
    });
  };
}

function fileAt(path: string): string {
  const found = path === ':memory:' ? undefined : statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? '' : `${found.dev} ${found.ino}`;
}

export function closeConnections(connections: Connections): void {
  if (connections.durable !== connections.main) connections.durable.close();
  connections.main.close();
}

function openForWriting(options: ConnectionOptions): Connections {
  const { path } = options;
  const inMemory = path === ':memory:';
  if (!inMemory) makePrivate(path);
  const main = new Sqlite(path, { timeout: busyTimeoutMs });
  try {
    checkOwner(main, path);
    // Of a file that is made now; of one that is there it is as it is, and free pages are used again.
    main.pragma('auto_vacuum = INCREMENTAL');
    main.pragma('journal_mode = WAL');
    const level = options.synchronous ?? 'normal';
    main.pragma(`synchronous = ${level}`);
    migrate(main, path);
    if (inMemory || level !== 'normal') return { main, durable: main };
    const durable = new Sqlite(path, { timeout: busyTimeoutMs });
    durable.pragma('synchronous = full');
    return { main, durable };
  } catch (error) {
    main.close();
    throw error;
  }
}

/** SQLite gives -wal and -shm the mode of the database itself, so the file is made before SQLite sees it. */
function makePrivate(path: string): void {
  mkdirSync(dirname(resolve(path)), { recursive: true, mode: privateFolderMode });
  closeSync(openSync(path, 'a', privateMode));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    if (existsSync(file) && (statSync(file).mode & 0o077) !== 0) chmodSync(file, privateMode);
  }
}

function openForReading(path: string): Connections {
  if (path === ':memory:' || !existsSync(path)) return readOnly(migratedInMemory(new Sqlite(':memory:'), path));
  const file = openFileForReading(path);
  try {
    const version = checkOwner(file, path);
    if (version === migrations.length) return readOnly(file);
    const image = file.serialize();
    for (const byte of walHeaderBytes) image[byte] = rollbackJournal;
    file.close();
    return readOnly(migratedInMemory(new Sqlite(image), path));
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Reading a WAL database needs its -shm file, which SQLite makes where it is missing. Where the folder does not let it
 * (a read-only volume), nobody else can be writing there either, and the file is read as it lies.
 */
function openFileForReading(path: string): Connection {
  const file = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
  try {
    file.pragma('schema_version');
    return file;
  } catch (error) {
    file.close();
    if (!isRefused(error)) throw error;
    return new Sqlite(`${pathToFileURL(resolve(path)).href}?immutable=1`, { readonly: true });
  }
}

function migratedInMemory(memory: Connection, path: string): Connection {
  migrate(memory, path);
  return memory;
}

function readOnly(connection: Connection): Connections {
  connection.pragma('query_only = true');
  return { main: connection, durable: connection };
}

/** The schema's number; refuses databases of others and of a newer FlyCD. */
function checkOwner(connection: Connection, path: string): number {
  const owner = Number(connection.pragma('application_id', { simple: true }));
  const tables = Number(connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  if (owner !== applicationId && (owner !== 0 || tables > 0)) {
    throw new Fault({
      kind: 'stalled',
      what: `${path} is not FlyCD's database`,
      why: 'it is a SQLite database of another program',
      next: 'give another data directory (data_dir in flycd.yaml, or --data-dir)',
    });
  }
  const version = Number(connection.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    throw new Fault({
      kind: 'stalled',
      what: `the database ${path} was written by a newer FlyCD`,
      why: `its schema is number ${version}, this FlyCD knows up to number ${migrations.length}`,
      next: 'run the newer FlyCD again, or give another data directory: Fly keeps the versions, only history starts afresh',
    });
  }
  return version;
}

/** All that is missing, in one transaction: a killed migration leaves the old schema whole. */
function migrate(connection: Connection, path: string): void {
  if (checkOwner(connection, path) === migrations.length) return;
  connection
    .transaction(() => {
      // Asked again inside: another process may have migrated while we waited for the lock.
      const version = checkOwner(connection, path);
      for (const migration of migrations.slice(version)) connection.exec(migration.sql);
      connection.pragma(`application_id = ${applicationId}`);
      connection.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
}
