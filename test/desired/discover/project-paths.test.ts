/** Where a project's `source.path` and `ignore` lead: an app that its project reaches is never taken without it. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { appYaml, errorsOf, load, said } from '../loading.ts';
import { configWorkTree, type ConfigWorkTree } from '../work-tree.ts';

let work: ConfigWorkTree;
beforeEach(() => {
  work = configWorkTree();
});
afterEach(() => work.remove());

const project = (path: string, more = ''): string =>
  `project: team\nsource: { type: local, path: ${JSON.stringify(path)} }\ncommon:\n  app_overrides: { kill_timeout: 9 }\n${more}`;
const apps = { 'front/app.yaml': appYaml('front'), 'real/inner/app.yaml': appYaml('inner') };

const seen = ({ apps: found, whole }: DesiredFleet): unknown => ({
  apps: found.map(({ name, projects, fly }) => [name, projects, fly['kill_timeout']]),
  whole,
});

describe('source.path', () => {
  test.each([
    ['is a link', 'link', () => symlinkSync('../real', join(work.root, 'team/link'))],
    ['passes through a link', 'link/inner', () => symlinkSync('../real', join(work.root, 'team/link'))],
    [
      'passes through a link to a link',
      'link/inner',
      () => {
        symlinkSync('real', join(work.root, 'second'));
        symlinkSync('../second', join(work.root, 'team/link'));
      },
    ],
    ['is the folder itself', '../real', () => {}],
  ])('that %s: its apps have what it gives them, in a folder and in git alike', async (_what, path, link) => {
    work.write({ ...apps, 'team/project.yaml': project(path) });
    link();
    work.committed({});
    for (const fleet of await work.loadBoth()) {
      expect(errorsOf(fleet)).toEqual([]);
      expect(seen(fleet)).toMatchObject({
        apps: [
          ['front', [], undefined],
          ['inner', ['team'], '9s'],
        ],
      });
    }
  });

  test('of a project that is broken, through a link: its apps are not taken without it', async () => {
    work.write({ ...apps, 'team/project.yaml': project('link', 'sync: { auto: perhaps }\n') });
    symlinkSync('../real', join(work.root, 'team/link'));
    work.committed({});
    for (const fleet of await work.loadBoth()) {
      expect(seen(fleet)).toEqual({ apps: [['front', [], undefined]], whole: false });
    }
  });

  test.each([
    ['out of the repo', '../../outside'],
    ['nowhere', '../nowhere'],
    ['in a circle', 'link'],
    ['to a file', '../real/inner/app.txt'],
  ])('that leads %s through a link is refused with its place', async (_what, target) => {
    work.write({ ...apps, 'real/inner/app.txt': '', 'team/project.yaml': project('link') });
    symlinkSync(target, join(work.root, 'team/link'));
    work.committed({});
    for (const fleet of await work.loadBoth()) {
      expect(errorsOf(fleet).join('\n')).toContain('team/project.yaml:2:30: error: source.path');
      expect(fleet.whole).toBe(false);
    }
  });
});

describe('ignore', () => {
  const root = 'project: team\nsource: { type: local, path: apps }\n';

  test.each([
    ['beside the project’s folder', '../shared'],
    ['above it', '..'],
    ['out of the repo', '../../x'],
    ['beside it, with its name before', '../apps-of-others'],
    ['from the file system’s root', '/apps'],
  ])('of a path %s is an error with its place', async (_what, path) => {
    const fleet = await load({
      'project.yaml': `${root}ignore:\n  - vendor\n  - ${path}\n`,
      'apps/a/app.yaml': appYaml('a'),
      'shared/App.yaml': 'app: lonely\n',
      'apps-of-others/App.yaml': 'app: lonely\n',
    });
    expect(said(fleet.problems).join('\n')).toMatch(/^project\.yaml:5:5: error: ignore\[1\]: this path leads out of/m);
    expect(fleet.whole).toBe(false);
  });

  test.each(['vendor', './vendor/', 'a/../vendor', 'vendor/x/..'])('of %s counts', async (path) => {
    const fleet = await load({
      'project.yaml': `${root}ignore: [${path}]\n`,
      'apps/a/app.yaml': appYaml('a'),
      'apps/vendor/App.yaml': 'app: lonely\n',
    });
    expect(fleet).toMatchObject({ problems: [], whole: true });
  });

  test('counts from where a link of the project leads', async () => {
    work.write({
      ...apps,
      'team/project.yaml': project('link', 'ignore: [vendor]\n'),
      'real/vendor/App.yaml': 'app: x\n',
    });
    symlinkSync('../real', join(work.root, 'team/link'));
    work.committed({});
    for (const fleet of await work.loadBoth()) {
      expect(said(fleet.problems).filter((text) => text.includes('vendor'))).toEqual([]);
    }
  });
});
