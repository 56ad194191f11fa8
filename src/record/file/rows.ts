/** One fleet's rows, and what reads and writes them. */
import type { Compilable, Kysely, Selectable } from 'kysely';
import type { Clock } from '../../model/base/clock.ts';
import type { KeptDates } from '../../model/base/moment.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import type { Connection, Connections } from './connection.ts';
import type { ProcessRow, RunTable, Tables } from './tables.ts';

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
  /**
   * `insert` writes a run with this process's number and answers its id: in one transaction with the process's own row, which
   * others take away as long as no open run names it. From then on it is said each ten seconds that this process is at the run,
   * until it has ended.
   */
  begin(insert: (process: number) => number): number;
  /** Whether its end could be written or not: nobody is at it any more. */
  ended(runId: number): void;
  /** Somebody is at this run, which has no end. `process`: of its number; undefined: there is none. */
  isWorkedOn(
    run: Pick<Selectable<RunTable>, 'id' | 'process' | 'beat_at'>,
    process: Pick<ProcessRow, 'host' | 'pid'> | undefined,
  ): boolean;
  /** Forgets the processes that have no open run. */
  sweep(): void;
  /** Nothing is said any more. */
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
