import type PQueue from 'p-queue';

/** Waits without taking a place among those who work. */
export type Aside = <T>(wait: () => Promise<T>) => Promise<T>;

/** Passes that wait beside those that work: each holds a plan in memory and a socket open to Fly. */
const asideMost = 64;

/** For whoever has no place to give back. */
export const inPlace: Aside = (wait) => wait();

/**
 * Of one task of a queue, which has one place however many of its waits go on side by side: while any of them does, the
 * queue may start one task more. A machine that boots for minutes keeps no other app from its turn.
 */
export function asideOf(queue: PQueue, places: number): Aside {
  let waits = 0;
  let isGiven = false;
  return async (wait) => {
    waits += 1;
    if (!isGiven && queue.concurrency < places + asideMost) {
      isGiven = true;
      queue.concurrency += 1;
    }
    try {
      return await wait();
    } finally {
      waits -= 1;
      if (waits === 0 && isGiven) {
        isGiven = false;
        queue.concurrency -= 1;
      }
    }
  };
}
