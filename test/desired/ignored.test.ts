/** What git ignores is no part of the config, and nothing is removed for it. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { git } from '../servers/git-server.ts';
import { appYaml, errorsOf, said } from './loading.ts';
import { configWorkTree, type ConfigWorkTree } from './work-tree.ts';

let work: ConfigWorkTree;
beforeEach(() => {
  work = configWorkTree();
});
afterEach(() => work.remove());

const names = (fleet: DesiredFleet): readonly string[] => fleet.apps.map(({ name }) => name);
const front = { 'flycd.yaml': 'fleet: a\n', 'front/app.yaml': appYaml('front') };
const link = (target: string, path: string): void => symlinkSync(target, join(work.root, path));

describe('what git ignores is no part of the config', () => {
  test.each([
    ['a clone in a folder by its name', 'vendor/\n', 'vendor'],
    ['a clone further in', 'tmp/clone\n', 'tmp/clone'],
    ['a clone by a pattern', 'tmp/*\n', 'tmp/clone'],
  ])('%s', async (_what, ignore, path) => {
    work.committed({ ...front, '.gitignore': ignore });
    git(work.scratch, ['init', '--quiet', join(work.root, path)]);
    work.write({ [`${path}/app.yaml`]: appYaml('other') });
    for (const fleet of await work.loadBoth()) {
      expect(fleet).toMatchObject({ problems: [], whole: true });
      expect(names(fleet)).toEqual(['front']);
    }
  });

  test('a folder with apps, links and files that are nearly called as ours', async () => {
    work.committed({ ...front, '.gitignore': 'dist/\n' });
    work.write({
      'dist/x/app.yaml': appYaml('x'),
      'dist/y/App.yaml': 'app: y\n',
      'dist/p/project.yaml': 'project: [\n',
    });
    link('/nowhere', 'dist/link');
    for (const fleet of await work.loadBoth()) {
      expect(fleet).toMatchObject({ problems: [], whole: true });
      expect(names(fleet)).toEqual(['front']);
    }
  });

  test('but for what is tracked in it', async () => {
    work.committed(front);
    work.write({ 'vendor/in/app.yaml': appYaml('inside'), '.gitignore': 'vendor/\n' });
    work.git('add', '--force', 'vendor/in/app.yaml');
    work.commit();
    work.write({ 'vendor/out/app.yaml': appYaml('outside'), 'README.md': 'changed' });
    for (const fleet of await work.loadBoth()) expect(names(fleet)).toEqual(['front', 'inside']);
  });

  test('a repository that is tracked in it is said', async () => {
    work.committed(front);
    git(work.scratch, ['init', '--quiet', join(work.root, 'vendor/lib')]);
    git(join(work.root, 'vendor/lib'), ['commit', '--quiet', '--allow-empty', '-m', 'x']);
    work.commit();
    work.write({ '.gitignore': 'vendor/\n' });
    work.commit();
    for (const fleet of await work.loadBoth()) {
      expect(errorsOf(fleet).join('\n')).toContain('vendor/lib: error: it is another repository');
      expect(fleet.whole).toBe(false);
    }
  });

  test('an app’s own file is left out, and the app is not taken for gone', async () => {
    work.committed({ ...front, '.gitignore': 'x/app.yaml\n' });
    work.write({ 'x/app.yaml': appYaml('x') });
    const fleet = await work.loadFolder();
    expect(names(fleet)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
    expect(said(fleet.problems)).toEqual([expect.stringContaining('x/app.yaml: warning: git ignores it')]);
  });

  test('a project’s file stops the apps that it governs', async () => {
    work.committed({ ...front, 'x/y/app.yaml': appYaml('y'), '.gitignore': 'x/project.yaml\n' });
    work.write({ 'x/project.yaml': 'project: p\nsource: { type: local }\nsync: { auto: false }\n' });
    const fleet = await work.loadFolder();
    expect(names(fleet)).toEqual(['front']);
    expect(fleet.whole).toBe(false);
    expect(errorsOf(fleet)).toEqual([expect.stringContaining('x/project.yaml: error: git ignores it')]);
  });

  test.each([
    ['App.yaml', 'app: x\n', 'warning'],
    ['app.ymal', 'app: x\n', 'warning'],
    ['Project.yaml', 'project: p\nsource: { type: local }\n', 'error'],
  ])('%s: what it may be is not gone', async (name, text, severity) => {
    work.committed({ ...front, '.gitignore': `x/${name}\n` });
    work.write({ [`x/${name}`]: text });
    const fleet = await work.loadFolder();
    expect(fleet.whole).toBe(false);
    expect(said(fleet.problems)).toEqual([expect.stringContaining(`x/${name}: ${severity}: git ignores it`)]);
  });

  test('an app.yaml that was put away keeps its app, ignored or not', async () => {
    work.committed({ ...front, '.gitignore': '*.bak\n' });
    work.write({ 'x/app.yaml.bak': appYaml('x') });
    const fleet = await work.loadFolder();
    expect(fleet).toMatchObject({ problems: [], whole: true });
    expect((await fleet.mentions?.of('x', {}))?.file).toBe('x/app.yaml.bak');
  });

  test.each([
    ['settings of the fleet', 'flycd.yaml', 'fleet: acme\nsync: { auto: false }\n'],
    ['settings with a fleet that is no name', 'flycd.yml', 'fleet: 5\n'],
    ['settings that cannot be read', 'flycd.toml', 'fleet = [\n'],
    ['a project at the root', 'project.yaml', 'project: p\nfleet: acme\n'],
  ])('%s stop the fleet', async (_what, path, text) => {
    work.committed({ 'front/app.yaml': appYaml('front'), '.gitignore': `/${path}\n` });
    work.write({ [path]: text });
    const fleet = await work.loadFolder();
    expect(fleet).toMatchObject({ apps: [], named: false, whole: false });
    expect(errorsOf(fleet)).toEqual([expect.stringContaining(`${path}: error: git ignores it`)]);
  });

  test('settings that the operator gives are the operator’s own, unless they say more', async () => {
    work.committed({ 'front/app.yaml': appYaml('front'), '.gitignore': '/flycd.yaml\n' });
    work.write({ 'flycd.yaml': 'fleet: acme\nsync: { auto: false }\n' });
    const given = { fleet: 'acme', sync: { auto: false } };
    expect(await work.loadFolder(work.root, given)).toMatchObject({ name: 'acme', problems: [], whole: true });
    for (const other of [{ fleet: 'acme' }, { ...given, fleet: 'other' }, { sync: { auto: true } }]) {
      const fleet = await work.loadFolder(work.root, other);
      expect(errorsOf(fleet)).toEqual([expect.stringContaining('flycd.yaml: error: git ignores it')]);
      expect(fleet.whole).toBe(false);
    }
  });

  test('settings that say nothing of the fleet are the operator’s own', async () => {
    work.committed({ 'front/app.yaml': appYaml('front'), '.gitignore': '/flycd.yaml\n' });
    work.write({ 'flycd.yaml': 'port: 8080\n' });
    for (const fleet of await work.loadBoth()) expect(fleet).toMatchObject({ problems: [], whole: true });
  });

  test.each([
    ['flycd.yaml', 'fleet: acme\n'],
    ['project.yaml', 'project: p\nfleet: acme\n'],
  ])('%s above the folder that was given names nobody’s fleet', async (path, text) => {
    work.committed({ 'team/x/app.yaml': appYaml('x'), '.gitignore': `/${path}\n` });
    work.write({ [path]: text });
    const fleet = await work.loadFolder(join(work.root, 'team'));
    expect(fleet).toMatchObject({ named: false, whole: false });
    expect(errorsOf(fleet)).toEqual([expect.stringContaining(`${path}: error: git ignores it`)]);
  });

  test('new files that git does not know yet are read: they would be in the next commit', async () => {
    work.committed(front);
    work.write({ 'x/app.yaml': appYaml('x') });
    expect(names(await work.loadFolder())).toEqual(['front', 'x']);
  });
});
