import type { AppPlan, Plan, Step } from '../model/plan.ts';
import { planJson, planMarkdown, planText, appPlanJson } from './plan.ts';
import { stepName } from './step.ts';
import { createPaint, plain } from './text.ts';

/** A plan that somebody wanted done and that is no longer what a sync would do. */
interface Stale {
  readonly id: string;
  /** What it would do now. */
  readonly plan: Plan;
  /** The plan of that id, where a run recorded it. */
  readonly before: AppPlan | undefined;
}

interface Difference {
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

/** By what the steps do to what; a step that does the same another way is in both. */
function differenceOf({ plan, before }: Stale): Difference | undefined {
  if (before === undefined) return undefined;
  const now = plan.apps.find(({ app }) => app === before.app);
  const was = new Set(before.steps.flatMap(wordsOf));
  const is = new Set((now?.steps ?? []).flatMap(wordsOf));
  return { gone: [...was].filter((words) => !is.has(words)), come: [...is].filter((words) => !was.has(words)) };
}

function wordsOf(step: Step): readonly string[] {
  const changes = step.changes.map(
    ({ path, to }) => `${path}${to === undefined ? ' goes' : ` = ${JSON.stringify(to)}`}`,
  );
  const own = `${stepName(step)}${changes.length === 0 ? '' : ` (${changes.join(', ')})`}`;
  return step.kind === 'release' ? [own, ...step.machines.flatMap(wordsOf)] : [own];
}

const unknown = 'The plan of that id is recorded nowhere here: what it said is not known.';

export function staleText(stale: Stale, colour: boolean): string {
  const paint = createPaint(colour);
  const difference = differenceOf(stale);
  const lines = [
    paint('yellow', `Plan ${plain(stale.id)} is not what a sync would do now: nothing was done.`),
    ...(difference === undefined ? [unknown] : []),
    ...(difference?.gone ?? []).map((words) => paint('red', `  - ${plain(words)}`)),
    ...(difference?.come ?? []).map((words) => paint('green', `  + ${plain(words)}`)),
  ];
  return `${lines.join('\n')}\n\n${planText(stale.plan, colour)}`;
}

export function staleJson(stale: Stale) {
  const { id, plan, before } = stale;
  return {
    stale: id,
    before: before === undefined ? null : appPlanJson(before),
    difference: differenceOf(stale) ?? null,
    ...planJson(plan),
  };
}

export function staleMarkdown({ id, plan }: Stale): string {
  return `**Plan ${plain(id)} is not what a sync would do now: nothing was done.**\n\n${planMarkdown(plan)}`;
}
