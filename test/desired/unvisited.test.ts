/** In a fleet whose orphans are sought, whatever the tree holds and nobody read leaves it not whole: nothing is gone for it. */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { git } from '../servers/git-server.ts';
import { appYaml, load, said } from './loading.ts';
import { memoryMirrors, memoryTree } from './memory-tree.ts';
import { configWorkTree, type ConfigWorkTree } from './work-tree.ts';

let work: ConfigWorkTree;
beforeEach(() => {
  work = configWorkTree();
});
afterEach(() => work.remove());

const names = (fleet: DesiredFleet): readonly string[] => fleet.apps.map(({ name }) => name);
const settings = { 'flycd.yaml': 'fleet: a\nsync: { prune: [app] }\n' };
const team = { ...settings, 'team/one/app.yaml': appYaml('one'), 'team/two/app.yaml': appYaml('two') };
const other = { 'other/three/app.yaml': appYaml('three') };
const all = ['one', 'three', 'two'];
const link = (target: string, path: string): void => symlinkSync(target, join(work.root, path));
const project = (name: string, more = ''): string => `project: ${name}\nsource: { type: local }\n${more}`;

describe('a folder `projects`', () => {
  test.each([
    ['that is empty', () => mkdirSync(join(work.root, 'team/projects'))],
    ['of empty folders', () => mkdirSync(join(work.root, 'team/projects/x/y'), { recursive: true })],
    ['with what git ignores', (): void => work.write({ 'team/projects/debug.log': '', 'team/projects/x/b.log': '' })],
    ['that is ignored', (): void => work.write({ 'team/projects/out/app.yaml': appYaml('left') })],
    ['with new notes', (): void => work.write({ 'team/projects/notes.txt': '' })],
    ['that is a new clone', () => git(work.scratch, ['init', '--quiet', join(work.root, 'team/projects')])],
  ])('%s hides nothing that the commit holds', async (what, make) => {
    const ignored = what === 'that is ignored' ? 'projects/\n' : '*.log\n';
    work.committed({ ...team, ...other, '.gitignore': ignored });
    make();
    const [folder, commit] = await work.loadBoth();
    expect(commit).toMatchObject({ whole: true, problems: [] });
    expect([names(folder as DesiredFleet), names(commit as DesiredFleet)]).toEqual([all, all]);
    if (what !== 'that is a new clone') expect(folder).toMatchObject({ whole: true, problems: [] });
  });

  test('that is empty hides nothing in a plain folder either', async () => {
    work.write({ ...team, ...other });
    mkdirSync(join(work.root, 'team/projects/x'), { recursive: true });
    const fleet = await work.loadFolder();
    expect(fleet).toMatchObject({ whole: true, problems: [] });
    expect(names(fleet)).toEqual(all);
  });

  test.each([
    ['notes alone', { 'team/projects/README.md': '' }, [] as readonly string[]],
    ['an app', { 'team/projects/four/app.yaml': appYaml('four') }, ['four']],
    ['a folder of an editor alone', { 'team/projects/.vscode/settings.json': '' }, []],
  ])('with %s hides its siblings as in v0; their apps are said by path, and not gone', async (_what, files, more) => {
    work.committed({ ...team, ...other, ...files });
    for (const fleet of await work.loadBoth()) {
      expect(names(fleet)).toEqual([...more, 'three']);
      expect(fleet.whole).toBe(false);
      const text = said(fleet.problems).join('\n');
      expect(text).toContain('team/one/app.yaml: warning: beside the folder team/projects no apps are looked for');
      expect(text).toContain('team/two/app.yaml: warning:');
      expect(fleet.problems).toHaveLength(2);
    }
  });

  test('that is new and holds an app counts as it will once it is committed', async () => {
    work.committed({ ...team, ...other });
    work.write({ 'team/projects/four/app.yaml': appYaml('four') });
    const fleet = await work.loadFolder();
    expect([names(fleet), fleet.whole]).toEqual([['four', 'three'], false]);
  });

  test('hides nothing that is read by a project, is no app or is said to hold none', async () => {
    const elsewhere = 'project: p\nsource: { type: local, path: ../../shared }\n';
    work.committed({
      ...settings,
      'project.yaml': project('all', 'ignore: [drafts]\n'),
      'projects/p/project.yaml': elsewhere,
      'shared/x/app.yaml': appYaml('x'),
      'drafts/y/app.yaml': appYaml('y'),
      'source/app.yaml': 'runtime: python39\n',
      'phone/app.json': '{ "expo": {} }',
      'web/project.json': '{ "name": "web", "targets": {} }',
      'java/project.toml': '[project]\nid = "x"\n',
      'node_modules/z/app.yaml': appYaml('z'),
    });
    for (const fleet of await work.loadBoth()) {
      expect(fleet).toMatchObject({ whole: true, problems: [] });
      expect(names(fleet)).toEqual(['x']);
    }
  });

  test.each([
    ['a project', 'side/project.yaml', project('side')],
    ['a broken file', 'side/app.yaml', 'app: [\n'],
    ['a near miss', 'side/App.yaml', appYaml('side')],
    ['a near miss that other tools have', 'side/app.json', '{ "app": "side" }'],
    ['a project’s near miss', 'side/Project.yaml', project('side')],
  ])('beside it stands %s', async (_what, path, text) => {
    work.committed({ ...settings, 'projects/x/app.yaml': appYaml('x'), [path]: text });
    for (const fleet of await work.loadBoth()) {
      expect(fleet.whole).toBe(false);
      expect(said(fleet.problems).join('\n')).toMatch(new RegExp(`^${path}: warning: beside the folder projects`, 'm'));
    }
  });

  test('in the repo of a project hides there, too', async () => {
    const url = 'https://example.com/far';
    const far = { 'projects/README.md': '', 'x/app.yaml': appYaml('x') };
    const mirrors = memoryMirrors({ [url]: memoryTree(far, { name: url }) });
    const files = { ...settings, ...other, 'p/project.yaml': `project: p\nsource: { type: git, repo: "${url}" }\n` };
    const fleet = await load(files, { mirrors });
    expect(fleet.whole).toBe(false);
    const hidden = await load(files, {
      mirrors: memoryMirrors({ [url]: memoryTree({ ...far, 'projects/y/app.yaml': appYaml('y') }, { name: url }) }),
    });
    expect(hidden.whole).toBe(false);
    expect(said(hidden.problems).join('\n')).toContain(`${url}//x/app.yaml: warning: beside`);
  });

  test('says no more than a reader can take in', async () => {
    const many = Array.from({ length: 50 }, (_one, index) => [`side/${index}/app.yaml`, appYaml(`x${index}`)] as const);
    const fleet = await load({ ...settings, 'projects/x/app.yaml': appYaml('x'), ...Object.fromEntries(many) });
    expect(fleet.problems).toHaveLength(21);
    expect(fleet.whole).toBe(false);
  });

  test('of a fleet that nobody named is v0’s: nothing of it is ever taken for gone', async () => {
    const fleet = await load({ 'drafts/app.yaml': appYaml('draft'), 'projects/x/app.yaml': appYaml('x') });
    expect(fleet).toMatchObject({ whole: true, named: false, problems: [] });
  });
});

describe('a link to a folder', () => {
  test.each([
    ['whose apps are deeper, out of the root', '../shared', 'c/team'],
    ['in node_modules', 'node_modules/shared', 'c/team'],
    ['by way of another link', 'way', 'c/team'],
    ['above the root', '..', 'c/team'],
  ])('%s', async (_what, target, path) => {
    const at = target.startsWith('node_modules') ? 'c/node_modules/shared' : 'shared';
    work.committed({ 'c/flycd.yaml': settings['flycd.yaml'], 'c/x/app.yaml': appYaml('x') });
    work.write({ [`${at}/deep/deeper/app.yaml`]: appYaml('one') });
    if (target === 'way') link('../shared', 'c/way');
    link(target, path);
    work.commit();
    const fleet = await work.loadFolder(join(work.root, 'c'));
    expect([names(fleet), fleet.whole]).toEqual([['x'], false]);
    expect(said(fleet.problems).join('\n')).toMatch(
      /^(?:team|way): warning: it is a link that leads to .*deeper\/app\.yaml/m,
    );
  });

  test('whose apps are read where they stand takes nothing away, and neither does one to itself', async () => {
    work.committed({ ...team, ...other });
    link('team', 'again');
    link('..', 'team/up');
    link('.', 'team/self');
    work.commit();
    for (const fleet of await work.loadBoth())
      expect([names(fleet), fleet.whole, fleet.problems]).toEqual([all, true, []]);
  });

  test('that a project goes through is the project’s', async () => {
    work.committed({ ...settings, ...other, 'hold/z/app.yaml': appYaml('z') });
    work.write({ 'p/project.yaml': 'project: p\nsource: { type: local, path: way/z }\n' });
    link('../hold', 'p/way');
    work.commit();
    for (const fleet of await work.loadBoth()) expect([names(fleet), fleet.whole]).toEqual([['three', 'z'], true]);
  });
});

describe('a project from whose place all apps went', () => {
  const files = { ...settings, ...other, 'p/project.yaml': project('p'), 'p/x/app.yaml': appYaml('x') };
  const elsewhere = { ...settings, ...other, 'p/project.yaml': 'project: p\nsource: { type: local, path: ../q }\n' };

  test.each([
    ['its own folder', files, 'p/x'],
    ['a folder elsewhere', { ...elsewhere, 'q/x/app.yaml': appYaml('x') }, 'q/x'],
    ['a folder with its notes left', { ...elsewhere, 'q/x/app.yaml': appYaml('x'), 'q/README.md': '' }, 'q/x'],
  ])('%s: is held, and says its file', async (_what, before, gone) => {
    work.committed(before);
    for (const fleet of await work.loadBoth()) expect(fleet).toMatchObject({ whole: true, problems: [] });
    rmSync(join(work.root, gone), { recursive: true });
    work.write({ 'q/README.md': '' });
    work.commit();
    for (const fleet of await work.loadBoth()) {
      expect([names(fleet), fleet.whole]).toEqual([['three'], false]);
      expect(said(fleet.problems)).toEqual([
        expect.stringMatching(/^p\/project\.yaml: warning: there is no app\.yaml/),
      ]);
    }
  });

  test('in a project of another’s, and in the one at the root', async () => {
    const inner = { ...files, 'project.yaml': project('all'), 'p/q/project.yaml': project('q') };
    for (const fleet of [await load(inner), await load({ 'project.yaml': project('all', 'fleet: a\n') })])
      expect(fleet.whole).toBe(false);
  });

  test('goes by taking its file away; one app of several goes as any', async () => {
    work.committed({ ...files, 'p/y/app.yaml': appYaml('y') });
    rmSync(join(work.root, 'p/x'), { recursive: true });
    work.commit();
    for (const fleet of await work.loadBoth()) expect([names(fleet), fleet.whole]).toEqual([['three', 'y'], true]);
    rmSync(join(work.root, 'p'), { recursive: true });
    work.commit();
    for (const fleet of await work.loadBoth()) expect([names(fleet), fleet.whole]).toEqual([['three'], true]);
  });
});

describe('a submodule in an archive of its repository', () => {
  const modules = '[submodule "x"]\n\tpath = team/sub\n\turl = https://example.com/x\n';

  /** As `git archive` makes it, unpacked. */
  function unpacked(): string {
    work.committed({ ...team, '.gitmodules': modules });
    work.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},team/sub`);
    work.git('commit', '--quiet', '-m', 'x');
    const file = join(work.scratch, 'all.tar');
    const folder = join(work.scratch, 'archive');
    work.git('archive', '--format=tar', `--output=${file}`, `--prefix=archive/`, 'HEAD');
    git(work.root, ['-c', `alias.unpack=!tar -x -f ${file} -C ${work.scratch}`, 'unpack']);
    expect(readdirSync(join(folder, 'team/sub'))).toEqual([]);
    return folder;
  }

  const message = 'sub: error: it is another repository';

  test.each([
    ['as an empty folder', (): void => undefined],
    [
      'lost with the other empty folders',
      (folder: string): void => rmSync(join(folder, 'team/sub'), { recursive: true }),
    ],
  ])('%s is unread, as in git', async (_what, change) => {
    const folder = unpacked();
    change(folder);
    expect(existsSync(join(folder, '.git'))).toBe(false);
    for (const place of [folder, join(folder, 'team')]) {
      const fleet = await work.loadFolder(place);
      expect(said(fleet.problems).join('\n')).toContain(message);
      expect([names(fleet), fleet.whole]).toEqual([['one', 'two'], false]);
    }
  });

  test('that somebody filled is read', async () => {
    const folder = unpacked();
    work.write({ '../archive/team/sub/app.yaml': appYaml('sub') });
    const fleet = await work.loadFolder(folder);
    expect([names(fleet), fleet.whole, fleet.problems]).toEqual([['one', 'sub', 'two'], true, []]);
  });

  test('in what an app is built from spoils that app, as in git', async () => {
    work.write({
      ...settings,
      'a/app.yaml': 'app: a\nprimary_region: arn\nsource: { type: local, path: src }\n',
      'a/src/Dockerfile': 'FROM scratch\n',
      'b/app.yaml': appYaml('b'),
      '.gitmodules': '[submodule "x"]\n  path = "a/src/lib/"\n[submodule "y"]\n  path = ../out\n',
    });
    mkdirSync(join(work.root, 'a/src/lib'));
    const fleet = await work.loadFolder();
    expect([names(fleet), fleet.invalid.map(({ name }) => name)]).toEqual([['b'], ['a']]);
    expect(said(fleet.problems).join('\n')).toContain('a/src/lib in what is built is a git repository of its own');
  });
});
