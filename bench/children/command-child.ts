/**
 * One command line of the built FlyCD in a process of its own, as `flycd` runs it, with its calls counted. Arguments:
 * the folder of the build, then the command line. Sends a CommandReport.
 */
import { enableCompileCache } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { main as Main } from '../../src/cli/main.ts';
import type { Clock } from '../../src/model/base/clock.ts';

export interface CommandReport {
  readonly code: number;
  /** From the start of the process to the end of the command, milliseconds. */
  readonly wallMs: number;
  /** CPU time of the process, milliseconds. */
  readonly cpuMs: number;
  readonly calls: number;
  /** Answers with status 429. */
  readonly limited: number;
  /** Most memory it ever held, in MB. */
  readonly memoryMb: number;
}

enableCompileCache();
const [folder = '', ...argv] = process.argv.slice(2);
const address = (path: string): string => new URL(path, pathToFileURL(`${folder}/`)).href;
const [{ main }, { systemClock }] = await Promise.all([
  import(address('src/cli/main.js')) as Promise<{ readonly main: typeof Main }>,
  import(address('src/model/base/clock.js')) as Promise<{ readonly systemClock: Clock }>,
]);

let calls = 0;
let limited = 0;
const code = await main(argv, {
  env: Object.freeze({ ...process.env }),
  cwd: process.cwd(),
  stdout: { isTTY: false, write: (text) => void process.stdout.write(text) },
  stderr: { isTTY: false, write: (text) => void process.stderr.write(text) },
  clock: systemClock,
  async fetch(input, init) {
    calls += 1;
    const response = await fetch(input, init);
    if (response.status === 429) limited += 1;
    return response;
  },
  signal: new AbortController().signal,
  random: Math.random,
  host: { name: 'bench', space: '', pid: process.pid, isAlive: () => true },
});
const { user, system } = process.cpuUsage();
const report: CommandReport = {
  code,
  wallMs: performance.now(),
  cpuMs: (user + system) / 1000,
  calls,
  limited,
  memoryMb: process.resourceUsage().maxRSS / 1024,
};
if (process.send) process.send(report);
else console.log(JSON.stringify(report));
