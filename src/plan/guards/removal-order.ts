/** An app that git no longer names goes last: it may be what the others replace, or need. */
import type { DesiredFleet } from '../../model/desired.ts';
import type { ObservedApp } from '../../model/observed.ts';
import type { AppPlan, Hold } from '../../model/plan.ts';
import { shellWord } from '../../model/base/shell.ts';
import { list } from '../../model/base/text.ts';
import { holdBack } from '../steps/hold.ts';
import { withSteps } from '../steps/status.ts';
import { lackOf, otherAppsLookMs } from './dependencies.ts';
import { acceptCommand } from '../steps/accept-word.ts';

/** true: an app goes that git no longer names, where nothing holds it. */
export function prunesApps({ policy, named, whole }: DesiredFleet): boolean {
  return policy.prune.includes('app') && named && whole;
}

export interface RemovalOrderInput {
  readonly fleet: DesiredFleet;
  /** Of apps that git names: those that the pass is about, invalid ones, and those that could not be planned. */
  readonly plans: readonly AppPlan[];
  readonly observed: readonly ObservedApp[];
  readonly failedNow?: readonly string[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Apps named in a hold: enough to know where to look. */
const namesMax = 5;

/**
 * The plans of orphans without the destroys that have to wait: a renamed app's old machines serve until the new ones do, and
 * a commit that fails takes nothing away. A person who accepts that does not wait; what another app's file still names is
 * not theirs to accept.
 */
export function holdRemovals(orphans: readonly AppPlan[], input: RemovalOrderInput): readonly AppPlan[] {
  if (orphans.every(({ steps }) => steps.length === 0)) return orphans;
  const failed = (input.failedNow ?? []).map((app) => `${app} failed in this pass`);
  const waits = [...failed, ...lackingOf(input).map(({ app, lack }) => `${app} ${lack}`)];
  return orphans.map((plan) => {
    const parts = neededHold(plan.app, input.fleet) ?? lastHold(waits, plan.app, input.now);
    if (parts === undefined) return plan;
    const held = holdBack(plan, plan.app, () => true, parts);
    return withSteps(plan, held);
  });
}

/** Apps of git that are not yet as git says, and what each lacks. */
export function lackingOf({ plans, observed }: Pick<RemovalOrderInput, 'plans' | 'observed'>) {
  const seen = new Map(observed.map((app) => [app.name, app]));
  return plans.flatMap((plan) => {
    const lack = plan.status === 'orphaned' ? undefined : (lackOf(plan, seen.get(plan.app)) ?? restOf(plan));
    return lack === undefined ? [] : [{ app: plan.app, lack }];
  });
}

/**
 * What is still to be done in an app, or may not be: an address, a secret or a roll that is missing may be all that keeps it
 * from taking another one's place. Drift that is only reported moved nothing that git says, and labels move nothing at all.
 */
function restOf({ app, steps, holds }: AppPlan): string | undefined {
  const held = holds.filter(({ reason }) => reason !== 'drift');
  const isOpen = [...steps, ...held.flatMap((hold) => hold.steps)].some(({ kind }) => kind !== 'machine.label');
  if (isOpen) return 'is not as git says yet';
  const [first] = held;
  if (first === undefined) return undefined;
  // Those wait for a person, who may have forgotten.
  const isWord = first.reason === 'suspended' || first.reason === 'rollback';
  return isWord ? `is held (${first.reason}) until flycd resume ${shellWord(app)}` : `is held (${first.reason})`;
}

/** Time may lift it within the same pass: once the others have had their turn. */
export function goesLast({ reason, steps, retryAt, byName }: Hold): boolean {
  return (
    reason === 'destructive' &&
    byName !== true &&
    retryAt !== undefined &&
    steps.some(({ kind }) => kind === 'app.destroy')
  );
}

type Parts = Pick<Hold, 'reason' | 'because' | 'next'> & { readonly retryAt?: number };

function lastHold(waits: readonly string[], app: string, now: number): Parts | undefined {
  if (waits.length === 0) return undefined;
  return {
    reason: 'destructive',
    because: `git no longer names it. FlyCD destroys it only after every other app runs what git says: ${list(waits, namesMax)}`,
    next: `FlyCD goes on by itself when they run what git says; or ${acceptCommand(app)}`,
    retryAt: now + otherAppsLookMs,
  };
}

function neededHold(app: string, { invalid }: DesiredFleet): Parts | undefined {
  const by = invalid
    .filter(({ dependsOn = [] }) => dependsOn.includes(app))
    .map(({ name, file }) => `${name ?? 'an app'} (${file})`);
  if (by.length === 0) return undefined;
  return {
    reason: 'dependency',
    because: `${list(by, namesMax)} names it in depends_on`,
    next: 'take it out of depends_on there, or bring its app.yaml back',
  };
}
