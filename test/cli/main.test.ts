import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { version } from '../../src/cli/shell/version.ts';
import { run } from './terminal.ts';

test('help of the program and of each command', async () => {
  const names = [
    'validate',
    'diff',
    'render',
    'convert',
    'sync',
    'deploy',
    'adopt',
    'serve',
    'rollback',
    'suspend',
    'resume',
    'why',
    'status',
    'history',
    'simulator',
    'demo',
  ];
  const texts: string[] = [];
  for (const argv of [['--help'], ...names.map((name) => [name, '--help'])]) {
    const { code, stdout, stderr } = await run(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    texts.push(`$ flycd ${argv.join(' ')}\n${stdout}`);
  }
  await expect(texts.join('\n')).toMatchFileSnapshot('../stories/golden/help.txt');
});

test('the version is that of the package', async () => {
  const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(version).toBe(packageJson.version);
  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('a slip of the pen gets a hint, and exit code 1', async () => {
  const command = await run(['dif']);
  expect(command).toMatchObject({ code: 1, stdout: '' });
  expect(command.stderr).toContain("unknown command 'dif'");
  expect(command.stderr).toContain('Did you mean diff?');
  const option = await run(['diff', '--ap', 'web']);
  expect(option).toMatchObject({ code: 1, stdout: '' });
  expect(option.stderr).toContain('Did you mean --app?');
  expect(option.stderr).toContain('flycd --help');
});

test.each([
  [['diff', '--output', 'xml']],
  [['serve', '--webhook-port', '70000']],
  [['history', 'last']],
  [['history', '--limit', '-1']],
  [['diff', 'one', 'two']],
  [['deploy']],
  [[]],
])('%j is refused with exit code 1 and nothing on stdout', async (argv) => {
  expect(await run(argv)).toMatchObject({ code: 1, stdout: '' });
});

test('what was typed cannot steer the terminal, and a token in it is not repeated', async () => {
  const { stderr } = await run(['\u001b[2Jsync', 'fm2_token-of-mine'], { env: { FLY_API_TOKEN: 'fm2_token-of-mine' } });
  expect(stderr).not.toContain('\u001b');
  const other = await run(['--fm2_token-of-mine'], { env: { FLY_API_TOKEN: 'fm2_token-of-mine' } });
  expect(other.stderr).not.toContain('fm2_token-of-mine');
});

test('an error says what, why and what next', async () => {
  const env = { HOME: '/nonexistent', FLY_API_TOKEN: 'fm2_token-of-mine' };
  const { code, stdout, stderr } = await run(['diff'], { env });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    [
      'error: no config repo was named',
      '  why:   there is no argument, no FLYCD_CONFIG_REPO, no config_repo in flycd.yaml, and no config in this folder',
      '  next:  name a folder or a git URL: `flycd diff ./config`, `flycd diff https://github.com/you/config`, `flycd history ./config`',
      '',
    ].join('\n'),
  );
});

test.each([
  ['flycd.yaml', 'fleet: here\n'],
  ['project.yaml', 'project: here\n'],
  ['app.toml', 'app = "shop"\nprimary_region = "arn"\n'],
])('without a config named, a folder with %s is the config: printed commands work in it', async (name, text) => {
  const cwd = mkdtempSync(join(tmpdir(), 'flycd-here-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  writeFileSync(join(cwd, name), text);
  mkdirSync(join(cwd, 'cart'));
  writeFileSync(join(cwd, 'cart/app.yaml'), 'app: cart\nprimary_region: arn\nbuild: { image: nginx:1 }\n');
  const [named, here] = [await run(['validate', '.'], { cwd }), await run(['validate'], { cwd })];
  expect(here).toEqual(named);
  expect(here.stdout + here.stderr).not.toContain('no config repo was named');
});

test('a stack is shown only to who asks for it', async () => {
  const env = { HOME: '/nonexistent' };
  expect((await run(['diff'], { env })).stderr).not.toContain('at ');
  expect((await run(['diff'], { env: { ...env, FLYCD_DEBUG: '1' } })).stderr).toContain('at ');
});

test.each([
  [{ isTTY: false, env: {} }, false],
  [{ isTTY: true, env: {} }, true],
  [{ isTTY: true, env: { NO_COLOR: '1' } }, false],
  [{ isTTY: true, env: { NO_COLOR: '' } }, true],
  [{ isTTY: true, env: { TERM: 'dumb' } }, false],
])('colour with %j: %s', async ({ isTTY, env }, coloured) => {
  const { stderr } = await run(['diff'], { isTTY, env: { HOME: '/nonexistent', ...env } });
  expect(stderr.includes('\u001b[')).toBe(coloured);
});

test('a reading command stops at once when it is asked to', async () => {
  const stop = new AbortController();
  const running = run(['diff', '/'], { signal: stop.signal, env: { HOME: '/nonexistent' } });
  stop.abort(new Error('stopped by SIGINT'));
  expect((await running).code).toBe(130);
});

test('what reads only a folder needs no place to write: no HOME, no data directory', async () => {
  const fleet = fileURLToPath(new URL('../../examples/fleet', import.meta.url));
  expect(await run(['validate', fleet])).toMatchObject({ code: 0, stderr: '' });
  const elsewhere = await run(['validate', 'https://git.example/config.git']);
  expect(elsewhere).toMatchObject({ code: 1, stdout: '' });
  expect(elsewhere.stderr).toContain('there is no place for the data directory');
});

test('an option takes the word after it even where that begins with a dash: hints print such words as they are', async () => {
  const { stderr } = await run(['adopt', '--all', '--from', '--x']);
  expect(stderr).toContain('--from --x is not an owner');
});
