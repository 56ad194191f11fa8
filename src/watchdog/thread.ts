/** The thread of watchdog.ts. It shares nothing with the process but a number, so that nothing of it can hold this up. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { Watched } from './watchdog.ts';

const { beats, lookEachMs, silentLooksMax, message } = workerData as Watched;
const counter = new Int32Array(beats);
let seen = Atomics.load(counter, 0);
let silentLooks = 0;
/** By its number: a thread's own stream goes through the loop that stands still. */
const standardError = 2;

setInterval(() => {
  const now = Atomics.load(counter, 0);
  silentLooks = now === seen ? silentLooks + 1 : 0;
  seen = now;
  if (silentLooks < silentLooksMax) return;
  const line = { level: 'error', time: new Date().toISOString(), msg: message };
  try {
    writeSync(standardError, `${JSON.stringify(line)}\n`);
  } finally {
    // Exits by itself no thread can ask for; a core, which other signals may leave, holds secrets.
    process.kill(process.pid, 'SIGKILL');
  }
}, lookEachMs);
