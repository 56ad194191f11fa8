import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFlyctl, type Flyctl, type FlyctlBuild, type FlyctlOptions } from '../../../src/fly/builder/flyctl.ts';
import { outputLines } from '../../../src/fly/builder/output-lines.ts';
import { systemClock } from '../../../src/model/base/clock.ts';
import { Redactor, SecretValue } from '../../../src/model/base/secret-value.ts';
import { temporaryFolder } from '../../servers/git-server.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('flycd-flyctl-');
});
afterEach(() => folder.remove());

const token = 'fm2_a-token-nobody-may-see';

/** A flyctl of these lines of shell, in a folder by itself. */
function program(script: string, name = 'flyctl'): string {
  const path = join(folder.path, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

function flyctlOf(path: string | undefined, more: Partial<FlyctlOptions> = {}): Flyctl {
  const redactor = new Redactor();
  redactor.learn(token);
  return createFlyctl({
    path,
    environment: { PATH: '/usr/bin:/bin' },
    token: new SecretValue(token),
    clock: systemClock,
    redactor,
    ...more,
  });
}

let builds = 0;
function buildOf(more: Partial<FlyctlBuild> = {}): FlyctlBuild & { readonly lines: string[] } {
  builds += 1;
  const place = join(folder.path, `build-${builds}`);
  const context = join(place, 'context');
  mkdirSync(context, { recursive: true });
  const lines: string[] = [];
  return {
    app: 'shop',
    primaryRegion: 'arn',
    label: `flycd-${'a'.repeat(32)}`,
    files: { context, dockerfile: undefined, ignorefile: undefined },
    folder: place,
    settings: {},
    onLine: (line) => lines.push(line),
    signal: new AbortController().signal,
    lines,
    ...more,
  };
}

const faultOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

describe('where flyctl is', () => {
  test('FLYCTL_PATH, else flyctl or fly on PATH', () => {
    const path = program('exit 0', 'fly');
    expect(flyctlOf(path).missing()).toBeUndefined();
    expect(flyctlOf(undefined, { environment: { PATH: folder.path } }).missing()).toBeUndefined();
    expect(flyctlOf(undefined, { environment: { PATH: '/nowhere' } }).missing()?.next).toContain('or set FLYCTL_PATH');
    for (const wrong of ['/nowhere/flyctl', 'flyctl', folder.path]) {
      expect(flyctlOf(wrong).missing()?.why).toBe(`FLYCTL_PATH names no program: ${wrong}`);
    }
  });
});

describe('what flyctl is given', () => {
  test('no shell, nothing of the operator’s but what it needs, the token by environment alone', async () => {
    const path = program(
      `printf '%s\\n' "$@" > '${folder.path}/argv'; env > '${folder.path}/env'; pwd > '${folder.path}/cwd'`,
    );
    const environment = {
      PATH: '/usr/bin:/bin',
      FLY_API_BASE_URL: 'http://x',
      GITHUB_TOKEN: 'ghp',
      HOME: '/home/me',
      FLY_ORG: 'o',
    };
    const build = buildOf({ app: 'shop;touch x', settings: { args: { A: '$(touch y)' }, 'build-target': 'prod' } });
    const files = {
      ...build.files,
      dockerfile: join(build.folder, 'dockerfile'),
      ignorefile: join(build.folder, 'ig'),
    };
    await flyctlOf(path, { environment }).build({ ...build, files });
    const read = (name: string): readonly string[] =>
      readFileSync(join(folder.path, name), 'utf8').trimEnd().split('\n');
    expect(read('cwd')).toEqual([build.files.context]);
    const given = ['--app', 'shop;touch x', '--config', join(build.folder, 'fly.toml')];
    const beside = ['--dockerfile', files.dockerfile, '--ignorefile', files.ignorefile];
    const how = ['deploy', '--build-only', '--push', '--remote-only', '--image-label', build.label];
    expect(read('argv')).toEqual([how, given, beside].flat());
    const names = read('env').map((line) => line.split('=')[0] ?? '');
    const ofTheShell = ['PWD', 'SHLVL', '_', 'OLDPWD'];
    expect(
      names
        .filter((name) => !ofTheShell.includes(name))
        .toSorted()
        .join(' '),
    ).toBe(
      'FLY_ACCESS_TOKEN FLY_API_BASE_URL FLY_API_TOKEN FLY_CONFIG_DIR FLY_NO_UPDATE_CHECK FLY_SEND_METRICS HOME NO_COLOR PATH TERM',
    );
    const config = readFileSync(join(build.folder, 'fly.toml'), 'utf8');
    expect(config).toContain('A = "$(touch y)"');
    expect(config).not.toContain(token);
    expect(existsSync(join(build.files.context, 'x'))).toBe(false);
  });

  test('a Dockerfile at a URL by the config, where alone flyctl takes one', async () => {
    const path = program(`printf '%s\\n' "$@" > '${folder.path}/argv'`);
    const build = buildOf();
    await flyctlOf(path).build({ ...build, files: { ...build.files, dockerfile: 'https://example.com/Dockerfile' } });
    expect(readFileSync(join(folder.path, 'argv'), 'utf8')).not.toContain('example.com');
    expect(readFileSync(join(build.folder, 'fly.toml'), 'utf8')).toContain(
      'dockerfile = "https://example.com/Dockerfile"',
    );
  });
});

describe('how it ends', () => {
  test.each([
    [
      'by its own fault',
      'echo one; echo "process \\"/bin/sh -c x\\" did not complete: exit code: 2" >&2; exit 1',
      'stalled',
    ],
    ['by the network’s', 'echo "Error: read tcp: connection reset by peer"; exit 1', 'transient'],
    ['by the builder’s', 'echo "Error: failed to connect to builder"; exit 1', 'transient'],
    ['killed from outside', 'kill -KILL $$', 'transient'],
  ])('%s', async (_name, script, kind) => {
    const fault = await faultOf(flyctlOf(program(script)).build(buildOf()));
    expect(fault).toMatchObject({ kind, what: 'the build of shop failed' });
  });

  test('with its last lines in the fault', async () => {
    const script = 'i=0; while [ $i -lt 40 ]; do echo "line $i"; i=$((i+1)); done; exit 3';
    const fault = await faultOf(flyctlOf(program(script)).build(buildOf()));
    const why = String((fault as { why?: string }).why).split('\n');
    expect([why[0], why[1], why.at(-1), why.length]).toEqual(['it ended with code 3', 'line 20', 'line 39', 21]);
  });

  test('stopped by the signal, once it is gone; one that does not listen is killed', async () => {
    const path = program(`trap '' TERM; echo begun; while :; do sleep 0.05; done`);
    const stop = new AbortController();
    let kill = (): void => undefined;
    // The five seconds of grace are over when the test says so.
    const clock = {
      ...systemClock,
      timer: (ms: number, callback: () => void) => {
        if (ms === 5000) kill = callback;
        return () => undefined;
      },
    };
    const build = buildOf({ signal: stop.signal, onLine: () => stop.abort(new Error('newer')) });
    const ended = faultOf(flyctlOf(path, { clock }).build(build));
    stop.signal.addEventListener('abort', () => setTimeout(() => kill(), 50));
    expect(await ended).toMatchObject({ message: 'newer' });
  });

  test('for its silence', async () => {
    const fault = await faultOf(flyctlOf(program('echo begun; exec sleep 60'), { silenceMs: 200 }).build(buildOf()));
    expect(fault).toMatchObject({
      kind: 'transient',
      why: expect.stringMatching(/^it said nothing for .* minutes\nbegun$/),
    });
  });

  test('not begun where it was stopped before', async () => {
    const path = program(`touch '${folder.path}/ran'`);
    const signal = AbortSignal.abort(new Error('stopped'));
    expect(await faultOf(flyctlOf(path).build(buildOf({ signal })))).toMatchObject({ message: 'stopped' });
    expect(existsSync(join(folder.path, 'ran'))).toBe(false);
  });
});

describe('its output', () => {
  function lines(chunks: readonly string[]): readonly string[] {
    const redactor = new Redactor();
    redactor.learn(token);
    const seen: string[] = [];
    const output = outputLines({ redactor, onLine: (line) => seen.push(line) });
    for (const chunk of chunks) output.take(Buffer.from(chunk, 'latin1'));
    output.end();
    return seen;
  }

  test('is lines without secrets, also where one comes in two pieces', () => {
    expect(lines([`a ${token.slice(0, 9)}`, `${token.slice(9)} b\nnext`])).toEqual(['a [secret] b', 'next']);
    expect(lines(['https://me:pw@host/x\n'])).toEqual(['https://host/x']);
  });

  test('is without colours and what only a terminal understands', () => {
    expect(lines(['\u001b[1;32mgreen\u001b[0m\r\n\u001b[2K\u001b[1Gprogress\rdone\n\n\u0007bell\tx'])).toEqual([
      'green',
      'progress',
      'done',
      ' bell x',
    ]);
  });

  test('ends somewhere, in length and in number', () => {
    expect(lines(['x'.repeat(100_000)]).every((line) => line.length <= 502)).toBe(true);
    const many = lines(['line\n'.repeat(6000)]);
    expect([many.length, many.at(-1)]).toEqual([5001, '(more than 5000 lines: the rest is not shown)']);
  });
});
