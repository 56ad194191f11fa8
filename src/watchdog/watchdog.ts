/** Ends a process whose event loop stands still, or whose heartbeat has stopped: whoever looks after it starts it again. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Eight heartbeats of tick.ts: a machine that is short of CPU misses one or two. */
const silentMsMax = 120_000;
const lookEachMs = 1_000;

/** What the thread is started with. */
export interface Watched {
  /** One number, which each heartbeat changes. */
  readonly beats: SharedArrayBuffer;
  readonly lookEachMs: number;
  /** Looks in a row that found no new beat. Not a time: that goes on while a machine sleeps, and nothing beats then. */
  readonly silentLooksMax: number;
  readonly message: string;
}

export interface Watchdog {
  /** The heartbeat came through. What it waits for, as Fly or git, is no matter. */
  beat(): void;
  stop(): Promise<void>;
}

export interface WatchdogOptions {
  /** The thread broke off, and nobody looks any more: no reason to end what works. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds without a beat that end the process. */
  readonly silentMs?: number;
  /** Milliseconds between two looks. */
  readonly lookMs?: number;
}

/** Looks from a thread of its own, since timers of a loop that stands still do not run. */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  const { onError, silentMs = silentMsMax, lookMs = lookEachMs } = options;
  const beats = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const counter = new Int32Array(beats);
  const workerData: Watched = {
    beats,
    lookEachMs: lookMs,
    silentLooksMax: Math.ceil(silentMs / lookMs),
    message: `the loop has not ticked for ${Math.round(silentMs / 1000)} s: the process ends, so that it is started again`,
  };
  const thread = new Worker(new URL(`thread${extname(import.meta.url)}`, import.meta.url), {
    workerData,
    execArgv: [],
    // Else it has a copy of this process's, with all tokens.
    env: {},
  });
  thread.on('error', onError);
  thread.unref();
  return {
    beat: () => void Atomics.add(counter, 0, 1),
    async stop() {
      await thread.terminate();
    },
  };
}
