/** Runs at most `limit` pieces of work at once; the others wait their turn, first come, first served. */
export interface Lane {
  /** `isBack`: it has had its turn and gave it up, and comes before those that have not. */
  run<T>(work: () => Promise<T>, isBack?: boolean): Promise<T>;
}

export function createLane(limit: number): Lane {
  let running = 0;
  const waiting = new Set<() => void>();
  const back = new Set<() => void>();

  const enter = (isBack: boolean): Promise<void> => {
    if (running < limit) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => (isBack ? back : waiting).add(resolve));
  };

  const leave = (): void => {
    const [next] = back.size > 0 ? back : waiting;
    if (next === undefined) {
      running -= 1;
      return;
    }
    // The place is handed over, not given back: nobody can slip in between.
    back.delete(next);
    waiting.delete(next);
    next();
  };

  return {
    async run(work, isBack = false) {
      await enter(isBack);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
