export interface MovableClock extends SimulatorClock {
  /** Lets so many milliseconds pass at once: what was due in them happens now, in order, each at its own time. */
  move(ms: number): void;
}

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
  cancel: () => void;
}

/** A clock as good as the one given, which can be moved ahead of it. */
export function movableClock(clock: SimulatorClock): MovableClock {
  let ahead = 0;
  let made = 0;
  const timers = new Set<Timer>();
  const parked = new Set<AbortController>();
  const now = (): number => clock.now() + ahead;

  function wind(timer: Timer): void {
    timer.cancel = clock.timer(Math.max(0, timer.due - now()), () => {
      timers.delete(timer);
      timer.callback();
    });
  }

  function firstDue(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.due > until) continue;
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }

  return {
    now,
    timer(ms, callback) {
      const timer: Timer = { due: now() + Math.max(0, ms), order: made++, callback, cancel: () => undefined };
      timers.add(timer);
      wind(timer);
      return () => {
        timers.delete(timer);
        timer.cancel();
      };
    },
    async park(ms, gone) {
      const due = now() + ms;
      for (;;) {
        const moved = new AbortController();
        parked.add(moved);
        const signal = gone === undefined ? moved.signal : AbortSignal.any([gone, moved.signal]);
        await clock.park(Math.max(0, due - now()), signal);
        parked.delete(moved);
        // Otherwise woken by a move that did not reach its time: the rest is waited for.
        if (now() >= due || gone?.aborted === true) return;
      }
    },
    move(ms) {
      const until = now() + ms;
      for (let timer = firstDue(until); timer !== undefined; timer = firstDue(until)) {
        ahead += Math.max(0, timer.due - now());
        timers.delete(timer);
        timer.cancel();
        timer.callback();
      }
      ahead += Math.max(0, until - now());
      for (const timer of [...timers].toSorted((a, b) => a.due - b.due || a.order - b.order)) {
        timer.cancel();
        wind(timer);
      }
      for (const moved of parked) moved.abort();
    },
  };
}

export interface SimulatorClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms`; the function returned cancels. */
  timer(ms: number, callback: () => void): () => void;
  /** A wait on behalf of a request that its sender counts as busy; ends early when the sender is gone. */
  park(ms: number, gone?: AbortSignal): Promise<void>;
}
