import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { webApp } from '../fleet.ts';
import { mostMemoryOf, startCapped } from './memory-cap.ts';
import { startStage } from '../stage.ts';

const mebibyte = 1024 * 1024;
const senders = fileURLToPath(new URL('senders.ts', import.meta.url));

/** What they did, once they are done. */
function attack(url: string, connections: number, seconds: number): Promise<string> {
  const argv = [senders, new URL(url).port, String(connections), String(seconds)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  return new Promise((resolve) => child.on('close', () => resolve(told)));
}

test('a thousand hostile connections for a minute, in 512 MB: it lives, gives memory back, and answers pushes', async ({
  skip,
}) => {
  const stage = await startStage({ 'flycd.yaml': 'fleet: acme\n', 'app.yaml': webApp('acme-web') }, onTestFinished);
  const capped = startCapped(512 * mebibyte, () => stage.serve());
  const service = capped.started;
  await service.synced('acme-web', stage.repository.git('rev-parse', 'main'));
  const url = await service.url();
  if (mostMemoryOf(service.pid) === undefined) skip('this is no Linux: nothing tells how much memory a process has');
  if (!capped.isCapped) process.stderr.write('no cgroup can be made here: memory is measured, not capped\n');

  const push = async (): Promise<number> => {
    const before = performance.now();
    expect((await service.push()).status).toBe(202);
    return performance.now() - before;
  };
  const quiet: number[] = [];
  for (let i = 0; i < 9; i += 1) quiet.push(await push());
  const attacked = attack(url, 1_000, 60);
  const times: number[] = [];
  for (let i = 0; i < 50; i += 1) {
    await sleep(1_000);
    times.push(await push());
  }
  const told = await attacked;
  const most = mostMemoryOf(service.pid) ?? Infinity;
  const [median = 0, slow = 0] = [0.5, 0.95].map(
    (part) => times.toSorted((a, b) => a - b)[Math.floor(part * times.length)],
  );
  const figures = `${told.trim()}; pushes: median ${median.toFixed(0)} ms, 95 % ${slow.toFixed(0)} ms; at most ${Math.round(most / mebibyte)} MB`;
  process.stderr.write(`${figures}\n`);
  // 100 ms on a machine that answers within 10 when nobody attacks; a slower one has as many times that.
  const usual = quiet.toSorted((a, b) => a - b)[4] ?? 0;
  expect(median, figures).toBeLessThan(Math.max(100, 10 * usual));
  expect(most, figures).toBeLessThan(512 * mebibyte);

  // What a heap got it keeps ready: what was given back is what the next flood finds there.
  await attack(url, 1_000, 15);
  expect(mostMemoryOf(service.pid), figures).toBeLessThan(most * 1.15);
  const refused = service.lines().filter(({ msg }) => /^(?:webhook refused|requests not read)/.test(msg));
  expect(refused.length, 'ten lines a minute of each kind').toBeLessThanOrEqual(150);
  const commit = stage.repository.commit({ 'app.yaml': webApp('acme-web', { greeting: 'bonjour' }) });
  expect((await service.push()).status).toBe(202);
  await service.synced('acme-web', commit);
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  capped.remove();
}, 180_000);
