import { FlyError } from '../../../src/fly/http/error.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import type { Clock } from '../../../src/model/base/clock.ts';
import { hashOf } from '../../../src/model/base/json.ts';
import { msSince, type Moment } from '../../../src/model/base/moment.ts';
import { refusedDelay } from '../../../src/loop/backoff.ts';
import { byText } from '../../../src/model/base/text.ts';
import type { DesiredApp } from '../../../src/model/desired.ts';
import type { ObservedApp } from '../../../src/model/observed.ts';
import type { AppPlan } from '../../../src/model/plan.ts';
import type { Run, StepResult } from '../../../src/model/run.ts';
import { lackOf } from '../../../src/plan/guards/dependencies.ts';
import { withSteps } from '../../../src/plan/steps/status.ts';
import type { PlannedApp } from '../../app/types.ts';
import { isFreed, nextState, type AppEvent, type AppState, type Rest } from './app-state.ts';

/** What an app that needs no pass for itself still needs from one: nothing it was planned with has moved. */
export type Surveyed = Pick<PlannedApp, 'plan' | 'observed'>;

/** What is known of an app beside its state: rebuilt from git and Fly after a restart. */
interface Knowledge {
  /** What it looked like. */
  readonly seen?: Seen | undefined;
  /** Number of the newest look whose end is known. */
  readonly look?: number | undefined;
  readonly run?: Run | undefined;
  /** What is left alone for a while, since Fly refused it or asked for that. */
  readonly putOff?: PutOff | undefined;
}

interface Seen {
  readonly surveyed: Surveyed;
  /** What git said of it then. */
  readonly inputs: string;
  /** true: something was done to it since. */
  readonly isTouched: boolean;
  readonly look: Look;
}

/** One look at an app. */
export interface Look {
  readonly number: number;
  readonly begunAt: Moment;
}

/** Asked for again when git or Fly has moved, when a person says so, or when its time has come. */
interface PutOff {
  /** Revision and plan. */
  readonly wish: string;
  /** refused: whoever has to mend it; left alone: Fly said when. */
  readonly by: 'refused' | 'left alone';
  /** Refusals in a row. */
  readonly times: number;
  /** By the monotonic clock: Fly is not left alone for longer, nor for less long, where somebody sets the other one. */
  readonly endsAt: number;
}

/** Until when something is put off, as a date; milliseconds since the epoch. */
export interface PutOffUntil extends Pick<PutOff, 'by'> {
  readonly until: number;
}

/** One to wait by, and one for dates. */
type Clocks = Pick<Clock, 'now' | 'monotonic'>;

const doneOutcomes: ReadonlySet<StepResult['outcome']> = new Set(['created', 'updated', 'unchanged', 'deleted']);

interface Entry {
  readonly state: AppState;
  readonly known: Knowledge;
}

const unheardOf: Entry = { state: { kind: 'unnamed' }, known: {} };

/**
 * The one map of the fleet's reconciler: app to state, and what is known of the app beside. States, events and the table of
 * what follows what are in app-state.ts; `#happens` is the only place that moves an app from one to another.
 */
export class AppStates {
  readonly #apps = new Map<string, Entry>();
  /** Those to which it is news that another app is done: of thousands, few wait or have a pass under way. */
  readonly #listening = new Set<string>();
  /** Hashed once for each app as it was read: what has not changed in git is the same value at the next refresh. */
  readonly #hashed = new WeakMap<DesiredApp, string>();
  #looks = 0;

  stateOf(app: string): AppState {
    return this.#of(app).state;
  }

  /** Git was read: forgets what it no longer names, and ends the passes of apps that moved. Answers those. */
  refreshed(apps: readonly DesiredApp[]): readonly DesiredApp[] {
    const moved = apps.filter((app) => inputsIn(this.stateOf(app.name)) !== this.#inputsOf(app));
    const named = new Set(apps.map(({ name }) => name));
    for (const name of this.#apps.keys()) if (!named.has(name)) this.#happens(name, { kind: 'dropped' });
    for (const app of apps) this.#happens(app.name, { kind: 'named', inputs: this.#inputsOf(app) });
    for (const { name } of moved) {
      const state = this.stateOf(name);
      if (state.kind === 'underway') state.newer.abort(new Error('git has moved on'));
    }
    return moved;
  }

  /**
   * Forgets the others, but for those under way: an app that is gone, or whose file is, would keep its last run, plan and all,
   * for as long as FlyCD runs.
   */
  keepOnly(names: ReadonlySet<string>): void {
    for (const [name, { state }] of this.#apps)
      if (!names.has(name) && state.kind !== 'underway') {
        this.#apps.delete(name);
        this.#listening.delete(name);
      }
  }

  /** Apps whose newest pass, if any, began before git said what it says now. */
  unseen(apps: readonly DesiredApp[]): readonly DesiredApp[] {
    return apps.filter(({ name }) => {
      const state = this.stateOf(name);
      if (state.kind === 'underway') return state.begunFor !== state.inputs;
      return state.kind === 'due' || state.kind === 'unnamed';
    });
  }

  /**
   * A pass over the app begins; `ended` is to be called whatever comes of it. The signal is aborted when git moves on. Throws a
   * transient Fault where one is under way already.
   */
  begun(app: string): AbortSignal {
    const state = this.#happens(app, { kind: 'begun' });
    // Nothing else follows it.
    return state.kind === 'underway' ? state.newer.signal : AbortSignal.abort();
  }

  /** Throws a transient Fault where no pass is under way. true: what it waits for was done meanwhile, so it is its turn again. */
  ended(app: string, rest: Rest): boolean {
    const before = this.stateOf(app);
    this.#happens(app, { kind: 'ended', rest });
    return isFreed(rest, before);
  }

  /** An app is done. Answers those that waited for it, and for nobody else any more. */
  freed(by: string): readonly string[] {
    const woken: string[] = [];
    for (const name of this.#listening) {
      const before = this.stateOf(name);
      const state = this.#happens(name, { kind: 'freed', by });
      if (state !== before && before.kind !== 'underway' && !isAwaiting(state)) woken.push(name);
    }
    return woken;
  }

  /** By its newest look: who depends on it has to wait. */
  isLacking(app: string): boolean {
    const { state, known } = this.#of(app);
    if (known.seen === undefined || known.seen.inputs !== inputsIn(state)) return true;
    return lackOf(known.seen.surveyed.plan, known.seen.surveyed.observed) !== undefined;
  }

  /** A look at an app begins. Of looks that go on beside each other the one that began last tells what is there. */
  lookBegun(begunAt: Moment): Look {
    this.#looks += 1;
    return { number: this.#looks, begunAt };
  }

  /** While git does not name it that is no news: what was asked before git dropped it. */
  surveyed(app: DesiredApp, surveyed: Surveyed, look: Look): void {
    if (this.stateOf(app.name).kind === 'unnamed' || this.#isOld(app.name, look)) return;
    this.#know(app.name, {
      look: look.number,
      seen: { surveyed, inputs: this.#inputsOf(app), isTouched: false, look },
    });
  }

  /** A look at it failed: what was seen before may be over. */
  unseeable(app: string, look: Look): void {
    if (!this.#isOld(app, look)) this.#know(app, { look: look.number, seen: undefined });
  }

  /** A look at it takes too long for others to wait: until it ends, nobody can see the app. */
  overdue(app: string, look: Look): void {
    if (!this.#isOld(app, look)) this.#know(app, { seen: undefined });
  }

  /** Apps that nobody has looked at within so many milliseconds, as git says now and as their passes left them. */
  notSeenWithin(apps: readonly DesiredApp[], clock: Clocks, ms: number): readonly DesiredApp[] {
    return apps.filter(({ name }) => {
      const { state, known } = this.#of(name);
      if (known.seen === undefined || known.seen.isTouched) return true;
      return known.seen.inputs !== inputsIn(state) || msSince(clock, known.seen.look.begunAt) >= ms;
    });
  }

  /**
   * Of all apps that were looked at since git said what it says now, by name, whichever Fly answered first: the brakes count
   * and name them together. What is to be done in any other is not known.
   */
  survey(): readonly Surveyed[] {
    const surveyed = [...this.#apps.values()].flatMap(({ state, known }) =>
      known.seen !== undefined && known.seen.inputs === inputsIn(state) ? [known.seen.surveyed] : [],
    );
    return surveyed.toSorted((a, b) => byText(a.plan.app, b.plan.app));
  }

  /** How apps looked when they were last seen, whatever git has said since. */
  observed(): readonly ObservedApp[] {
    return [...this.#apps.values()].flatMap(({ known }) => known.seen?.surveyed.observed ?? []);
  }

  /** Its pass is over: what it did is not weighed again, what it failed at or left is. */
  done(app: string, results: readonly StepResult[]): void {
    const { seen } = this.#of(app).known;
    if (seen === undefined) return;
    const surveyed = { ...seen.surveyed, plan: leftOf(seen.surveyed.plan, results) };
    this.#know(app, { seen: { ...seen, surveyed, isTouched: seen.isTouched || results.length > 0 } });
  }

  lastRun(app: string): Run | undefined {
    return this.#of(app).known.run;
  }

  ran(app: string, run: Run): void {
    this.#know(app, { run });
  }

  /** Of this wish, what is left alone still. undefined: nothing, or the time has come. */
  putOff(app: string, wish: string, clock: Clocks): PutOffUntil | undefined {
    const { putOff } = this.#of(app).known;
    return putOff?.wish === wish && putOff.endsAt > clock.monotonic() ? dated(putOff, clock) : undefined;
  }

  /**
   * A pass for this wish met with these alone: where all of them are refusals, or Fly asked for time, it is put off. undefined:
   * something went well, or is the loop's to try again.
   */
  putOffFor(
    app: string,
    wish: string,
    { faults, clock }: { readonly faults: readonly Fault[]; readonly clock: Clocks },
  ): PutOffUntil | undefined {
    const putOff = putOffBy(faults, { wish, clock, before: this.#of(app).known.putOff });
    this.#know(app, { putOff });
    return putOff === undefined ? undefined : dated(putOff, clock);
  }

  /**
   * The assertion. A state that an event cannot follow is a mistake of ours, and changes nothing: whoever told of the event gets
   * a Fault. Only beginnings and ends of passes can be refused, so it is that app's pass that fails, and the loop tries it again
   * with backoff; no other app and no refresh meets it, and a pass that is under way still ends.
   */
  #happens(app: string, event: AppEvent): AppState {
    const { state: from, known } = this.#of(app);
    const state = nextState(from, event);
    if (state === undefined) {
      const what = `${app} is ${from.kind}, and a pass over it cannot be ${event.kind} then`;
      throw new Fault({
        kind: 'transient',
        what,
        next: 'FlyCD tries again; please report it, for it should not happen',
      });
    }
    const isForgotten = event.kind === 'dropped' || state.kind === 'unnamed';
    this.#apps.set(app, { state, known: isForgotten ? { ...known, seen: undefined } : known });
    if (state.kind === 'underway' || isAwaiting(state)) this.#listening.add(app);
    else this.#listening.delete(app);
    return state;
  }

  /** A look that began later has told of it already. */
  #isOld(app: string, look: Look): boolean {
    return look.number < (this.#of(app).known.look ?? 0);
  }

  #know(app: string, news: Knowledge): void {
    const { state, known } = this.#of(app);
    this.#apps.set(app, { state, known: { ...known, ...news } });
  }

  #of(app: string): Entry {
    return this.#apps.get(app) ?? unheardOf;
  }

  #inputsOf(app: DesiredApp): string {
    const known = this.#hashed.get(app);
    if (known !== undefined) return known;
    const hashed = hashOf([app.inputs, app.policy, app.dependsOn]);
    this.#hashed.set(app, hashed);
    return hashed;
  }
}

/** A plan without what was done of it. A release that failed and went back has two results of one name, and is not done. */
export function leftOf(plan: AppPlan, results: readonly StepResult[]): AppPlan {
  const keyOf = ({ kind, target }: Pick<StepResult, 'kind' | 'target'>): string => `${kind} ${target}`;
  const tried = new Set(results.map(keyOf));
  const left = new Set(results.filter(({ outcome }) => !doneOutcomes.has(outcome)).map(keyOf));
  const steps = plan.steps.filter((step) => !tried.has(keyOf(step)) || left.has(keyOf(step)));
  return withSteps(plan, { steps, holds: plan.holds });
}

function isAwaiting(state: AppState): boolean {
  return state.kind !== 'underway' && state.kind !== 'due' && (state.awaits ?? []).length > 0;
}

function inputsIn(state: AppState): string | undefined {
  return state.kind === 'unnamed' ? undefined : state.inputs;
}

function dated({ by, endsAt }: PutOff, clock: Clocks): PutOffUntil {
  return { by, until: clock.now() + endsAt - clock.monotonic() };
}

function putOffBy(
  faults: readonly Fault[],
  { wish, clock, before }: { readonly wish: string; readonly clock: Clocks; readonly before: PutOff | undefined },
): PutOff | undefined {
  if (faults.length === 0) return undefined;
  const now = clock.monotonic();
  const quiet = faults.flatMap((fault) => leftAloneUntil(fault) ?? []);
  if (quiet.length === faults.length)
    return { wish, by: 'left alone', times: 0, endsAt: now + Math.min(...quiet) - clock.now() };
  if (!faults.every(isRefusal)) return undefined;
  const times = before?.wish === wish ? before.times + 1 : 1;
  return { wish, by: 'refused', times, endsAt: now + refusedDelay(times) };
}

/** For longer than the loop's own pauses are: what is over sooner it tries again by itself. */
function leftAloneUntil(fault: Fault): number | undefined {
  return fault.kind === 'waiting' && fault instanceof FlyError ? fault.leftAloneUntil : undefined;
}

/** The same would come of it until somebody mends something, in git or outside of it. */
function isRefusal(fault: Fault): boolean {
  const { state } = fault;
  if (state.kind === 'stalled') return state.scope !== 'fleet';
  return state.kind === 'held' && fault instanceof FlyError;
}
