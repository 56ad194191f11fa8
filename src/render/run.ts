import { formatTime } from '../model/base/clock.ts';
import { isOver, type Run, type StepResult } from '../model/run.ts';
import { appPlanJson } from './plan.ts';
import { holdLines } from './step.ts';
import { markOf, toneOf, toneOfStatus, toneOfOutcome, createPaint } from './text/tone.ts';
import { fence } from './text/table.ts';
import { plural } from '../model/base/text.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration, plainLines, revisionText } from './text/plain.ts';
import { runJson, took } from './history.ts';

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
      (isOver(run) ? '' : `, ${paint(toneOfStatus(run.status), run.status)}`),
    `  started ${formatTime(run.startedAt)}, ${finished}`,
    `  by ${plain(run.actor)} (${run.trigger}) at ${revisionText(run.revision)}`,
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
