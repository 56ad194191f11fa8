/** Waiting for a database that another process holds: on the clock, so that the process goes on meanwhile. */
import type { Clock } from '../../model/base/clock.ts';
import { isLocked, recordFault } from './faults.ts';

/** SQLite waits inside of the process, which answers nobody meanwhile: a write of another process takes milliseconds. */
export const busyTimeoutMs = 50;
/** Five seconds are a hung process, not a queue; GitHub waits ten for an answer. */
const lockedMsMax = 5_000;
/** Long enough for what waits beside it, short beside what a person or a sender waits. */
const againMs = 100;

export interface Patience {
  readonly clock: Clock;
  /** For words. */
  readonly path: string;
}

/** The work's result, as soon as nobody else holds the database. It has to be harmless to begin again. Throws a Fault for what SQLite refuses. */
export async function patiently<T>({ clock, path }: Patience, work: () => T | Promise<T>, doing?: string): Promise<T> {
  const giveUpAt = clock.monotonic() + lockedMsMax;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLocked(error) || clock.monotonic() >= giveUpAt) throw recordFault(error, path, doing);
      await clock.sleep(againMs);
    }
  }
}

type Method = (...given: never[]) => unknown;

/** The same methods, each of them patient. */
export function patient<Methods extends { readonly [Name in keyof Methods]: Method }>(
  methods: Methods,
  patience: Patience,
): Methods {
  const entries = Object.entries<Method>(methods as Readonly<Record<string, Method>>);
  const waiting = entries.map(([name, method]) => [
    name,
    (...given: never[]) => patiently(patience, () => method(...given)),
  ]);
  return Object.fromEntries(waiting) as Methods;
}
