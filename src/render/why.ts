import { notHealedWords } from '../model/base/policy.ts';
import { formatTime } from '../model/base/clock.ts';
import type { AppPlan, AppStatus, Hold } from '../model/plan.ts';
import { halt, type Run } from '../model/run.ts';
import { reasonOf, runJson } from './history.ts';
import { appPlanJson, degradedWord } from './plan.ts';
import { stepName } from './step.ts';
import { toneOfStatus, createPaint } from './text/tone.ts';
import { fence } from './text/table.ts';
import { plural } from '../model/base/text.ts';
import { plain } from '../model/base/plain.ts';
import { formatDuration } from './text/plain.ts';
import { shellWord } from '../model/base/shell.ts';

/** What keeps an app from being as git says. */
interface Why {
  /** The one asked for; where a file has no name, it may be the one that is meant. */
  readonly apps: readonly AppPlan[];
  /** Its newest run. */
  readonly run: Run | undefined;
  /** true: `sync.auto: false`, so the loop does none of its steps. */
  readonly isManual: boolean;
  readonly now: number;
}

/** Holds that Fly or time lifts; any other waits for a person. */
const passing: ReadonlySet<Hold['reason']> = new Set(['busy', 'unread', 'intent', 'dependency', 'unreachable']);

/**
 * When FlyCD looks at a hold again, and what can come of that. `wakeAt`, when the loop comes back, is what happens; the hold's
 * own time is what a pass of this moment would ask for.
 */
function triesNext(hold: Hold, wakeAt: number | undefined): string {
  const at = hold.retryAt === undefined ? undefined : (wakeAt ?? hold.retryAt);
  if (at !== undefined) return `at ${formatTime(at)}`;
  if (passing.has(hold.reason)) return 'with the next pass of serve, or flycd sync --once';
  return 'each pass looks; nothing comes of it before somebody acts';
}

function holdText(hold: Hold, { now, run }: Why): readonly string[] {
  const since = hold.since === undefined ? '' : ` (for ${formatDuration(now - hold.since)})`;
  return [
    `  waits (${hold.reason}): ${plain(hold.because)}${since}`,
    `    lifted by: ${plain(hold.next)}`,
    `    looks again: ${triesNext(hold, wakeAfter(run, now))}`,
    ...hold.steps.map((step) => `    then: ${stepName(step)}`),
  ];
}

/** undefined: nobody has said, or that is over. */
function wakeAfter(run: Run | undefined, now: number): number | undefined {
  return run?.nextWakeAt !== undefined && run.nextWakeAt > now ? run.nextWakeAt : undefined;
}

function runText({ run, now }: Why, { holds, steps }: AppPlan): readonly string[] {
  if (run === undefined) return ['  no run of it is recorded here'];
  const when = `${formatDuration(now - (run.finishedAt ?? run.startedAt))} ago`;
  const reason = reasonOf(run);
  const halted = halt(run);
  const next = halted?.next;
  const wakeAt = wakeAfter(run, now);
  // What waits has said by itself when it is looked at again.
  const again =
    holds.length > 0 && steps.length === 0
      ? []
      : wakeAt !== undefined
        ? [`    tries again: at ${formatTime(wakeAt)}`]
        : run.status === 'failed' || (run.outcome === 'held' && halted !== undefined)
          ? [
              '    tries again: with growing pauses while flycd serve runs, 5 minutes apart at most, an hour for what Fly refused',
            ]
          : [];
  return [
    `  last run: ${run.id}, ${run.outcome ?? 'still running'}, ${when}, by ${plain(run.actor)}${reason === '' ? '' : `: ${plain(reason)}`}`,
    ...(next === undefined ? [] : [`    look: ${plain(next)}`]),
    ...again,
    `    look: flycd history ${shellWord(String(run.id))}`,
  ];
}

function appText(why: Why, app: AppPlan, colour: boolean): string {
  const paint = createPaint(colour);
  const { holds, steps, problems } = app;
  const errors = problems.filter(({ severity }) => severity === 'error');
  const isIdle = holds.length + steps.length + errors.length === 0;
  const undone = isIdle ? undoneIn(why, app) : undefined;
  const status = undone === undefined ? app.status : undone.status;
  const lines = [
    `${paint('bold', plain(app.app))}: ${paint(toneOfStatus(status), status)}${degradedWord(app, paint)}`,
    ...errors.map((problem) => `  ${plain(problem.message)}\n    look: flycd validate --app ${shellWord(app.app)}`),
    ...holds.flatMap((hold) => holdText(hold, why)),
    ...(steps.length === 0 ? [] : [`  ${plural(steps.length, 'step')} to do ${turnOf(why, app)}`]),
    ...(isIdle ? [`  ${undone === undefined ? nothingText(app) : undone.text}`] : []),
    ...app.notes.map((note) => `  note: ${plain(note)}`),
    ...runText(why, app),
  ];
  return `${lines.join('\n')}\n`;
}

function turnOf({ isManual }: Why, { app }: AppPlan): string {
  if (!isManual) return `with the next pass: flycd diff --app ${shellWord(app)}`;
  return `that the loop leaves to you (sync.auto: false): flycd sync --once --app ${shellWord(app)}`;
}

/** What its last run could not do and is to be done still, though no plan shows it. undefined: there is no such step. */
function undoneIn(
  { run }: Why,
  { bookkeeping = [] }: AppPlan,
): { readonly status: AppStatus; readonly text: string } | undefined {
  const halted = run === undefined ? undefined : halt(run);
  const step = bookkeeping.find(({ kind, target }) => kind === halted?.kind && target === halted.target);
  if (run === undefined || step === undefined) return undefined;
  return { status: run.status, text: `it runs as git says; its last run could not do one thing: ${stepName(step)}` };
}

/** Of an app with nothing to do, held or wrong. */
function nothingText({ status, notes }: AppPlan): string {
  if (status === 'orphaned') return 'it waits for nothing: FlyCD leaves it as it is';
  if (notes.some((note) => note.endsWith(notHealedWords))) return `it waits for nothing: ${notHealedWords}`;
  return 'it waits for nothing: Fly is as git says';
}

export function whyText(why: Why, colour: boolean): string {
  return why.apps.map((app) => appText(why, app, colour)).join('\n');
}

export function whyJson(why: Why) {
  const { apps, run } = why;
  return { apps: apps.map(appPlanJson), lastRun: run === undefined ? null : runJson(run) };
}

export function whyMarkdown(why: Why): string {
  return `${fence(whyText(why, false).trimEnd(), '')}\n`;
}
