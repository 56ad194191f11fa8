import PQueue from 'p-queue';
import type { Clock } from '../model/base/clock.ts';
import { Fault, retryAtOf, toFault } from '../model/base/fault.ts';
import type { Log } from '../model/base/log.ts';
import type { Trigger } from '../model/run.ts';
import { asideOf, type Aside } from './aside.ts';
import { Refresher } from './refresher.ts';
import { Schedule, type Ask, type Retry } from './schedule.ts';
import { ToldFaults } from './told.ts';

/** Apps at work at once: enough to fill the client's 8 writes in flight. Those that wait for a machine are beside them. */
export const defaultConcurrency = 8;
/** v0's users expect a change in git within minutes without any webhook. */
export const defaultIntervalMs = 180_000;
/** A timer further off is looked at again after an hour: Node fires one of more than 24.8 days at once. */
const alarmMaxMs = 60 * 60_000;

/** A push somebody told us of, not yet acted on. */
interface PendingDelivery {
  readonly id: string;
  readonly repo: string;
  readonly ref: string;
}

/** The durable part: marks and deliveries, as the record keeps them. */
interface LoopStore {
  pendingDeliveries(): Promise<readonly PendingDelivery[]>;
  /** Marks apps and finishes the deliveries, in one transaction. */
  finishDeliveries(ids: readonly string[], apps: readonly string[]): Promise<void>;
  markDirty(apps: readonly string[]): Promise<void>;
  dirtyApps(): Promise<readonly { readonly app: string; readonly generation: number }[]>;
  /** Removes the mark only if its generation is still the same. */
  clearDirty(app: string, generation: number): Promise<void>;
  /** When an app that failed is tried again, for whoever asks. */
  setNextWake(app: string, at: number): Promise<void>;
}

/** What git wants now, as far as the loop needs it. */
interface Refreshed {
  /** All apps there are. Marks of others are forgotten. */
  readonly apps: readonly string[];
  /** Those that are not what they were, or were not looked at since. Default: none. */
  readonly moved?: readonly string[];
  /** Those that a push concerns. */
  affectedBy(delivery: PendingDelivery): readonly string[];
}

export interface Reconciled extends Ask {
  /** true: tried again with backoff. What only a change in git mends is not `failed` here: the next pass looks again. */
  readonly failed: boolean;
  /** Apps whose turn it is now, however rarely they look by themselves: what they waited for is done. */
  readonly wakes?: readonly string[] | undefined;
}

export interface LoopOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: LoopStore;
  /** Apps in parallel; `defaultConcurrency` unless set. */
  readonly concurrency: number;
  /** Milliseconds between passes over all apps, ±10 %; `defaultIntervalMs` unless set. */
  readonly intervalMs: number;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Reads git. Throws a Fault when the config repo cannot be read: tried again with backoff. */
  refresh(trigger: Trigger, signal: AbortSignal): Promise<Refreshed>;
  /**
   * One pass over one app; what it waits for it waits for `aside`. After the signal's abort it finishes the step it is at and returns. A `waiting` Fault thrown
   * comes back at its time (later where it does so over and over), a `stalled` or `held` one with the next pass, anything else with backoff.
   */
  reconcile(app: string, trigger: Trigger, signal: AbortSignal, aside: Aside): Promise<Reconciled>;
}

export interface LoopStatus {
  readonly ready: boolean;
  /** How long git has been looked at by now; undefined: it is not. */
  readonly refreshingMs: number | undefined;
  readonly running: readonly string[];
  readonly queued: readonly string[];
  readonly retries: readonly Retry[];
  readonly nextPassAt: number | undefined;
  /** Why git could not be read last time, and when it is tried again. */
  readonly refreshFault: Fault | undefined;
  readonly refreshRetryAt: number | undefined;
}

export interface Loop {
  /** Begins with a pass over all apps and with what a process before this one left marked or undelivered. */
  start(): void;
  /**
   * Something may have changed: `webhook` looks at what pending deliveries concern, `retry` at that and at what is read otherwise by
   * now, all others at every app.
   */
  wake(trigger: Trigger): void;
  /** Looks at what is due by the clock: the heartbeat of tick.ts. Harmless at any time. */
  tick(): void;
  /** Steps under way finish, nothing new starts. What is marked stays marked for the next process. */
  stop(): Promise<void>;
  /** The first desired state is computed. */
  readonly ready: boolean;
  status(): LoopStatus;
}

/** Level-triggered: marks say which apps to look at, never what to do. */
export function createLoop(options: LoopOptions): Loop {
  return new FleetLoop(options);
}

class FleetLoop implements Loop {
  readonly #options: LoopOptions;
  readonly #queue: PQueue;
  readonly #schedule: Schedule;
  readonly #refresher: Refresher;
  readonly #abort = new AbortController();
  /** Waiting for a place in the queue, with its priority. */
  readonly #queued = new Map<string, number>();
  /** Marks of the store, by the generation that clearing needs. */
  readonly #marks = new Map<string, number>();
  readonly #triggers = new Map<string, Trigger>();
  readonly #running = new Set<string>();
  readonly #writes = new Set<Promise<void>>();
  readonly #told: ToldFaults;
  #state: 'new' | 'started' | 'stopped' = 'new';
  #ready = false;
  /** Marks may stand in the store that `#marks` lacks. */
  #unread = true;
  #stopping: Promise<void> | undefined;
  #cancelAlarm = (): void => undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.concurrency });
    this.#schedule = new Schedule(options);
    this.#told = new ToldFaults(options.clock);
    this.#refresher = new Refresher({
      clock: options.clock,
      random: options.random,
      run: (trigger) => this.#refresh(trigger),
      onFault: ({ kind, what, why, next }, retryAt) => {
        options.log.warn({ kind, what, why, next, retryAt }, 'refresh failed; trying again');
      },
      onSettled: () => this.#proceed(),
    });
  }

  get ready(): boolean {
    return this.#ready;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'started';
    this.#schedule.planPass();
    this.wake('start');
  }

  wake(trigger: Trigger): void {
    if (this.#state === 'stopped') return;
    this.#refresher.want(trigger);
    if (this.#state === 'started') this.#proceed();
  }

  tick(): void {
    if (this.#state !== 'started') return;
    if (this.#schedule.takePass()) this.#refresher.want('timer');
    const due = this.#schedule.takeDue();
    if (due.length > 0) this.#track(this.#markDue(due));
    this.#proceed();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  status(): LoopStatus {
    return {
      ready: this.#ready,
      refreshingMs: this.#refresher.runningMs,
      running: [...this.#running],
      queued: [...this.#queued.keys()],
      retries: this.#schedule.retries,
      nextPassAt: this.#schedule.nextPassAt,
      refreshFault: this.#refresher.fault,
      refreshRetryAt: this.#refresher.retryAt,
    };
  }

  async #stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelAlarm();
    this.#abort.abort(new Fault({ kind: 'waiting', what: 'FlyCD is stopping', retryAt: this.#options.clock.now() }));
    await this.#refresher.stop();
    await Promise.all(this.#writes);
    await this.#queue.onIdle();
  }

  /** Starts whatever may start, and sets the alarm for what may not yet. */
  #proceed(): void {
    if (this.#state !== 'started') return;
    this.#refresher.proceed();
    this.#dispatch();
    this.#setAlarm();
  }

  #setAlarm(): void {
    this.#cancelAlarm();
    const { clock } = this.#options;
    // While a refresh runs, its retry time is of the run before.
    const retryAt = this.#refresher.running ? undefined : this.#refresher.retryAt;
    const wait = Math.min(this.#schedule.nextInMs, (retryAt ?? Infinity) - clock.now());
    this.#cancelAlarm = clock.timer(Math.min(Math.max(wait, 0), alarmMaxMs), () => this.tick());
  }

  /**
   * Reads git and marks apps. Deliveries are read first: each of them was stored before the fetch began, so the fetch
   * has seen the push it speaks of, and it is done once its apps are marked.
   */
  async #refresh(trigger: Trigger): Promise<void> {
    const { store } = this.#options;
    const deliveries = await store.pendingDeliveries();
    if (trigger === 'webhook' && deliveries.length === 0) return;
    const fleet = await this.#options.refresh(trigger, this.#abort.signal);
    const all = new Set(fleet.apps);
    const affected = new Set(
      deliveries.flatMap((delivery) => fleet.affectedBy(delivery)).filter((app) => all.has(app)),
    );
    const others = trigger === 'webhook' ? [] : trigger === 'retry' ? (fleet.moved ?? []) : all;
    const marked = [...new Set([...affected, ...others])];
    for (const app of affected) this.#schedule.forgive(app);
    await store.finishDeliveries(
      deliveries.map(({ id }) => id),
      marked,
    );
    for (const app of marked) this.#label(app, affected.has(app) ? 'webhook' : trigger);
    this.#schedule.keepOnly(all);
    for (const app of this.#marks.keys()) if (!all.has(app)) this.#marks.delete(app);
    await this.#takeUp(new Set(marked), all);
    this.#ready = true;
  }

  async #markDue(due: readonly string[]): Promise<void> {
    try {
      await this.#options.store.markDirty(due);
      for (const app of due) this.#label(app, 'retry');
      await this.#takeUp(new Set(due), undefined);
    } catch (error) {
      const { what, why, next } = toFault(error, 'the database could not be written');
      this.#options.log.error({ what, why, next }, 'due apps could not be marked; trying again');
      for (const app of due) this.#schedule.failed(app, undefined);
    }
    this.#proceed();
  }

  /**
   * Reads the marks just set. Others are known, and reading them again could bring back one that is being cleared;
   * but for those a process before left behind, and those that an error kept from being read. `all`: forgets the rest.
   */
  async #takeUp(marked: ReadonlySet<string>, all: ReadonlySet<string> | undefined): Promise<void> {
    const { store, log } = this.#options;
    const everything = this.#unread;
    this.#unread = true;
    for (const { app, generation } of await store.dirtyApps()) {
      if (all !== undefined && !all.has(app)) {
        log.info({ app }, 'git no longer names a marked app');
        await store.clearDirty(app, generation);
      } else if (everything || marked.has(app)) this.#marks.set(app, generation);
    }
    this.#unread = false;
  }

  /** Why the app runs next: a push or a person outranks whatever the clock brings. */
  #label(app: string, trigger: Trigger): void {
    const known = this.#triggers.get(app);
    if (known === undefined || !isUrgent(known)) this.#triggers.set(app, trigger);
  }

  /** Each marked app that neither runs nor waits for a place is queued; those a person waits for go first. */
  #dispatch(): void {
    if (!this.#ready) return;
    for (const app of this.#marks.keys()) {
      if (this.#running.has(app)) continue;
      const priority = isUrgent(this.#triggers.get(app) ?? 'start') ? 1 : 0;
      const queuedAs = this.#queued.get(app);
      if (queuedAs !== undefined && queuedAs >= priority) continue;
      this.#queued.set(app, priority);
      if (queuedAs !== undefined) this.#queue.setPriority(app, priority);
      else void this.#queue.add(() => this.#run(app), { id: app, priority });
    }
  }

  async #run(app: string): Promise<void> {
    this.#queued.delete(app);
    const generation = this.#marks.get(app);
    if (this.#state !== 'started' || generation === undefined) return;
    this.#running.add(app);
    this.#marks.delete(app);
    this.#schedule.begin(app);
    const trigger = this.#triggers.get(app) ?? 'start';
    this.#triggers.delete(app);
    try {
      // Cleared before anything is read: what changes from here on sets a mark of its own.
      await this.#options.store.clearDirty(app, generation);
      const aside = asideOf(this.#queue, this.#options.concurrency);
      const { failed, wakes = [], ...ask } = await this.#options.reconcile(app, trigger, this.#abort.signal, aside);
      for (const what of this.#told.passed()) this.#options.log.info({ what }, 'no longer waited for');
      const later = failed ? this.#schedule.failed(app, ask.nextWakeAt) : this.#schedule.succeeded(app, ask);
      // First: nobody tells of those again, while the time is for whoever asks alone.
      if (wakes.length > 0) await this.#markDue(wakes);
      if (later !== undefined) await this.#options.store.setNextWake(app, later);
    } catch (error) {
      this.#threw(app, toFault(error, `${app} could not be synced`));
    } finally {
      this.#running.delete(app);
      this.#proceed();
    }
  }

  #threw(app: string, fault: Fault): void {
    const { log } = this.#options;
    const { kind, what, why, next } = fault;
    if (this.#state === 'stopped') {
      log.info({ app, what, why }, 'pass ended by the stop');
      return;
    }
    log[this.#told.isTold(fault) ? 'debug' : 'warn']({ app, kind, what, why, next }, 'pass failed');
    const retryAt = retryAtOf(fault, this.#options.clock.now());
    if (kind === 'transient') this.#schedule.failed(app, retryAt);
    else this.#schedule.succeeded(app, { nextWakeAt: retryAt, because: what });
  }

  #track(write: Promise<void>): void {
    this.#writes.add(write);
    void write.finally(() => this.#writes.delete(write));
  }
}

/** Somebody waits for it. */
function isUrgent(trigger: Trigger): boolean {
  return trigger === 'webhook' || trigger === 'command';
}
