import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

test('Ctrl-C under npm run comes twice, and still ends in order', async () => {
  const child = spawn(process.execPath, [main, 'simulator'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  // As the terminal sends it, and npm passes it on.
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});
