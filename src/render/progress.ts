import { formatTime } from '../model/base/clock.ts';
import type { Progress } from '../model/progress.ts';
import { isOver, type StepResult } from '../model/run.ts';
import { stepName } from './step.ts';
import { toneOfOutcome, markOf, toneOf, toneOfStatus, createPaint } from './text/tone.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration, plainLines } from './text/plain.ts';

/** Steps that can take minutes say that they began; the others are over before anybody wonders. */
const announced: ReadonlySet<string> = new Set(['release', 'image.build', 'machine.update', 'machine.restart']);

/**
 * What is said of one event, '' for nothing: whole lines that never move the cursor, so that several apps at once, a
 * pipe and a CI log all read well.
 */
export function progressText(progress: Progress, colour: boolean): string {
  const paint = createPaint(colour);
  const app = paint('bold', plain(progress.app));
  switch (progress.type) {
    case 'app.started':
      return '';
    case 'step.started': {
      if (!announced.has(progress.step.kind)) return '';
      return `${app}: ${paint('dim', `… ${stepName(progress.step)}`)}\n`;
    }
    case 'step.finished': {
      const { step, result } = progress;
      const mark = markOf(step.kind);
      const name = paint(toneOf(mark), `${mark} ${stepName(step)}`);
      const outcome = paint(toneOfOutcome(result.outcome), result.outcome);
      const duration = formatDuration(result.finishedAt - result.startedAt);
      return `${app}: ${name} ${outcome} (${duration})\n${resultDetail(result)}`;
    }
    case 'waiting':
      return `${app}: ${paint('cyan', '! waiting')} until ${formatTime(progress.until)}: ${plain(progress.because)}\n`;
    case 'command.started': {
      const text = `… release command (until ${formatTime(progress.deadline)} at the latest): ${plain(progress.command)}`;
      return `${app}: ${paint('dim', text)}\n`;
    }
    case 'output':
      return `${app}: ${paint('dim', `| ${plain(progress.line)}`)}\n`;
    case 'held':
      return `${app}: ${paint('cyan', '! held')}: ${plain(progress.because)}\n`;
    case 'app.finished': {
      const { run } = progress;
      if (run.outcome === 'no-change') return '';
      const outcome = paint(toneOfOutcome(run.outcome), run.outcome ?? 'running');
      return `${app}: ${outcome}${isOver(run) ? '' : `, ${paint(toneOfStatus(run.status), run.status)}`}\n`;
    }
    default:
      return progress satisfies never;
  }
}

function resultDetail(result: StepResult): string {
  const lines = result.message === undefined ? [] : plainLines(result.message).map((line) => `    ${line}\n`);
  if (result.next !== undefined) lines.push(`    next: ${plain(result.next)}\n`);
  return lines.join('');
}
