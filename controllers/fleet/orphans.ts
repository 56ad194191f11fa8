import { allEnded } from '../../src/model/base/ending.ts';
import { FlyError } from '../../src/fly/http/error.ts';
import type { FlyReader, FlyWriter } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { memoryOf } from '../../src/model/standing/remembered.ts';
import { nothingOf, type GuardedPlan, type IdlePlan } from '../../src/plan/steps/guarded.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';
import { namesOf } from '../../src/model/names.ts';
import { byText } from '../../src/model/base/text.ts';
import { Fault, toFault } from '../../src/model/base/fault.ts';
import type { OrphanedApp, UnreadOrganization } from '../../src/model/observed.ts';
import type { OnProgress } from '../../src/model/progress.ts';
import type { Run, StepResult, Trigger } from '../../src/model/run.ts';
import { nextWake } from '../app/outcome.ts';
import { destroyApp } from '../kinds/apps.ts';
import { observeDeployments } from '../../src/observed/app.ts';
import { observeContents, observeOrphan, observeOrphans, type SeenOrphan } from '../../src/observed/orphans.ts';
import { foreignPlan, gonePlan, namedAgainPlan } from '../../src/plan/orphan.ts';
import { removalHistory } from './removal-history.ts';
import type { Store } from '../../src/record/store.ts';
import { soughtOrganizations, type SoughtOrganization, type SoughtRequest } from './organizations.ts';

export interface FoundOrphans {
  /** By name. */
  readonly orphans: readonly OrphanedApp[];
  /** false: there may be more, and those that were known before may still be there. */
  readonly complete: boolean;
  /** Organizations that were looked through whole. */
  readonly orgs: readonly SoughtOrganization[];
  /** Known ones that could not be. */
  readonly unread: readonly UnreadOrganization[];
}

/**
 * Apps of this fleet on Fly that git does not name. None is looked for, and nobody asked where, while the fleet has no name
 * of its own or part of the config could not be read: what is missing then is unknown, not gone.
 */
export async function findOrphans(
  request: SoughtRequest & Pick<LookRequest, 'clock' | 'fly' | 'store'>,
): Promise<FoundOrphans> {
  const { fly, fleet } = request;
  if (!fleet.named || !fleet.whole) return { orphans: [], complete: !fleet.named, orgs: [], unread: [] };
  const desired = namesOf(fleet);
  const found: OrphanedApp[] = [];
  const orgs: SoughtOrganization[] = [];
  const unread: UnreadOrganization[] = [];
  for await (const sought of soughtOrganizations(request)) {
    const { org, isGuessed } = sought;
    const observed = await observeOrphans({ fly, org, fleet, desired });
    found.push(...observed.orphans.map((orphan) => (isGuessed ? { ...orphan, isGuessed } : orphan)));
    if (observed.complete) orgs.push(sought);
    else if (!isGuessed) unread.push({ org, reason: observed.reason ?? 'Fly did not say why' });
  }
  const told = await allEnded(found.map((orphan) => withWhatIsKnown(request, orphan)));
  const orphans = told.toSorted((a, b) => byText(a.name, b.name));
  return { orphans, complete: unread.length === 0, orgs, unread };
}

interface LookRequest {
  readonly clock: Pick<Clock, 'now'>;
  readonly fly: FlyReader;
  readonly fleet: DesiredFleet;
  readonly store: Pick<Store, 'namedRevision' | 'memory'> | undefined;
}

/** An orphan as it is now: it may have waited for somebody to be done. */
export async function lookAgain(request: LookRequest, orphan: OrphanedApp): Promise<SeenOrphan> {
  const { fly, fleet } = request;
  const seen = await observeOrphan({ fly, fleet }, orphan);
  if (seen.state !== 'orphan') return seen;
  const again = orphan.isGuessed === true ? { ...seen.orphan, isGuessed: true } : seen.orphan;
  return { ...seen, orphan: await withWhatIsKnown(request, again) };
}

/** What SQLite remembers; where it would be destroyed, its contents as well. */
async function withWhatIsKnown(request: LookRequest, orphan: OrphanedApp): Promise<OrphanedApp> {
  const remembered = await request.store?.memory(orphan.name);
  const known = { ...orphan, remembered };
  return request.fleet.policy.prune.includes('app') ? withContents(request, known) : known;
}

/** Before it is destroyed: who is at work on it, all that goes with it, and whether it is this config that removed it. */
async function withContents({ fly, fleet, store, clock }: LookRequest, orphan: OrphanedApp): Promise<OrphanedApp> {
  const { name: app, machines } = orphan;
  const [releases, contents, history] = await allEnded([
    observeDeployments({ fly, app, machines, fleet, now: clock.now() }),
    observeContents(fly, orphan.name),
    removalHistory(fleet, orphan, store),
  ]);
  return { ...orphan, ...releases, contents, history };
}

/** What its machines tell stands also once they are gone: a suspension may be all that keeps the app from being destroyed. */
export async function rememberOrphan(
  { store, fleet }: Pick<OrphanRequest, 'store' | 'fleet'>,
  { name, id, machines, remembered }: OrphanedApp,
): Promise<void> {
  if (id === undefined || remembered === undefined) return;
  const shown = { isThere: true, id, isStamped: true };
  const { texts } = standingOf({ machines, fleet }, memoryOf(remembered, shown));
  await store.applyEvent(name, { kind: 'seen', shown, texts, remembered });
}

/** What its newest look makes of an orphan. */
interface OrphanTurn {
  readonly plan: GuardedPlan;
  /** true: Fly does not have it any more, so there is nothing to destroy. */
  readonly isGone?: boolean | undefined;
  /** true: another fleet has taken it over. */
  readonly isLeft?: boolean | undefined;
}

/** What an orphan's plan was made from, and how it is made anew. */
interface Replanning {
  readonly orphan: OrphanedApp;
  /** true: git has come to name it since. */
  readonly isNamed?: () => boolean;
  readonly replan: (orphan: OrphanedApp) => GuardedPlan;
}

export function turnOf(seen: SeenOrphan, { orphan, isNamed, replan }: Replanning): OrphanTurn {
  const { name } = orphan;
  // Whatever has become of it is for its own pass to see.
  if (isNamed?.() === true) return { plan: nothingOf(namedAgainPlan(name)) };
  if (seen.state === 'gone') return { plan: nothingOf(gonePlan(name)), isGone: true };
  if (seen.state === 'foreign') return { plan: nothingOf(foreignPlan(name, seen)), isLeft: seen.owner !== undefined };
  return { plan: replan(seen.state === 'orphan' ? seen.orphan : { ...orphan, unread: seen.reason }) };
}

export interface OrphanRequest {
  readonly clock: Clock;
  readonly fly: FlyWriter;
  readonly store: Store;
  readonly fleet: DesiredFleet;
  /** Id of the fleet's plan that it is part of. */
  readonly wholePlan?: string | undefined;
  readonly trigger: Trigger;
  readonly actor: string;
  readonly onProgress: OnProgress;
  /** Aborted, nothing is destroyed any more. */
  readonly signal: AbortSignal;
}

/** What is to be done about it. Whoever may destroy it says how that is planned once more right before. */
export type OrphanWork =
  | (OrphanTurn & { readonly again: Replanning })
  | (OrphanTurn & { readonly plan: IdlePlan; readonly again?: undefined });

/**
 * Records that an app is orphaned, and destroys it where its plan says so: only where the policy prunes apps. The run's plan is
 * another one where something was said, or somebody came into it, at the last moment.
 */
export async function syncOrphan(request: OrphanRequest, work: OrphanWork): Promise<Run> {
  const { clock, store, wholePlan, fleet, trigger, actor, onProgress } = request;
  const { plan, again } = work;
  onProgress({ type: 'app.started', app: plan.app });
  const runId = await store.startRun({ app: plan.app, trigger, actor, revision: fleet.revision, plan, wholePlan });
  let failed = false;
  let isStopped = false;
  let isDestroyed = false;
  let turn: OrphanTurn = work;
  for (const step of plan.steps) {
    if (step.kind !== 'app.destroy' || again === undefined) continue;
    isStopped ||= request.signal.aborted;
    if (isStopped) break;
    onProgress({ type: 'step.started', app: plan.app, step });
    const startedAt = clock.now();
    await store.applyEvent(plan.app, { kind: 'destroying' });
    const { isThere, withheld, ...destroyed } = await destroy(request, plan.app, again);
    turn = withheld ?? turn;
    const result: StepResult = {
      ...destroyed,
      kind: step.kind,
      target: step.target,
      startedAt,
      finishedAt: clock.now(),
    };
    failed = result.outcome === 'failed';
    isDestroyed = result.outcome === 'deleted';
    isStopped ||= result.outcome === 'interrupted';
    if (isThere) await store.applyEvent(plan.app, { kind: 'kept' });
    if (withheld?.orphan !== undefined) await rememberOrphan(request, withheld.orphan);
    await store.addResult(runId, result);
    onProgress({ type: 'step.finished', app: plan.app, step, result });
  }
  const { isGone = false, isLeft = false } = turn;
  const left = isLeft ? 'left' : turn.plan.holds.length > 0 ? 'held' : 'no-change';
  const done = failed ? 'failed' : isDestroyed || isGone ? 'deleted' : left;
  const outcome = isStopped ? 'interrupted' : done;
  // Destroyed it is nobody's any more, and left another's: the outcome says so, and nothing asks for its status again.
  const status = failed ? 'failed' : turn.plan.status;
  // One that Fly does not show, or that another fleet has, may be there still: its facts go with the making of the next app.
  if (outcome === 'deleted') await store.applyEvent(plan.app, { kind: isGone ? 'gone' : 'destroyed' });
  const nextWakeAt = nextWake(turn.plan, [], clock.now());
  const run = await store.finishRun(runId, { outcome, status, nextWakeAt, plan: turn.plan });
  onProgress({ type: 'app.finished', app: plan.app, run });
  return run;
}

interface Destroyed extends Pick<StepResult, 'outcome' | 'message' | 'next'> {
  /** true: Fly has it still, and whoever destroys it later is somebody else. */
  readonly isThere: boolean;
  /** The last look spoke against it, and nothing was sent. */
  readonly withheld?: WithheldTurn;
}

interface WithheldTurn extends OrphanTurn {
  /** As it was seen. undefined: it is none any more, or could not be read. */
  readonly orphan: OrphanedApp | undefined;
}

class Withheld extends Fault {
  readonly turn: WithheldTurn;

  constructor(turn: WithheldTurn) {
    const { app, holds, notes } = turn.plan;
    super({
      kind: 'held',
      what: holds[0]?.because ?? notes[0] ?? 'it is not to go any more',
      next: holds[0]?.next,
      where: app,
    });
    this.turn = turn;
  }
}

async function destroy(request: OrphanRequest, app: string, again: Replanning): Promise<Destroyed> {
  const { fly } = request;
  let isUnsent = true;
  const beforeSent = async (timesSent: number): Promise<void> => {
    isUnsent = timesSent === 0;
    request.signal.throwIfAborted();
    const seen = await lastLook(request, again.orphan);
    // The try before this one may have done it: what is sent once more finds nothing, but for one that is made anew.
    if (timesSent > 0 && isEmptied(seen) && again.isNamed?.() !== true) return;
    const turn = turnOf(seen, again);
    const orphan = seen.state === 'orphan' ? seen.orphan : undefined;
    if (!turn.plan.steps.some(({ kind }) => kind === 'app.destroy')) throw new Withheld({ ...turn, orphan });
    isUnsent = false;
  };
  try {
    const { outcome, message } = await destroyApp(fly, app, beforeSent);
    return { outcome, message, next: undefined, isThere: false };
  } catch (error) {
    if (error instanceof Withheld)
      return { outcome: 'skipped', message: error.what, next: undefined, isThere: true, withheld: error.turn };
    // A stop came while Fly made it wait.
    const isStopped = request.signal.aborted && !(error instanceof FlyError);
    const fault = toFault(error, `${app} could not be destroyed`);
    const isRefused = error instanceof FlyError && error.outcome === 'refused';
    if (isStopped && isUnsent)
      return { outcome: 'interrupted', message: 'stopped before it was sent', next: undefined, isThere: true };
    const isThere = isRefused || (await fly.app(app).catch(() => undefined))?.state === 'present';
    return { outcome: isStopped ? 'interrupted' : 'failed', message: fault.message, next: fault.next, isThere };
  }
}

/**
 * What may have changed since all that goes with it was listed, which takes as long as Fly's slowest answer: who is in it, and
 * people's words, SQLite's last of all.
 */
async function lastLook({ fly, fleet, store }: OrphanRequest, orphan: OrphanedApp): Promise<SeenOrphan> {
  const seen = await observeOrphan({ fly, fleet }, orphan);
  // Of an app that is gone Fly lists no machines: that call fails.
  const listed = seen.state === 'gone' ? await fly.machines(orphan.name).catch(() => []) : [];
  if (listed.length > 0) return { state: 'unread', reason: `${orphan.name}: Fly lists its machines, and shows no app` };
  if (seen.state !== 'orphan') return seen;
  const { id } = seen.orphan;
  if (id !== orphan.id) return { state: 'unread', reason: `${orphan.name}: it was made anew since it was looked at` };
  const remembered = await store.memory(orphan.name);
  return { ...seen, orphan: { ...orphan, ...seen.orphan, remembered, flyAheadMs: fly.aheadMs() } };
}

function isEmptied(seen: SeenOrphan): boolean {
  return seen.state === 'gone' || (seen.state === 'foreign' && seen.machines === 0);
}
