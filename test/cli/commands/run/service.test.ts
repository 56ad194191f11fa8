import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { IdleClock } from '../../../../src/model/base/clock.ts';
import { startSimulator } from '../../../../simulator/simulator.ts';
import { goodConfig } from '../../../stories/config.ts';
import { fetchFrom, run, type Ran } from '../../terminal.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly url?: string;
  readonly app?: string;
  readonly status?: string;
}

/** A service on virtual time: passes follow each other as fast as they run, until the test has seen enough. */
async function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const cwd = mkdtempSync(join(tmpdir(), 'flycd-service-'));
  const clock = new IdleClock();
  const simulator = await startSimulator({ clock, seed: 1 });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  };
  for (const [path, text] of Object.entries({ ...goodConfig, ...files })) write(path, text);
  const stop = new AbortController();
  let told = '';
  const state = { XDG_STATE_HOME: join(cwd, 'state'), JOBS_TOKEN: 'a-token-nobody-may-see' };
  const variables = { ...simulator.environment, ...state, ...env };
  const running = run(argv, {
    cwd,
    clock,
    env: variables,
    signal: stop.signal,
    fetch: fetchFrom(simulator.url),
    onStderr: (text) => {
      told += text;
    },
  });
  onTestFinished(async () => {
    stop.abort(new Error('the test is over'));
    await running;
    await simulator.close();
    rmSync(cwd, { recursive: true });
  });
  return {
    simulator,
    write,
    running,
    told: () => told,
    /** Another command, beside or after it. */
    flycd: (...words: readonly string[]): Promise<Ran> =>
      run(words, { cwd, clock, env: variables, fetch: fetchFrom(simulator.url) }),
    lines: () =>
      told
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LogLine),
    async stop(): Promise<Ran> {
      stop.abort(new Error('stopped by SIGTERM'));
      return running;
    },
  };
}

async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const seen = look();
    if (seen !== undefined && seen !== false) return seen;
    await sleep(10);
  }
  throw new Error('it did not happen');
}

test('serve syncs, says that it is ready, takes up a change, and stops with 0', async () => {
  const service = await start(['serve', 'config', '--webhook-port', '0', '--webhook-interface', '127.0.0.1']);
  const url = await until(() => service.lines().find((line) => line.msg === 'listening')?.url);
  await until(() => service.lines().find((line) => line.app === 'acme-web' && line.status === 'synced'));
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  // There is no secret to verify one with.
  expect((await fetch(`${url}/webhook`, { method: 'POST' })).status).toBe(404);
  const image = (): string => JSON.stringify(service.simulator.world.endState());
  service.write('config/apps/web/app.yaml', goodConfig['config/apps/web/app.yaml'].replace('nginx:1.27', 'nginx:1.29'));
  await until(() => image().includes('nginx:1.29') && !image().includes('nginx:1.27'));
  const { code, stdout, stderr } = await service.stop();
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).not.toContain('a-token-nobody-may-see');
  expect(service.lines().every((line) => typeof line.level === 'string')).toBe(true);
});

test('serve says what is wrong with the config, once, and when it is right again', async () => {
  const service = await start(['serve', 'config', '-p', '0', '-i', '127.0.0.1']);
  const bad = 'config/apps/bad/app.yaml';
  const told = (): number => service.lines().filter((line) => line.msg.includes('no field "cuont"')).length;
  service.write(bad, 'app: acme-bad\nsource: { type: image, image: "nginx:1.27" }\nmachines: { cuont: 2 }\n');
  await until(() => told() > 0);
  const line = service.lines().find(({ msg }) => msg.includes('cuont'));
  expect(line).toMatchObject({ level: 'error', app: 'acme-bad', where: 'apps/bad/app.yaml:3:13' });
  const passes = service.simulator.world.requests.length;
  await until(() => service.simulator.world.requests.length > passes + 20);
  expect(told()).toBe(1);
  service.write(bad, 'app: acme-bad\nsource: { type: image, image: "nginx:1.27" }\n');
  await until(() => service.lines().some(({ msg }) => msg.includes('no problems any more')));
});

const project = (fleet: string): Readonly<Record<string, string>> => ({
  'config/project.yaml': goodConfig['config/project.yaml'].replace('fleet: acme\n', fleet),
});

test('serve goes on under a name that is written for the first time: by labels alone', async () => {
  const service = await start(['serve', 'config', '-p', '0', '-i', '127.0.0.1'], {}, project(''));
  const { simulator, write } = service;
  const machines = () => simulator.world.snapshot().flatMap((one) => one.machines);
  const fleets = (): unknown[] => machines().map(({ config }) => config.metadata?.['flycd_fleet']);
  const isSynced = (name: string): boolean =>
    service.lines().some(({ app, status }) => app === name && status === 'synced');
  await until(() => isSynced('acme-web') && isSynced('acme-jobs'));
  const before = machines().map(({ id, version }) => `${id} ${version}`);
  expect(new Set(fleets())).toEqual(new Set(['acme']));
  for (const [path, text] of Object.entries(project('fleet: shops\n'))) write(path, text);
  await until(() => fleets().every((fleet) => fleet === 'shops'));
  const url = service.lines().find((line) => line.msg === 'listening')?.url;
  expect(service.told()).toContain('the fleet has a name now');
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(machines().map(({ id, version }) => `${id} ${version}`)).toEqual(before);
  // And takes up what comes after.
  write('config/apps/web/app.yaml', goodConfig['config/apps/web/app.yaml'].replace('nginx:1.27', 'nginx:1.29'));
  await until(() => !JSON.stringify(simulator.world.endState()).includes('nginx:1.27'));
  const { code, stderr } = await service.stop();
  expect({ code, said: stderr.includes('refresh failed') }).toEqual({ code: 0, said: false });
  const history = await service.flycd('history', 'config', '--output', 'json');
  const { runs } = JSON.parse(history.stdout) as {
    readonly runs: readonly { readonly fleet: string; readonly outcome: string }[];
  };
  // Outside of git nobody knows which repo the rows of before are of: they stay where they are.
  expect(new Set(runs.map(({ fleet }) => fleet))).toEqual(new Set(['shops']));
  expect(runs.map(({ outcome }) => outcome)).not.toContain('created');
});

test('serve refuses another name for a fleet that had one, and says what to do', async () => {
  const service = await start(['serve', 'config', '-p', '0', '-i', '127.0.0.1']);
  await until(() => service.lines().some(({ app, status }) => app === 'acme-web' && status === 'synced'));
  for (const [path, text] of Object.entries(project('fleet: shops\n'))) service.write(path, text);
  await until(() => service.told().includes('the fleet was renamed from acme to shops'));
  expect(service.told()).toContain(
    'put the name back; or stop flycd serve, run flycd adopt --all --from acme, start it again',
  );
  const { code } = await service.stop();
  expect(code).toBe(0);
  expect(JSON.stringify(service.simulator.world.endState())).not.toContain('shops');
});

test('sync loops in the foreground and tells a person what it does', async () => {
  const service = await start(['sync', 'config', '--app', 'acme-web']);
  await until(() => service.told().includes('acme-web: created, synced'));
  const { code, stdout } = await service.stop();
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(JSON.stringify(service.simulator.world.endState())).not.toContain('acme-jobs');
});

test.each(['--accept', '--now', '--force'])('sync %s is a word for one pass: it ends', async (flag) => {
  const service = await start(['sync', 'config', '--app', 'acme-web', flag]);
  const { code, stdout } = await service.running;
  expect(code).toBe(0);
  expect(stdout).toContain('1 synced');
});

test.each([
  [['serve', 'config', '-p', '0'], { FLY_API_TOKEN: 'fm2_nobody-knows-it' }, /token/i],
  [['serve', 'config', '-p', '0'], { WEBHOOK_PATH: '/:all' }, /cannot be used/],
  [['sync', 'config', '--settings', 'often.yaml'], {}, /out of range/],
])('%j with %j does not start', async (argv, env, words) => {
  const service = await start(argv, env);
  service.write('often.yaml', 'interval: 1s\n');
  const { code, stdout, stderr } = await service.running;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(words);
});
