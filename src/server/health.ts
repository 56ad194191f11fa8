/** What the service says of itself to whoever watches it: no name of a repository or an app, since anybody may ask. */
import type { LoopStatus } from '../loop/loop.ts';
import type { Clock } from '../model/base/clock.ts';
import { isFleetWide, toFault, type Fault } from '../model/base/fault.ts';
import type { Log } from '../model/base/log.ts';
import type { Store } from '../record/store.ts';

/** A check writes to the disk, and anybody may ask. */
const checkedEachMs = 5_000;
/** A database that is locked is waited for; whoever watches has given up by then. */
const checkMsMax = 1_500;
/** As long as one fetch of git may take, and what comes with it. */
const refreshMsMax = 6 * 60_000;

export interface HealthOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'checkStorage'>;
  readonly loop: { readonly ready: boolean; status(): Pick<LoopStatus, 'refreshFault' | 'refreshingMs'> };
  /** What else keeps FlyCD from being ready, each for a person and read by anybody: "the Fly token is not accepted". */
  readonly unready?: (() => readonly string[]) | undefined;
}

/** Each answers with reasons; none = it is well. */
export interface Health {
  /** Why a push could not be taken and stored now. */
  live(): Promise<readonly string[]>;
  /** Why git is not kept on Fly now. */
  ready(): Promise<readonly string[]>;
}

export function createHealth(options: HealthOptions): Health {
  const storage = new StorageCheck(options);
  return {
    live: () => storage.reasons(),
    async ready() {
      return [...(await storage.reasons()), ...reasonsOf(options.loop), ...(options.unready?.() ?? [])];
    },
  };
}

function reasonsOf(loop: HealthOptions['loop']): readonly string[] {
  const { refreshFault, refreshingMs = 0 } = loop.status();
  const isSilent = refreshingMs > refreshMsMax;
  if (!loop.ready)
    return [`the first desired state is not computed yet${refreshFault === undefined ? '' : `: ${seeLog}`}`];
  return [
    ...(refreshFault === undefined ? [] : [wordsOf(refreshFault)]),
    ...(isSilent ? [`git has not answered for ${Math.floor(refreshingMs / 60_000)} minutes`] : []),
  ];
}

const seeLog = 'the log says why';

/** Only the token stops a whole fleet. */
function wordsOf(fault: Fault): string {
  return isFleetWide(fault)
    ? `Fly refuses the token: ${seeLog}`
    : `the desired state could not be computed the last time: ${seeLog}`;
}

/** Asked of the database at most each five seconds; in between the last answer is given. */
class StorageCheck {
  readonly #options: HealthOptions;
  #reasons: readonly string[] = [];
  #checkedAt = -Infinity;
  #underWay: Promise<void> | undefined;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  async reasons(): Promise<readonly string[]> {
    const { clock } = this.#options;
    if (this.#underWay === undefined && clock.monotonic() - this.#checkedAt >= checkedEachMs)
      this.#underWay = this.#check();
    if (this.#underWay === undefined) return this.#reasons;
    const late = Promise.withResolvers<'late'>();
    const cancel = clock.timer(checkMsMax, () => late.resolve('late'));
    const end = await Promise.race([this.#underWay, late.promise]);
    cancel();
    return end === 'late' ? ['the database does not answer'] : this.#reasons;
  }

  async #check(): Promise<void> {
    const { clock, log, store } = this.#options;
    const wasWell = this.#reasons.length === 0;
    try {
      await store.checkStorage();
      this.#reasons = [];
      if (!wasWell) log.info({}, 'pushes can be stored again');
    } catch (error) {
      const { what, why, next } = toFault(error, 'the database could not be written');
      this.#reasons = [`pushes cannot be stored: ${seeLog}`];
      if (wasWell) log.error({ what, why, next }, 'pushes cannot be stored');
    }
    this.#checkedAt = clock.monotonic();
    this.#underWay = undefined;
  }
}
