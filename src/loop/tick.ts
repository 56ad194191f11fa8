import { schedule } from 'node-cron';
import type { Clock } from '../model/base/clock.ts';
import type { Log } from '../model/base/log.ts';

/**
 * Timers of a process do not run while the machine sleeps, and what was due then comes late by as long as it slept. A
 * look at the wall clock every 15 seconds takes that up: more often is a waste, less often is felt.
 */
const everyFifteenSeconds = '*/15 * * * * *';

/** For whoever watches the process: as often, and by a clock that nobody sets. A wall clock that is set back keeps the other one waiting. */
const beatMs = 15_000;

/** Calls `beat` as long as timers run. Returns what stops it. */
export function startBeat(clock: Pick<Clock, 'timer'>, beat: () => void): () => void {
  let cancel = (): void => undefined;
  const next = (): void => {
    beat();
    cancel = clock.timer(beatMs, next);
  };
  next();
  return () => cancel();
}

/**
 * The heartbeat in real time: calls `tick`, which looks at what is due by the clock. Does not keep the process alive.
 * Returns what stops it.
 */
export function startTick(options: { readonly tick: () => void; readonly log: Log }): () => void {
  const { tick, log } = options;
  const task = schedule(everyFifteenSeconds, () => tick(), {
    unref: true,
    // A beat missed while the machine slept is what the next one is for.
    suppressMissedWarning: true,
    logger: {
      debug: (message) => log.debug({ message: String(message) }, 'tick'),
      info: (message) => log.debug({ message }, 'tick'),
      warn: (message) => log.debug({ message }, 'tick'),
      error: (message) => log.error({ message: String(message) }, 'tick failed'),
    },
  });
  return () => {
    void task.destroy();
  };
}
