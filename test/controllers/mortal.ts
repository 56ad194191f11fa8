import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../src/model/base/clock.ts';

/** Where a process dies: at its nth call to Fly, or its first such call (`POST /apps`), before it is sent or after Fly has done the work. */
export interface Death {
  readonly call: number | string;
  readonly when: 'before' | 'after';
}

export interface Mortal {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Resolves when the process is dead. */
  readonly died: Promise<void>;
  readonly calls: number;
  /** Method and path of the call at which it died. undefined: it lives. */
  readonly diedAt: string | undefined;
}

interface MortalWorld {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Fly's addresses begin so; calls elsewhere, of a registry, are not counted. Default: everything is Fly. */
  readonly fly?: string;
}

/**
 * A process that can be killed without being one: from the moment of its death its sleeps and timers never come back and
 * its connections are cut, as with kill -9. What it held open (a lease, a half-done step) stays as it was.
 */
export function mortal(world: MortalWorld, death?: Death): Mortal {
  const died = Promise.withResolvers<void>();
  const never = new Promise<never>(() => undefined);
  const connections = new AbortController();
  /** What the code that runs is busy with: once it comes to nothing more, it may not hold back time. */
  const busyWith = new AsyncLocalStorage<PromiseWithResolvers<void>>();
  const halt = (): Promise<never> => {
    busyWith.getStore()?.resolve();
    return never;
  };
  let dead = false;
  let calls = 0;
  let diedAt: string | undefined;
  const die = (): never => {
    dead = true;
    connections.abort();
    died.resolve();
    throw new Error('this process is dead');
  };
  const clock: Clock = {
    now: () => world.clock.now(),
    monotonic: () => world.clock.monotonic(),
    sleep: async (ms, signal) => {
      if (dead) return halt();
      await world.clock.sleep(ms, signal);
      return dead ? halt() : undefined;
    },
    timer: (ms, callback) =>
      world.clock.timer(ms, () => {
        if (!dead) callback();
      }),
    // The dead hold nothing back: what they were busy with ends, and nothing comes after it.
    busy: async (work) => {
      if (dead) return halt();
      const halted = Promise.withResolvers<void>();
      try {
        let result: { readonly value: Awaited<ReturnType<typeof work>> } | undefined;
        const running = busyWith.run(halted, async () => {
          result = { value: await work() };
        });
        await world.clock.busy(() => Promise.race([running, halted.promise]));
        return dead || result === undefined ? await halt() : result.value;
      } catch (error) {
        if (dead) return halt();
        throw error;
      }
    },
    park: (ms, gone) => world.clock.park(ms, gone),
  };
  const mortalFetch: typeof fetch = async (input, init) => {
    if (dead) return halt();
    if (!urlOf(input).startsWith(world.fly ?? '')) return world.fetch(input, init);
    calls += 1;
    const call = death?.call;
    const asked = `${init?.method ?? 'GET'} ${pathOf(input)}`;
    const isLast = typeof call === 'string' ? asked === call : call === calls;
    if (isLast) diedAt = asked;
    if (isLast && death?.when === 'before') return die();
    const signals = [connections.signal, ...(init?.signal == null ? [] : [init.signal])];
    const response = await world.fetch(input, { ...init, signal: AbortSignal.any(signals) });
    if (!isLast) return response;
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
    get diedAt() {
      return diedAt;
    },
  };
}

/** As Fly's Machines API has it. */
function pathOf(input: Parameters<typeof fetch>[0]): string {
  return new URL(urlOf(input)).pathname.replace(/^\/v1/, '');
}

function urlOf(input: Parameters<typeof fetch>[0]): string {
  return input instanceof Request ? input.url : String(input);
}
