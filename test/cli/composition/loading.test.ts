import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLoading } from '../../../src/cli/composition/loading.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { Redactor } from '../../../src/model/base/secret-value.ts';
import { appYaml } from '../../desired/loading.ts';
import { git, temporaryFolder } from '../../servers/git-server.ts';

let scratch: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  scratch = temporaryFolder();
  mkdirSync(join(scratch.path, 'web'));
  writeFileSync(join(scratch.path, 'web/app.yaml'), appYaml('web'));
  git(scratch.path, ['init', '--quiet']);
  git(scratch.path, ['add', '-A']);
  git(scratch.path, ['commit', '--quiet', '-m', 'x']);
});
afterEach(() => scratch.remove());

async function loaded(env: Readonly<Record<string, string | undefined>>) {
  const silent = { isTTY: false, write() {} };
  const { signal } = new AbortController();
  const io = { env, cwd: '/', stdout: silent, stderr: silent, clock: new IdleClock(), fetch, signal, random: () => 0 };
  const loading = createLoading({
    invocation: { io, log: silentLog, redactor: new Redactor() },
    config: scratch.path,
    options: {},
    settings: { file: undefined, isNamed: false, written: {} },
    dataDirectory: () => scratch.path,
  });
  return (await loading.load({ offline: true })).fleet;
}

test('a working tree that git answers for is whole', async () => {
  expect(await loaded(process.env)).toMatchObject({ whole: true, apps: [{ name: 'web' }] });
});

test.each([
  ['git is not installed', (): void => undefined, { PATH: '/nowhere' }],
  ['HEAD is broken', (): void => writeFileSync(join(scratch.path, '.git/HEAD'), 'x'), process.env],
  ['the index is gone', (): void => rmSync(join(scratch.path, '.git/index')), process.env],
  ['the index is broken', (): void => writeFileSync(join(scratch.path, '.git/index'), 'x'), process.env],
])('one that git does not answer for may lack files, and is not: %s', async (_what, breaks, env) => {
  breaks();
  expect(await loaded(env)).toMatchObject({ whole: false, apps: [{ name: 'web' }] });
});
