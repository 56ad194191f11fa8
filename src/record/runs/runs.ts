import { sql, type Selectable, type SelectQueryBuilder } from 'kysely';
import { Fault } from '../../model/base/fault.ts';
import type { AppPlan } from '../../model/plan.ts';
import type { Run, StepResult } from '../../model/run.ts';
import { planText } from './plan-text.ts';
import type { CalledPlan, Store } from '../store.ts';
import { perform, readRows, type Database, type RunTable, type StepResultTable, type Tables } from '../file/tables.ts';

type RunStore = Pick<
  Store,
  | 'startRun'
  | 'addResult'
  | 'finishRun'
  | 'retell'
  | 'dropRun'
  | 'runs'
  | 'run'
  | 'latestRuns'
  | 'appsTold'
  | 'namedRevision'
  | 'organizationsOf'
  | 'setNextWake'
  | 'planCalled'
  | 'closeInterrupted'
>;

/** What a person reads at most at once; more is paged by whoever needs it. Bounds the memory that plans take. */
const runsReadMax = 10_000;

export function createRuns(database: Database): RunStore {
  const { queries } = database;
  return {
    ...createRunWrites(database),
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
    latestRuns() {
      return readRuns(database, newestOfEachApp(database));
    },
    async appsTold() {
      const rows = await queries
        .selectFrom('run')
        .select(['app', 'status', sql<string | null>`json_extract(plan, '$.org')`.as('org')])
        .where('id', 'in', newestOfEachApp(database))
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
    async setNextWake(app, at) {
      await queries
        .updateTable('run')
        .set({ next_wake_at: at })
        .where('id', '=', (from) =>
          from
            .selectFrom('run')
            .select(({ fn }) => fn.max('id').as('id'))
            .where('fleet', '=', database.fleet)
            .where('app', '=', app),
        )
        .execute();
    },
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
 * By when it ended, of one that goes on by when it began: a run that began before another one may end after it, and what it
 * left is what there is.
 */
function newestOfEachApp({ queries, fleet }: Database): SelectQueryBuilder<Tables, 'run', { id: number }> {
  const at = sql<number>`coalesce(run.finished_at, run.started_at)`;
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

type RunWrites = Pick<Store, 'startRun' | 'addResult' | 'finishRun' | 'retell' | 'dropRun' | 'closeInterrupted'>;

function createRunWrites(database: Database): RunWrites {
  const { queries, fleet, clock, redactor } = database;
  const clean = (text: string | undefined): string | null => (text === undefined ? null : redactor.redact(text));
  return {
    async startRun({ app, trigger, actor, revision, plan, wholePlan }) {
      const { id } = await queries
        .insertInto('run')
        .values({
          fleet,
          app,
          trigger,
          actor: redactor.redact(actor),
          revision: redactor.redact(revision),
          started_at: clock.now(),
          status: 'applying',
          plan: planText(plan, redactor),
          whole_plan: wholePlan ?? null,
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      return id;
    },
    async addResult(runId, result) {
      await queries
        .insertInto('step_result')
        .values((from) => ({
          run_id: runId,
          position: from
            .selectFrom('step_result')
            .select(({ fn }) => fn.countAll<number>().as('count'))
            .where('run_id', '=', runId),
          kind: result.kind,
          target: redactor.redact(result.target),
          outcome: result.outcome,
          message: clean(result.message),
          next: clean(result.next),
          started_at: result.startedAt,
          finished_at: result.finishedAt,
        }))
        .execute();
    },
    async finishRun(runId, { outcome, status, nextWakeAt, plan }) {
      await queries
        .updateTable('run')
        .set({
          finished_at: clock.now(),
          outcome,
          status,
          next_wake_at: nextWakeAt ?? null,
          ...(plan === undefined ? {} : { plan: planText(plan, redactor) }),
        })
        .where('fleet', '=', fleet)
        .where('id', '=', runId)
        .execute();
      const [run] = await readRuns(database, queries.selectFrom('run').select('id').where('id', '=', runId));
      if (run === undefined)
        throw new Fault({ kind: 'stalled', what: `run ${runId} of fleet ${fleet} is not recorded` });
      return run;
    },
    retell: (runId, told) => retell(database, runId, told),
    dropRun: (runId, before) => dropRun(database, runId, before),
    closeInterrupted: () => closeInterrupted(database),
  };
}

async function retell(
  { queries, fleet, redactor }: Database,
  runId: number,
  { plan, nextWakeAt }: Parameters<Store['retell']>[1],
): Promise<void> {
  await queries
    .updateTable('run')
    .set({ plan: planText(plan, redactor), next_wake_at: nextWakeAt ?? null })
    .where((where) => where.and({ fleet, id: runId }))
    .execute();
}

/** In one transaction: a crash, or another process in between, leaves both or the earlier one. */
async function dropRun(
  { queries, fleet, main }: Database,
  runId: number,
  before: Parameters<Store['dropRun']>[1],
): Promise<boolean> {
  const newestTwo = queries
    .selectFrom('run')
    .select(['id', 'finished_at'])
    .where('fleet', '=', fleet)
    .where('app', '=', (from) => from.selectFrom('run').select('app').where('id', '=', runId))
    .orderBy('id', 'desc')
    .limit(2);
  const left = queries.selectFrom('good_version').select('run_id').where('run_id', '=', runId);
  return main
    .transaction(() => {
      const [newest, second] = readRows(main, newestTwo);
      const areBoth = newest?.id === runId && second?.id === before.id;
      if (!areBoth || newest.finished_at === null || second.finished_at === null) return false;
      if (readRows(main, left).length > 0) return false;
      perform(main, queries.deleteFrom('step_result').where('run_id', '=', runId));
      perform(main, queries.deleteFrom('run').where('id', '=', runId));
      const next = { next_wake_at: before.nextWakeAt ?? null };
      perform(main, queries.updateTable('run').set(next).where('id', '=', before.id));
      return true;
    })
    .immediate();
}

async function closeInterrupted({ queries, fleet, clock }: Database): Promise<number> {
  const { numUpdatedRows } = await queries
    .updateTable('run')
    .set((of) => ({
      finished_at: clock.now(),
      outcome: 'interrupted',
      // An orphan's run stays orphaned; git does not name it, so it cannot be pending.
      status: of
        .case()
        .when(of(sql<string>`json_extract(${of.ref('plan')}, '$.status')`, '=', 'orphaned'))
        .then('orphaned' as const)
        .else('pending' as const)
        .end(),
    }))
    .where('fleet', '=', fleet)
    .where('finished_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Runs with their results, newest first; `ids` is a query for run ids. */
async function readRuns(
  { queries, fleet }: Database,
  ids: SelectQueryBuilder<Tables, 'run', { id: number }>,
): Promise<readonly Run[]> {
  const rows = await queries
    .selectFrom('run')
    .selectAll()
    .where('fleet', '=', fleet)
    .where('id', 'in', ids)
    .orderBy('id', 'desc')
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
  return rows.map((row) => runOf(row, byRun.get(row.id) ?? []));
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
