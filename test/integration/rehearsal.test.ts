/** The README's section on rehearsals, line by line: real shells, real time, the simulator as a process of its own. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The block of that language which starts a simulator. */
function block(language: string): string {
  const found = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].find(
    ([, kind, text = '']) => kind === language && text.includes('flycd simulator'),
  );
  return found?.[2] ?? '';
}

const app = (version: string): string => `app: shop
primary_region: arn
build: { image: "127.0.0.1:9/shop:${version}" }
http_service:
  internal_port: 8080
  checks: [{ path: /, interval: 1s }]
network: { ips: [] }
machines: { count: 1 }
`;

interface Stage {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Files below the folder. */
  readonly write: (files: Readonly<Record<string, string>>) => void;
  /** As CI runs a script: the first command that fails ends it. */
  readonly script: (text: string, cwd: string) => Promise<string>;
}

function stage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'flycd-rehearsal-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const write: Stage['write'] = (files) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };
  const entry = new URL('../../src/main.ts', import.meta.url).pathname;
  write({ 'bin/flycd': `#!/bin/sh\nexec '${process.execPath}' '${entry}' "$@"\n` });
  execFileSync('chmod', ['+x', join(folder, 'bin/flycd')]);
  const environment = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    TMPDIR: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GITHUB_BASE_REF: 'main',
    GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
  };
  return {
    folder,
    environment,
    write,
    async script(text, cwd) {
      // Job runners end what a script leaves behind; the first script of the README does it itself.
      const whole = text.includes('trap ') ? text : `trap 'kill $(jobs -p)' EXIT\n${text}`;
      const done = await promisify(execFile)('bash', ['-e', '-c', whole], { cwd, env: environment });
      return done.stdout;
    },
  };
}

test('a rehearsal by the shell script: deployed, and nothing left to change', async () => {
  const { folder, script: play, write } = stage();
  write({ 'my-config/app.yaml': app('v1') });
  const said = await play(block('sh'), folder);
  expect(said).toMatch(/1 app: 1 synced \(1 created\)/);
  expect(said).toMatch(/Plan: 1 app, 0 to change, 1 synced/);
});

test('a rehearsal by the workflow: a pull request on top of what runs, with its plan in the summary', async () => {
  const { jobs } = parse(block('yaml')) as { jobs: { rehearse: { steps: { run?: string }[] } } };
  const script = jobs.rehearse.steps.at(-1)?.run ?? '';
  const { folder, environment, script: play, write } = stage();
  const config = join(folder, 'config');
  const commit = (version: string): void => {
    write({ 'config/app.yaml': `${app(version)}org: acme\n`, 'config/flycd.yaml': 'fleet: rehearsed\n' });
    execFileSync('git', ['add', '--all'], { cwd: config, env: environment });
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.com'];
    execFileSync('git', [...author, 'commit', '--quiet', '-m', version], { cwd: config, env: environment });
  };
  mkdirSync(config);
  execFileSync('git', ['init', '--quiet', '--initial-branch=change'], { cwd: config, env: environment });
  commit('v1');
  execFileSync('git', ['update-ref', 'refs/remotes/origin/main', 'HEAD'], { cwd: config, env: environment });
  commit('v2');
  const said = await play(script, config);
  expect(said).toMatch(/1 synced \(1 created\)/);
  expect(said).toMatch(/1 synced \(1 updated\)/);
  expect(said).toMatch(/Plan: 1 app, 0 to change, 1 synced/);
  const summary = readFileSync(join(folder, 'summary.md'), 'utf8');
  // What runs has the digest that its machine told of: no registry answers here.
  expect(summary).toMatch(/shop:v1@sha256:[0-9a-f]{64}" -> "127\.0\.0\.1:9\/shop:v2"/);
});
