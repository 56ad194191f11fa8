/**
 * Fly in a box as a process of its own, with a latency that the bench sets: none while a world is being made, 50 ms
 * while one is measured. Sends {environment} when it listens. Answers {latencyMs} once it is set, {quietMs} once no
 * call has come for so long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../simulator/simulator.ts';
import { systemClock } from '../../src/model/base/clock.ts';
import { report } from './invocation.ts';

interface Wish {
  readonly latencyMs?: number;
  readonly quietMs?: number;
}

/** Machines that take a second to start would make a world of a thousand apps take minutes. */
const hurry = 10;
/** The simulator's latency is fixed when it starts. It waits for it on its clock, and for nothing else so short. */
const latencyMark = 0.5;
let latencyMs = 0;
let lastAsked = 0;

const running = await startSimulator({
  clock: {
    ...systemClock,
    timer: (ms, callback) => systemClock.timer(latencyMs === 0 ? ms / hurry : ms, callback),
    park(ms, gone) {
      if (ms !== latencyMark) return systemClock.park(ms, gone);
      lastAsked = performance.now();
      return latencyMs === 0 ? Promise.resolve() : systemClock.park(latencyMs, gone);
    },
  },
  latencyMs: latencyMark,
});
process.on('message', (wish: Wish) => {
  if (wish.latencyMs !== undefined) {
    latencyMs = wish.latencyMs;
    report(wish);
  }
  if (wish.quietMs !== undefined) void whenQuiet(wish.quietMs).then(() => report(wish));
});
process.on('disconnect', () => process.exit());
report({ environment: running.environment });

async function whenQuiet(quietMs: number): Promise<void> {
  for (let wait = quietMs; wait > 0; wait = lastAsked + quietMs - performance.now()) await sleep(wait);
}
