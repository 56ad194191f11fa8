import { allEnded } from '../../src/model/base/ending.ts';
import type { FlyReader } from '../../src/fly/api.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { memoryOf } from '../../src/model/standing/remembered.ts';
import type { IdlePlan } from '../../src/plan/steps/guarded.ts';
import { provesOurs } from '../../src/plan/classify/beginning.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';
import { namesOf } from '../../src/model/names.ts';
import { byText } from '../../src/model/base/text.ts';
import type { OrphanedApp, UnreadOrganization } from '../../src/model/observed.ts';
import type { Run, StepResult, Trigger } from '../../src/model/run.ts';
import { nextWake } from '../app/outcome.ts';
import { observeDeployments } from '../../src/observed/app.ts';
import { observeContents, observeOrphan, observeOrphans, type SeenOrphan } from '../../src/observed/orphans.ts';
import { destroyOrphan, type DestroyRequest, type OrphanTurn, type Replanning } from './orphan-destroy.ts';
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
  const { fly, clock, fleet } = request;
  if (!fleet.named || !fleet.whole) return { orphans: [], complete: !fleet.named, orgs: [], unread: [] };
  const desired = namesOf(fleet);
  const found: OrphanedApp[] = [];
  const orgs: SoughtOrganization[] = [];
  const unread: UnreadOrganization[] = [];
  for await (const sought of soughtOrganizations(request)) {
    const { org, isGuessed } = sought;
    const observed = await observeOrphans({ fly, clock, org, fleet, desired });
    found.push(...observed.orphans.map((orphan) => (isGuessed ? { ...orphan, isGuessed } : orphan)));
    if (observed.complete) orgs.push(sought);
    else if (!isGuessed) unread.push({ org, reason: observed.reason ?? 'Fly did not say why' });
  }
  const told = await allEnded(found.map((orphan) => withWhatIsKnown(request, orphan)));
  const orphans = told
    .flatMap((seen) => (seen.state === 'orphan' ? [seen.orphan] : []))
    .toSorted((a, b) => byText(a.name, b.name));
  return { orphans, complete: unread.length === 0, orgs, unread };
}

interface LookRequest {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly fly: FlyReader;
  readonly fleet: DesiredFleet;
  readonly store: Pick<Store, 'namedRevision' | 'memory'> | undefined;
}

/** An orphan as it is now: it may have waited for somebody to be done. */
export async function lookAgain(request: LookRequest, orphan: OrphanedApp): Promise<SeenOrphan> {
  const seen = await observeOrphan(request, orphan);
  if (seen.state !== 'orphan') return seen;
  const again = orphan.isGuessed === true ? { ...seen.orphan, isGuessed: true } : seen.orphan;
  return withWhatIsKnown(request, again);
}

/** What SQLite remembers; where it would be destroyed, its contents as well. It may be an orphan no more by then. */
async function withWhatIsKnown(request: LookRequest, before: OrphanedApp): Promise<SeenOrphan> {
  const remembered = await request.store?.memory(before.name);
  const known = { ...before, remembered };
  if (!request.fleet.policy.prune.includes('app')) return { state: 'orphan', orphan: known };
  const orphan = await withContents(request, known);
  const isWhole = Object.values(orphan.contents ?? {}).every(({ status }) => status === 'read');
  if (isWhole) return { state: 'orphan', orphan };
  // What could not be read may be gone with the app: another FlyCD destroys it as well.
  const seen = await observeOrphan(request, before);
  return seen.state === 'gone' ? seen : { state: 'orphan', orphan };
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
  const seen = { ...shown, isProven: provesOurs(machines, fleet) };
  await store.applyEvent(name, { kind: 'seen', shown: seen, texts, remembered });
}

export interface OrphanRequest extends DestroyRequest {
  /** Id of the fleet's plan that it is part of. */
  readonly wholePlan?: string | undefined;
  readonly trigger: Trigger;
  readonly actor: string;
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
    const { isThere, withheld, ...destroyed } = await destroyOrphan(request, { step, again });
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
    // Before it counts as kept: the look is of the time when it was about to go, and would be taken for an older one.
    if (withheld?.orphan !== undefined) await rememberOrphan(request, withheld.orphan);
    if (isThere) await store.applyEvent(plan.app, { kind: 'kept' });
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
