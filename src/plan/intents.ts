/** Calls without a key on Fly's side whose answer was lost: doing them again at once could make a second one. */
import type { IntentKind } from '../model/memory.ts';
import type { HoldParts, PlanAppInput } from './input.ts';

/** Fly's lists lag: only two lists this far apart, both without the object, mean that the call did nothing. */
export const certaintyMs = 60_000;

/** What holds a step back while nobody can know. undefined: nothing, or whoever applies the plan waits itself. */
export function unclearIntent(
  input: PlanAppInput,
  kind: IntentKind,
  targets: readonly string[],
): Omit<HoldParts, 'steps'> | undefined {
  if (input.options.patience !== 'requeue') return undefined;
  const open = input.memory.intents
    .filter((intent) => intent.kind === kind && targets.includes(intent.target) && intent.made === undefined)
    .filter((intent) => input.now < intent.createdAt + certaintyMs)
    .toSorted((a, b) => b.createdAt - a.createdAt)[0];
  if (open === undefined) return undefined;
  return {
    reason: 'intent',
    because: `the answer to an earlier ${kind} of ${open.target} was lost, so it may have been done`,
    next: 'FlyCD looks again in a minute and decides from what it sees',
    retryAt: open.createdAt + certaintyMs,
  };
}
