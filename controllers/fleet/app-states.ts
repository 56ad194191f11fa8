import type { DesiredApp } from '../../src/model/desired.ts';
import { byText } from '../../src/model/base/text.ts';
import { hashOf } from '../../src/model/base/json.ts';
import type { Run, StepResult } from '../../src/model/run.ts';
import { withSteps } from '../../src/plan/steps/status.ts';
import type { PlannedApp } from '../app/types.ts';

/** What an app that needs no pass for itself still needs from one: nothing it was planned with has moved. */
export type Surveyed = Pick<PlannedApp, 'plan' | 'observed'>;

const doneOutcomes: ReadonlySet<StepResult['outcome']> = new Set(['created', 'updated', 'unchanged', 'deleted']);

interface AppState {
  /** Hash of what git said of it at the newest refresh. */
  inputs?: string | undefined;
  /** The same when its newest pass began. */
  passed?: string | undefined;
  surveyed?: Surveyed | undefined;
  /** What git said of it when it was looked at. undefined: something was done to it since. */
  surveyedFor?: string | undefined;
  run?: Run | undefined;
  /** The revision and plan that Fly refused for good. The same is not asked again until git or Fly has moved. */
  stalled?: string | undefined;
  /** Of the pass that is under way: told when git moves on. */
  underway?: AbortController | undefined;
}

/** What the service knows of each app between its passes. It is rebuilt from git and Fly after a restart. */
export class AppStates {
  readonly #states = new Map<string, AppState>();
  /** Hashed once for each app as it was read: what has not changed in git is the same value at the next refresh. */
  readonly #hashed = new WeakMap<DesiredApp, string>();

  /** Git was read: forgets what it no longer names, and ends the passes of apps that moved. Answers those. */
  refreshed(apps: readonly DesiredApp[]): readonly DesiredApp[] {
    const moved = apps.filter((app) => this.#states.get(app.name)?.inputs !== this.#inputsOf(app));
    const named = new Set(apps.map(({ name }) => name));
    for (const [name, state] of this.#states) {
      const none = { inputs: undefined, passed: undefined, surveyed: undefined, surveyedFor: undefined };
      if (!named.has(name)) Object.assign(state, none);
    }
    for (const app of apps) this.#of(app.name).inputs = this.#inputsOf(app);
    for (const { name } of moved) this.#of(name).underway?.abort(new Error('git has moved on'));
    return moved;
  }

  /** Apps whose newest pass, if any, began before git said what it says now. */
  unseen(apps: readonly DesiredApp[]): readonly DesiredApp[] {
    return apps.filter((app) => this.#states.get(app.name)?.passed !== this.#inputsOf(app));
  }

  /** A pass over the app begins. The signal is aborted when git moves on; `end` is to be called whatever comes of it. */
  begun(app: DesiredApp): { readonly newer: AbortSignal; readonly end: () => void } {
    const state = this.#of(app.name);
    const underway = new AbortController();
    state.passed = this.#inputsOf(app);
    state.underway = underway;
    const end = (): void => {
      state.underway = undefined;
    };
    return { newer: underway.signal, end };
  }

  surveyed(app: DesiredApp, surveyed: Surveyed): void {
    Object.assign(this.#of(app.name), { surveyed, surveyedFor: this.#inputsOf(app) });
  }

  /** A look at it failed: what was seen before may be over. */
  unseeable(app: string): void {
    Object.assign(this.#of(app), { surveyed: undefined, surveyedFor: undefined });
  }

  /** Apps that nobody has looked at after this (milliseconds since the epoch), as git says now and as their passes left them. */
  notSeenSince(apps: readonly DesiredApp[], since: number): readonly DesiredApp[] {
    return apps.filter(({ name }) => {
      const { inputs, surveyed, surveyedFor } = this.#of(name);
      return surveyed === undefined || surveyedFor !== inputs || surveyed.observed.observedAt <= since;
    });
  }

  /** Of all apps that were looked at, by name, whichever Fly answered first: the brakes count and name them together. */
  survey(): readonly Surveyed[] {
    const surveyed = [...this.#states.values()].flatMap(({ surveyed }) => surveyed ?? []);
    return surveyed.toSorted((a, b) => byText(a.plan.app, b.plan.app));
  }

  /**
   * Its pass is over: what it did is not weighed again, what it failed at or left is. A release that failed and went back has
   * two results of one name, and is not done.
   */
  done(app: string, results: readonly StepResult[]): void {
    const state = this.#of(app);
    if (results.length > 0) state.surveyedFor = undefined;
    if (state.surveyed === undefined) return;
    const keyOf = ({ kind, target }: Pick<StepResult, 'kind' | 'target'>): string => `${kind} ${target}`;
    const tried = new Set(results.map(keyOf));
    const left = new Set(results.filter(({ outcome }) => !doneOutcomes.has(outcome)).map(keyOf));
    const { plan } = state.surveyed;
    const steps = plan.steps.filter((step) => !tried.has(keyOf(step)) || left.has(keyOf(step)));
    state.surveyed = { ...state.surveyed, plan: withSteps(plan, { steps, holds: plan.holds }) };
  }

  lastRun(app: string): Run | undefined {
    return this.#states.get(app)?.run;
  }

  ran(app: string, run: Run): void {
    this.#of(app).run = run;
  }

  /** The revision and plan that Fly refused for good. undefined: none. */
  stalledAt(app: string): string | undefined {
    return this.#states.get(app)?.stalled;
  }

  stall(app: string, at: string | undefined): void {
    this.#of(app).stalled = at;
  }

  #of(app: string): AppState {
    const known = this.#states.get(app);
    if (known !== undefined) return known;
    const state: AppState = {};
    this.#states.set(app, state);
    return state;
  }

  #inputsOf(app: DesiredApp): string {
    const known = this.#hashed.get(app);
    if (known !== undefined) return known;
    const hashed = hashOf([app.inputs, app.policy, app.dependsOn]);
    this.#hashed.set(app, hashed);
    return hashed;
  }
}
