import { Fault } from '../../model/base/fault.ts';
import { planText } from './plan-text.ts';
import { readRuns } from './runs.ts';
import { perform, readRows, type Database } from '../file/rows.ts';
import type { StepResult } from '../../model/run.ts';
import type { Store } from '../store.ts';

type RunWrites = Pick<
  Store,
  | 'startRun'
  | 'addResult'
  | 'finishRun'
  | 'retell'
  | 'dropRun'
  | 'foldRun'
  | 'setNextWake'
  | 'closeInterrupted'
  | 'workedOnBefore'
>;

export function createRunWrites(database: Database): RunWrites {
  const { queries, main, fleet, clock, redactor, processes } = database;
  return {
    async startRun({ app, trigger, actor, revision, plan, wholePlan }) {
      const now = clock.now();
      const values = {
        fleet,
        app,
        trigger,
        actor: redactor.redact(actor),
        revision: redactor.redact(revision),
        started_at: now,
        status: 'applying',
        plan: planText(plan, redactor),
        whole_plan: wholePlan ?? null,
        beat_at: now,
      } as const;
      const run = queries.insertInto('run').returning('id');
      return processes.begin((process) => {
        const [begun] = readRows(main, run.values({ ...values, process }));
        return begun?.id ?? 0;
      });
    },
    addResult: (runId, result) => addResult(database, runId, result),
    async finishRun(runId, { outcome, status, nextWakeAt, plan }) {
      // First of all: where its end cannot be written, the pass is over all the same.
      processes.ended(runId);
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
    setNextWake: (app, at) => setNextWake(database, app, at),
    retell: (runId, told) => retell(database, runId, told),
    dropRun: (runId, before) => dropRun(database, runId, before),
    foldRun: async (runId, before) => oneOfTwo(database, { runId, before, goes: before }),
    closeInterrupted: () => closeInterrupted(database),
    workedOnBefore: (runId) => workedOnBefore(database, runId),
  };
}

async function addResult({ queries, redactor }: Database, runId: number, result: StepResult): Promise<void> {
  const clean = (text: string | undefined): string | null => (text === undefined ? null : redactor.redact(text));
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
}

async function setNextWake({ queries, fleet }: Database, app: string, at: number): Promise<void> {
  const newest = queries
    .selectFrom('run')
    .select(({ fn }) => fn.max('id').as('id'))
    .where((where) => where.and({ fleet, app }));
  await queries.updateTable('run').set({ next_wake_at: at }).where('id', '=', newest).execute();
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

async function dropRun(database: Database, runId: number, before: Parameters<Store['dropRun']>[1]): Promise<boolean> {
  const { queries, main } = database;
  return oneOfTwo(database, { runId, before: before.id, goes: runId }, () => {
    const next = { next_wake_at: before.nextWakeAt ?? null };
    perform(main, queries.updateTable('run').set(next).where('id', '=', before.id));
  });
}

/** Of an app's newest two runs one goes. A crash, or another process in between, leaves both or one. */
function oneOfTwo(
  { queries, fleet, main }: Database,
  { runId, before, goes }: { readonly runId: number; readonly before: number; readonly goes: number },
  say: () => void = () => {},
): boolean {
  const newestTwo = queries
    .selectFrom('run')
    .select(['id', 'finished_at'])
    .where('fleet', '=', fleet)
    .where('app', '=', (from) => from.selectFrom('run').select('app').where('id', '=', runId))
    .orderBy('id', 'desc')
    .limit(2);
  const known = queries.selectFrom('good_version').select('run_id').where('run_id', '=', goes);
  return main
    .transaction(() => {
      const [newest, second] = readRows(main, newestTwo);
      const areBoth = newest?.id === runId && second?.id === before;
      if (!areBoth || newest.finished_at === null || second.finished_at === null) return false;
      if (readRows(main, known).length > 0) return false;
      say();
      perform(main, queries.deleteFrom('step_result').where('run_id', '=', goes));
      perform(main, queries.deleteFrom('run').where('id', '=', goes));
      return true;
    })
    .immediate();
}

async function closeInterrupted(database: Database): Promise<number> {
  const { queries, fleet, processes } = database;
  const open = queries.selectFrom('run').select('id').where('fleet', '=', fleet).where('finished_at', 'is', null);
  const interrupted = (await readRuns(database, open)).filter(({ outcome }) => outcome !== undefined);
  for (const { id, finishedAt, outcome, status } of interrupted) {
    await queries
      .updateTable('run')
      .set({ finished_at: finishedAt ?? null, outcome: outcome ?? null, status })
      .where('id', '=', id)
      .where('finished_at', 'is', null)
      .execute();
  }
  processes.sweep();
  return interrupted.length;
}

/** The first to begin has the app: of two that begin at once, each sees the same one of them. */
async function workedOnBefore(
  { queries, fleet, processes }: Database,
  runId: number,
): ReturnType<Store['workedOnBefore']> {
  const rows = await queries
    .selectFrom('run')
    .innerJoin('run as own', 'own.app', 'run.app')
    .innerJoin('process', 'process.id', 'run.process')
    .select([
      'run.id',
      'run.process',
      'run.beat_at',
      'run.started_at',
      'process.instance',
      'process.host',
      'process.pid',
    ])
    .where('own.id', '=', runId)
    .where('run.fleet', '=', fleet)
    .where('run.id', '<', runId)
    .where('run.finished_at', 'is', null)
    .whereRef('run.process', 'is not', 'own.process')
    .orderBy('run.id')
    .execute();
  const first = rows.find((row) => processes.isWorkedOn(row, row));
  return first && { instance: first.instance, startedAt: first.started_at };
}
