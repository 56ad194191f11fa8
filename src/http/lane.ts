/** Runs at most `limit` pieces of work at once; the others wait their turn, first come, first served. */
export interface Lane {
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createLane(limit: number): Lane {
  let running = 0;
  const waiting = new Set<() => void>();

  const enter = (): Promise<void> => {
    if (running < limit) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.add(resolve));
  };

  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      running -= 1;
      return;
    }
    // The place is handed over, not given back: nobody can slip in between.
    waiting.delete(next);
    next();
  };

  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
