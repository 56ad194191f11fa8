import { formatTime } from '../model/base/clock.ts';
import type { RunOutcome } from '../model/run.ts';
import type { AppPlan, Plan } from '../model/plan.ts';
import { appPlanJson, planJson, planMarkdown, planText } from './plan.ts';
import { plain } from '../model/base/plain.ts';
import { createPaint } from './text/tone.ts';

/** A plan that somebody wanted done and that is no longer what a sync would do. */
interface Stale {
  readonly id: string;
  /** What it would do now. */
  readonly plan: Plan;
  /** What the plan of that id says, as `diff --output json` writes it, where that is known. */
  readonly before: readonly SaidPlan[] | undefined;
  /** false: it was a plan of one app, and says nothing of the others. */
  readonly ofFleet: boolean;
  /** That had the plan of that id. */
  readonly runs: readonly {
    readonly id: number;
    readonly startedAt: number;
    readonly outcome: RunOutcome | undefined;
  }[];
}

interface SaidPlan {
  readonly app: string;
  readonly steps: readonly (SaidStep & { readonly machines?: readonly SaidStep[] | undefined })[];
}

interface SaidStep {
  readonly kind: string;
  readonly target: string;
  readonly changes: readonly { readonly path: string; readonly to?: unknown }[];
}

interface Difference {
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

/** By what the steps do to what; a step that does the same another way is in both. */
function differenceOf({ plan, before, ofFleet }: Stale): Difference | undefined {
  if (before === undefined) return undefined;
  const was = new Set(before.flatMap(wordsOf));
  const isMeant = (now: AppPlan): boolean => ofFleet || before.some(({ app }) => app === now.app);
  const is = new Set(plan.apps.filter(isMeant).map(appPlanJson).flatMap(wordsOf));
  return { gone: [...was].filter((words) => !is.has(words)), come: [...is].filter((words) => !was.has(words)) };
}

function wordsOf({ steps }: SaidPlan): readonly string[] {
  return steps.flatMap((step) => [step, ...(step.machines ?? [])]).map(wordsOfStep);
}

function wordsOfStep({ kind, target, changes }: SaidStep): string {
  const said = changes.map(({ path, to }) => `${path}${to == null ? ' goes' : ` = ${JSON.stringify(to)}`}`);
  return `${kind} ${target}${said.length === 0 ? '' : ` (${said.join(', ')})`}`;
}

/** A fleet's has one of each app: a few say that it was done, and when. */
const runsMax = 3;

/** What failed first, then what was done; where neither is, apps that had nothing to do. */
function toldRuns(runs: Stale['runs']): Stale['runs'] {
  const rank = ({ outcome }: Stale['runs'][number]): number =>
    outcome === 'failed' ? 0 : outcome === 'held' || outcome === undefined ? 2 : outcome === 'no-change' ? 3 : 1;
  return runs.toSorted((one, other) => rank(one) - rank(other) || one.id - other.id).slice(0, runsMax);
}

function ranText({ id, startedAt, outcome }: Stale['runs'][number]): string {
  const at = formatTime(startedAt);
  const isDone = outcome === 'created' || outcome === 'updated' || outcome === 'deleted';
  return isDone
    ? `It was carried out at ${at}, in run ${id}: ${outcome}.`
    : `Run ${id} had it at ${at}: ${outcome ?? 'not over yet'}.`;
}

const unknown = 'The plan of that id is recorded nowhere here: what it said is not known.';

export function staleText(stale: Stale, colour: boolean): string {
  const paint = createPaint(colour);
  const difference = differenceOf(stale);
  const lines = [
    paint('yellow', `Plan ${plain(stale.id)} is not what a sync would do now: nothing was done.`),
    ...(difference === undefined ? [unknown] : toldRuns(stale.runs).map(ranText)),
    ...(difference?.gone ?? []).map((words) => paint('red', `  - ${plain(words)}`)),
    ...(difference?.come ?? []).map((words) => paint('green', `  + ${plain(words)}`)),
  ];
  return `${lines.join('\n')}\n\n${planText(stale.plan, colour)}`;
}

export function staleJson(stale: Stale) {
  const { id, plan, before } = stale;
  return {
    stale: id,
    before: before ?? null,
    difference: differenceOf(stale) ?? null,
    ...planJson(plan),
  };
}

export function staleMarkdown({ id, plan }: Stale): string {
  return `**Plan ${plain(id)} is not what a sync would do now: nothing was done.**\n\n${planMarkdown(plan)}`;
}
