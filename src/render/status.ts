import { formatTime } from '../model/base/clock.ts';
import type { AppStatus } from '../model/plan.ts';
import { halt, nextsOf, type Run } from '../model/run.ts';
import { cellOf, reasonsOf, runJson } from './history.ts';
import { toneOfOutcome, toneOfStatus, createPaint } from './text/tone.ts';
import { filledColumns, markdownTable, markdownText, textTable, type Cell, type Table } from './text/table.ts';
import { byText, list, plural } from '../model/base/text.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration, revisionText } from './text/plain.ts';

/** The newest run of each app, as the last pass left them: nothing is asked of Fly. And what is known to come. */
export interface FleetStatus {
  readonly fleet: string;
  readonly runs: readonly Run[];
  /** Webhook deliveries that nobody has worked through: which apps they concern is not known yet. */
  readonly deliveries: readonly OpenDelivery[];
  /** Apps that are marked for a pass that has not begun. */
  readonly due: readonly string[];
  readonly now: number;
}

interface OpenDelivery {
  readonly repo: string;
  readonly ref: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

const messageCharactersMax = 120;

/** Of a run that goes on: what is known of it. undefined: it has an end. */
function openWords({ outcome, startedAt, results }: Run, now: number): string | undefined {
  if (outcome !== undefined) return undefined;
  const at = Math.max(startedAt, ...results.map(({ finishedAt }) => finishedAt));
  const done = results.length === 0 ? '' : `, ${plural(results.length, 'step')} since, the last ${ago(at, now)}`;
  return `began ${ago(startedAt, now)}${done}`;
}

/** Beside the status, for a machine may end long after it had all that git says. Of one that has not ended nothing is claimed. */
function isDegraded({ plan: { degraded = [] } }: Run): boolean {
  return degraded.length > 0;
}

function whysOf(run: Run): readonly string[] {
  const reasons = reasonsOf(run);
  const isCutShort = run.outcome === 'interrupted' && reasons.length === 0;
  const cutShort = isCutShort ? ['its FlyCD was ended in the middle of it; flycd sync --once goes on from there'] : [];
  return [...reasons, ...cutShort, ...(run.plan.degraded ?? [])];
}

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

/** When what went wrong is tried again, where the last pass said so. */
function triesAgain(run: Run, now: number): string {
  const { nextWakeAt } = run;
  return halt(run) !== undefined && nextWakeAt !== undefined && nextWakeAt > now
    ? ` (tries again at ${formatTime(nextWakeAt)})`
    : '';
}

/** Nothing of a run without an end: it may be doing it now. */
function nextOf(run: Run): string {
  return run.outcome === undefined ? '' : cellOf(nextsOf(run), messageCharactersMax);
}

function statusTable(status: FleetStatus): Table {
  const columns = ['APP', 'STATUS', 'HEALTH', 'LAST RUN', 'OUTCOME', 'WHEN', 'REVISION', 'WHY', 'NEXT'];
  const rows = byApp(status.runs).map((run): (Cell | string)[] => [
    plain(run.app),
    { text: run.status, tone: toneOfStatus(run.status) },
    { text: isDegraded(run) ? 'degraded' : '', tone: 'red' },
    String(run.id),
    { text: run.outcome ?? 'running', tone: toneOfOutcome(run.outcome) },
    ago(run.finishedAt ?? run.startedAt, status.now),
    revisionText(run.revision),
    openWords(run, status.now) ??
      `${cellOf(whysOf(run), messageCharactersMax)}${ageOf(run, status.now)}${triesAgain(run, status.now)}`,
    nextOf(run),
  ]);
  return { columns, rows };
}

function lastRun(status: FleetStatus): number | undefined {
  const times = status.runs.map((run) => run.finishedAt ?? run.startedAt);
  return times.length === 0 ? undefined : Math.max(...times);
}

function countLine(status: FleetStatus): string {
  const counts = new Map<AppStatus, number>();
  for (const { status: word } of status.runs) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => `${count} ${word}`);
  const degraded = status.runs.filter(isDegraded).length;
  if (degraded > 0) words.push(`${degraded} degraded`);
  const at = lastRun(status);
  // Not the last pass: a loop keeps no record of those that find what the one before found.
  const when = at === undefined ? '' : ` Last run ${ago(at, status.now)}, at ${formatTime(at)}.`;
  return `Fleet ${plain(status.fleet)}: ${plural(status.runs.length, 'app')}, ${words.join(', ')}.${when}`;
}

/** What the table does not know yet. */
function comingLines({ deliveries, due, now }: FleetStatus): readonly string[] {
  const [oldest] = deliveries.toSorted((a, b) => a.receivedAt - b.receivedAt);
  const apps = [...new Set(due)].toSorted(byText).map(plain);
  const lines: string[] = [];
  if (oldest !== undefined) {
    const count = deliveries.length === 1 ? '1 webhook delivery is' : `${deliveries.length} webhook deliveries are`;
    const what = `the oldest from ${ago(oldest.receivedAt, now)}: ${plain(oldest.ref)} of ${plain(oldest.repo)}`;
    lines.push(`${count} not worked through yet, ${what}.`);
  }
  if (apps.length > 0) lines.push(`A pass is due: ${list(apps)}.`);
  return lines;
}

export function statusText(status: FleetStatus, colour: boolean): string {
  if (status.runs.length === 0) {
    const none = `Fleet ${plain(status.fleet)}: no pass yet. \`flycd diff\` shows what one would do, \`flycd sync --once\` makes it.`;
    return `${[none, ...comingLines(status)].join('\n')}\n`;
  }
  const table = textTable(filledColumns(statusTable(status)), createPaint(colour));
  return `${table}\n\n${[countLine(status), ...comingLines(status)].join('\n')}\n`;
}

export function statusJson(status: FleetStatus) {
  const at = lastRun(status);
  return {
    fleet: status.fleet,
    lastRunAt: at === undefined ? null : new Date(at).toISOString(),
    apps: byApp(status.runs).map((run) => ({
      app: run.app,
      status: run.status,
      health: isDegraded(run) ? 'degraded' : null,
      why: openWords(run, status.now) ?? [...new Set(whysOf(run))].join('; '),
      next: run.outcome === undefined ? [] : [...new Set(nextsOf(run))],
      run: runJson(run),
    })),
    deliveries: status.deliveries.map(({ repo, ref, receivedAt }) => ({
      repo,
      ref,
      receivedAt: new Date(receivedAt).toISOString(),
    })),
    due: [...new Set(status.due)].toSorted(byText),
  };
}

export function statusMarkdown(status: FleetStatus): string {
  if (status.runs.length === 0) return statusText(status, false);
  const lines = [countLine(status), ...comingLines(status).map(markdownText)];
  return `${markdownTable(filledColumns(statusTable(status)))}\n\n${lines.join('\n\n')}\n`;
}
