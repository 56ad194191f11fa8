import { randomUUID } from 'node:crypto';
import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { startSimulator } from '../../simulator/simulator.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { Redactor } from '../../src/model/base/secret-value.ts';
import type { Run } from '../../src/model/run.ts';
import { forgetOldRuns, retentionOf } from '../../src/loop/retention.ts';
import { openStore } from '../../src/record/database.ts';
import type { RecordedGood, Store } from '../../src/record/store.ts';
import type { StoredMemory } from '../../src/model/standing/memory.ts';
import type { Figure } from '../figures.ts';
import { appText, fileOf, fleetEnvironment, nameOf, writeFleet } from '../fleet.ts';
import { syncOnce } from '../in-process.ts';
import type { Workspace } from '../workspace.ts';

export interface HistorySizes {
  readonly apps: number;
  readonly commits: number;
}

const megabyte = 1024 * 1024;
const boundMb = 200;
/** A commit of a busy fleet touches a service and what goes with it; the others find nothing to do. */
const appsPerCommit = 3;
/** So close that none is forgotten for its age (90 days) however many there are: what is measured is the most there can be. */
const betweenCommitsMs = 10 * 60_000;
/** Every so many commits all apps have their pass, by the timer. */
const commitsPerFullPass = 500;
const fleet = 'bench';
const digits = 40;

/** An app as a real pass leaves it in the database: when it got a new config, and when there was nothing to do. */
interface Recorded {
  readonly app: string;
  readonly changed: Run;
  readonly quiet: Run;
  readonly good: RecordedGood;
  readonly memory: StoredMemory;
}

/**
 * The database of a service that follows a config repo for so many commits. Plans, results and what is remembered are those of real
 * passes over the simulator; they are written by the calls that a pass makes of its store, and forgotten as a service forgets.
 */
export async function historySize(workspace: Workspace, sizes: HistorySizes): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(workspace.folder, 'history-'));
  const recorded = await recordPasses(workspace, folder);
  const path = join(folder, 'flycd.db');
  const clock = new IdleClock();
  const store = openStore({ path, fleet: { name: fleet }, clock, redactor: new Redactor(), synchronous: 'off' });
  await writeCommits(store, clock, { ...sizes, recorded });
  await forgetOldRuns({ clock, store, retention: retentionOf(undefined) });
  await store.close();
  const { size } = await stat(path);
  const what = `database after ${sizes.commits} commits over ${sizes.apps} apps`;
  const tables = largestTables(path).map(({ name, bytes }) => ({
    what: `${what}: ${name}`,
    value: bytes / megabyte,
    unit: 'MB' as const,
  }));
  return [{ what, value: size / megabyte, unit: 'MB', bound: boundMb }, ...tables];
}

async function recordPasses(workspace: Workspace, state: string): Promise<Recorded> {
  const config = await writeFleet(workspace, 'recorded', 1);
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: 1 });
  try {
    for (const level of ['info', 'debug', 'debug']) {
      await writeFile(join(config.folder, fileOf(0)), appText(0, level));
      await syncOnce({ simulator, folder: config.folder, state, clock, environment: fleetEnvironment });
      await clock.sleep(betweenCommitsMs);
    }
  } finally {
    await simulator.close();
  }
  const path = join(state, 'flycd', 'flycd.db');
  const store = openStore({ path, fleet, clock, redactor: new Redactor() });
  try {
    const app = nameOf(0);
    const [quiet, changed] = await store.runs({ app, all: true, limit: 2 });
    const [good] = await store.goodVersions(app);
    if (quiet?.outcome !== 'no-change' || changed?.outcome !== 'updated' || good === undefined)
      throw new Error('the passes that are to be repeated did not go as they were to');
    return { app, quiet, changed, good, memory: await store.memory(app) };
  } finally {
    await store.close();
  }
}

interface Writing extends HistorySizes {
  readonly recorded: Recorded;
}

async function writeCommits(store: Store, clock: IdleClock, { apps, commits, recorded }: Writing): Promise<void> {
  const all = Array.from({ length: apps }, (_, app) => nameOf(app));
  const revisionOf = (commit: number): string => commit.toString(16).padStart(digits, '0');
  let next = 0;
  for (let commit = 0; commit < commits; commit += 1) {
    const revision = revisionOf(commit);
    const touched = all.slice(next, next + appsPerCommit);
    next = next + appsPerCommit < apps ? next + appsPerCommit : 0;
    await receive(store, clock, touched);
    await store.seeRevision(revision);
    for (const app of touched) await writeChange(store, recorded, app, revision);
    // What was touched is looked at once more: the row that says that all is well since.
    const looked = commit % commitsPerFullPass === 0 ? all : touched;
    for (const app of looked) await writeNoChange(store, recorded, app, revisionOf(commit + 1));
    clock.set(betweenCommitsMs);
  }
}

async function receive(store: Store, clock: IdleClock, apps: readonly string[]): Promise<void> {
  const id = randomUUID();
  const push = { id, repo: 'https://github.com/example/fleet', ref: 'refs/heads/main', receivedAt: clock.now() };
  await store.storeDelivery(push);
  await store.finishDeliveries([id], apps);
  for (const { app, generation } of await store.dirtyApps()) await store.clearDirty(app, generation);
}

/** As text, since the app's name stands in targets, addresses and paths. */
function ofApp<Value>(value: Value, { app }: Recorded, name: string): Value {
  return JSON.parse(JSON.stringify(value).replaceAll(app, name)) as Value;
}

async function writeChange(store: Store, recorded: Recorded, app: string, revision: string): Promise<void> {
  const { changed, good, memory } = recorded;
  const run = ofApp(changed, recorded, app);
  const runId = await store.startRun({ ...run, revision, trigger: 'webhook', wholePlan: undefined });
  for (const result of run.results) await store.addResult(runId, result);
  for (const [name, evidence] of Object.entries(memory.evidence)) await store.setEvidence(app, name, evidence);
  await store.markKnown(app);
  await store.setPopulated(app, memory.populated ?? {});
  if (memory.told !== undefined) await store.setTold(app, memory.told);
  await store.addGood(app, { ...good.good, revision }, runId);
  await store.finishRun(runId, { outcome: 'updated', status: 'synced', nextWakeAt: undefined, plan: run.plan });
}

async function writeNoChange(store: Store, recorded: Recorded, app: string, revision: string): Promise<void> {
  const { plan } = ofApp(recorded.quiet, recorded, app);
  const runId = await store.startRun({ app, revision, trigger: 'timer', actor: 'flycd', plan });
  await store.finishRun(runId, { outcome: 'no-change', status: 'synced', nextWakeAt: undefined });
  const [, before] = await store.runs({ app, all: true, limit: 2 });
  if (before?.outcome === 'no-change') await store.foldRun(runId, before.id);
}

function largestTables(path: string): readonly { readonly name: string; readonly bytes: number }[] {
  const database = new Sqlite(path, { readonly: true });
  try {
    return database
      .prepare<[], { name: string; bytes: number }>(
        'SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY bytes DESC, name LIMIT 6',
      )
      .all();
  } finally {
    database.close();
  }
}
