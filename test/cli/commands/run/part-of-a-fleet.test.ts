/** The loop over a part of a fleet leaves the rest of it alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../../../simulator/simulator.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { fetchFrom, run } from '../../terminal.ts';

const app = (name: string): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: docker.io/library/caddy:2.10.2 }\nmachines: { count: 1 }\n`;
const fleet = 'fleet: acme\nsync: { prune: [app] }\n';

/** A folder whose config runs, and a loop that has had many passes. */
async function looped(files: Readonly<Record<string, string>>, once: readonly string[], loop: readonly string[]) {
  const cwd = mkdtempSync(join(tmpdir(), 'flycd-part-'));
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: 1 });
  onTestFinished(async () => {
    await simulator.close();
    rmSync(cwd, { recursive: true });
  });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
  const stop = new AbortController();
  const env = { ...simulator.environment, XDG_STATE_HOME: join(cwd, 'state') };
  const options = { cwd, clock, env, fetch: fetchFrom(simulator.url), signal: stop.signal };
  const first = await run(once, options);
  expect(first.code, first.stderr).toBe(0);
  const startedAt = clock.now();
  const running = run(loop, options);
  // Virtual time runs as fast as the passes do.
  while (clock.now() - startedAt < 20 * 60_000) await sleep(5);
  stop.abort(new Error('the test has seen enough'));
  const { stdout, stderr } = await running;
  const status = await run(['status'], { ...options, signal: new AbortController().signal });
  return { names: simulator.world.snapshot().map(({ name }) => name), said: stdout + stderr, status: status.stdout };
}

const config = { 'config/flycd.yaml': fleet, 'config/web/app.yaml': app('web'), 'config/api/app.yaml': app('api') };

test.each([
  ['a name', 'web'],
  ['a glob', 'w*'],
])('sync --app with %s', async (_what, glob) => {
  const settings = { 'flycd.yaml': 'config_repo: ./config\n' };
  const seen = await looped({ ...config, ...settings }, ['sync', '--once'], ['sync', '--app', glob]);
  expect(seen.names, seen.said).toEqual(['api', 'web']);
  expect(seen.status).toMatch(/^api +synced/m);
  expect(seen.status).toMatch(/^web +synced/m);
});

test('serve --app', async () => {
  const loop = ['serve', 'config', '--app', 'web', '-p', '0', '-i', '127.0.0.1'];
  const seen = await looped(config, ['sync', '--once', 'config'], loop);
  expect(seen.names, seen.said).toEqual(['api', 'web']);
});

test('a folder of the config_repo', async () => {
  const files = {
    'flycd.yaml': `config_repo: ./config\n${fleet}`,
    'config/one/web/app.yaml': app('web'),
    'config/two/api/app.yaml': app('api'),
  };
  const seen = await looped(files, ['sync', '--once'], ['sync', 'config/one']);
  expect(seen.names, seen.said).toEqual(['api', 'web']);
});
