import { Kysely, SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';
import type { Host } from '../model/base/host.ts';
import type { Clock } from '../model/base/clock.ts';
import { KeptDates } from '../model/base/moment.ts';
import type { FleetOwner } from '../model/stamps/owner.ts';
import type { Redactor } from '../model/base/secret-value.ts';
import { closeConnections, fileCheck, openConnections, type Connection, type Connections } from './file/connection.ts';
import { createAppEvents } from './memory/app-events.ts';
import { createBuilds } from './runs/builds.ts';
import { createDeliveries } from './wake/deliveries.ts';
import { createDirty } from './wake/dirty.ts';
import { createMemory } from './memory/memory.ts';
import { createStanding } from './memory/standing.ts';
import { settleRows, takeRows } from './memory/fleet-rows.ts';
import { createProcesses } from './file/processes.ts';
import { createRunWrites } from './runs/run-writes.ts';
import { createRetention } from './runs/retention.ts';
import { createRuns } from './runs/runs.ts';
import { patient } from './file/patience.ts';
import { openingFault } from './file/faults.ts';
import type { DeliveryRow, RunStart, Store, StoreReader } from './store.ts';
import type { Database } from './file/rows.ts';
import type { Tables } from './file/tables.ts';

export { patiently } from './file/patience.ts';

export interface StoreOptions {
  /** The database's file; its folder is made where it is missing. */
  readonly path: string;
  /** A text: the rows under just that name, as history has it. */
  readonly fleet: FleetOwner | string;
  /** Apps that the config names: what is remembered of those follows the fleet to another name. Default: none does. */
  readonly names?: ReadonlySet<string> | undefined;
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** normal (default): only deliveries and intents wait for the disk; full: everything; off: nothing, for tests. */
  readonly synchronous?: 'normal' | 'full' | 'off' | undefined;
  /** This process, as leases name it: others that wait for its runs are told who has them. Default: it has no name. */
  readonly instance?: string | undefined;
  /** Tells whether other processes on the same computer live. Default: nobody asks. */
  readonly host?: Host | undefined;
}

/**
 * Opens one fleet's part of the database.
 *
 * Durability: WAL with `synchronous=NORMAL` survives kill -9 (committed pages are the kernel's) but a power cut may take
 * the last commits. That is right for runs and marks, which a pass at start makes again. It is not right for a delivery
 * that was answered 202 (GitHub never sends it again) or an intent (the call behind it may have happened), so these two
 * are written through a second connection with `synchronous=FULL`: its commit returns after the WAL is on the disk.
 *
 * No transaction is ever open across an `await`: transactions run synchronously (`perform` inside
 * `connection.transaction`), so the two connections never wait for each other inside this process.
 *
 * Throws a stalled Fault where the file is of a newer FlyCD, not FlyCD's, damaged, or may not be opened.
 */
export function openStore(options: StoreOptions): Store {
  return open(options, 'write');
}

/** The file is never changed by it. Throws as `openStore` does. */
export function openStoreReader(options: StoreOptions): StoreReader {
  return open(options, 'read');
}

function open(options: StoreOptions, mode: 'read' | 'write'): Store {
  const { clock, redactor } = options;
  const connections = openConnections({ ...options, mode });
  const checkFile = fileCheck(options.path);
  const fleet = rowsOf(options, mode, connections);
  const queries = new Kysely<Tables>({ dialect: new SqliteDialect({ database: preparingOnce(connections.main) }) });
  const dates = new KeptDates(clock);
  const { instance = 'flycd', host } = options;
  const processes = createProcesses({ ...connections, queries, clock, instance, host });
  const database: Database = { ...connections, queries, fleet, clock, dates, redactor, processes };
  const deliveries = createDeliveries(database);
  const { flush, checkStorage, ...deliveryMethods } = deliveries;
  const runWrites = createRunWrites(database);
  let isOpen = true;
  const methods = {
    ...createRuns(database),
    ...runWrites,
    ...createRetention(database),
    ...createAppEvents(database),
    ...createMemory(database),
    ...createStanding(database),
    ...deliveryMethods,
    // What is written into a file that was moved away is lost: a pass would leave no intent, and a push be called stored.
    async startRun(start: RunStart) {
      checkFile();
      return runWrites.startRun(start);
    },
    async storeDelivery(delivery: DeliveryRow) {
      checkFile();
      return deliveries.storeDelivery(delivery);
    },
    async checkStorage() {
      checkFile();
      await checkStorage();
    },
    ...createDirty(database),
    ...createBuilds(database),
    async takeRows(app: string) {
      if (typeof options.fleet === 'string') return;
      takeRows(connections.main, { owner: options.fleet, name: fleet, app });
    },
  };
  return {
    ...patient(methods, { clock, path: options.path }),
    async close() {
      if (!isOpen) return;
      isOpen = false;
      flush();
      processes.close();
      closeConnections(connections);
    },
  };
}

function rowsOf({ path, fleet, names }: StoreOptions, mode: 'read' | 'write', connections: Connections): string {
  try {
    return settleRows(connections.main, { fleet, names, mode });
  } catch (error) {
    closeConnections(connections);
    throw openingFault(error, path);
  }
}

/** The store has some dozens of texts; the bound is for one that somebody will build from data. */
const statementsMax = 200;

/** Kysely has each text prepared anew for each query, which takes longer than most of them run: here once is enough. */
function preparingOnce(connection: Connection): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => connection.close(),
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement: SqliteStatement = connection.prepare(sql);
      if (statements.size < statementsMax) statements.set(sql, statement);
      return statement;
    },
  };
}
