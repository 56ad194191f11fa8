import { formatTime } from '../model/base/clock.ts';
import { halt, isOver, type Run } from '../model/run.ts';
import { filledColumns, markdownTable, textTable, type Cell, type Table } from './text/table.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration, revisionText, truncate } from './text/plain.ts';
import { createPaint, toneOfOutcome } from './text/tone.ts';

/** A message in a table is a pointer; `flycd history RUN` has the whole of it. */
const messageCharactersMax = 120;

/** The first failure of a run, else what it waits for or why it is held, by each hold, else nothing. */
export function reasonsOf(run: Run): readonly string[] {
  const halted = halt(run);
  if (halted !== undefined) return [`${halted.kind} ${halted.target}: ${onOneLine(halted.message ?? halted.outcome)}`];
  const problem = run.plan.problems.find(({ severity }) => severity === 'error');
  if (problem !== undefined) return [problem.message];
  if (run.plan.holds.length > 0) return run.plan.holds.map(({ because }) => because);
  // Nobody destroyed it here: its plan says how that is known.
  return isOver(run) && run.results.length === 0 ? run.plan.notes.slice(0, 1) : [];
}

export function reasonOf(run: Run): string {
  return [...new Set(reasonsOf(run))].join('; ');
}

function reasonCell(run: Run, charactersMax: number): string {
  return cellOf(reasonsOf(run), charactersMax);
}

/** Each of several is named, however long the first is. */
export function cellOf(texts: readonly string[], charactersMax: number): string {
  const different = [...new Set(texts)].filter((text) => text !== '');
  const each = Math.floor(charactersMax / Math.min(2, Math.max(1, different.length)));
  return different.map((text) => truncate(plain(text), each)).join('; ');
}

/** Of several lines the first, which is ours, and the last, in which a builder or a command says what broke it. */
function onOneLine(message: string): string {
  const lines = message.split(/\r?\n/).filter((line) => line.trim() !== '');
  const [first = '', last = ''] = [lines[0], lines.at(-1)];
  return lines.length < 2 ? first : `${first}: ${last}`;
}

export function took(run: Run): string {
  return run.finishedAt === undefined ? '' : formatDuration(run.finishedAt - run.startedAt);
}

function runsTable(runs: readonly Run[]): Table {
  const columns = ['RUN', 'STARTED', 'APP', 'OUTCOME', 'STEPS', 'TOOK', 'TRIGGER', 'BY', 'REVISION', 'WHY'];
  const rows = runs.map((run): (Cell | string)[] => [
    String(run.id),
    formatTime(run.startedAt),
    plain(run.app),
    { text: run.outcome ?? 'running', tone: toneOfOutcome(run.outcome) },
    String(run.results.length),
    took(run),
    run.trigger,
    plain(run.actor),
    revisionText(run.revision),
    reasonCell(run, messageCharactersMax),
  ]);
  return { columns, rows };
}

/** Runs, newest first. */
export function runsText(runs: readonly Run[], colour: boolean): string {
  if (runs.length === 0) return 'No runs yet: `flycd sync --once` makes the first.\n';
  return `${textTable(filledColumns(runsTable(runs)), createPaint(colour))}\n`;
}

export function runsMarkdown(runs: readonly Run[]): string {
  return `${markdownTable(filledColumns(runsTable(runs)))}\n`;
}

function time(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

export function runJson(run: Run) {
  return {
    id: run.id,
    fleet: run.fleet,
    app: run.app,
    trigger: run.trigger,
    actor: run.actor,
    revision: run.revision,
    planId: run.plan.planId,
    startedAt: time(run.startedAt),
    finishedAt: time(run.finishedAt),
    outcome: run.outcome ?? null,
    status: run.status,
    nextWakeAt: time(run.nextWakeAt),
    results: run.results.map((result) => ({
      kind: result.kind,
      target: result.target,
      outcome: result.outcome,
      message: result.message ?? null,
      next: result.next ?? null,
      startedAt: time(result.startedAt),
      finishedAt: time(result.finishedAt),
    })),
  };
}

export function runsJson(runs: readonly Run[]) {
  return { runs: runs.map(runJson) };
}
