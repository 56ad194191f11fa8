import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultKind } from '../../simulator/world/fault-answers.ts';
import { startSimulator, type Simulator } from '../../simulator/simulator.ts';
import { IdleClock } from '../../src/model/base/clock.ts';
import { fetchFrom, run, type Ran } from '../cli/terminal.ts';
import { pushPayload, sign } from '../server/serving.ts';
import { makeBareRepository, startGitServer, temporaryFolder, type GitServer } from '../servers/git-server.ts';

/** Values planted where secrets are. None of them may turn up in anything FlyCD writes, but in the call that sets it. */
const canary = {
  raw: 'canary-raw-value-1c5d',
  quoted: 'canary "quoted" \\ back $1 [x]+ 9f2e',
  lines: 'canary-first-line-77aa\ncanary-second-line-88bb',
  environment: 'canary-environment-value-3b1f',
  token: 'fm2_canaryflytoken4d7e',
  webhook: 'canary-webhook-secret-5e8a',
  evidence: 'canary-evidence-key-6f9b-with-enough-characters',
  github: 'ghp_canarygithubtoken7a0c',
  gitlab: 'glpat-canarygitlabtoken2f6c',
  urlPassword: 'canary-url-password-8b1d',
  sshKey: 'Y2FuYXJ5LXNzaC1rZXktOWMyZQ',
} as const;

/** Each value whole, its lines, and as it looks inside JSON, a URL or a header. */
const forbidden: readonly string[] = Object.values(canary).flatMap((value) => [
  ...value.split('\n'),
  JSON.stringify(value).slice(1, -1),
  encodeURIComponent(value),
  Buffer.from(value).toString('base64'),
  Buffer.from(`me:${value}`).toString('base64'),
  Buffer.from(`x-access-token:${value}`).toString('base64'),
  Buffer.from(`git:${value}`).toString('base64'),
]);

const app = `app: canary
primary_region: arn
build:
  image: docker.io/library/redis:7.4
env:
  GREETING: hello
secrets:
  - { name: RAW, type: raw, raw: ${canary.raw} }
  - { name: QUOTED, type: raw, raw: '${canary.quoted}' }
  - { name: LINES, type: raw, raw: ${JSON.stringify(canary.lines)} }
  - { name: ENVIRONMENT, type: env, env: CANARY_VALUE }
machines:
  count: 1
`;

const brokenToml = `app = "broken"
primary_region = "arn"
[[secrets]]
name = "X"
type = "raw"
raw = "${canary.raw}" and more
`;

let folder: ReturnType<typeof temporaryFolder>;
let simulator: Simulator;
let server: GitServer;
let repository: ReturnType<typeof makeBareRepository>;
const clock = new IdleClock();

beforeEach(async () => {
  folder = temporaryFolder('flycd-canary-');
  simulator = await startSimulator({ clock, seed: 1, token: canary.token });
  repository = makeBareRepository(join(folder.path, 'served'), 'config.git');
  repository.commit({ 'flycd.yaml': 'fleet: canary\n', 'canary/app.yaml': app });
  server = await startGitServer({
    root: join(folder.path, 'served'),
    user: { name: 'me', password: canary.urlPassword },
    before: () => {
      recordProcesses();
      return false;
    },
  });
  recordGitCalls();
});

afterEach(async () => {
  await server.close();
  await simulator.close();
  folder.remove();
});

/** Only Linux shows the arguments of other processes as files. */
const hasProcesses = existsSync('/proc');
const argumentsFile = (): string => join(folder.path, 'arguments');

/** Every git that FlyCD starts goes through a script that writes its arguments down. */
function recordGitCalls(): void {
  const bin = join(folder.path, 'bin');
  mkdirSync(bin);
  const script = join(bin, 'git');
  const path = process.env['PATH'] ?? '';
  writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$*" >> '${argumentsFile()}'\nPATH='${path}' exec git "$@"\n`);
  chmodSync(script, 0o755);
}

/** The arguments of all processes of this machine at this moment: git's own children are among them. */
function recordProcesses(): void {
  if (!hasProcesses) return;
  for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${process}/cmdline`, 'latin1').replaceAll('\0', ' ');
      if (line.includes('git') && line.includes('config.git'))
        writeFileSync(argumentsFile(), `${line}\n`, { flag: 'a' });
    } catch {
      // it has ended
    }
  }
}

const withPassword = (): string => `${server.url.replace('http://', `http://me:${canary.urlPassword}@`)}/config.git`;

function flycd(...argv: readonly string[]): Promise<Ran> {
  return run(argv, terminal());
}

function terminal() {
  return {
    cwd: folder.path,
    clock,
    fetch: fetchFrom(simulator.url),
    env: {
      ...simulator.environment,
      PATH: `${join(folder.path, 'bin')}:${process.env['PATH'] ?? ''}`,
      XDG_STATE_HOME: join(folder.path, 'state'),
      FLYCD_DEBUG: '1',
      FLYCD_WEBHOOK_SECRET: canary.webhook,
      FLYCD_EVIDENCE_KEY: canary.evidence,
      GITHUB_TOKEN: canary.github,
      GITHUB_SERVER_URL: server.url,
      FLY_SSH_PRIVATE_KEY: `-----BEGIN OPENSSH PRIVATE KEY-----\n${canary.sshKey}\n-----END OPENSSH PRIVATE KEY-----\n`,
      CANARY_VALUE: canary.environment,
      GITLAB_CANARY: canary.gitlab,
      FLYCD_CREDENTIALS: 'gitlab.example.com=GITLAB_CANARY',
    },
  };
}

function leaks(text: string | Buffer): readonly string[] {
  return forbidden.filter((value) => text.includes(value));
}

/** Nothing told, nothing in any file of the data directory, nothing in an argument, nothing on Fly where all may read it. */
function expectNoLeak(ran: readonly Ran[]): void {
  for (const { stdout, stderr } of ran) expect(leaks(stdout + stderr), stdout + stderr).toEqual([]);
  const state = join(folder.path, 'state');
  const files = existsSync(state) ? readdirSync(state, { recursive: true, withFileTypes: true }) : [];
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    // The objects of a mirror are the config repo itself: what stands in git is no secret to whoever reads this disk.
    if (path.includes('/objects/')) continue;
    expect(leaks(readFileSync(path)), path).toEqual([]);
  }
  const called = existsSync(argumentsFile()) ? readFileSync(argumentsFile(), 'utf8') : '';
  expect(leaks(called), called).toEqual([]);
  const machines = JSON.stringify(
    simulator.world.snapshot().flatMap((one) => one.machines.map((machine) => machine.config)),
  );
  expect(leaks(machines), machines).toEqual([]);
}

describe('no secret is told', () => {
  test('by any command over a whole life', async () => {
    const url = withPassword();
    const ran = [
      await flycd('validate', url),
      await flycd('diff', url, '--output', 'json'),
      await flycd('diff', url, '--output', 'markdown'),
      await flycd('sync', '--once', url),
      await flycd('diff', url),
      await flycd('render', url),
      await flycd('status', url, '--output', 'json'),
      await flycd('history', '--config', url, '--output', 'json'),
      await flycd('history', '1', '--config', url, '--output', 'json'),
      await flycd('sync', '--once', '--force', url, '--output', 'json'),
    ];
    expect(ran.map(({ code }) => code)).toEqual([0, 2, 2, 0, 0, 0, 0, 0, 0, 0]);
    // They did arrive where they belong, and git was asked.
    expect(JSON.stringify(simulator.world.snapshot())).toContain(canary.environment);
    // Evidence of them stands on the machine, where expectNoLeak looks.
    const evidence = simulator.world.snapshot()[0]?.machines[0]?.config.metadata?.['flycd_secrets'];
    expect(evidence).toMatch(/ENVIRONMENT.*LINES.*QUOTED.*RAW/);
    expect(readFileSync(argumentsFile(), 'utf8')).toContain(hasProcesses ? 'remote-http' : 'ls-remote');
    expectNoLeak(ran);
  });

  const { urlPassword: _, ...known } = canary;
  const everything = Object.values(known).join(' ');
  const faults: readonly (readonly [string, FaultKind])[] = [
    ['500 with all of it in its message', { status: 500, body: { error: everything } }],
    ['422 with all of it in its message', { status: 422, body: { error: everything, status: everything } }],
    ['400 in a page', { status: 400, body: `<html>${everything}</html>` }],
    ['success in a form nobody knows', { status: 200, body: { [everything]: everything, id: everything } }],
    ['a reset', 'reset-after'],
  ];
  const templates = ['POST /apps', 'POST /apps/{app}/secrets', 'POST /apps/{app}/machines', 'GET /apps/{app}/machines'];

  test.each(faults.flatMap(([name, fault]) => templates.map((template) => [name, template, fault] as const)))(
    'when Fly answers with %s to %s',
    async (_name, template, fault) => {
      const config = join(folder.path, 'config');
      mkdirSync(config);
      writeFileSync(join(config, 'app.yaml'), app);
      simulator.world.faults.add({ template, fault, times: 100 });
      const ran = [await flycd('sync', '--once', config), await flycd('diff', config)];
      expect(simulator.world.faults.list()[0]?.hit).toBeGreaterThan(0);
      simulator.world.faults.clear();
      ran.push(await flycd('history', '--all', '--config', config, '--output', 'json'));
      expectNoLeak(ran);
    },
  );

  test('when the config repo cannot be read, or only with another password', async () => {
    const wrong = withPassword().replace('config.git', 'missing.git');
    const ran = [
      await flycd('diff', wrong),
      await flycd('diff', withPassword().replace(canary.urlPassword, `${canary.urlPassword}@x`)),
      await flycd('diff', withPassword(), '--ref', canary.urlPassword.toUpperCase()),
      await flycd('diff', `https://me:${canary.urlPassword}@/config.git`),
      await flycd('diff', `ftp://me:${canary.urlPassword}@host/config.git`),
      await flycd('diff', `${server.url}/config.git?token=${canary.urlPassword}`),
    ];
    expect(ran.map(({ code }) => code)).toEqual([1, 1, 1, 1, 1, 1]);
    expectNoLeak(ran);
  });

  test('of a token that the settings name, right and wrong', async () => {
    const { host } = new URL(server.url);
    const secrets = app.replace('machines:', '  - { name: STOLEN, type: env, env: GIT_CANARY }\nmachines:');
    const asked = (value: string, ...argv: readonly string[]): Promise<Ran> => {
      writeFileSync(join(folder.path, 'flycd.yaml'), `credentials: { "${host}": { token: GIT_CANARY, user: me } }\n`);
      const { env, ...rest } = terminal();
      return run(argv, { ...rest, env: { ...env, GIT_CANARY: value } });
    };
    const url = `${server.url}/config.git`;
    const wrong = canary.urlPassword.toUpperCase();
    const ran = [await asked(canary.urlPassword, 'sync', '--once', url), await asked(wrong, 'diff', url)];
    repository.commit({ 'canary/app.yaml': secrets });
    ran.push(await asked(canary.urlPassword, 'sync', '--once', url));
    expect(ran.map(({ code }) => code)).toEqual([0, 1, 4]);
    expect(ran[1]?.stderr).toContain('GIT_CANARY');
    expect(ran[1]?.stderr).not.toContain(wrong);
    expect(ran[2]?.stderr).toContain('secret STOLEN of canary gets no value');
    expect(JSON.stringify(simulator.world.snapshot())).not.toContain(canary.urlPassword);
    expectNoLeak(ran);
  });

  test("of a token that a repo's own flycd.yaml names: only the operator's says what is sent where, and what is asked", async () => {
    const { host } = new URL(server.url);
    const credentials = `credentials: { "${host}/shop.git": { token: GIT_CANARY, user: me } }\n`;
    const source = `source: { type: git, repo: "${server.url}/shop.git" }\n`;
    repository.commit({
      'flycd.yaml': `fleet: canary\nallow_hosts: [127.0.0.1]\n${credentials}`,
      'canary/app.yaml': null,
      'shop/app.yaml': `app: shop\nprimary_region: arn\n${source}`,
    });
    const sent = async (allowed?: string): Promise<readonly boolean[]> => {
      const { env, ...rest } = terminal();
      const own = { GIT_CANARY: canary.gitlab, GITHUB_SERVER_URL: undefined, FLYCD_ALLOW_HOSTS: allowed };
      await run(['diff', withPassword()], { ...rest, env: { ...env, ...own } });
      const asked = server.requests.filter(({ url }) => url.startsWith('/shop.git'));
      return [...new Set(asked.map(({ authorization }) => authorization !== undefined))];
    };
    expect(await sent()).toEqual([]);
    expect(await sent('127.0.0.1')).toEqual([false]);
    writeFileSync(join(folder.path, 'flycd.yaml'), credentials);
    expect(await sent()).toEqual([false, true]);
  });

  test('when what is written beside it is wrong', async () => {
    repository.commit({
      'toml/app.toml': brokenToml,
      'yaml/app.yaml': `${app.replace('app: canary', 'app: other')}  - { name: X, type: raw, raw: ${canary.raw}\n`,
      'list/app.yaml': app.replace('app: canary', 'app: list').replace(canary.raw, `[${canary.raw}]`),
      'twice/app.yaml': app
        .replace('app: canary', 'app: twice')
        .replace(`raw: ${canary.raw}`, `raw: ${canary.raw}, raw: ${canary.raw}`),
      'url/app.yaml': `app: url\nprimary_region: arn\nsource: { type: git, repo: "https://me:${canary.urlPassword}@x.test/r" }\n`,
    });
    const ran = [
      await flycd('validate', withPassword()),
      await flycd('validate', withPassword(), '--output', 'json'),
      await flycd('sync', '--once', withPassword()),
    ];
    expect(ran.map(({ code }) => code)).toEqual([3, 3, 3]);
    expect(ran[0]?.stdout).toContain('5 invalid');
    expectNoLeak(ran);
  });

  test('by a service that takes webhooks, forged and true', async () => {
    const stop = new AbortController();
    let told = '';
    const running = run(['serve', withPassword(), '-p', '0', '-i', '127.0.0.1'], {
      ...terminal(),
      signal: stop.signal,
      onStderr: (text) => {
        told += text;
      },
    });
    try {
      await expect.poll(() => told, { timeout: 10_000, interval: 20 }).toContain('"status":"synced"');
      const url = /"url":"(http:[^"]+)"/.exec(told)?.[1] ?? '';
      const payload = pushPayload({}, { clone_url: withPassword(), url: withPassword() });
      const post = async (signature: string): Promise<number> => {
        const headers = { 'content-type': 'application/json', 'x-github-event': 'push', 'x-github-delivery': 'd-1' };
        const body = { method: 'POST', body: payload, headers: { ...headers, 'x-hub-signature-256': signature } };
        return (await fetch(`${url}/webhook`, body)).status;
      };
      expect(await post(sign(payload, canary.evidence))).toBe(401);
      expect(await post(canary.webhook)).toBe(401);
      expect(await post(sign(payload, canary.webhook))).toBe(202);
      // With the database open, so that its log is looked through as well.
      expect(existsSync(join(folder.path, 'state', 'flycd', 'flycd.db-wal'))).toBe(true);
      expectNoLeak([{ code: 0, stdout: '', stderr: told }]);
    } finally {
      stop.abort(new Error('stopped by SIGTERM'));
    }
    const ran = await running;
    expect(ran.code).toBe(0);
    expectNoLeak([ran]);
  });
});
