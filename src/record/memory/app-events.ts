import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { afterEvent, type AppEvent, type Changed, type Remembered } from '../../model/standing/remembered.ts';
import type { StandingRow } from '../../model/standing/standing.ts';
import { standingQuery, standingRowsOf } from './standing.ts';
import type { Store } from '../store.ts';
import { perform, readRows, type Database } from '../file/rows.ts';

const factTables = ['evidence', 'intent', 'made', 'heal', 'app_memory', 'good_version'] as const;

/** Of which app on Fly something is remembered, and what of that goes when it is over. */
export function createAppEvents(database: Database): Pick<Store, 'applyEvent'> {
  return {
    async applyEvent(app, event) {
      database.main.transaction(() => applyEvent(database, app, event)).immediate();
    },
  };
}

/** Read and written in one transaction: two who tell of an app at once come one after the other. */
function applyEvent(database: Database, app: string, event: AppEvent): void {
  const before = readRemembered(database, app);
  const after = afterEvent(before, event);
  if (!after.isAnother && isDeepStrictEqual(after, { ...before, isAnother: false })) return;
  if (after.isAnother) forget(database, app);
  // What is destroyed while a run of it goes on ends with that run.
  const firstRun = after.isAnother ? (event.kind === 'destroyed' ? 1 : 0) : undefined;
  writeFacts(database, app, after, firstRun);
  writeRows(database, app, { before: before.standing, after: after.standing });
}

export function underwayIn(text: string | null | undefined): Remembered['underway'] {
  return text === 'creating' || text === 'destroying' ? text : undefined;
}

function readRemembered(database: Database, app: string): Remembered {
  const { queries, fleet, main } = database;
  const facts = queries
    .selectFrom('app_memory')
    .select(['app_id', 'underway', 'known', 'first_run'])
    .where((where) => where.and({ fleet, app }));
  const [row] = readRows(main, facts);
  return {
    appId: row?.app_id ?? undefined,
    underway: underwayIn(row?.underway),
    known: row?.known === 1,
    firstRun: row?.first_run ?? undefined,
    standing: standingRowsOf(readRows(main, standingQuery(database, app))),
  };
}

function writeFacts(
  database: Database,
  app: string,
  { appId, underway, known }: Changed,
  after: number | undefined,
): void {
  const { queries, fleet, main } = database;
  const values = {
    app_id: appId ?? null,
    underway: underway ?? null,
    known: known ? 1 : 0,
    ...(after === undefined ? {} : { first_run: sql<number>`${newestRun(database, app)} + ${after}` }),
  };
  perform(
    main,
    queries
      .insertInto('app_memory')
      .values({ fleet, app, ...values })
      .onConflict((conflict) => conflict.columns(['fleet', 'app']).doUpdateSet(values)),
  );
}

function writeRows(
  { queries, fleet, main, redactor }: Database,
  app: string,
  { before, after }: { readonly before: readonly StandingRow[]; readonly after: readonly StandingRow[] },
): void {
  for (const { key } of before)
    perform(
      main,
      queries.deleteFrom('standing').where((where) => where.and({ fleet, app, key })),
    );
  for (const { key, text, appId } of after)
    perform(
      main,
      queries.insertInto('standing').values({ fleet, app, key, text: redactor.redact(text), app_id: appId ?? null }),
    );
}

function forget({ queries, fleet, main }: Database, app: string): void {
  for (const table of factTables)
    perform(
      main,
      queries.deleteFrom(table).where((where) => where.and({ fleet, app })),
    );
}

/** 0: it has none. */
function newestRun({ fleet }: Database, app: string) {
  return sql<number>`(SELECT coalesce(max(id), 0) FROM run WHERE fleet = ${fleet} AND app = ${app})`;
}
