/** A folder may come from anybody: nothing that its git config, attributes or hooks name is run to read it. */
import { chmodSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { cloneOrigin } from '../../../src/sources/folder/clone-origin.ts';
import { FolderMemory } from '../../../src/sources/tree/folder-memory.ts';
import { openFolder } from '../../../src/sources/folder/folder.ts';
import { git, gitEach, initWorkTree, temporaryFolder } from '../../servers/git-server.ts';

let folder: ReturnType<typeof temporaryFolder>;
let root: string;
let traces: string;

beforeEach(() => {
  folder = temporaryFolder();
  root = join(folder.path, 'config');
  traces = join(folder.path, 'traces');
  mkdirSync(root);
  mkdirSync(traces);
});

afterEach(() => folder.remove());

/** A command that leaves a trace. */
const leaving = (name: string): string => `touch ${join(traces, name)}; cat`;
/** In the table, which stands before there is a folder. */
const run = 'run:';

const driver = (name: string, variable: string) => [`filter.${name}.${variable}`, `${run}${variable}`] as const;

const configs: readonly (readonly [
  what: string,
  attributes: string,
  config: readonly (readonly [string, string])[],
])[] = [
  ['a filter that goes on', '* filter=it', [driver('it', 'process')]],
  ['a filter for each file', '* filter=it', [driver('it', 'clean'), driver('it', 'smudge')]],
  ['a required filter', '* filter=it', [driver('it', 'clean'), ['filter.it.required', 'true']]],
  [
    'a filter with dots and blanks in its name',
    '* filter=a.b-c',
    [driver('a.b-c', 'clean'), driver('a.b-c', 'process')],
  ],
  ['a filter in capitals', '* filter=It', [driver('It', 'clean')]],
  ['a file system monitor', '', [['core.fsmonitor', `${run}fsmonitor`]]],
  ['hooks', '', [['core.hooksPath', 'hooks']]],
  [
    'a difference of its own',
    '* diff=it',
    [
      ['diff.it.command', `${run}diff`],
      ['diff.external', `${run}external`],
      ['diff.it.textconv', `${run}textconv`],
    ],
  ],
  [
    'signatures',
    '',
    [
      ['log.showSignature', 'true'],
      ['gpg.program', `${run}gpg`],
      ['gpg.ssh.program', `${run}gpg-ssh`],
    ],
  ],
  [
    'a pager and an editor',
    '',
    [
      ['core.pager', `${run}pager`],
      ['pager.status', `${run}pager`],
      ['core.editor', `${run}editor`],
    ],
  ],
  [
    'ways to a remote',
    '',
    [
      ['core.sshCommand', `${run}ssh`],
      ['credential.helper', `${run}credential`],
      ['core.gitProxy', `${run}proxy`],
      ['core.askPass', `${run}askpass`],
    ],
  ],
];

const hooks = ['post-index-change', 'reference-transaction', 'post-checkout', 'fsmonitor-watchman'];

function hostile(where: string, attributes: string, config: readonly (readonly [string, string])[]): void {
  initWorkTree(where);
  writeFileSync(join(where, 'app.yaml'), 'app: shop\n');
  writeFileSync(join(where, '.gitattributes'), `${attributes}\n`);
  mkdirSync(join(where, 'hooks'), { recursive: true });
  gitEach(where, [
    ['add', '-A'],
    ['commit', '--quiet', '-m', 'x'],
  ]);
  for (const place of ['hooks', '.git/hooks']) {
    mkdirSync(join(where, place), { recursive: true });
    for (const hook of hooks) {
      writeFileSync(join(where, place, hook), `#!/bin/sh\n${leaving(hook)}\n`);
      chmodSync(join(where, place, hook), 0o755);
    }
  }
  for (const [key, value] of config) {
    git(where, ['config', '--add', key, value.startsWith(run) ? leaving(value.slice(run.length)) : value]);
  }
  // Not as git has seen it: its content has to be compared.
  writeFileSync(join(where, 'app.yaml'), 'app: other\n');
}

async function read(path: string): Promise<void> {
  const memory = new FolderMemory();
  const clock = new IdleClock();
  const opened = await openFolder({ path, clock, environment: process.env, memory });
  await opened.tree.list('');
  await opened.tree.read('app.yaml', 1000);
  await opened.disturbance();
  await cloneOrigin({ top: path, commit: git(path, ['rev-parse', 'HEAD']), clock, environment: process.env, memory });
}

test.each(configs)('%s', async (_, attributes, config) => {
  hostile(root, attributes, config);
  expect(readdirSync(traces), 'before anything is read').toEqual([]);
  await read(root);
  expect(readdirSync(traces)).toEqual([]);
});

test('a filter that is named in a file which the config includes', async () => {
  hostile(root, '* filter=it', [['include.path', 'more']]);
  writeFileSync(join(root, '.git/more'), `[filter "it"]\n\tclean = ${leaving('clean')}\n`);
  await read(root);
  expect(readdirSync(traces)).toEqual([]);
});

test('of a linked work tree as well', async () => {
  hostile(root, '* filter=it', [driver('it', 'clean'), driver('it', 'process')]);
  const linked = join(folder.path, 'linked');
  git(root, [
    '-c',
    'filter.it.clean=',
    '-c',
    'filter.it.process=',
    '-c',
    'core.hooksPath=/dev/null',
    'worktree',
    'add',
    '--quiet',
    linked,
    'HEAD',
  ]);
  writeFileSync(join(linked, 'app.yaml'), 'app: other\n');
  expect(readdirSync(traces), 'before anything is read').toEqual([]);
  await read(linked);
  expect(readdirSync(traces)).toEqual([]);
});

test('what git alone would have run is run by it, so that the traces above tell something', () => {
  hostile(root, '* filter=it', [driver('it', 'clean')]);
  // Otherwise git may know the file by its time and size, and look no further.
  utimesSync(join(root, 'app.yaml'), 1, 1);
  git(root, ['status', '--porcelain']);
  expect(existsSync(join(traces, 'clean'))).toBe(true);
});
