/** What is there and was not read is never taken for gone, and stops all that it governs: nothing below it is updated or removed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { git } from '../servers/git-server.ts';
import { appYaml, errorsOf, load, said } from './loading.ts';
import { configWorkTree, type ConfigWorkTree } from './work-tree.ts';

let work: ConfigWorkTree;
let root: string;
let scratch: { readonly path: string };

beforeEach(() => {
  work = configWorkTree();
  ({ root } = work);
  scratch = { path: work.scratch };
});
afterEach(() => work.remove());

const write: ConfigWorkTree['write'] = (files) => work.write(files);
const commit = (): string => work.commit();
const committed: ConfigWorkTree['committed'] = (files) => work.committed(files);
const loadFolder: ConfigWorkTree['loadFolder'] = (path) => work.loadFolder(path);
const loadCommit = (): Promise<DesiredFleet> => work.loadCommit();

const names = (fleet: DesiredFleet): readonly string[] => fleet.apps.map(({ name }) => name);

const team =
  'project: team\nsource:\n  type: local\ncommon:\n  app_overrides:\n    kill_timeout: 9\nsync:\n  auto: false\n';
const tree = {
  'flycd.yaml': 'fleet: shop\n',
  'apps/front/app.yaml': appYaml('front'),
  'apps/back/app.yaml': appYaml('back'),
  'team/project.yaml': team,
  'team/inner/app.yaml': appYaml('inner'),
};

describe('a working tree that is less than its commit', () => {
  test.each([
    ['sparse checkout', (path: string) => git(root, ['update-index', '--skip-worktree', path]), true],
    [
      'skip-worktree, on disk all the same',
      (path: string) => git(root, ['update-index', '--skip-worktree', path]),
      false,
    ],
    ['assume-unchanged', (path: string) => git(root, ['update-index', '--assume-unchanged', path]), false],
  ])('%s: its app stops, the others go on', async (_what, leaveOut, removes) => {
    const head = committed(tree);
    leaveOut('apps/back/app.yaml');
    if (removes) rmSync(join(root, 'apps/back'), { recursive: true });
    const fleet = await loadFolder();
    expect(names(fleet)).toEqual(['front', 'inner']);
    expect(errorsOf(fleet).join('\n')).toContain('apps/back/app.yaml');
    expect(fleet.whole).toBe(false);
    expect(fleet.revision).not.toBe(head);
  });

  test('a cone without a project’s file takes none of its apps without what it gives them', async () => {
    committed(tree);
    git(root, ['update-index', '--skip-worktree', 'team/project.yaml']);
    rmSync(join(root, 'team/project.yaml'));
    const fleet = await loadFolder();
    expect(names(fleet)).toEqual(['back', 'front']);
    expect(errorsOf(fleet).join('\n')).toContain('team/project.yaml');
    expect(fleet.whole).toBe(false);
  });

  test('a real sparse checkout', async () => {
    committed(tree);
    git(root, ['sparse-checkout', 'set', 'apps']);
    const fleet = await loadFolder();
    expect(names(fleet)).toEqual(['back', 'front']);
    expect(errorsOf(fleet).join('\n')).toContain('team/project.yaml');
    expect(fleet.whole).toBe(false);
  });

  test('flycd.yaml stops the fleet', async () => {
    committed(tree);
    git(root, ['update-index', '--skip-worktree', 'flycd.yaml']);
    rmSync(join(root, 'flycd.yaml'));
    const fleet = await loadFolder();
    expect(names(fleet)).toEqual([]);
    expect(fleet.whole).toBe(false);
  });

  test('what no config names may be left out', async () => {
    committed({ ...tree, 'docs/big.md': 'x', 'apps/front/README.md': 'x' });
    git(root, ['update-index', '--skip-worktree', 'docs/big.md', 'apps/front/README.md']);
    rmSync(join(root, 'docs'), { recursive: true });
    const fleet = await loadFolder();
    expect(errorsOf(fleet)).toEqual([]);
    expect(names(fleet)).toEqual(['back', 'front', 'inner']);
    expect(fleet.whole).toBe(true);
  });

  test('a source that lacks files spoils its app alone', async () => {
    const built = 'app: built\nprimary_region: arn\nsource:\n  type: local\n  path: ../../src\n';
    committed({ ...tree, 'apps/built/app.yaml': built, 'src/Dockerfile': 'FROM x\n', 'src/main.c': 'x' });
    git(root, ['update-index', '--skip-worktree', 'src/main.c']);
    rmSync(join(root, 'src/main.c'));
    const fleet = await loadFolder();
    expect(names(fleet)).toEqual(['back', 'front', 'inner']);
    expect(errorsOf(fleet).join('\n')).toContain('src/main.c');
  });

  test('a blobless clone is whole', async () => {
    const head = committed(tree);
    git(root, ['config', 'uploadpack.allowFilter', 'true']);
    const clone = join(scratch.path, 'clone');
    git(scratch.path, ['clone', '--quiet', '--filter=blob:none', `file://${root}`, clone]);
    const fleet = await loadFolder(clone);
    expect(errorsOf(fleet)).toEqual([]);
    expect(names(fleet)).toEqual(['back', 'front', 'inner']);
    expect(fleet.revision).toBe(head);
  });
});

describe('another repository inside', () => {
  const linked = (): void => {
    committed(tree);
    const other = join(scratch.path, 'other');
    git(scratch.path, ['init', '--quiet', other]);
    git(other, ['commit', '--quiet', '--allow-empty', '-m', 'x']);
    git(root, ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', other, 'apps/vendored']);
    commit();
  };
  const message = 'apps/vendored: error: it is another repository';

  test('a submodule is an error by its path, on disk and in git alike', async () => {
    linked();
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(errorsOf(fleet).join('\n')).toContain(message);
      expect(names(fleet)).toEqual(['back', 'front', 'inner']);
      expect(fleet.whole).toBe(false);
    }
  });

  test('one that was never fetched, too', async () => {
    linked();
    git(root, ['submodule', '--quiet', 'deinit', '--all', '--force']);
    const fleet = await loadFolder();
    expect(errorsOf(fleet).join('\n')).toContain(message);
    expect(fleet.whole).toBe(false);
  });

  test('an embedded repository that git does not track', async () => {
    committed(tree);
    git(scratch.path, ['init', '--quiet', join(root, 'apps/embedded')]);
    write({ 'apps/embedded/app.yaml': appYaml('embedded') });
    const fleet = await loadFolder();
    expect(errorsOf(fleet).join('\n')).toContain('apps/embedded: error: it is another repository');
    expect(names(fleet)).toEqual(['back', 'front', 'inner']);
    expect(fleet.whole).toBe(false);
  });

  test('an app that is built from a folder with a submodule is invalid, by the path, in a folder and in git alike', async () => {
    committed({
      'project.yaml': 'project: all\nsource: { type: local, path: apps }\n',
      'apps/web/app.yaml': 'app: web\nprimary_region: arn\nsource: { type: local, path: ../../sources/web }\n',
      'apps/job/app.yaml': appYaml('job'),
      'sources/web/Dockerfile': 'FROM scratch\n',
    });
    git(root, ['update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},sources/web/vendor/lib`]);
    git(root, ['commit', '--quiet', '-m', 'submodule']);
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(errorsOf(fleet)).toContainEqual(
        expect.stringMatching(
          /^apps\/web\/app\.yaml:.*sources\/web\/vendor\/lib in what is built is a git repository of its own/,
        ),
      );
      expect(fleet.apps.map(({ name }) => name)).toEqual(['job']);
      expect(fleet.invalid.map(({ name }) => name)).toEqual(['web']);
    }
  });

  test('ignore in the project says that it holds no apps', async () => {
    linked();
    write({ 'project.yaml': 'project: all\nsource:\n  type: local\nignore: [apps/vendored]\n' });
    commit();
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(errorsOf(fleet)).toEqual([]);
      expect(names(fleet)).toEqual(['back', 'front', 'inner']);
      expect(fleet.whole).toBe(true);
    }
  });
});

describe('a config file that stands there and cannot be read', () => {
  const kinds: readonly (readonly [string, (path: string) => void])[] = [
    ['a link to nothing', (path) => symlinkSync('nowhere', join(root, path))],
    ['a link to a folder', (path) => symlinkSync('.', join(root, path))],
    ['a folder', (path) => mkdirSync(join(root, path))],
    ['a pipe', (path) => execFileSync('/usr/bin/mkfifo', [join(root, path)])],
  ];

  test.each(kinds)('app.yaml is %s', async (_what, make) => {
    write({ 'apps/front/app.yaml': appYaml('front'), 'apps/back/README.md': '' });
    make('apps/back/app.yaml');
    const fleet = await loadFolder();
    expect(errorsOf(fleet).join('\n')).toContain('apps/back/app.yaml');
    expect(names(fleet)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
  });

  test.each(kinds)('project.yaml is %s', async (_what, make) => {
    write({ 'apps/front/app.yaml': appYaml('front'), 'team/inner/app.yaml': appYaml('inner') });
    make('team/project.yaml');
    const fleet = await loadFolder();
    expect(errorsOf(fleet).join('\n')).toContain('team/project.yaml');
    expect(names(fleet)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
  });

  test.each(kinds)('flycd.yaml is %s', async (_what, make) => {
    write({ 'apps/front/app.yaml': appYaml('front') });
    make('flycd.yaml');
    const fleet = await loadFolder();
    expect(errorsOf(fleet).join('\n')).toContain('flycd.yaml');
    expect(names(fleet)).toEqual([]);
    expect(fleet.whole).toBe(false);
  });

  test.each(kinds.filter(([what]) => !what.includes('pipe')))(
    'a file that the app names is %s',
    async (_what, make) => {
      const files = '[[files]]\n  guest_path = "/etc/x"\n  local_path = "x.conf"\n';
      write({
        'apps/front/app.yaml': appYaml('front'),
        'apps/back/app.toml': `app = "back"\nprimary_region = "arn"\n[build]\n  image = "nginx:1.27"\n${files}`,
      });
      make('apps/back/x.conf');
      const fleet = await loadFolder();
      expect(errorsOf(fleet).join('\n')).toContain('x.conf');
      expect(names(fleet)).toEqual(['front']);
    },
  );

  test.each([
    ['files', appYaml('back', 'files: [{ guest_path: /etc/x, local_path: x.conf }]\n')],
    ['machine_config', appYaml('back', 'machine_config: x.conf\n')],
  ])('a pointer of Git LFS that %s names is never put into a machine', async (_what, app) => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 120\n`;
    committed({ 'apps/front/app.yaml': appYaml('front'), 'apps/back/app.yaml': app, 'apps/back/x.conf': pointer });
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(errorsOf(fleet).join('\n')).toMatch(/x\.conf is a pointer of Git LFS/);
      expect(names(fleet)).toEqual(['front']);
      expect(fleet.invalid.map(({ name }) => name)).toEqual(['back']);
    }
  });

  test.each(['app.yaml', 'fly.toml'])('a pointer of Git LFS in the place of %s is said to be one', async (file) => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 120\n`;
    const app = file === 'app.yaml' ? {} : { 'apps/back/app.yaml': 'app: back\nfly_config: fly.toml\n' };
    committed({ 'apps/front/app.yaml': appYaml('front'), ...app, [`apps/back/${file}`]: pointer });
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(errorsOf(fleet).join('\n')).toMatch(/1:1: error: this is a pointer of Git LFS, not the file itself/);
      expect(names(fleet)).toEqual(['front']);
    }
  });

  test('a link to a folder of apps says that nothing is looked for behind it', async () => {
    write({ 'apps/front/app.yaml': appYaml('front'), 'shared/back/app.yaml': appYaml('back') });
    symlinkSync('../shared/back', join(root, 'apps/back'));
    const fleet = await loadFolder(root);
    expect(said(fleet.problems).join('\n')).toContain('apps/back: warning: it is a link to a folder');
    expect(names(fleet)).toEqual(['back', 'front']);
  });
});

describe('a link where an app stood', () => {
  const fleetFiles = {
    'flycd.yaml': 'fleet: a\n',
    'shop/app.yaml': appYaml('shop'),
    'lonely/app.yaml': appYaml('lonely'),
  };

  test.each([
    ['out of the repo', '../outside'],
    ['nowhere', '/nowhere'],
    ['to itself', 'lonely'],
    ['to a folder with apps deeper down, out of the repo', '../deeper'],
    ['to a folder with an app in it', 'real/lonely'],
  ])('%s: the fleet is not whole, and others go on', async (_what, target) => {
    write({ ...fleetFiles, 'real/lonely/app.yaml': appYaml('lonely') });
    for (const path of ['outside/app.yaml', 'deeper/lonely/app.yaml']) {
      mkdirSync(dirname(join(scratch.path, path)), { recursive: true });
      writeFileSync(join(scratch.path, path), appYaml('lonely'));
    }
    rmSync(join(root, 'lonely'), { recursive: true });
    if (target === 'real/lonely') rmSync(join(root, 'real'), { recursive: true });
    if (target === 'real/lonely') write({ 'node_modules/lonely/app.yaml': appYaml('lonely') });
    symlinkSync(target === 'real/lonely' ? 'node_modules/lonely' : target, join(root, 'lonely'));
    committed({});
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(fleet.whole).toBe(false);
      expect(fleet.apps.map(({ name }) => name)).toContain('shop');
      expect(said(fleet.problems).join('\n')).toMatch(/^lonely: warning: it is a link/m);
    }
  });

  test('to a file, or to a folder without apps, takes nothing away; neither does one that the project ignores', async () => {
    const project = 'project: p\nsource: { type: local }\nignore: [docs]\n';
    write({ ...fleetFiles, 'project.yaml': project, 'notes/a.md': 'x', 'README.md': 'x' });
    symlinkSync('README.md', join(root, 'READ.md'));
    symlinkSync('notes', join(root, 'texts'));
    symlinkSync('/nowhere', join(root, 'docs'));
    committed({});
    for (const fleet of [await loadFolder(), await loadCommit()])
      expect(fleet).toMatchObject({ whole: true, problems: [] });
  });

  test('a project file that is a link out stops its own apps only', async () => {
    write({ ...fleetFiles, 'p/apps/one/app.yaml': appYaml('one') });
    symlinkSync('/nowhere/project.yaml', join(root, 'p/project.yaml'));
    symlinkSync('../../outside.yaml', join(root, 'p/flycd.yaml'));
    writeFileSync(join(scratch.path, 'outside.yaml'), 'project: p\n');
    rmSync(join(root, 'p/project.yaml'));
    symlinkSync('../../outside.yaml', join(root, 'p/project.yaml'));
    committed({});
    for (const fleet of [await loadFolder(), await loadCommit()]) {
      expect(fleet.apps.map(({ name }) => name)).toEqual(['lonely', 'shop']);
      expect(fleet.whole).toBe(false);
    }
  });
});

test('a name that is not UTF-8 in a plain folder is an error, not an absence', async () => {
  write({ 'flycd.yaml': 'fleet: a\n', 'shop/app.yaml': appYaml('shop') });
  for (const name of ['oth\xff', 'shop/app.yaml\xff']) {
    const path = Buffer.from(`${root}/${name}`, 'latin1');
    mkdirSync(path);
    const fleet = await loadFolder();
    expect(fleet.whole).toBe(false);
    expect(errorsOf(fleet).join('\n')).toContain('is not UTF-8');
    rmSync(path, { recursive: true });
  }
});

test.each(['', 'project = 12\n', 'Project = "p"\n'])(
  'a project.toml that says %j is ours, and broken',
  async (text) => {
    const fleet = await load({ 'project.toml': text, 'web/app.yaml': appYaml('web') });
    expect(fleet.whole).toBe(false);
    expect(fleet.apps).toEqual([]);
  },
);
