import { schedule } from 'node-cron';
import type { Log } from '../model/base/log.ts';

/**
 * Timers of a process do not run while the machine sleeps, and what was due then comes late by as long as it slept. A
 * look at the wall clock every 15 seconds takes that up: more often is a waste, less often is felt.
 */
const everyFifteenSeconds = '*/15 * * * * *';

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
