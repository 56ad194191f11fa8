/** So many places: who finds none waits, first come, first served. */
export class Places {
  #free: number;
  readonly #first: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  /** `isFirst`: it comes before those that wait without. */
  async enter(isFirst = false): Promise<void> {
    if (this.tryEnter()) return;
    await new Promise<void>((resolve) => (isFirst ? this.#first : this.#waiting).push(resolve));
  }

  tryEnter(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** The place is handed over, not given back: nobody can slip in between. */
  leave(): void {
    const next = this.#first.shift() ?? this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** Runs at most `limit` pieces of work at once; the others wait their turn, first come, first served. */
export interface Lane {
  /** `isBack`: it has had its turn and gave it up, and comes before those that have not. */
  run<T>(work: () => Promise<T>, isBack?: boolean): Promise<T>;
}

export function createLane(limit: number): Lane {
  const places = new Places(limit);
  return {
    async run(work, isBack = false) {
      await places.enter(isBack);
      try {
        return await work();
      } finally {
        places.leave();
      }
    },
  };
}
