import type { AppPlan, Plan, Step } from '../model/plan.ts';
import { problemLines, problemJson, problemsText, sortProblems, type ProblemJson } from './problems.ts';
import { destructiveFirst, holdLines, isDestructive, stepLines, type Line } from './step.ts';
import { toneOfStatus, markOf, createPaint, type Paint } from './text/tone.ts';
import { fence, markdownText } from './text/table.ts';
import { byText, list, plural } from '../model/base/text.ts';
import { stampKeys } from '../model/stamps/keys.ts';
import { plain } from '../model/base/plain.ts';
import { revisionText } from './text/plain.ts';

/** Digits of a plan's id in text: enough to compare by eye; JSON has all of it. */
const planIdDigits = 12;
/** GitHub refuses comments over 65,536 characters; the rest is room for what the sender puts around. */
const markdownCharactersMax = 60_000;
/** One app may not crowd out the others. */
const markdownAppCharactersMax = 20_000;

/** Apps that lose something come first, then by name. */
function orderApps(apps: readonly AppPlan[]): readonly AppPlan[] {
  return apps.toSorted(
    (a, b) => Number(b.steps.some(isDestructive)) - Number(a.steps.some(isDestructive)) || (a.app < b.app ? -1 : 1),
  );
}

function isWorthShowing(app: AppPlan): boolean {
  return app.status !== 'synced' || app.steps.length + app.holds.length + app.notes.length + app.problems.length > 0;
}

function appLines(app: AppPlan): readonly Line[] {
  return [
    ...destructiveFirst(app.steps).flatMap((step) => stepLines(step, 1)),
    ...app.holds.flatMap((hold) => holdLines(hold, 1)),
    ...app.notes.map((note): Line => ({ depth: 1, mark: undefined, text: `note: ${plain(note)}`, tone: 'dim' })),
    ...sortProblems(app.problems).flatMap((problem) =>
      problemLines(problem).map((text): Line => ({
        depth: 1,
        mark: undefined,
        text,
        tone: problem.severity === 'error' ? 'red' : 'yellow',
      })),
    ),
  ];
}

function lineText(line: Line, paint: Paint): string {
  const mark = line.mark === undefined ? '' : `${line.mark} `;
  return '  '.repeat(line.depth) + paint(line.tone, mark + line.text);
}

function header(plan: Plan): string {
  return `Fleet ${plain(plan.fleet)} at ${revisionText(plan.revision)}, plan ${plain(plan.planId.slice(0, planIdDigits))}`;
}

/** `Plan: 3 apps, 2 to change, 1 synced; 4 to create, 1 to update, 0 to destroy, 1 held.` */
export function closingLine(plan: Plan): string {
  const { summary } = plan;
  const counts = countPlan(plan);
  const apps = [plural(summary.apps, 'app'), `${summary.changed} to change`, `${summary.synced} synced`];
  if (summary.invalid > 0) apps.push(`${summary.invalid} invalid`);
  if (summary.failed > 0) apps.push(`${summary.failed} failed`);
  const steps = [
    `${counts.create} to create`,
    `${counts.update} to update`,
    `${counts.destroy} to destroy`,
    `${counts.held} held`,
  ];
  return `Plan: ${apps.join(', ')}; ${steps.join(', ')}.`;
}

/**
 * One line however many apps have nothing to do but to be taken over as they run: themselves, or a machine of theirs that
 * somebody else made. Other stamps only FlyCD reads, and nobody is told. undefined: there is none.
 */
export function adoptedLine({ apps }: Pick<Plan, 'apps'>): string | undefined {
  const names = apps.flatMap(({ app, steps, bookkeeping = [] }) =>
    steps.length === 0 && bookkeeping.some(isAdoption) ? [plain(app)] : [],
  );
  return names.length === 0 ? undefined : `adopted without a restart: ${list(names.toSorted(byText))}`;
}

/** Who owns the machine it did not say, or it is a copy and says another one's id. */
function isAdoption({ kind, changes }: Step): boolean {
  const isFirst = changes.some(({ path, from }) => path === `metadata.${stampKeys.fleet}` && from === undefined);
  const isCopy = changes.some(({ path, from }) => path === `metadata.${stampKeys.machine}` && from !== undefined);
  return kind === 'app.adopt' || isFirst || isCopy;
}

const notWhole = 'The config did not load whole: apps missing from it are unknown, and nothing is removed for that.';

/** The plan for a terminal. `colour` only where the stream is one. */
export function planText(plan: Plan, colour: boolean): string {
  const paint = createPaint(colour);
  const blocks: string[] = [paint('bold', header(plan))];
  if (plan.problems.length > 0) blocks.push(problemsText(plan.problems, colour).trimEnd());
  if (!plan.whole) blocks.push(paint('yellow', notWhole));
  for (const app of orderApps(plan.apps).filter(isWorthShowing)) {
    const place = app.file === '' ? '' : `  ${paint('dim', plain(app.file))}`;
    const title = `${paint('bold', plain(app.app))}  ${paint(toneOfStatus(app.status), app.status)}${degradedWord(app, paint)}${place}`;
    blocks.push([title, ...appLines(app).map((line) => lineText(line, paint))].join('\n'));
  }
  const adopted = adoptedLine(plan);
  if (adopted !== undefined) blocks.push(paint('dim', adopted));
  blocks.push(paint('bold', closingLine(plan)));
  return `${blocks.join('\n\n')}\n`;
}

/** Beside the status, in red; nothing where no machine is known to have ended for good. */
export function degradedWord({ degraded = [] }: AppPlan, paint: Paint): string {
  return degraded.length === 0 ? '' : `, ${paint('red', 'degraded')}`;
}

interface StepJson {
  readonly kind: string;
  readonly target: string;
  readonly because: string;
  readonly risk: string;
  readonly changes: readonly { readonly path: string; readonly from: unknown; readonly to: unknown }[];
  /** Of a release: what happens to each machine. */
  readonly machines?: readonly StepJson[];
}

function stepJson(step: Step): StepJson {
  const { kind, target, because, risk } = step;
  const changes = step.changes.map(({ path, from, to }) => ({ path, from: from ?? null, to: to ?? null }));
  const base = { kind, target, because, risk, changes };
  return step.kind === 'release' ? { ...base, machines: step.machines.map(stepJson) } : base;
}

export interface AppPlanJson {
  readonly app: string;
  readonly file: string;
  readonly status: string;
  /** null: nothing is known to be wrong, which is no promise. */
  readonly health: 'degraded' | null;
  readonly planId: string;
  readonly steps: readonly StepJson[];
  readonly holds: readonly object[];
  /** Stamps that are written beside the steps; not there where there are none. */
  readonly bookkeeping?: readonly StepJson[];
  readonly notes: readonly string[];
  readonly problems: readonly ProblemJson[];
}

export function appPlanJson(app: AppPlan): AppPlanJson {
  return {
    app: app.app,
    file: app.file,
    status: app.status,
    health: (app.degraded ?? []).length > 0 ? 'degraded' : null,
    planId: app.planId,
    steps: app.steps.map(stepJson),
    holds: app.holds.map((hold) => ({
      reason: hold.reason,
      because: hold.because,
      next: hold.next,
      retryAt: hold.retryAt === undefined ? null : new Date(hold.retryAt).toISOString(),
      steps: hold.steps.map(stepJson),
    })),
    ...(app.bookkeeping === undefined ? {} : { bookkeeping: app.bookkeeping.map(stepJson) }),
    notes: app.notes,
    problems: sortProblems(app.problems).map(problemJson),
  };
}

/** The contract of `diff --output json`. Steps carry their field changes, never whole configs. */
export function planJson(plan: Plan) {
  const { apps, synced, changed, invalid, failed, held } = plan.summary;
  return {
    fleet: plan.fleet,
    revision: plan.revision,
    planId: plan.planId,
    whole: plan.whole,
    summary: { apps, synced, changed, invalid, failed, held },
    apps: plan.apps.toSorted((a, b) => (a.app < b.app ? -1 : 1)).map(appPlanJson),
    problems: sortProblems(plan.problems).map(problemJson),
  };
}

/** For a pull request: one fold per app, destructive ones open, cut to what GitHub takes. */
export function planMarkdown(plan: Plan, charactersMax = markdownCharactersMax): string {
  const head = `### FlyCD: ${markdownText(closingLine(plan))}\n\n${markdownText(header(plan))}\n`;
  const problems =
    plan.problems.length === 0
      ? ''
      : `\n${fence(truncateLines(problemsText(plan.problems, false), markdownAppCharactersMax), 'diff')}\n`;
  const whole = plan.whole ? '' : `\n**${notWhole}**\n`;
  const adopted = adoptedLine(plan);
  let text = head + whole + problems + (adopted === undefined ? '' : `\n${markdownText(adopted)}\n`);
  const shown = orderApps(plan.apps).filter(isWorthShowing);
  for (const [index, app] of shown.entries()) {
    const block = appMarkdown(app);
    if (text.length + block.length > charactersMax) {
      return `${text}\n… and ${plural(shown.length - index, 'more app')}: run \`flycd diff\` for the whole plan.\n`;
    }
    text += block;
  }
  return text;
}

function appMarkdown(app: AppPlan): string {
  const open = app.steps.some(isDestructive) ? ' open' : '';
  const count = `${plural(app.steps.length, 'step')}${app.holds.length > 0 ? `, ${app.holds.length} held` : ''}`;
  const lines = appLines(app).map((line) => `${line.mark ?? ' '} ${'  '.repeat(line.depth - 1)}${line.text}`);
  const body = truncateLines(lines.join('\n'), markdownAppCharactersMax);
  const title = `<b>${markdownText(plain(app.app))}</b>: ${app.status}, ${count}`;
  return `\n<details${open}><summary>${title}</summary>\n\n${fence(body, 'diff')}\n\n</details>\n`;
}

function truncateLines(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const kept = text.slice(0, charactersMax);
  const end = kept.lastIndexOf('\n');
  return `${kept.slice(0, end < 0 ? charactersMax : end)}\n… cut here: run \`flycd diff\` for the rest.\n`;
}

interface Counts {
  readonly create: number;
  readonly update: number;
  readonly destroy: number;
  readonly held: number;
}

/** Things that come, change and go; a release counts as its machines, bookkeeping as nothing. */
function countPlan(plan: Pick<Plan, 'apps'>): Counts {
  const counts = { create: 0, update: 0, destroy: 0, held: 0 };
  for (const app of plan.apps) countApp(app, counts);
  return counts;
}

function countApp(app: AppPlan, counts: { create: number; update: number; destroy: number; held: number }): void {
  counts.held += app.holds.length;
  const steps = app.steps.flatMap((step): readonly Step[] =>
    step.kind === 'release' && step.machines.length > 0 ? step.machines : [step],
  );
  for (const step of steps) {
    const mark = markOf(step.kind);
    if (mark === '+') counts.create += 1;
    else if (mark === '-') counts.destroy += 1;
    else counts.update += 1;
  }
}
