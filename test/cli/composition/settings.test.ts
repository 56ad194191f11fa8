import { quietHost } from '../terminal.ts';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InvalidSettings } from '../../../src/cli/composition/invalid-settings.ts';
import {
  locateConfig,
  locateData,
  readSettings,
  type OperatorSettings,
} from '../../../src/cli/composition/settings.ts';
import type { Io } from '../../../src/cli/shell/io.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { isGitLocation } from '../../../src/sources/tree/location.ts';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'flycd-settings-'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true });
});

function io(env: Io['env'] = {}): Io {
  const silent = { isTTY: false, write() {} };
  const signal = new AbortController().signal;
  return {
    env,
    cwd,
    stdout: silent,
    stderr: silent,
    clock: new IdleClock(),
    fetch,
    signal,
    random: () => 0,
    host: quietHost,
  };
}

function write(text: string): void {
  writeFileSync(join(cwd, 'flycd.yaml'), text);
}

async function problemsOf(text: string) {
  write(text);
  try {
    await readSettings(io(), undefined);
  } catch (error) {
    if (error instanceof InvalidSettings) return error.problems;
    throw error;
  }
  throw new Error('these settings were taken');
}

test('no flycd.yaml is fine, a named one that is missing is not', async () => {
  expect(await readSettings(io(), undefined)).toEqual({ file: undefined, isNamed: false, written: {} });
  await expect(readSettings(io(), 'other.yaml')).rejects.toMatchObject({
    kind: 'stalled',
    where: join(cwd, 'other.yaml'),
  });
});

test('an empty flycd.yaml is fine', async () => {
  write('# nothing yet\n');
  expect((await readSettings(io(), undefined)).written).toEqual({});
});

test('all problems at once, with their places and a did-you-mean', async () => {
  const problems = await problemsOf('config_rep: x\nconcurrency: 1000\nsync:\n  drift: heel\n');
  expect(problems.map(({ line, column, path, hint }) => ({ line, column, path, hint }))).toEqual(
    expect.arrayContaining([
      { line: 1, column: 1, path: 'config_rep', hint: 'did you mean config_repo?' },
      { line: 2, column: 14, path: 'concurrency', hint: undefined },
      { line: 4, column: 10, path: 'sync.drift', hint: 'did you mean heal?' },
    ]),
  );
  expect(problems).toHaveLength(3);
});

test('what is not YAML says where it stops being so', async () => {
  const [problem] = await problemsOf('fleet: a\nfleet: b\n');
  expect(problem).toMatchObject({ line: 2, severity: 'error' });
});

test.each([
  ['flycd.yml', 'fleet: acme\n'],
  ['flycd.toml', 'fleet = "acme"\n'],
])('%s of the working directory is read as flycd.yaml is', async (name, text) => {
  writeFileSync(join(cwd, name), text);
  expect(await readSettings(io(), undefined)).toEqual({
    file: join(cwd, name),
    isNamed: false,
    written: { fleet: 'acme' },
  });
});

test('a TOML file is read as TOML where --settings names it', async () => {
  writeFileSync(join(cwd, 'ops.toml'), 'concurrency = 3\n');
  expect((await readSettings(io(), 'ops.toml')).written).toEqual({ concurrency: 3 });
});

test('two forms of flycd.yaml side by side are an error: neither is taken by chance', async () => {
  write('fleet: acme\n');
  writeFileSync(join(cwd, 'flycd.toml'), 'fleet = "other"\n');
  await expect(readSettings(io(), undefined)).rejects.toMatchObject({
    kind: 'stalled',
    why: 'flycd.yaml and flycd.toml both stand here',
    where: cwd,
  });
});

const settings = (written: OperatorSettings['written'], isNamed = false): OperatorSettings => ({
  file: join(cwd, 'flycd.yaml'),
  isNamed,
  written,
});

test('the config repo: argument, then environment, then flycd.yaml; paths from where they are written', () => {
  const all = settings({ config_repo: 'from-settings' });
  const env = { FLYCD_CONFIG_REPO: 'from-env' };
  const at = (given: string | undefined, withEnv: Io['env']) => locateConfig(io(withEnv), all, given, isGitLocation);
  expect(at('given', env)).toEqual({ text: join(cwd, 'given'), from: 'argument' });
  expect(at(undefined, env)).toEqual({ text: join(cwd, 'from-env'), from: 'environment' });
  expect(at(undefined, { FLYCD_CONFIG_REPO: ' ' })).toEqual({ text: join(cwd, 'from-settings'), from: 'settings' });
  expect(at('https://host/a/b.git', {}).text).toBe('https://host/a/b.git');
  expect(at('git@github.com:a/b.git', {}).text).toBe('git@github.com:a/b.git');
});

test.each([0o777, 0o1777, 0o702])('a data directory of mode %o is refused, with what to do', (mode) => {
  const folder = join(cwd, 'data');
  mkdirSync(folder);
  chmodSync(folder, mode);
  const located = () => locateData(io({}), settings({ data_dir: 'data' }), undefined);
  expect(located).toThrow('every user of this computer may write there');
  chmodSync(folder, mode & ~0o002);
  expect(located()).toBe(folder);
});

test('the data directory: flag, FLYCD_DATA_DIR, flycd.yaml, XDG_STATE_HOME, HOME', () => {
  const env = { XDG_STATE_HOME: '/state', HOME: '/home/me' };
  const given = settings({ data_dir: 'data' });
  expect(locateData(io(env), given, 'flag')).toBe(join(cwd, 'flag'));
  const more = { ...env, FLYCD_DATA_DIR: 'env' };
  expect(locateData(io(more), given, 'flag')).toBe(join(cwd, 'flag'));
  expect(locateData(io(more), given, undefined)).toBe(join(cwd, 'env'));
  expect(locateData(io({ ...env, FLYCD_DATA_DIR: '' }), given, undefined)).toBe(join(cwd, 'data'));
  expect(locateData(io(env), given, undefined)).toBe(join(cwd, 'data'));
  expect(locateData(io(env), settings({}), undefined)).toBe('/state/flycd');
  expect(locateData(io({ HOME: '/home/me' }), settings({}), undefined)).toBe('/home/me/.local/state/flycd');
  expect(() => locateData(io({}), settings({}), undefined)).toThrow(/no place for the data directory/);
});

test.each([
  ['gitlab.com: glpat-canarytoken', 'not the name of an environment variable in capitals'],
  ['gitlab.com: ghp_canarytoken', 'not the name of an environment variable in capitals'],
  ['gitlab.com: { token: ghp_canarytoken }', 'not the name of an environment variable in capitals'],
  ['gitlab.com: { token: A, user: "ghp canarytoken" }', 'a user is letters'],
  ['gitlab.com: { token: A, tokn: ghp_canarytoken }', 'FlyCD has no field "tokn" here'],
  ['gitlab.com: [ghp_canarytoken]', 'write the NAME of an environment variable'],
  ['https://gitlab.com/acme: GITLAB_TOKEN', 'expected a host'],
  ['gitlab.com/acme/..: GITLAB_TOKEN', 'expected a host'],
])('a credential that is none is refused, and no token is repeated: %s', async (credential, words) => {
  const problems = await problemsOf(`credentials:\n  ${credential}\n`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ line: 2, severity: 'error' });
  expect(problems[0]?.message).toContain(words);
  expect(JSON.stringify(problems)).not.toContain('canarytoken');
});

test('a line that is none of known_hosts is said with its place', async () => {
  const [problem] = await problemsOf('known_hosts:\n  - git.example.com SHA256:x\n');
  expect(problem).toMatchObject({ line: 2, path: 'known_hosts[0]' });
  expect(problem?.message).toContain('as `ssh-keyscan HOST` prints them');
});
