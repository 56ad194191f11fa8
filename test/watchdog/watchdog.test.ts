import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';

const modulePath = new URL('../../src/watchdog/watchdog.ts', import.meta.url).href;

/** A process of its own with a watchdog that looks each 10 ms and waits 200 ms for a beat. */
async function ends(body: string): Promise<{ signal: string | null; code: number | null; told: string }> {
  const start = `import { startWatchdog } from ${JSON.stringify(modulePath)};
    const watchdog = startWatchdog({ onError: () => process.exit(9), silentMs: 200, lookMs: 10 });
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${start}\n${body}`], { stdio: 'pipe' });
  let told = '';
  child.stderr.on('data', (data: Buffer) => (told += data.toString()));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ signal, code, told })));
}

test.concurrent('a process whose event loop stands still is ended, and a line says why', async () => {
  const { signal, told } = await ends('watchdog.beat(); for (;;);');
  expect(signal).toBe('SIGKILL');
  expect(told).toMatch(/^\{"level":"error","time":"[^"]+","msg":"the loop has not ticked for 0 s: the process ends/);
});

test.concurrent('so is one whose heartbeat stopped while all else goes on', async () => {
  expect((await ends('watchdog.beat(); setInterval(() => undefined, 5);')).signal).toBe('SIGKILL');
});

test.concurrent('one that beats goes on, and ends by itself, with the watchdog stopped or not', async () => {
  const beating = 'for (let i = 0; i < 60; i += 1) { watchdog.beat(); await sleep(10); }';
  expect(await ends(beating)).toEqual({ signal: null, code: 0, told: '' });
  expect(await ends(`${beating} await watchdog.stop(); await sleep(400);`)).toEqual({
    signal: null,
    code: 0,
    told: '',
  });
});
