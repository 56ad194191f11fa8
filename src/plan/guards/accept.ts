/** What a person accepts: `--accept` all that may be accepted at once, `--accept-only` just what it names. */
import type { Problem } from '../../model/base/problem.ts';
import { list, orList } from '../../model/base/text.ts';
import type { AppPlan, Hold, Step } from '../../model/plan.ts';
import { unlisted } from '../steps/contents.ts';
import { fewer, type GuardedPlan } from '../steps/guarded.ts';
import { holdBack, isConfirmable } from '../steps/hold.ts';
import { createsOf } from '../steps/select.ts';
import { isSameStep } from '../steps/plan-id.ts';
import { withSteps } from '../steps/status.ts';
import { shellWord } from '../../model/base/shell.ts';
import { appOf, wordOf } from '../steps/accept-word.ts';

export interface Acceptance {
  readonly accept: boolean;
  /** Names of apps, reasons of holds, or `app:NAME` for an app that is called like a reason. */
  readonly acceptOnly: readonly string[];
}

/** Reasons that a person's word lifts; all others say what else does. */
export const acceptableReasons = ['brake', 'destructive', 'volume'] as const satisfies readonly Hold['reason'][];

/** Named of what came into an app: the next plan lists all of it. */
const thingsMax = 5;

/** true: one of the words names this app, or this reason. */
export function isNamed(words: readonly string[], { app, reason }: Pick<Hold, 'app' | 'reason'>): boolean {
  return words.some((word) => {
    const named = appOf(word);
    return named === undefined ? word === reason : named === app;
  });
}

/**
 * With the steps of what was accepted among the others. Machines that are made anew for their mount are steps already where
 * the app was planned with that word: they are a release, with its command and its guards.
 */
export function releaseAccepted(plan: AppPlan, { accept, acceptOnly }: Acceptance): AppPlan {
  const isAccepted = (hold: Hold): boolean =>
    (accept && isConfirmable(hold)) || (isAcceptable(hold) && releases(acceptOnly, hold));
  const accepted = plan.holds.filter(isAccepted);
  if (accepted.length === 0) return plan;
  return withSteps(plan, {
    steps: [...plan.steps, ...accepted.flatMap((hold) => hold.steps)],
    holds: plan.holds.filter((hold) => !isAccepted(hold)),
  });
}

/**
 * Of a plan that was made anew: without what would take away more than the plan lists that a person read or accepted. It may
 * have come in between.
 */
export function holdUnlisted(plan: GuardedPlan, read: AppPlan): GuardedPlan {
  const before = [...read.steps, ...read.holds.flatMap((hold) => hold.steps)];
  const more = new Map(plan.steps.map((step) => [step, unlistedIn(step, before)]));
  const things = [...more.values()].flat();
  if (things.length === 0) return plan;
  const { app } = plan;
  const held = holdBack(plan, app, (step) => (more.get(step) ?? []).length > 0, {
    reason: 'destructive',
    because: `since the plan was made, this came into it and would go, too: ${list(things, thingsMax)}`,
    next: `flycd diff --app ${shellWord(app)} lists all that would go; then sync again`,
  });
  return fewer(plan, held);
}

/** What a step would take away that none of those before it lists. */
function unlistedIn(step: Step, before: readonly Step[]): readonly string[] {
  switch (step.kind) {
    case 'app.destroy':
      return unlisted(
        step,
        before.filter(({ kind }) => kind === step.kind),
      ).map(({ path, from }) => `${path} ${JSON.stringify(from)}`);
    case 'machine.destroy':
      // Of a slot that the list fills: what was made there for it is taken back.
      if (createsOf(before).some(({ target }) => target === step.target)) return [];
      return before.some((one) => isSameStep(one, step)) ? [] : [`${step.kind} ${step.target}`];
    case 'address.release':
    case 'secret.unset':
    case 'certificate.remove':
      return before.some((one) => isSameStep(one, step)) ? [] : [`${step.kind} ${step.target}`];
    default:
      return [];
  }
}

/** A reason is a word for many things: it reaches none that has to be called by its name. */
function releases(words: readonly string[], hold: Hold): boolean {
  return isNamed(hold.byName === true ? words.filter((word) => appOf(word) !== undefined) : words, hold);
}

function isAcceptable({ reason, steps }: Hold): boolean {
  return steps.length > 0 && acceptableReasons.some((one) => one === reason);
}

/**
 * Words that released nothing, each with that said: whoever typed it expects something of it. `held`: the plans with all
 * their holds, before any was released.
 */
export function idleWords(words: readonly string[], held: readonly AppPlan[]): readonly Problem[] {
  const holds = held.flatMap((plan) => plan.holds).filter(isAcceptable);
  const isIdle = (word: string): boolean => {
    const isMeant = held.some((plan) => isRemade(plan) && isNamed([word], { app: plan.app, reason: 'volume' }));
    return !isMeant && !holds.some((hold) => releases([word], hold));
  };
  return [...new Set(words)].filter(isIdle).map((word) => {
    const app = appOf(word);
    const unnamed = holds.filter((hold) => isNamed([word], hold)).map((hold) => hold.app);
    const what =
      unnamed.length > 0
        ? list([...new Set(unnamed)].map((name) => `${name} must be named (--accept-only ${shellWord(wordOf(name))})`))
        : app === undefined
          ? `nothing is held for ${word}`
          : `nothing of ${app} is held for ${orList(acceptableReasons)}`;
    const hint =
      app === undefined ? 'flycd diff shows what is held' : `flycd why ${shellWord(app)} says what it waits for`;
    const nowhere = { line: 0, column: 0, path: '' };
    return {
      severity: 'warning',
      file: `--accept-only ${shellWord(word)}`,
      ...nowhere,
      message: `released nothing: ${what}`,
      hint,
    };
  });
}

/** Its machines are made anew: such a plan had the word already. */
function isRemade({ steps }: AppPlan): boolean {
  return createsOf(steps).some(({ replaces = [] }) => replaces.length > 0);
}
