import { formatTime } from '../model/base/clock.ts';
import type { Run, StepResult } from '../model/run.ts';
import { appPlanJson } from './plan.ts';
import { holdLines, markOf, toneOf, toneOfStatus } from './step.ts';
import { fence, filledColumns, markdownTable, textTable, type Cell, type Table } from './table.ts';
import { createPaint, formatDuration, plain, plainLines, plural, shortRevision, truncate, type Tone } from './text.ts';

/** A message in a table is a pointer; `flycd history RUN` has the whole of it. */
const messageCharactersMax = 120;

export function toneOfOutcome(outcome: Run['outcome'] | StepResult['outcome']): Tone {
  switch (outcome) {
    case 'failed':
      return 'red';
    case 'held':
      return 'cyan';
    case 'interrupted':
    case undefined:
      return 'yellow';
    case 'no-change':
    case 'unchanged':
    case 'skipped':
      return 'dim';
    default:
      return 'green';
  }
}

/** The first failure of a run, else why it is held, else nothing. */
export function reasonOf(run: Run): string {
  const failed = run.results.find((result) => result.outcome === 'failed');
  if (failed !== undefined) return `${failed.kind} ${failed.target}: ${onOneLine(failed.message ?? 'failed')}`;
  const problem = run.plan.problems.find(({ severity }) => severity === 'error');
  return problem?.message ?? run.plan.holds[0]?.because ?? '';
}

/** Of several lines the first, which is ours, and the last, in which a builder or a command says what broke it. */
function onOneLine(message: string): string {
  const lines = message.split(/\r?\n/).filter((line) => line.trim() !== '');
  const [first = '', last = ''] = [lines[0], lines.at(-1)];
  return lines.length < 2 ? first : `${first}: ${last}`;
}

function took(run: Run): string {
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
    shortRevision(run.revision),
    truncate(plain(reasonOf(run)), messageCharactersMax),
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

/** One run with the plan it carried out. */
export function oneRunJson(run: Run) {
  return { ...runJson(run), plan: appPlanJson(run.plan) };
}

function resultLines(result: StepResult, colour: boolean): readonly string[] {
  const paint = createPaint(colour);
  const mark = markOf(result.kind);
  const duration = formatDuration(result.finishedAt - result.startedAt);
  const name = paint(toneOf(mark), `${mark} ${result.kind} ${plain(result.target)}`);
  const lines = [`  ${name}: ${paint(toneOfOutcome(result.outcome), result.outcome)} in ${duration}`];
  for (const line of result.message === undefined ? [] : plainLines(result.message)) lines.push(`      ${line}`);
  if (result.next !== undefined) lines.push(`      next: ${plain(result.next)}`);
  return lines;
}

/** One run: its head, the results of its steps in order, what was held. */
export function oneRunText(run: Run, colour: boolean): string {
  const paint = createPaint(colour);
  const finished = run.finishedAt === undefined ? 'still running' : `took ${took(run)}`;
  const lines = [
    paint('bold', `Run ${run.id} of ${plain(run.app)}: `) +
      paint(toneOfOutcome(run.outcome), run.outcome ?? 'running') +
      `, ${paint(toneOfStatus(run.status), run.status)}`,
    `  started ${formatTime(run.startedAt)}, ${finished}`,
    `  by ${plain(run.actor)} (${run.trigger}) at ${shortRevision(run.revision)}`,
    `  plan ${plain(run.plan.planId)} of fleet ${plain(run.fleet)}`,
  ];
  if (run.nextWakeAt !== undefined) lines.push(`  looks again at ${formatTime(run.nextWakeAt)}`);
  lines.push('', paint('bold', `${plural(run.results.length, 'step')}:`));
  lines.push(...run.results.flatMap((result) => resultLines(result, colour)));
  for (const hold of run.plan.holds) {
    for (const line of holdLines(hold, 1)) {
      lines.push(
        '  '.repeat(line.depth) + paint(line.tone, `${line.mark === undefined ? '' : `${line.mark} `}${line.text}`),
      );
    }
  }
  for (const note of run.plan.notes) lines.push(`  note: ${plain(note)}`);
  return `${lines.join('\n')}\n`;
}

/** For a pull request or an issue: the text, fenced. */
export function oneRunMarkdown(run: Run): string {
  return `${fence(oneRunText(run, false), '')}\n`;
}
