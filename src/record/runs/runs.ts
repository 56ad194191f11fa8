import { sql, type Selectable, type SelectQueryBuilder } from 'kysely';
import type { AppPlan } from '../../model/plan.ts';
import type { Run, StepResult } from '../../model/run.ts';
import { isWord } from '../../model/word.ts';
import type { CalledPlan, Store } from '../store.ts';
import type { Database } from '../file/rows.ts';
import type { RunTable, StepResultTable, Tables } from '../file/tables.ts';

type RunReads = Pick<
  Store,
  'runs' | 'run' | 'latestRuns' | 'appsTold' | 'namedRevision' | 'organizationsOf' | 'planCalled'
>;

/** What a person reads at most at once; more is paged by whoever needs it. Bounds the memory that plans take. */
const runsReadMax = 10_000;

export function createRuns(database: Database): RunReads {
  const { queries } = database;
  return {
    async run(id) {
      return (await readRuns(database, queries.selectFrom('run').select('id').where('id', '=', id)))[0];
    },
    runs({ app, all = false, limit }) {
      const ids = queries
        .selectFrom('run')
        .select('id')
        .where('fleet', '=', database.fleet)
        .$if(app !== undefined, (query) => query.where('app', '=', app ?? ''))
        .$if(!all, (query) => query.where((of) => of.or([of('outcome', 'is', null), of('outcome', '!=', 'no-change')])))
        .orderBy('id', 'desc')
        .limit(Math.max(0, Math.min(limit, runsReadMax)));
      return readRuns(database, ids);
    },
    async latestRuns() {
      return readRuns(database, await newestOfEachApp(database));
    },
    async appsTold() {
      const rows = await queries
        .selectFrom('run')
        .select(['app', 'status', sql<string | null>`json_extract(plan, '$.org')`.as('org')])
        .where('id', 'in', await newestOfEachApp(database))
        .where('outcome', 'is not', null)
        .where('outcome', 'not in', ['deleted', 'left'])
        .orderBy('app')
        .execute();
      return rows.map(({ app, org, status }) => ({ app, org: org ?? undefined, status }));
    },
    async namedRevision(app) {
      const row = await queries
        .selectFrom('run')
        .select('revision')
        .where((where) => where.and({ fleet: database.fleet, app }))
        // Whatever became of the run: what it was of an orphan, its plan says.
        .where(sql<string | null>`json_extract(plan, '$.status')`, 'is not', 'orphaned')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row?.revision;
    },
    organizationsOf: (apps) => readOrganizations(database, apps),
    planCalled: (id) => readPlanCalled(database, id),
  };
}

async function readPlanCalled({ queries, fleet }: Database, id: string): Promise<CalledPlan | undefined> {
  const all = queries.selectFrom('run').selectAll().where('fleet', '=', fleet).orderBy('id', 'desc');
  const newest = await all
    .where((where) =>
      where.or([
        where('whole_plan', 'like', `${id}%`),
        where(sql<string>`json_extract(plan, '$.planId')`, 'like', `${id}%`),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  if (newest === undefined) return undefined;
  const isWhole = newest.whole_plan?.startsWith(id) === true;
  const rows = isWhole ? await all.where('whole_plan', '=', newest.whole_plan).execute() : [newest];
  const runs = [...new Map(rows.toReversed().map((row) => [row.app, row])).values()].map((row) => ({
    id: row.id,
    startedAt: row.started_at,
    outcome: row.outcome ?? undefined,
    plan: JSON.parse(row.plan) as AppPlan,
  }));
  return { ofFleet: isWhole, runs };
}

async function readOrganizations(
  { queries, fleet }: Database,
  apps: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (apps.length === 0) return new Map();
  const org = sql<string>`json_extract(plan, '$.org')`;
  const newest = queries
    .selectFrom('run')
    .select(({ fn }) => fn.max('id').as('id'))
    .where('fleet', '=', fleet)
    // One parameter however many apps there are: SQLite limits their number.
    .where('app', 'in', sql<string>`(SELECT value FROM json_each(${JSON.stringify(apps)}))`)
    .where(org, 'is not', null)
    .groupBy('app');
  const rows = await queries
    .selectFrom('run')
    .select(['app', org.as('org')])
    .where('id', 'in', newest)
    .execute();
  return new Map(rows.map((row) => [row.app, row.org]));
}

/**
 * The run that somebody is at. What ended meanwhile, such as a pass that gave way to it, hides that from nobody, but for a
 * person's word. Of an app that nobody is at the one that ended last.
 */
async function newestOfEachApp(database: Database): Promise<SelectQueryBuilder<Tables, 'run', { id: number }>> {
  const { queries, fleet, processes } = database;
  const chosen = new Map<string, number>();
  const open = await queries
    .selectFrom('run')
    .innerJoin('process', 'process.id', 'run.process')
    .select(['run.id', 'run.app', 'run.process', 'run.beat_at', 'process.host', 'process.pid'])
    .where('run.fleet', '=', fleet)
    .where('run.finished_at', 'is', null)
    .orderBy('run.id', 'desc')
    .execute();
  const living = open.filter((run) => processes.isWorkedOn(run, run));
  const ended = await queries
    .selectFrom('run')
    .select(['id', 'app', 'trigger'])
    .where('id', 'in', lastOfEachApp(database))
    .execute();
  for (const { app, id } of ended) chosen.set(app, id);
  const said = new Set(ended.flatMap(({ id, trigger }) => (isWord(trigger) ? [id] : [])));
  // The first to begin last: it has the app, and others wait for it.
  for (const { app, id } of living) if (!said.has(chosen.get(app) ?? id)) chosen.set(app, id);
  // One parameter however many apps there are: SQLite limits their number.
  const ids = JSON.stringify([...chosen.values()]);
  return queries
    .selectFrom('run')
    .select('id')
    .where('id', 'in', sql<number>`(SELECT value FROM json_each(${ids}))`);
}

/** By when it ended: a run that began before another one may end after it, and what it left is what there is. */
function lastOfEachApp({ queries, fleet }: Database): SelectQueryBuilder<Tables, 'run', { id: number }> {
  // Of one without an end when it was last known to be worked on.
  const at = sql<number>`coalesce(run.finished_at, max(run.started_at, coalesce(run.beat_at, 0)))`;
  const ends = queries
    .selectFrom('run')
    .select(['run.app', sql<number>`max(${at})`.as('at')])
    .where('run.fleet', '=', fleet)
    .groupBy('run.app')
    .as('newest');
  return queries
    .selectFrom('run')
    .innerJoin(ends, 'newest.app', 'run.app')
    .select(({ fn }) => fn.max('run.id').as('id'))
    .where('run.fleet', '=', fleet)
    .where(at, '=', sql<number>`newest.at`)
    .groupBy('run.app');
}

/** Runs with their results, newest first; `ids` is a query for run ids. */
export async function readRuns(
  { queries, fleet, processes }: Database,
  ids: SelectQueryBuilder<Tables, 'run', { id: number }>,
): Promise<readonly Run[]> {
  // In one look with their processes: the row of one that is idle by the next look may be gone.
  const rows = await queries
    .selectFrom('run')
    .leftJoin('process', 'process.id', 'run.process')
    .selectAll('run')
    .select(['process.host', 'process.pid'])
    .where('run.fleet', '=', fleet)
    .where('run.id', 'in', ids)
    .orderBy('run.id', 'desc')
    .execute();
  if (rows.length === 0) return [];
  // One parameter however many runs there are: SQLite limits their number.
  const read = JSON.stringify(rows.map((row) => row.id));
  const results = await queries
    .selectFrom('step_result')
    .selectAll()
    .where('run_id', 'in', sql<number>`(SELECT value FROM json_each(${read}))`)
    .orderBy('run_id')
    .orderBy('position')
    .execute();
  const byRun = Map.groupBy(results, (result) => result.run_id);
  return rows.map((row) => {
    const run = runOf(row, byRun.get(row.id) ?? []);
    const { host, pid } = row;
    const process = host === null || pid === null ? undefined : { host, pid };
    return run.finishedAt !== undefined || processes.isWorkedOn(row, process) ? run : cutShort(run, row.beat_at);
  });
}

/** Of a process that died nobody says how its run ended; the last that is known of it is that it was at it. */
function cutShort(run: Run, beatAt: number | null): Run {
  // An orphan's run stays orphaned; git does not name it, so it cannot be pending.
  const status = run.plan.status === 'orphaned' ? 'orphaned' : 'pending';
  return { ...run, finishedAt: Math.max(run.startedAt, beatAt ?? 0), outcome: 'interrupted', status };
}

function runOf(row: Selectable<RunTable>, results: readonly Selectable<StepResultTable>[]): Run {
  return {
    id: row.id,
    fleet: row.fleet,
    app: row.app,
    trigger: row.trigger,
    actor: row.actor,
    revision: row.revision,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
    outcome: row.outcome ?? undefined,
    status: row.status,
    plan: JSON.parse(row.plan) as AppPlan,
    results: results.map(resultOf),
    nextWakeAt: row.next_wake_at ?? undefined,
  };
}

function resultOf(row: Selectable<StepResultTable>): StepResult {
  return {
    kind: row.kind,
    target: row.target,
    outcome: row.outcome,
    message: row.message ?? undefined,
    next: row.next ?? undefined,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}
