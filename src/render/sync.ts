import type { AppPlan, AppStatus, Plan } from '../model/plan.ts';
import type { Problem } from '../model/base/problem.ts';
import { isOver, nextsOf, type Run } from '../model/run.ts';
import { cellOf, reasonsOf, runJson } from './history.ts';
import { adoptedLine, planJson } from './plan.ts';
import { problemsText } from './problems.ts';
import { toneOfOutcome, toneOfStatus, createPaint } from './text/tone.ts';
import { fence, filledColumns, markdownTable, markdownText, textTable, type Cell, type Table } from './text/table.ts';
import { plural } from '../model/base/text.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration, revisionText } from './text/plain.ts';

/** What one pass did: the plan it made and the newest run of each app. */
export interface Sync {
  readonly plan: Plan;
  readonly runs: readonly Run[];
  /** Only of a pass that did nothing but take apps over: from whom, as a person typed it. */
  readonly takenFrom?: string | undefined;
}

const messageCharactersMax = 160;

/** A pass may run an app twice (it waited, then went on): the last run counts. */
export function latestRuns(runs: readonly Run[]): ReadonlyMap<string, Run> {
  const latest = new Map<string, Run>();
  for (const run of runs) {
    const before = latest.get(run.app);
    if (before === undefined || run.id >= before.id) latest.set(run.app, run);
  }
  return latest;
}

interface Row {
  readonly app: AppPlan;
  readonly run: Run | undefined;
}

function rowsOf(sync: Sync): readonly Row[] {
  const latest = latestRuns(sync.runs);
  const planned = new Set(sync.plan.apps.map(({ app }) => app));
  // What became of apps that nobody names any more has no plan.
  const others = [...latest.values()].map(({ plan }) => plan).filter(({ app }) => !planned.has(app));
  const apps = [...sync.plan.apps, ...others].toSorted((a, b) => (a.app < b.app ? -1 : 1));
  return apps.map((app) => ({ app, run: latest.get(app.app) }));
}

/** undefined: it is no more. */
function statusOf({ app, run }: Row): AppStatus | undefined {
  return run !== undefined && isOver(run) ? undefined : (run?.status ?? app.status);
}

function whyOf({ app, run }: Row): string {
  if (run !== undefined) return cellOf([...reasonsOf(run), ...(run.plan.degraded ?? [])], messageCharactersMax);
  const problem = app.problems.find(({ severity }) => severity === 'error');
  const told =
    problem === undefined ? [] : [problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`];
  const held = app.holds.map(({ because }) => because);
  return cellOf([told, held, app.notes.slice(0, 1)].find((texts) => texts.length > 0) ?? [], messageCharactersMax);
}

function nextOf({ app, run }: Row): string {
  return cellOf(run === undefined ? app.holds.map((hold) => hold.next) : nextsOf(run), messageCharactersMax);
}

function syncTable(rows: readonly Row[]): Table {
  const columns = ['APP', 'OUTCOME', 'STATUS', 'HEALTH', 'STEPS', 'TOOK', 'WHY', 'NEXT'];
  return {
    columns,
    rows: rows.map((row): (Cell | string)[] => {
      const { run } = row;
      const status = statusOf(row);
      const outcome = run === undefined ? '-' : (run.outcome ?? 'running');
      return [
        plain(row.app.app),
        { text: outcome, tone: run === undefined ? 'dim' : toneOfOutcome(run.outcome) },
        status === undefined ? { text: '-', tone: 'dim' } : { text: status, tone: toneOfStatus(status) },
        { text: isDegraded(row) ? 'degraded' : '', tone: 'red' },
        String(run?.results.length ?? 0),
        run?.finishedAt === undefined ? '' : formatDuration(run.finishedAt - run.startedAt),
        whyOf(row),
        nextOf(row),
      ];
    }),
  };
}

/** It has what git says, or waits for it, and a machine of it does not run. */
function isDegraded({ app, run }: Row): boolean {
  return ((run?.plan ?? app).degraded ?? []).length > 0;
}

/** An app that was synced and still is has no row: of a thousand apps a person wants the three that moved. */
function isNews(row: Row): boolean {
  const { app, run } = row;
  if (isDegraded(row)) return true;
  return run === undefined || run.outcome !== 'no-change' || run.status !== 'synced' || app.problems.length > 0;
}

/** What was taken over, then how the others are: nobody has compared any of them with git. */
function closingOfTakeOver(from: string, rows: readonly Row[]): string {
  const isTaken = ({ run }: Row): boolean => run?.outcome === 'updated';
  const taken = rows.filter(isTaken).length;
  const others = counted(rows.filter((row) => !isTaken(row)).flatMap((row) => statusOf(row) ?? []));
  const count = taken === 0 ? 'No app' : plural(taken, 'app');
  const next = taken === 0 ? '' : '; run flycd diff for what git still wants';
  return `${count} taken over from ${plain(from)}${others === '' ? '' : `, ${others}`}${next}.`;
}

/** Where each app stands now, then what was done for it. */
function closing(sync: Sync, rows: readonly Row[]): string {
  if (sync.takenFrom !== undefined) return closingOfTakeOver(sync.takenFrom, rows);
  const statuses = counted(rows.flatMap((row) => statusOf(row) ?? []));
  const outcomes = counted(rows.flatMap(({ run }) => run?.outcome ?? []).filter((word) => word !== 'no-change'));
  const degraded = rows.filter(isDegraded).length;
  const unwell = degraded === 0 ? '' : `, ${degraded} degraded`;
  const tail = statuses === '' ? '' : `: ${statuses}${unwell}`;
  const done = outcomes === '' ? '' : ` (${outcomes})`;
  const apps = plural(rows.length, 'app');
  return `Fleet ${plain(sync.plan.fleet)} at ${revisionText(sync.plan.revision)}, ${apps}${tail}${done}.`;
}

function counted(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}

function problemsOf({ plan }: Sync): readonly Problem[] {
  return [...plan.problems, ...plan.apps.flatMap((app) => app.problems)];
}

function adoptedIn(rows: readonly Row[]): string {
  const done = rows.filter(({ run }) => run?.outcome === 'no-change' || run?.outcome === 'updated');
  return adoptedLine({ apps: done.map(({ app }) => app) }) ?? '';
}

export function syncText(sync: Sync, colour: boolean): string {
  const rows = rowsOf(sync);
  const news = rows.filter(isNews);
  const problems = problemsOf(sync);
  const blocks = [
    problemsText(problems, colour).trimEnd(),
    news.length === 0 ? '' : textTable(filledColumns(syncTable(news)), createPaint(colour)),
    adoptedIn(rows),
    closing(sync, rows),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

export function syncJson(sync: Sync) {
  return { ...planJson(sync.plan), runs: [...latestRuns(sync.runs).values()].map(runJson) };
}

export function syncMarkdown(sync: Sync): string {
  const rows = rowsOf(sync);
  const problems = problemsOf(sync);
  const said = problems.length === 0 ? '' : `${fence(problemsText(problems, false), 'diff')}\n\n`;
  const adopted = adoptedIn(rows);
  const line = adopted === '' ? '' : `${markdownText(adopted)}\n\n`;
  return `### FlyCD: ${markdownText(closing(sync, rows))}\n\n${said}${line}${markdownTable(filledColumns(syncTable(rows)))}\n`;
}
