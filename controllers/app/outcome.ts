import { retryAtOf, type Fault } from '../../src/model/base/fault.ts';
import { datedNow } from '../../src/model/base/moment.ts';
import type { AppPlan, AppStatus, Hold, Step } from '../../src/model/plan.ts';
import type { Run, StepResult, RunOutcome } from '../../src/model/run.ts';
import { isNews } from '../../src/model/standing/remembered.ts';
import { madeByLostCalls, vainIntents } from '../../src/plan/kinds/lost-calls.ts';
import { settledIntents, placeOf, placesWanted } from '../../src/plan/kinds/intents.ts';
import { healPath } from '../../src/plan/app.ts';
import { writesOf } from '../../src/plan/steps/bookkeeping.ts';
import { statusOfHolds } from '../../src/plan/steps/status.ts';
import { Overruled } from '../pass/basis.ts';
import { shownApp } from './plan-app.ts';
import { settleGrowth } from '../kinds/volume-growth.ts';
import type { SyncAppOptions, SyncAppRequest } from './types.ts';

/**
 * What kept an app from being touched is a run too, so that `status` and `history` say it. An app whose name could not be
 * read has none: it could never be told apart from the one it becomes.
 */
export async function recordUntouched(
  request: Pick<SyncAppOptions, 'store' | 'fleet' | 'trigger' | 'actor'> & { readonly plan: AppPlan },
  /** The same, with another reason by now. */
  before?: Pick<Run, 'id'>,
): Promise<Run | undefined> {
  const { store, fleet, plan, trigger, actor } = request;
  if (plan.app === plan.file) return undefined;
  const runId = before?.id ?? (await store.startRun({ app: plan.app, trigger, actor, revision: fleet.revision, plan }));
  const outcome = plan.status === 'pending' ? 'held' : 'failed';
  return store.finishRun(runId, { outcome, status: plan.status, nextWakeAt: undefined, plan });
}

/** The one place where a pass gets its outcome and the app its status word. */
export function conclude(
  plan: AppPlan,
  results: readonly StepResult[],
  how: {
    readonly faults: readonly Fault[];
    readonly stopped: boolean;
    /** A release failed, and this is the plan that the app was left with. */
    readonly held?: AppPlan | undefined;
    /** Another owner came first. */
    readonly lost?: Hold | undefined;
  },
): { readonly outcome: RunOutcome; readonly status: AppStatus } {
  const { faults, held } = how;
  // No alarm beyond that: what failed is not tried again.
  if (held !== undefined) return { outcome: 'failed', status: statusOfHolds(held.holds) };
  const waits = faults.every((fault) => fault.kind === 'waiting' || fault.kind === 'held');
  if (!waits) return { outcome: 'failed', status: 'failed' };
  const isLeft = results.some(({ outcome }) => outcome === 'skipped' || outcome === 'interrupted');
  if (how.stopped && (isLeft || results.length < plan.steps.length))
    return { outcome: 'interrupted', status: 'pending' };
  // Somebody else is at work, there is no room, or a person has to act: no alarm, FlyCD comes back.
  if (faults.length > 0)
    return { outcome: 'held', status: how.lost === undefined ? statusOfFaults(faults) : statusOfHolds([how.lost]) };
  if (plan.holds.length > 0) {
    return { outcome: results.length === 0 ? 'held' : outcomeOf(results), status: statusOfHolds(plan.holds) };
  }
  return { outcome: outcomeOf(results), status: plan.steps.length > 0 ? 'synced' : plan.status };
}

function outcomeOf(results: readonly StepResult[]): RunOutcome {
  if (results.some((result) => result.kind === 'app.create' && result.outcome === 'created')) return 'created';
  return results.some((result) => result.outcome !== 'unchanged') ? 'updated' : 'no-change';
}

/** What was healed, by machine and path: the third time in an hour it is held instead. */
export function healedPaths(plan: AppPlan, results: readonly StepResult[]): readonly string[] {
  const done = new Set(results.filter((result) => result.outcome === 'updated').map((result) => result.target));
  return plan.steps
    .filter((step) => step.kind === 'machine.update' && step.reason === 'drift' && done.has(step.target))
    .flatMap((step) => step.changes.map((change) => healPath(step.target, change)));
}

/** What the next plan has to know and Fly does not say. */
export async function rememberPass(
  request: SyncAppRequest,
  results: readonly StepResult[],
  failed: boolean,
): Promise<void> {
  const { store, app, plan, fleet } = request;
  // Who gives way in an app that is another's has made none of it.
  const isDone = writesOf(plan).length > 0 && !failed && !plan.holds.some(({ reason }) => reason === 'owner');
  if (isDone) await store.markKnown(app.name);
  // A pass that went well has given a new app its first addresses; one that somebody releases later stays released.
  const asked = defaultAllocations(request, [...plan.steps, ...plan.holds.flatMap((hold) => hold.steps)]);
  const { intents, made, defaultAddressesOwed } = await store.memory(app.name);
  const isOver = !failed && plan.holds.length === 0;
  // A pass that was killed after the last of them left none to be asked for, and nobody else to say so.
  // What has no services is owed them still.
  const hasServices = app.groups.some(({ config }) => (config.services ?? []).length > 0);
  const isThere = isOver && defaultAddressesOwed ? hasServices : isDone;
  const isGiven = asked.length > 0 ? asked.every((target) => isCreated(results, target)) : isThere;
  // Once git lists addresses they are its own matter: taken out of the list again, none of them is owed.
  const waits = plan.holds.some(({ steps }) => steps.some(({ kind }) => kind.startsWith('address.')));
  const isListed = app.network.ips !== undefined && defaultAddressesOwed && !failed && !waits;
  if (isListed || (app.network.ips === undefined && isGiven)) await store.markDefaultAddressesGiven(app.name);
  await settleGrowth(request, intents);
  // Intents are dated by the clock as it is set now.
  const { observed } = request.planned;
  const { askedAt } = observed;
  const seen = { ...observed, askedAt: { ...askedAt, now: datedNow(request.clock, askedAt) } };
  // Where more is asked for at the place, each of them tells which call an object there is of.
  const places = placesWanted(plan);
  for (const { id, target } of settledIntents(intents, seen))
    if (!places.has(placeOf(target))) await store.settleIntent(app.name, id);
  for (const { id } of vainIntents({ observed: seen, memory: { intents, made }, fleet }))
    await store.settleIntent(app.name, id);
}

function statusOfFaults(faults: readonly Fault[]): AppStatus {
  const said = faults.find((fault) => fault instanceof Overruled);
  if (said !== undefined) return said.status;
  return faults.some(({ kind }) => kind === 'held') ? 'held' : 'pending';
}

/** Targets of those of the steps that give default addresses. */
function defaultAllocations({ app }: Pick<SyncAppRequest, 'app'>, steps: readonly Step[]): readonly string[] {
  if (app.network.ips !== undefined) return [];
  return steps.filter(({ kind }) => kind === 'address.allocate').map(({ target }) => target);
}

function isCreated(results: readonly StepResult[], target: string): boolean {
  return results.some(
    (result) => result.kind === 'address.allocate' && result.target === target && result.outcome === 'created',
  );
}

/**
 * Before the first of them is made: a FlyCD that is killed, or a call that fails, leaves the others owed. Not before there is an
 * app, for Fly may show one that is there a moment later; a new one is given them whoever goes on.
 */
export async function rememberOwed(
  request: Pick<SyncAppRequest, 'app' | 'plan' | 'store'>,
  isThere: boolean,
): Promise<void> {
  const { app, store, plan } = request;
  if (!isThere) return;
  if (defaultAllocations(request, plan.steps).length > 0) await store.markDefaultAddressesOwed(app.name);
}

/**
 * Before all else, and with each look of the loop, which may find words that change no plan: forgets what is known of an earlier app where another one has its name now. Where Fly shows none, that waits
 * until the next one has been made: Fly may have answered 404 for a moment.
 */
export async function rememberWhich(
  request: Pick<SyncAppOptions, 'store' | 'app' | 'fleet' | 'planned'>,
): Promise<void> {
  const { store, app, fleet, planned } = request;
  const { observed, steering, remembered } = planned;
  const shown = shownApp(observed, fleet);
  if (shown?.id === undefined) return;
  const { texts } = steering.standing;
  const event = { kind: 'seen', shown: { ...shown, id: shown.id }, texts, remembered } as const;
  if (isNews(remembered, event)) await store.applyEvent(app.name, event);
}

/** Before the pass, which may have to choose among equals: what a call of before made, whose answer was lost. */
export async function rememberLost({ store, app, fleet, plan, planned }: SyncAppRequest): Promise<void> {
  const memory = await store.memory(app.name);
  const wanted = placesWanted(plan);
  for (const { kind, id, intent } of madeByLostCalls({ ...planned, memory, fleet })) {
    await store.addMade(app.name, kind, id);
    // Where more is asked for at the place, it tells that call which of the others there are answered.
    if (intent !== undefined && !wanted.has(placeOf(intent.target))) await store.settleIntent(app.name, intent.id);
  }
}

/** The earliest time at which waiting alone lifts something. Failures are the loop's to space out. */
export function nextWake({ holds }: Pick<AppPlan, 'holds'>, faults: readonly Fault[], now: number): number | undefined {
  const times = [...holds.map((hold) => hold.retryAt), ...faults.map((fault) => retryAtOf(fault, now))].filter(
    (time) => time !== undefined,
  );
  return times.length === 0 ? undefined : Math.min(...times);
}
