import { hash } from 'node:crypto';
import type { SimulatorClock } from '../world/clock.ts';

/** Where requests wait until the client that sent them has nothing else to do. */
export interface WaitingRoom {
  /** Resolves when it is the request's turn, and when its sender is gone. */
  enter(request: Arrived, gone: AbortSignal): Promise<void>;
}

interface Arrived {
  readonly app: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: string;
  /** Of two that ask for the same it decides whose turn it is. */
  readonly by: string;
}

interface Waiting {
  readonly key: string;
  readonly admit: () => void;
}

/**
 * Each request that arrives sets a timer of zero: on a virtual clock it goes off once nothing is busy any more, which is
 * when everything the client sends has arrived. Each timer lets one request in, the first by its key, not its own: what
 * arrived first is chance.
 */
export function waitingRoom(clock: Pick<SimulatorClock, 'park'>): WaitingRoom {
  const waiting: Waiting[] = [];
  const turns: AbortController[] = [];

  async function takeTurn(): Promise<void> {
    const turn = new AbortController();
    turns.push(turn);
    await clock.park(0, turn.signal);
    if (turn.signal.aborted) return;
    turns.splice(turns.indexOf(turn), 1);
    const first = waiting.reduce<Waiting | undefined>(
      (first, one) => (first === undefined || one.key < first.key ? one : first),
      undefined,
    );
    if (first === undefined) return;
    waiting.splice(waiting.indexOf(first), 1);
    first.admit();
  }

  return {
    enter: (request, gone) =>
      new Promise((resolve) => {
        const entry: Waiting = {
          key: keyOf(request),
          admit() {
            gone.removeEventListener('abort', leave);
            resolve();
          },
        };
        const leave = (): void => {
          const place = waiting.indexOf(entry);
          if (place === -1) return;
          waiting.splice(place, 1);
          // One request less needs one turn less.
          turns.pop()?.abort();
          resolve();
        };
        if (gone.aborted) return resolve();
        waiting.push(entry);
        gone.addEventListener('abort', leave, { once: true });
        void takeTurn();
      }),
  };
}

function keyOf({ app, method, path, body, by }: Arrived): string {
  return JSON.stringify([app, method, path, body === '' ? '' : hash('sha256', body), by]);
}
