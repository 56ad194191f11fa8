/** A working tree that stands otherwise than its commit, without git calling it changed: a folder and git read one commit alike. */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDesiredLoader } from '../../src/desired/load.ts';
import { IdleClock, systemClock } from '../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { openFolder } from '../../src/sources/folder/folder.ts';
import { git } from '../servers/git-server.ts';
import { appYaml, errorsOf, said } from './loading.ts';
import { memoryMirrors } from './memory-tree.ts';
import { configWorkTree, type ConfigWorkTree } from './work-tree.ts';

let work: ConfigWorkTree;
beforeEach(() => {
  work = configWorkTree();
});
afterEach(() => work.remove());

const names = (fleet: DesiredFleet): readonly string[] => fleet.apps.map(({ name }) => name);
const front = { 'flycd.yaml': 'fleet: a\n', 'front/app.yaml': appYaml('front') };
const link = (target: string, path: string): void => symlinkSync(target, join(work.root, path));

/** All that says what would be done. */
const meaning = (fleet: DesiredFleet): unknown => ({
  revision: fleet.revision,
  whole: fleet.whole,
  apps: fleet.apps.map((app) => [app.name, app.projects, app.appVersion, app.groups, app.inputs]),
  invalid: fleet.invalid,
  problems: said(fleet.problems).map((text) => text.replaceAll(/file:\/\/\S+?\.git|\/\S+\/config\b/g, 'REPO')),
});

describe('a link that git wrote as a text file (core.symlinks=false)', () => {
  /** The commit, checked out anew as git does where links cannot be made. */
  function asText(...paths: readonly string[]): void {
    work.committed({});
    work.git('config', 'core.symlinks', 'false');
    for (const path of paths) rmSync(join(work.root, path));
    work.git('checkout', '--quiet', '--', ...paths);
    for (const path of paths) expect(readFileSync(join(work.root, path), 'utf8')).not.toContain('\n');
  }

  const kinds: readonly (readonly [string, string, (path: string) => void])[] = [
    [
      'an app’s file',
      'x/app.yaml',
      (path) => {
        work.write({ 'shared/base.txt': appYaml('lonely'), 'x/README.md': '' });
        link('../shared/base.txt', path);
      },
    ],
    ['an app’s file to nowhere', 'x/app.yaml', (path) => (work.write({ 'x/README.md': '' }), link('app', path))],
    ['an app’s file out of the repo', 'x/app.yaml', (path) => (work.write({ 'x/a': '' }), link('../../app: x', path))],
    ['a folder of apps', 'x', (path) => (work.write({ 'y/z/app.yaml': appYaml('z') }), link('y/z', path))],
    [
      'a project’s file',
      'x/project.yaml',
      (path) => {
        work.write({
          'x/y/app.yaml': appYaml('y'),
          'p.txt': 'project: p\nsource: { type: local }\nsync: { auto: false }\n',
        });
        link('../p.txt', path);
      },
    ],
    [
      'the folder of a project',
      'x/link',
      (path) => {
        work.write({
          'y/app.yaml': appYaml('y'),
          'x/project.yaml': 'project: p\nsource: { type: local, path: link }\nsync: { auto: false }\n',
        });
        link('../y', path);
      },
    ],
    [
      'a way to it',
      'x/link',
      (path) => {
        work.write({
          'y/z/app.yaml': appYaml('z'),
          'x/project.yaml': 'project: p\nsource: { type: local, path: link/z }\nsync: { auto: false }\n',
        });
        link('../y', path);
      },
    ],
    [
      'the settings',
      'flycd.yaml',
      (path) => {
        rmSync(join(work.root, path));
        work.write({ 'settings.txt': 'fleet: b\nsync: { auto: false }\n' });
        link('settings.txt', path);
      },
    ],
    [
      'a file of an app',
      'x/etc.conf',
      (path) => {
        work.write({
          'x/app.yaml': appYaml('x', 'files: [{ guest_path: /etc/x, local_path: etc.conf }]\n'),
          'real.conf': 'text',
        });
        link('../real.conf', path);
      },
    ],
    [
      'in what is built',
      'x/src/lib',
      (path) => {
        work.write({
          'x/app.yaml': 'app: x\nprimary_region: arn\nsource: { type: local, path: src }\n',
          'x/src/Dockerfile': 'FROM scratch\n',
          'x/src/real/a': '',
        });
        link('real', path);
      },
    ],
  ];

  test.each(kinds)('%s: read as what git says it is', async (_what, path, make) => {
    work.write(front);
    make(path);
    asText(path);
    const [folder, commit] = await work.loadBoth();
    if (folder === undefined || commit === undefined) throw new Error('nothing was read');
    expect(meaning(folder)).toEqual(meaning(commit));
    work.write({ 'README.md': 'changed' });
    const dirty = await work.loadFolder();
    expect(meaning({ ...dirty, revision: commit.revision })).toEqual(meaning(commit));
  });

  test('one that is written anew leads where it says now, as it would in the next commit', async () => {
    work.write({ ...front, 'one.txt': appYaml('one'), 'two.txt': appYaml('two'), 'x/README.md': '' });
    link('../one.txt', 'x/app.yaml');
    asText('x/app.yaml');
    writeFileSync(join(work.root, 'x/app.yaml'), '../two.txt');
    const dirty = await work.loadFolder();
    expect(names(dirty)).toEqual(['front', 'two']);
    work.commit();
    expect(names(await work.loadCommit())).toEqual(['front', 'two']);
  });

  test('a file that somebody put in its place is that file', async () => {
    work.write({ ...front, 'one.txt': appYaml('one'), 'x/README.md': '' });
    link('../one.txt', 'x/app.yaml');
    work.committed({});
    rmSync(join(work.root, 'x/app.yaml'));
    work.write({ 'x/app.yaml': appYaml('own') });
    expect(names(await work.loadFolder())).toEqual(['front', 'own']);
  });
});

describe('a merge that nobody has settled', () => {
  const conflict = (path: string, ours: string, theirs: string): void => {
    work.git('checkout', '--quiet', '-b', 'theirs');
    work.write({ [path]: theirs });
    work.commit();
    work.git('checkout', '--quiet', '-');
    work.write({ [path]: ours });
    work.commit();
    expect(() => work.git('merge', '--quiet', 'theirs')).toThrow('merge --quiet theirs');
  };

  test.each([
    ['an app’s file', 'x/app.yaml', appYaml('one'), appYaml('two'), ['front']],
    [
      'a project’s file',
      'x/project.yaml',
      'project: a\nsource: { type: local }\n',
      'project: b\nsource: { type: local }\n',
      ['front'],
    ],
    ['the settings', 'flycd.yaml', 'fleet: one\n', 'fleet: two\n', []],
  ])('in %s', async (_what, path, ours, theirs, left) => {
    work.committed({ ...front, 'x/y/README.md': '' });
    if (path.includes('project')) work.committed({ 'x/y/app.yaml': appYaml('y') });
    conflict(path, ours, theirs);
    const fleet = await work.loadFolder();
    expect({ names: names(fleet), whole: fleet.whole }).toEqual({ names: left, whole: false });
    expect(errorsOf(fleet).join('\n')).toContain(`${path}: error: git left a conflict in it`);
  });

  test('in a file that an app puts into its machines', async () => {
    const app = appYaml('x', 'files: [{ guest_path: /etc/x, local_path: etc.conf }]\n');
    work.committed({ ...front, 'x/app.yaml': app });
    conflict('x/etc.conf', 'ours\n', 'theirs\n');
    const fleet = await work.loadFolder();
    expect(names(fleet)).toEqual(['front']);
    expect(errorsOf(fleet).join('\n')).toContain('git left a conflict in x/etc.conf');
  });

  test('in which one side took the app away', async () => {
    work.committed({ ...front, 'x/app.yaml': appYaml('x') });
    work.git('checkout', '--quiet', '-b', 'theirs');
    rmSync(join(work.root, 'x'), { recursive: true });
    work.commit();
    work.git('checkout', '--quiet', '-');
    work.write({ 'x/app.yaml': appYaml('x', 'env: { A: b }\n') });
    work.commit();
    expect(() => work.git('merge', '--quiet', 'theirs')).toThrow('merge --quiet theirs');
    rmSync(join(work.root, 'x'), { recursive: true, force: true });
    const fleet = await work.loadFolder();
    expect({ names: names(fleet), whole: fleet.whole }).toEqual({ names: ['front'], whole: false });
  });
});

describe('files that go while they are read', () => {
  test.each([
    ['an app’s file', 'x/app.yaml'],
    ['its folder', 'x'],
    ['the folder above', 'deep'],
  ])('%s', async (_what, gone) => {
    work.committed({ ...front, 'x/app.yaml': appYaml('x'), 'deep/y/app.yaml': appYaml('y'), 'deep/y/z': '' });
    for (const dirty of [false, true]) {
      // A file that git does not know, in the same folder, so that the disk is listed.
      if (dirty) work.write({ 'new.txt': '', 'x/new.txt': '', 'deep/new.txt': '', 'deep/y/new.txt': '' });
      const opened = await openFolder({ path: work.root, clock: new IdleClock(), environment: process.env });
      rmSync(join(work.root, gone), { recursive: true });
      const fleet = await createDesiredLoader({ clock: systemClock }).load({
        tree: opened.tree,
        path: opened.path,
        mirrors: memoryMirrors(),
        environment: () => undefined,
        resolveImage: async () => undefined,
      });
      expect({ dirty, whole: fleet.whole }).toEqual({ dirty, whole: false });
      expect(names(fleet)).toContain('front');
      work.git('checkout', '--quiet', '--', '.');
    }
  });
});

describe('what a repository keeps beside its commits', () => {
  const lonely = { ...front, 'x/app.yaml': appYaml('lonely') };

  test('replaced objects count neither for a folder nor for git', async () => {
    const before = work.committed(lonely);
    rmSync(join(work.root, 'x'), { recursive: true });
    const without = work.commit();
    work.git('reset', '--quiet', '--hard', before);
    work.git('replace', before, without);
    for (const fleet of await work.loadBoth()) expect(names(fleet)).toEqual(['front', 'lonely']);
  });

  test('a shallow clone and a linked work tree are whole', async () => {
    const head = work.committed(lonely);
    const clone = join(work.scratch, 'clone');
    git(work.scratch, ['clone', '--quiet', '--depth=1', `file://${work.root}`, clone]);
    const linked = join(work.scratch, 'linked');
    work.git('worktree', 'add', '--quiet', '--detach', linked);
    for (const path of [clone, linked]) {
      const fleet = await work.loadFolder(path);
      expect(fleet).toMatchObject({ revision: head, whole: true, problems: [] });
      expect(names(fleet)).toEqual(['front', 'lonely']);
    }
  });

  test('variables of git’s own lead nowhere else', async () => {
    const head = work.committed(lonely);
    const other = configWorkTree();
    other.committed(front);
    const environment = {
      ...process.env,
      GIT_DIR: join(other.root, '.git'),
      GIT_WORK_TREE: other.root,
      GIT_INDEX_FILE: join(other.root, '.git/index'),
      GIT_OBJECT_DIRECTORY: join(other.root, '.git/objects'),
    };
    const { tree } = await openFolder({ path: work.root, clock: new IdleClock(), environment });
    other.remove();
    expect(tree.revision).toBe(head);
    expect((await tree.list('')).map(({ path }) => path)).toEqual(['flycd.yaml', 'front', 'x']);
  });

  test.each([
    ['the repository itself', (): string => work.root],
    [
      'a linked work tree',
      (): string => {
        const linked = join(work.scratch, 'linked');
        work.git('worktree', 'add', '--quiet', '--detach', linked);
        return linked;
      },
    ],
  ])('while git is at work in %s, no app is gone', async (_what, place) => {
    work.committed(lonely);
    const root = place();
    writeFileSync(join(work.root, '.git', root === work.root ? 'index.lock' : 'worktrees/linked/index.lock'), '');
    rmSync(join(root, 'x'), { recursive: true });
    const opened = await openFolder({ path: root, clock: new IdleClock(), environment: process.env });
    expect(opened.top).toBe(root);
    expect(opened.warning).toMatch(/^git is running in .* \(index\.lock exists\), so FlyCD removes no app/);
  });
});

test('a file with line ends of its own, an id in it or another encoding on disk is read, or is no app that is gone', async () => {
  work.committed({
    ...front,
    '.gitattributes': '*.yaml text eol=crlf ident\nx/app.yaml working-tree-encoding=UTF-16\n',
  });
  work.write({ 'x/app.yaml': appYaml('x') });
  writeFileSync(join(work.root, 'x/app.yaml'), Buffer.from(`\uFEFF${appYaml('x')}`, 'utf16le'));
  work.commit();
  rmSync(join(work.root, 'front/app.yaml'));
  work.git('checkout', '--quiet', '--', '.');
  expect(readFileSync(join(work.root, 'front/app.yaml'), 'utf8')).toContain('\r\n');
  const [folder, commit] = await work.loadBoth();
  expect(commit?.apps.map(({ name }) => name)).toEqual(['front', 'x']);
  expect({ names: folder && names(folder), whole: folder?.whole }).toEqual({ names: ['front'], whole: false });
});
