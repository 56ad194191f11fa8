/** Turns at the network. Who gets no answer goes on beside the others, and gives its turn to them. */
import { Places } from '../../http/lane.ts';
import type { Clock } from '../../model/base/clock.ts';
import { GitError } from '../git/git-command.ts';

/** git children at the network: more would not be faster on the two cores FlyCD is meant for, and hosts throttle. */
const turnsMax = 4;
/** Children that wait for an answer which does not come, beside those: some 10 MB each. */
const asideMax = 8;
/** A host says within a second what a ref points to. */
const turnMs = 3_000;
/** So many in a row of one host got no answer, and nobody else of it did: it is the host. */
const unansweredMax = 16;

export interface RemoteCall {
  readonly host: string;
  /** true: nobody waits for it any more, so it needs no turn. */
  isLate(): boolean;
  /** It got no answer: whoever waits goes on without it, and it may be made once more. undefined: it is waited for. */
  readonly late: (() => void) | undefined;
  /** Milliseconds from its turn after which it is late. */
  readonly patienceMs: number;
  /** Since it was asked last: what is fetched still comes. */
  isMoving(): boolean;
}

/** Takes its turn. `ended` throws where the work is to stop, and is done from its beginning later on. */
export type Permits = <T>(call: RemoteCall, work: (ended: Promise<never>) => Promise<T>) => Promise<T>;

export function createPermits(clock: Clock, sizes: { readonly turns?: number; readonly aside?: number } = {}): Permits {
  const turns = new Places(sizes.turns ?? turnsMax);
  const aside = new Places(sizes.aside ?? asideMax);
  /** By host: calls without an answer since there was one. */
  const unanswered = new Map<string, number>();
  const isPassedBy = (call: RemoteCall): boolean =>
    call.late !== undefined && (call.isLate() || (unanswered.get(call.host) ?? 0) >= unansweredMax);

  async function told<T>({ host }: RemoteCall, work: Promise<T>): Promise<T> {
    try {
      const answer = await work;
      unanswered.delete(host);
      return answer;
    } catch (error) {
      if (!isSilence(error)) unanswered.delete(host);
      throw error;
    }
  }

  return async (call, work) => {
    let isFirst = !call.isLate();
    if (!isPassedBy(call)) {
      await turns.enter();
      if (isPassedBy(call)) turns.leave();
      else {
        const turn = new Turn({ clock, call, turns, aside, unanswered });
        try {
          return await told(call, work(turn.ended));
        } catch (error) {
          if (!turn.wasCut) throw error;
          isFirst = false;
        } finally {
          turn.end();
        }
      }
    }
    call.late?.();
    // What may answer comes before what has not.
    await aside.enter(isFirst);
    try {
      return await told(call, work(new Promise<never>(() => undefined)));
    } finally {
      aside.leave();
    }
  };
}

/** true: nobody answered, which may be so for long; what refuses has answered. */
export function isSilence(error: unknown): boolean {
  return error instanceof GitError && (error.reason === 'timeout' || /timed out|too slow|timeout/i.test(error.stderr));
}

interface TurnParts {
  readonly clock: Clock;
  readonly call: RemoteCall;
  readonly turns: Places;
  readonly aside: Places;
  readonly unanswered: Map<string, number>;
}

/** Of one call: it ends with it, or when others need it more. */
class Turn {
  readonly #parts: TurnParts;
  readonly #ended = Promise.withResolvers<never>();
  #place: Places;
  #isCounted = false;
  wasCut = false;
  #cancelTurn: () => void;
  readonly #cancelPatience: () => void;

  constructor(parts: TurnParts) {
    const { clock, call, turns } = parts;
    this.#parts = parts;
    this.#place = turns;
    this.#ended.promise.catch(() => undefined);
    this.#cancelTurn = clock.timer(turnMs, () => this.#overstay());
    this.#cancelPatience = call.late === undefined ? () => undefined : clock.timer(call.patienceMs, call.late);
  }

  get ended(): Promise<never> {
    return this.#ended.promise;
  }

  end(): void {
    this.#cancelTurn();
    this.#cancelPatience();
    this.#place.leave();
  }

  #overstay(): void {
    const { clock, call, turns, aside, unanswered } = this.#parts;
    const isMoving = call.isMoving();
    if (!isMoving && !this.#isCounted) unanswered.set(call.host, (unanswered.get(call.host) ?? 0) + 1);
    this.#isCounted ||= !isMoving;
    if (!isMoving && aside.tryEnter()) {
      turns.leave();
      this.#place = aside;
    } else if (!isMoving && call.late !== undefined) {
      this.wasCut = true;
      this.#ended.reject(new GitError(`no answer within ${turnMs / 1000} s`, 'timeout'));
    } else this.#cancelTurn = clock.timer(turnMs, () => this.#overstay());
  }
}
