import type { Clock } from '../model/base/clock.ts';
import { retryAtOf, toFault, type Fault } from '../model/base/fault.ts';
import type { Trigger } from '../model/run.ts';
import { firstRetryMs, lastRetryMs, retryDelay } from './backoff.ts';

/** Of wakes that run as one, the strongest speaks for all: from `timer` on they look at every app. */
const strength: Readonly<Record<Trigger, number>> = {
  webhook: 0,
  retry: 1,
  timer: 2,
  start: 3,
  command: 4,
  rollback: 4,
  suspend: 4,
  resume: 4,
};

/**
 * In a stream of pushes, or of sources that answer again, git is asked once in this time: each question is a child process,
 * whose start holds up the answers to the pushes themselves. The first push of all is looked at at once.
 */
const pushSpacingMs = 1_000;

export interface RefresherOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Reads git and marks what is to be looked at. */
  run(trigger: Trigger): Promise<void>;
  onFault(fault: Fault, retryAt: number): void;
  /** A refresh ended, well or not. */
  onSettled(): void;
}

/**
 * Reads git once at a time. The first wake runs at once, those that come meanwhile or shortly after are one next run; a
 * failed run is owed until it succeeds.
 */
export class Refresher {
  readonly #options: RefresherOptions;
  #wanted: Trigger | undefined;
  #running: Promise<void> | undefined;
  // Times by the monotonic clock.
  #startedAt = -Infinity;
  #cancelTimer = (): void => undefined;
  #failures = 0;
  #failedAt = 0;
  #retryAt: number | undefined;
  #fault: Fault | undefined;
  #stopped = false;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Why the last run failed; undefined after one that did not. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Since the run under way began. */
  get runningMs(): number | undefined {
    return this.running ? this.#options.clock.monotonic() - this.#startedAt : undefined;
  }

  /** When a failed run is tried again; milliseconds since the epoch. */
  get retryAt(): number | undefined {
    const { clock } = this.#options;
    return this.#retryAt === undefined ? undefined : clock.now() + this.#retryAt - clock.monotonic();
  }

  want(trigger: Trigger): void {
    this.#owe(trigger);
    // A person does not wait; a push is news, so waiting starts over, yet a flood of pushes asks git no more often.
    if (trigger === 'command') this.#retryAt = undefined;
    if (trigger === 'webhook' && this.#retryAt !== undefined) {
      this.#failures = 1;
      this.#retryAt = Math.min(this.#retryAt, this.#failedAt + firstRetryMs);
    }
  }

  /** Runs what is wanted, unless a run is under way or a failed one waits for its time. */
  proceed(): void {
    if (this.#stopped || this.#wanted === undefined || this.#running !== undefined) return;
    const { clock } = this.#options;
    if (this.#retryAt !== undefined && this.#retryAt > clock.monotonic()) return;
    const trigger = this.#wanted;
    this.#cancelTimer();
    const isSpaced = trigger === 'webhook' || trigger === 'retry';
    const wait = isSpaced ? this.#startedAt + pushSpacingMs - clock.monotonic() : 0;
    if (wait > 0) {
      this.#cancelTimer = clock.timer(wait, () => this.proceed());
      return;
    }
    this.#startedAt = clock.monotonic();
    this.#wanted = undefined;
    this.#running = this.#run(trigger).finally(() => {
      this.#running = undefined;
      this.#options.onSettled();
      this.proceed();
    });
  }

  /** Nothing new starts; resolves when the run under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await this.#running;
  }

  async #run(trigger: Trigger): Promise<void> {
    try {
      await this.#options.run(trigger);
      this.#failures = 0;
      this.#retryAt = undefined;
      this.#fault = undefined;
    } catch (error) {
      if (this.#stopped) return;
      this.#failed(toFault(error, 'the desired state could not be computed'));
      this.#owe(trigger);
    }
  }

  #owe(trigger: Trigger): void {
    if (this.#wanted === undefined || strength[trigger] > strength[this.#wanted]) this.#wanted = trigger;
  }

  #failed(fault: Fault): void {
    const { clock, random } = this.#options;
    this.#failures += 1;
    this.#failedAt = clock.monotonic();
    // What git has to change or a person to decide is asked rarely, not never: credentials and repos are mended outside.
    const patient = fault.kind === 'stalled' || fault.kind === 'held';
    const delay = patient ? lastRetryMs : retryDelay(this.#failures, random);
    const now = clock.now();
    const retryAt = Math.max(now + delay, retryAtOf(fault, now) ?? 0);
    this.#retryAt = this.#failedAt + retryAt - now;
    this.#fault = fault;
    this.#options.onFault(fault, retryAt);
  }
}
