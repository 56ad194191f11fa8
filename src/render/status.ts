import { formatTime } from '../model/base/clock.ts';
import type { AppStatus } from '../model/plan.ts';
import type { Run } from '../model/run.ts';
import { reasonCell, reasonOf, runJson } from './history.ts';
import { toneOfOutcome, toneOfStatus, createPaint } from './text/tone.ts';
import { filledColumns, markdownTable, textTable, type Cell, type Table } from './text/table.ts';
import { plural } from '../model/base/text.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration, revisionText } from './text/plain.ts';

/** The newest run of each app, as the last pass left them: nothing is asked of Fly. */
export interface FleetStatus {
  readonly fleet: string;
  readonly runs: readonly Run[];
  readonly now: number;
}

const messageCharactersMax = 120;

function byApp(runs: readonly Run[]): readonly Run[] {
  return runs.toSorted((a, b) => (a.app < b.app ? -1 : 1));
}

function ago(at: number, now: number): string {
  return `${formatDuration(now - at)} ago`;
}

/** For how long a person's word stands, or a failure. */
function ageOf(run: Run, now: number): string {
  const since = run.plan.holds.find((hold) => hold.since !== undefined)?.since;
  return since === undefined || run.status === 'synced' ? '' : ` (for ${formatDuration(now - since)})`;
}

function statusTable(status: FleetStatus): Table {
  const columns = ['APP', 'STATUS', 'LAST RUN', 'OUTCOME', 'WHEN', 'REVISION', 'WHY'];
  const rows = byApp(status.runs).map((run): (Cell | string)[] => [
    plain(run.app),
    { text: run.status, tone: toneOfStatus(run.status) },
    String(run.id),
    { text: run.outcome ?? 'running', tone: toneOfOutcome(run.outcome) },
    ago(run.finishedAt ?? run.startedAt, status.now),
    revisionText(run.revision),
    `${reasonCell(run, messageCharactersMax)}${ageOf(run, status.now)}`,
  ]);
  return { columns, rows };
}

function lastRun(status: FleetStatus): number | undefined {
  const times = status.runs.map((run) => run.finishedAt ?? run.startedAt);
  return times.length === 0 ? undefined : Math.max(...times);
}

function countLine(status: FleetStatus): string {
  const counts = new Map<AppStatus, number>();
  for (const run of status.runs) counts.set(run.status, (counts.get(run.status) ?? 0) + 1);
  const words = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => `${count} ${word}`);
  const at = lastRun(status);
  // Not the last pass: a loop keeps no record of those that find what the one before found.
  const when = at === undefined ? '' : ` Last run ${ago(at, status.now)}, at ${formatTime(at)}.`;
  return `Fleet ${plain(status.fleet)}: ${plural(status.runs.length, 'app')}, ${words.join(', ')}.${when}`;
}

export function statusText(status: FleetStatus, colour: boolean): string {
  if (status.runs.length === 0) {
    return `Fleet ${plain(status.fleet)}: no pass yet. \`flycd diff\` shows what one would do, \`flycd sync --once\` makes it.\n`;
  }
  return `${textTable(filledColumns(statusTable(status)), createPaint(colour))}\n\n${countLine(status)}\n`;
}

export function statusJson(status: FleetStatus) {
  const at = lastRun(status);
  return {
    fleet: status.fleet,
    lastRunAt: at === undefined ? null : new Date(at).toISOString(),
    apps: byApp(status.runs).map((run) => ({
      app: run.app,
      status: run.status,
      why: reasonOf(run),
      run: runJson(run),
    })),
  };
}

export function statusMarkdown(status: FleetStatus): string {
  if (status.runs.length === 0) return statusText(status, false);
  return `${markdownTable(filledColumns(statusTable(status)))}\n\n${countLine(status)}\n`;
}
