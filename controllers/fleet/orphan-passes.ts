import type { Aside } from '../../src/loop/aside.ts';
import type { DesiredApp, DesiredFleet } from '../../src/model/desired.ts';
import { namesOf } from '../../src/model/names.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import { isOver, type Trigger } from '../../src/model/run.ts';
import { goesLast, lackingOf } from '../../src/plan/guards/removal-order.ts';
import { otherAppsLookMs } from '../../src/plan/guards/dependencies.ts';
import { doubtedPlan, gonePlan } from '../../src/plan/idle-orphan.ts';
import { orphanPolicy } from '../../src/plan/orphan.ts';
import { nothingOf, type GuardedPlan } from '../../src/plan/steps/guarded.ts';
import { nextWake } from '../app/outcome.ts';
import type { KnownOrphans } from './known-orphans.ts';
import { lookAgain, rememberOrphan, syncOrphan, type OrphanRequest } from './orphans.ts';
import type { Rest } from './states/app-state.ts';
import { becauseOf, restUntil } from './states/rest.ts';
import type { AppStates } from './states/app-states.ts';
import type { Survey } from './states/survey.ts';
import { heldByPolicy } from './states/weighed.ts';
import { retold } from './untouched.ts';

interface OrphanPassesParts extends Pick<
  OrphanRequest,
  'clock' | 'log' | 'fly' | 'store' | 'instance' | 'actor' | 'onProgress'
> {
  readonly states: AppStates;
  readonly survey: Survey;
  readonly known: KnownOrphans;
  /** An app's plan among all the fleet's newest plans. */
  weighed(fleet: DesiredFleet, name: string): GuardedPlan | undefined;
  /** What git says now. */
  newest(): DesiredFleet | undefined;
}

interface Turn {
  readonly trigger: Trigger;
  readonly signal: AbortSignal;
  readonly yieldSlot: Aside;
}

/** Apps whose newest look says too little of them now. */
type Stale = (fleet: DesiredFleet) => readonly DesiredApp[];

/** Told of each plan that is made of an orphan right before it would go, and of what git said then. */
type Planned = (fleet: DesiredFleet, plan: GuardedPlan) => void;

/** Of the apps that an orphan waits for: looked at each time that it is its turn, beside their own passes. */
const waitedForMax = 5;

/** The loop's passes over apps that git no longer names. */
export class OrphanPasses {
  readonly #parts: OrphanPassesParts;

  constructor(parts: OrphanPassesParts) {
    this.#parts = parts;
  }

  /** Git no longer names it: said once, and destroyed only where the fleet's policy prunes apps. */
  async pass(fleet: DesiredFleet, name: string, { trigger, signal, yieldSlot }: Turn): Promise<Rest> {
    const stale = this.#staleFrom();
    await this.#lookBeforeRemoval(fleet, name, { stale, signal });
    const orphan = this.#parts.known.called(name);
    if (orphan === undefined) return { kind: 'resting' };
    const seen = await lookAgain({ ...this.#parts, fleet }, orphan);
    signal.throwIfAborted();
    this.#parts.known.seenAgain(orphan, seen);
    if (seen.state === 'orphan') await rememberOrphan({ ...this.#parts, fleet }, seen.orphan);
    const request = { ...this.#parts, fleet, trigger, signal, yieldSlot };
    if (seen.state === 'gone')
      this.#parts.states.ran(name, await syncOrphan(request, { plan: gonePlan(name), isGone: true }));
    const plan = this.#orphanPlan(fleet, name);
    // Git, which may name it again, or another app's pass was faster than this one.
    const isNewer = this.#parts.newest() !== fleet;
    const hasMoved = isNewer || stale(fleet).length > 0;
    if (plan === undefined ? isNewer : plan.steps.length > 0 && hasMoved)
      return restUntil(this.#parts.clock.now(), 'others have moved');
    const known = this.#parts.known.called(name);
    if (plan === undefined || known === undefined) return { kind: 'resting' };
    // As its newest plan's hold names them: who is done while this pass goes on brings the next one at its end.
    let awaits = this.#awaited(fleet, plan);
    const planned: Planned = (...later) => void (awaits = this.#awaited(...later));
    const before = this.#parts.states.lastRun(name);
    const isNews = plan.steps.length > 0 || before?.plan.planId !== plan.planId || isOver(before);
    const again = this.#replanning(fleet, known, { stale, planned });
    const run = isNews ? await syncOrphan(request, { plan, again }) : undefined;
    if (run !== undefined) this.#parts.states.ran(name, run);
    else if (before !== undefined) await retold(this.#parts, before, plan);
    const ended = run?.plan ?? plan;
    const until = nextWake(ended, [], this.#parts.clock.now());
    const isUnread =
      seen.state === 'unread' || (ended !== plan && ended.holds.some(({ reason }) => reason === 'unread'));
    const hasFailed = isUnread || run?.outcome === 'failed';
    return { ...(hasFailed ? { kind: 'retrying', notBefore: until } : restUntil(until, becauseOf(ended))), awaits };
  }

  /**
   * The apps that a pass which begins now has to look at, until it ends: those that were not seen since, nor right before. Of
   * how long it takes itself the monotonic clock tells, so that no look is good for a time that the machine slept.
   */
  #staleFrom(): Stale {
    const { clock, states } = this.#parts;
    const begunAt = clock.monotonic();
    return ({ apps }) => states.notSeenWithin(apps, clock, otherAppsLookMs + clock.monotonic() - begunAt);
  }

  /** By what git says at the time, and by how the others look: Fly may make a destroy wait for minutes. */
  #replanning(
    fleet: DesiredFleet,
    orphan: OrphanedApp,
    { stale, planned }: { readonly stale: Stale; readonly planned: Planned },
  ) {
    const { known } = this.#parts;
    const { name } = orphan;
    const now = (): DesiredFleet => this.#parts.newest() ?? fleet;
    const replan = (seen: OrphanedApp): GuardedPlan => {
      const before = known.called(name);
      if (before !== undefined) known.seenAgain(before, { state: 'orphan', orphan: seen });
      const plan = this.#orphanPlan(now(), name);
      const isDoubted = plan === undefined || (plan.steps.length > 0 && stale(now()).length > 0);
      const later = isDoubted ? nothingOf(doubtedPlan(name)) : plan;
      planned(now(), later);
      return later;
    };
    return { orphan, isNamed: () => namesOf(now()).has(name), replan };
  }

  /** Its policy is the fleet's, and whether the loop may act also what its own last said. undefined: it is none. */
  #orphanPlan(fleet: DesiredFleet, name: string): GuardedPlan | undefined {
    const plan = this.#parts.weighed(fleet, name);
    if (plan?.status !== 'orphaned') return undefined;
    const policy = orphanPolicy(fleet, this.#parts.known.called(name)?.history);
    return { ...heldByPolicy({ policy }, plan), status: 'orphaned' };
  }

  /**
   * Where an orphan would be destroyed, all others are looked at anew, for a push is about what moved alone: what takes its
   * place may have become unwell since its last pass. Where it waits for others, the first few of those: while one of them
   * lacks something it waits anyhow.
   */
  async #lookBeforeRemoval(
    fleet: DesiredFleet,
    name: string,
    { stale, signal }: { readonly stale: Stale; readonly signal: AbortSignal },
  ): Promise<void> {
    const plan = this.#orphanPlan(fleet, name);
    if (plan === undefined) return;
    if (plan.steps.length > 0) await this.#parts.survey.lookAtAll(fleet, stale(fleet), signal);
    else if (plan.holds.some(goesLast))
      await this.#parts.survey.lookAtAll(fleet, this.#lackingOf(stale(fleet)).slice(0, waitedForMax), signal);
  }

  /** The others are looked at a few at a time: the last of them that is done wakes it. */
  #awaited(fleet: DesiredFleet, { holds }: GuardedPlan): readonly string[] {
    return holds.some(goesLast) ? this.#lackingOf(fleet.apps).map(({ name }) => name) : [];
  }

  #lackingOf(apps: readonly DesiredApp[]): readonly DesiredApp[] {
    const all = this.#parts.states.survey();
    const plans = all.map(({ plan }) => plan);
    const lacking = new Set(lackingOf({ plans, observed: all.map(({ observed }) => observed) }).map(({ app }) => app));
    const known = new Set(plans.map(({ app }) => app));
    return apps.filter(({ name }) => !known.has(name) || lacking.has(name));
  }
}
