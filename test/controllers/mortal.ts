import type { Clock } from '../../src/model/clock.ts';

/** Where a process dies: at its nth call to Fly, before it is sent or after Fly has done the work. */
export interface Death {
  readonly call: number;
  readonly when: 'before' | 'after';
}

export interface Mortal {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Resolves when the process is dead. */
  readonly died: Promise<void>;
  readonly calls: number;
}

/**
 * A process that can be killed without being one: from the moment of its death its requests, sleeps and timers never
 * come back, as with kill -9. What it held open (a lease, a half-done step) stays as it was.
 */
export function mortal(world: { readonly clock: Clock; readonly fetch: typeof fetch }, death?: Death): Mortal {
  const died = Promise.withResolvers<void>();
  const never = new Promise<never>(() => undefined);
  let dead = false;
  let calls = 0;
  const die = (): Promise<never> => {
    dead = true;
    died.resolve();
    return never;
  };
  const clock: Clock = {
    now: () => world.clock.now(),
    sleep: async (ms, signal) => {
      if (dead) return never;
      await world.clock.sleep(ms, signal);
      return dead ? never : undefined;
    },
    timer: (ms, callback) =>
      world.clock.timer(ms, () => {
        if (!dead) callback();
      }),
    // The dead hold nothing back: time goes on without them.
    busy: async (work) => {
      if (dead) return never;
      const result = await world.clock.busy(() => Promise.race([work(), died.promise]));
      return dead ? never : (result as Awaited<ReturnType<typeof work>>);
    },
    park: (ms, gone) => world.clock.park(ms, gone),
  };
  const mortalFetch: typeof fetch = async (input, init) => {
    if (dead) return never;
    calls += 1;
    if (death?.call !== calls) return world.fetch(input, init);
    if (death.when === 'before') return die();
    const response = await world.fetch(input, init);
    await response.arrayBuffer();
    return die();
  };
  return {
    clock,
    fetch: mortalFetch,
    died: died.promise,
    get calls() {
      return calls;
    },
  };
}
