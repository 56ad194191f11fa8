/** One fleet's rows, and what reads and writes them. */
import type { Compilable, Kysely } from 'kysely';
import type { Clock } from '../../model/base/clock.ts';
import type { KeptDates } from '../../model/base/moment.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import type { Connection, Connections } from './connection.ts';
import type { ProcessRow, Tables } from './tables.ts';

/** What each topic of the store works with: one fleet's rows. */
export interface Database extends Connections {
  readonly queries: Kysely<Tables>;
  /** The name under which they stand (`fleet-rows.ts`). */
  readonly fleet: string;
  readonly clock: Clock;
  /** Of rows whose age is waited for. */
  readonly dates: KeptDates;
  readonly redactor: Redactor;
  readonly processes: Processes;
}

/** This process among those that share the database. */
export interface Processes {
  /** The number to be written into a run that begins. Says from now on that this process lives, until its runs have ended. */
  begin(): number;
  began(runId: number): void;
  ended(runId: number): void;
  /** undefined: an earlier FlyCD's, which wrote none, or one that has been swept. */
  isAlive(row: ProcessRow | undefined): boolean;
  /** Forgets the processes that are dead. */
  sweep(): void;
  /** Runs that are open still are nobody's from now on. */
  close(): void;
}

/** Runs one compiled query at once, on the given connection: for use inside a synchronous transaction. */
export function perform(connection: Connection, query: Compilable): void {
  const { sql, parameters } = query.compile();
  connection.prepare(sql).run(...parameters);
}

/** Its rows, read as `perform` writes. */
export function readRows<Row>(connection: Connection, query: Compilable<Row>): readonly Row[] {
  const { sql, parameters } = query.compile();
  return connection.prepare<unknown[], Row>(sql).all(...parameters);
}
