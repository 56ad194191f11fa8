/** The destroy of an app that git no longer names, and the look right before it. */
import { FlyError } from '../../src/fly/http/error.ts';
import { allEnded, endsWithin } from '../../src/model/base/ending.ts';
import { Fault, retryAtOf, toFault } from '../../src/model/base/fault.ts';
import { momentOf, msSince } from '../../src/model/base/moment.ts';
import type { Clock } from '../../src/model/base/clock.ts';
import { inPlace, type Aside } from '../../src/loop/aside.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { Step } from '../../src/model/plan.ts';
import type { StepResult } from '../../src/model/run.ts';
import { observeDeployments } from '../../src/observed/app.ts';
import { observeContents, observeOrphanById, type SeenOrphan } from '../../src/observed/orphans.ts';
import { isHostOk } from '../../src/plan/classify/machine-state.ts';
import { standingMachines } from '../../src/plan/target/rollout-state.ts';
import { busyPlan, foreignPlan, gonePlan, namedAgainPlan } from '../../src/plan/idle-orphan.ts';
import { cameInto } from '../../src/plan/steps/contents.ts';
import { nothingOf, type GuardedPlan } from '../../src/plan/steps/guarded.ts';
import { destroyApp } from '../kinds/apps.ts';
import { AppLeases, destroyLeaseMsMax } from '../pass/app-leases.ts';
import { Done } from '../pass/guarded-fly.ts';
import type { AppServices } from '../pass/services.ts';

/** What its newest look makes of an orphan. */
export interface OrphanTurn {
  readonly plan: GuardedPlan;
  /** true: Fly does not have it any more, so there is nothing to destroy. */
  readonly isGone?: boolean | undefined;
  /** true: another fleet has taken it over. */
  readonly isLeft?: boolean | undefined;
}

/** What an orphan's plan was made from, and how it is made anew. */
export interface Replanning {
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

/** `signal` aborted, nothing is destroyed any more. */
export interface DestroyRequest extends Pick<
  AppServices,
  'clock' | 'log' | 'fly' | 'store' | 'instance' | 'signal' | 'onProgress'
> {
  readonly fleet: DesiredFleet;
  /** Default: whoever destroys it has no place to give back. */
  readonly yieldSlot?: Aside;
}

type AppDestroy = Extract<Step, { readonly kind: 'app.destroy' }>;

interface LookedAt {
  readonly orphan: OrphanedApp;
  /** A try before this one may have been done. */
  readonly mayBeDone: boolean;
}

interface Destroying {
  readonly step: AppDestroy;
  readonly again: Replanning;
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

/** Each try is sent under leases on its machines, behind a look that still says so. Throws nothing. */
export async function destroyOrphan(request: DestroyRequest, { step, again }: Destroying): Promise<Destroyed> {
  const leases = new AppLeases({ yieldSlot: inPlace, ...request, app: step.app });
  const { isUnclear, ...destroyed } = await destroyUnder(request, leases, { step, again });
  // One of which no answer came may still come: until then the leases say so.
  if (destroyed.outcome !== 'deleted' && !isUnclear) await leases.release();
  return destroyed;
}

async function destroyUnder(
  request: DestroyRequest,
  leases: AppLeases,
  work: Destroying,
): Promise<Destroyed & { readonly isUnclear: boolean }> {
  const { fly, signal } = request;
  const { step, again } = work;
  const { app } = step;
  const from = { isUnsent: true, mayBeDone: false, isUnseen: false };
  const beforeSent = async (timesUnclear: number): Promise<void> => {
    const mayBeDone = timesUnclear > 0;
    Object.assign(from, { isUnsent: !mayBeDone, mayBeDone, isUnseen: false });
    signal.throwIfAborted();
    await leases.hold();
    const seen = await lastLook(request, leases, { orphan: again.orphan, mayBeDone });
    signal.throwIfAborted();
    // What is sent once more might find an app that somebody has made since.
    if (mayBeDone && seen.state === 'gone') throw new Done();
    from.isUnseen = seen.state === 'unread';
    const turn = turnOf(seen, again);
    const orphan = seen.state === 'orphan' ? seen.orphan : undefined;
    if (!turn.plan.steps.some(({ kind }) => kind === 'app.destroy')) throw new Withheld({ ...turn, orphan });
    from.isUnsent = false;
  };
  try {
    await leases.take(leasable(again.orphan, request.fleet));
    const isGone = async () => (await seenById(request, leases, again.orphan)).state === 'gone';
    const { outcome, message } = await destroyApp({ fly, isGone, beforeSent }, app);
    return { outcome, message, next: undefined, isThere: false, isUnclear: false };
  } catch (error) {
    const { isUnsent, mayBeDone, isUnseen } = from;
    const isUnclear = mayBeDone || (!isUnsent && error instanceof FlyError && error.outcome === 'unknown');
    const isKept = { next: undefined, isThere: true, isUnclear };
    if (error instanceof Done) return { ...isKept, outcome: 'deleted', message: undefined, isThere: false };
    if (error instanceof Withheld) {
      const isThere = !(mayBeDone && isUnseen);
      return { ...isKept, outcome: 'skipped', message: error.what, isThere, withheld: error.turn };
    }
    if (isUnsent && error instanceof Fault && error.kind === 'waiting')
      return { ...isKept, outcome: 'skipped', message: error.what, withheld: busyTurn(step, error, request.clock) };
    // A stop came while Fly made it wait.
    const isStopped = signal.aborted && !(error instanceof FlyError);
    const fault = toFault(error, `${app} could not be destroyed`);
    const isRefused = error instanceof FlyError && error.outcome === 'refused' && !mayBeDone;
    if (isStopped && isUnsent) return { ...isKept, outcome: 'interrupted', message: 'stopped before it was sent' };
    const isThere = isRefused || (await fly.app(app).catch(() => undefined))?.state === 'present';
    const outcome = isStopped ? 'interrupted' : 'failed';
    const mayCome = isUnclear || isStopped;
    const stays = `what was sent may still be done: for ${destroyLeaseMsMax / 1000} s at most its machines stay leased`;
    const next = mayCome && isThere ? [fault.next ?? [], stays].flat().join('; ') : fault.next;
    return { outcome, message: fault.message, next, isThere, isUnclear: mayCome };
  }
}

/** Answers further apart show an app that never was: a volume made behind the list of them goes with the app. */
const apartMsMax = 5000;
const looksMax = 3;
/** What Fly shows nothing of for a moment, by list and by id, may be there with a person's word in the next one. */
const emptyAgainMs = 1000;
/** Releases are good to know, and may leave the time that the rest takes. */
const releasesMsMax = 2000;

/**
 * All that its plan goes by and that may have changed since that was made, which takes as long as Fly's slowest answer. Where it
 * takes long here as well it is asked for anew, and a Fly that stays so slow keeps the app.
 */
async function lastLook(request: DestroyRequest, leases: AppLeases, of: LookedAt): Promise<SeenOrphan> {
  const { clock, signal } = request;
  const { orphan } = of;
  for (let looks = 1; ; looks += 1) {
    const begunAt = momentOf(clock);
    const seen = await lookWhole(request, leases, of);
    if (seen.state !== 'orphan' || msSince(clock, begunAt) <= apartMsMax) return seen;
    if (looks === looksMax)
      return unread(orphan, `Fly took more than ${apartMsMax / 1000} s, ${looksMax} times, to show it`);
    signal.throwIfAborted();
  }
}

/**
 * What goes with it, and who deploys it, is asked for first: where its id is the same afterwards, all of that was its own. Its
 * machines, which carry people's words, come behind that, and SQLite's words last of all.
 */
async function lookWhole(
  request: DestroyRequest,
  leases: AppLeases,
  { orphan, mayBeDone }: LookedAt,
): Promise<SeenOrphan> {
  const { clock, fly, fleet, store } = request;
  const [contents, deployments] = await allEnded([
    observeContents(fly, orphan.name),
    deploymentsSoon({ clock, fly, fleet }, orphan),
  ]);
  const isEmpty = (one: SeenOrphan): boolean =>
    mayBeDone && one.state === 'foreign' && one.machines === 0 && one.id === orphan.id;
  let seen = await observedUnder(request, leases, orphan);
  if (isEmpty(seen)) {
    await clock.sleep(emptyAgainMs, request.signal);
    seen = await observedUnder(request, leases, orphan);
  }
  const isEmptied = isEmpty(seen);
  if (seen.state !== 'orphan' && !isEmptied) return seen;
  if (seen.state === 'orphan' && seen.orphan.id !== orphan.id)
    return unread(orphan, 'it was made anew since it was looked at');
  const remembered = await store.memory(orphan.name);
  const shown = seen.state === 'orphan' ? seen.orphan : { machines: orphan.machines };
  const now = { ...orphan, ...deployments, ...shown, contents, remembered, flyAheadMs: fly.aheadMs() };
  // The try before this one takes things away, and makes none.
  if (isEmptied && cameInto(now, orphan).length > 0)
    return unread(orphan, 'it has no machines any more, and something came into it');
  return { state: 'orphan', orphan: now };
}

/**
 * Whoever has said something of it before it saw our lease is seen here: a machine that has come since, or was not shown, is leased
 * and looked at once more. One that cannot be leased tells nobody that it goes.
 */
async function observedUnder(request: DestroyRequest, leases: AppLeases, before: OrphanedApp): Promise<SeenOrphan> {
  const freeOf = (seen: SeenOrphan): readonly string[] =>
    seen.state === 'orphan' ? leasable(seen.orphan, request.fleet).filter((id) => !leases.has(id)) : [];
  const first = await seenById(request, leases, before);
  const free = freeOf(first);
  if (free.length === 0) return first;
  await leases.hold(free);
  const seen = await seenById(request, leases, before);
  const [left] = freeOf(seen);
  return left === undefined ? seen : unread(before, `Fly shows machine ${left}, and gives no lease on it`);
}

/** All its machines that are known, by list and by id. */
function seenById({ clock, fly, fleet }: DestroyRequest, leases: AppLeases, before: OrphanedApp): Promise<SeenOrphan> {
  const ids = new Set([...before.machines.map(({ id }) => id), ...leases.machineIds]);
  return observeOrphanById({ clock, fly, fleet }, before, ids);
}

/** Those that can carry a person's word. Where a host does not answer none can, until it is back: that holds the destroy. */
function leasable({ machines }: OrphanedApp, fleet: DesiredFleet): readonly string[] {
  return standingMachines(machines, fleet)
    .filter(isHostOk)
    .map(({ id }) => id);
}

/** Somebody holds a lease, or Fly asks to be left alone: nothing has gone wrong. */
function busyTurn(step: AppDestroy, fault: Fault, clock: Pick<Clock, 'now'>): WithheldTurn {
  const { message: because, next } = fault;
  return { plan: busyPlan(step, { because, next, retryAt: retryAtOf(fault, clock.now()) }), orphan: undefined };
}

/** Where they come late, those of the look before count, and what machines tell of who is at work. */
async function deploymentsSoon(
  { clock, fly, fleet }: Pick<DestroyRequest, 'clock' | 'fly' | 'fleet'>,
  { name: app, machines }: OrphanedApp,
): Promise<Pick<OrphanedApp, 'releases' | 'departed'>> {
  const asked = observeDeployments({ fly, app, machines, fleet, now: clock.now() });
  return (await endsWithin(clock, asked, { ms: releasesMsMax })) ? asked : {};
}

function unread({ name }: OrphanedApp, why: string): SeenOrphan {
  return { state: 'unread', reason: `${name}: ${why}` };
}
