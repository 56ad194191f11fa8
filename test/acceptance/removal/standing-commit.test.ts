/** What the commit that a work tree stands at holds counts as well as what is on disk, which may be less, or other. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { git } from '../../servers/git-server.ts';
import { app, goes, inOne, running, settings, stays, type RemovalScene, type Written } from './removal-scene.ts';

const edited = `${app('blog')}env: { A: b }\n`;
const removedOnDisk = (path: string) => (clone: string) => rmSync(join(clone, path), { recursive: true });

describe('a file of the config’s folder that holds the app in the commit alone', () => {
  test.each<readonly [string, string, string, (clone: string) => void]>([
    ['moved, and deleted on disk', 'notes', app('blog'), removedOnDisk('notes')],
    ['moved and edited, and deleted on disk', 'parked.yaml', edited, removedOnDisk('parked.yaml')],
    ['moved, and edited on disk', 'notes', app('blog'), (at) => writeFileSync(join(at, 'notes'), edited)],
    [
      'moved and edited, and emptied on disk',
      'parked.yaml',
      edited,
      (at) => writeFileSync(join(at, 'parked.yaml'), ''),
    ],
  ])('%s', async (_what, file, content, change) => {
    const scene = await running();
    scene.git('rm', '-rq', 'blog');
    scene.commit({ [file]: content });
    const clone = scene.clone();
    change(clone);
    await stays(scene, clone, `but ${file} `);
  });

  test.each([
    ['notes', app('blog')],
    ['parked.yaml', app('blog')],
  ])('%s, to which git gave carriage returns by a setting of the person’s', async (file, content) => {
    const scene = await running();
    scene.git('rm', '-rq', 'blog');
    scene.commit({ [file]: content });
    await stays(scene, scene.clone('-c', 'core.autocrlf=true'), `but ${file} `);
  });
});

describe('a file of another folder that holds the app in the commit alone', () => {
  async function movedTo(file: string, content: string): Promise<RemovalScene> {
    const files: Written = {
      ...inOne,
      'two/x.txt': 'x',
      'two/flycd.yaml': settings,
      'two/front/app.yaml': app('front'),
    };
    const scene = await running(files, 'one');
    scene.git('rm', '-rq', 'one/blog');
    scene.commit({ [file]: content });
    return scene;
  }
  const index = (option: string, file: string) => (clone: string) => git(clone, ['update-index', option, file]);
  const sparse = (clone: string): unknown => git(clone, ['sparse-checkout', 'set', 'one']);

  test.each<readonly [string, string, string, (clone: string) => unknown]>([
    ['sparse', 'two/blog.yaml', app('blog'), sparse],
    ['sparse, under a name that says nothing', 'two/blog-app', app('blog'), sparse],
    ['sparse, as another config’s', 'two/blog/app.yaml', edited, sparse],
    ['sparse, and edited', 'two/app.blog.yaml', edited, sparse],
    ['deleted on disk', 'two/blog.yaml', edited, removedOnDisk('two/blog.yaml')],
    ['all of its folder deleted on disk', 'two/blog/app.yaml', app('blog'), removedOnDisk('two')],
    ['assumed unchanged', 'two/blog.yaml', edited, index('--assume-unchanged', 'two/blog.yaml')],
    [
      'left out by hand',
      'two/blog.yaml',
      edited,
      (clone) => {
        index('--skip-worktree', 'two/blog.yaml')(clone);
        rmSync(join(clone, 'two/blog.yaml'));
      },
    ],
  ])('%s: %s', async (_what, file, content, change) => {
    const scene = await movedTo(file, content);
    const clone = scene.clone();
    change(clone);
    await stays(scene, join(clone, 'one'), `../${file}`);
  });

  test('where only the config’s folder was copied, with .git', async () => {
    const scene = await movedTo('two/blog/app.yaml', edited);
    const copy = scene.folder();
    for (const part of ['.git', 'one']) cpSync(join(scene.repo, part), join(copy, part), { recursive: true });
    await stays(scene, join(copy, 'one'), 'but ../two/blog/app.yaml in the same repo does');
  });

  test('but an app of which the commit holds nothing goes, whatever is changed or left out on disk', async () => {
    const scene = await running({ ...inOne, 'two/x.txt': 'x' }, 'one');
    scene.git('rm', '-rq', 'one/blog');
    scene.commit();
    const clone = scene.clone();
    sparse(clone);
    writeFileSync(join(clone, 'one/notes.txt'), 'not committed');
    await goes(scene, join(clone, 'one'));
  });
});
