#!/usr/bin/env node
// Nothing is imported before the version is checked: on an older Node the SQLite binding ends the process without a word.

/** The first 22 that runs TypeScript's types away by itself and has all that FlyCD uses. */
const oldestNode = [22, 18] as const;

/** One Ctrl-C under `npm run` comes twice: from the terminal, and passed on by npm. Nobody presses again as fast. */
const oneKeyPressMs = 500;

/** What shells add to the number of the signal that ended a process. */
const signalled = 128;

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
}

async function start(): Promise<void> {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  const [{ hostname }, { readlinkSync }, { main }, { systemClock }, { proxiedFetch }] = await Promise.all([
    import('node:os'),
    import('node:fs'),
    import('./cli/main.ts'),
    import('./model/base/clock.ts'),
    import('./http/proxies.ts'),
  ]);
  const stop = new AbortController();
  let stoppedAt = 0;
  let stoppedBy = 0;
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(name, () => {
      // The second time it is meant: no step is waited for.
      if (stop.signal.aborted && systemClock.now() - stoppedAt > oneKeyPressMs) process.exit(signalled + number);
      if (stop.signal.aborted) return;
      stoppedAt = systemClock.now();
      stoppedBy = number;
      stop.abort(new Error(`stopped by ${name}`));
    });
  }
  // `flycd history | head` closes the pipe early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  const env = Object.freeze({ ...process.env });
  const code = await main(process.argv.slice(2), {
    env,
    cwd: process.cwd(),
    stdin: { isTTY: process.stdin.isTTY ?? false, line: () => lineOf(stop.signal) },
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    clock: systemClock,
    fetch: proxiedFetch(env, { fetch, clock: systemClock }),
    signal: stop.signal,
    random: Math.random,
    watchdog: async (onError) => (await import('./watchdog/watchdog.ts')).startWatchdog({ onError }),
    host: { name: hostname(), space: processSpace(readlinkSync), pid: process.pid, isAlive },
  });
  process.exitCode = stoppedBy > 0 && code > signalled ? signalled + stoppedBy : code;
  // What was left where it stood may still hold sockets open.
  if (stop.signal.aborted) process.exit();
}

/** Linux names it; elsewhere a computer has one. */
function processSpace(readLink: (path: string) => string): string {
  try {
    return readLink('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** Signal 0 only asks. A process of another user answers EPERM: it lives. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Nothing is listened to before somebody is asked, nor afterwards: the process ends by itself. */
async function lineOf(signal: AbortSignal): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin });
  const closed = new Promise<undefined>((resolve) => reader.once('close', () => resolve(undefined)));
  try {
    return await Promise.race([reader.question('', { signal }), closed]);
  } catch {
    return undefined;
  } finally {
    reader.close();
  }
}

/** `isTTY` is missing where the stream is a pipe or a file. */
function output(stream: { readonly isTTY?: boolean; write(text: string): boolean }) {
  return {
    isTTY: stream.isTTY ?? false,
    write(text: string): void {
      stream.write(text);
    },
  };
}

if (isTooOld(process.versions.node)) {
  process.stderr.write(
    `error: FlyCD needs Node ${oldestNode.join('.')} or newer\n  why:   this is Node ${process.versions.node}\n` +
      '  next:  install a newer Node, or run it in a clone: npm ci && npm run flycd -- --help\n',
  );
  process.exitCode = 1;
} else {
  await start();
}
