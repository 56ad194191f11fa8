/** Whose history `status` and `history` tell of. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startSimulator } from '../../../../simulator/simulator.ts';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { fetchFrom, run } from '../../terminal.ts';

const app = (name: string): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: docker.io/library/caddy:2.10.2 }\nmachines: { count: 1 }\n`;

/** A folder that has been synced with this command. */
async function synced(files: Readonly<Record<string, string>>, argv: readonly string[]) {
  const cwd = mkdtempSync(join(tmpdir(), 'flycd-history-'));
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
  const env = { ...simulator.environment, XDG_STATE_HOME: join(cwd, 'state') };
  const flycd = (words: readonly string[]) => run(words, { cwd, clock, env, fetch: fetchFrom(simulator.url) });
  const first = await flycd(argv);
  expect(first.code, first.stderr).toBe(0);
  return flycd;
}

const inPlace = { 'flycd.yaml': 'fleet: acme\n', 'web/app.yaml': app('web') };
const beside = { 'flycd.yaml': 'fleet: acme\nconfig_repo: ./config\n', 'config/web/app.yaml': app('web') };
const nameless = { 'config/web/app.yaml': app('web') };

test.each<readonly [string, Readonly<Record<string, string>>, readonly string[], readonly string[]]>([
  ['the fleet that flycd.yaml names, in its folder', inPlace, ['.'], []],
  ['so it does of a config beside it', beside, [], []],
  ['the fleet that is asked for by its name', inPlace, ['.'], ['--fleet', 'acme']],
  ['also one that nobody named', nameless, ['config'], ['--fleet', 'flycd']],
])('%s', async (_what, files, config, asked) => {
  const flycd = await synced(files, ['sync', '--once', ...config]);
  for (const words of [asked, ...(asked.length === 0 ? [config] : [])]) {
    expect((await flycd(['status', ...words])).stdout).toMatch(/^web +synced/m);
    expect((await flycd(['history', ...words])).stdout).toMatch(/ web +created/);
  }
});
