/** An app.yaml that was put away in whatever file, and a project: read from a clone and by the repo's address alike. */
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { git, gitEach, initWorkTree } from '../../servers/git-server.ts';
import { app, goes, inOne, running, settings, stays, two, type RemovalScene, type Written } from './removal-scene.ts';

const edited = (name: string): string => `${app(name)}env: { A: b }\n`;
const read = ['from a clone', 'by its address'] as const;
const placeOf = ({ repo }: RemovalScene, how: (typeof read)[number]): string =>
  how === 'from a clone' ? repo : `file://${repo}`;

describe.each(read)('a file beside the app.yaml of another app, read %s', (how) => {
  test.each([
    ['by the app’s name', 'shop/app.blog.yaml'],
    ['by its name alone', 'shop/blog.yaml'],
  ])('is the app’s, moved there and edited: %s', async (_what, file) => {
    const scene = await running();
    scene.git('mv', 'blog/app.yaml', file);
    scene.commit({ [file]: edited('blog') });
    await stays(scene, placeOf(scene, how), `but ${file} does`);
  });

  test('is the app’s, whose own folder has a new one', async () => {
    const scene = await running();
    scene.git('mv', 'blog/app.yaml', 'blog/app.prod.yaml');
    scene.commit({ 'blog/app.yaml': app('blog-staging'), 'blog/app.prod.yaml': edited('blog') });
    await stays(scene, placeOf(scene, how), 'but blog/app.prod.yaml does');
  });

  test('stood there before, and its app.yaml goes later', async () => {
    const scene = await running({ ...two, 'shop/app.blog.yaml': edited('blog') });
    scene.git('rm', '-rq', 'blog');
    scene.commit();
    await stays(scene, placeOf(scene, how), 'but shop/app.blog.yaml does');
  });

  test('is an old copy of what the app.yaml beside it was: an app that got another name goes', async () => {
    const scene = await running({ ...two, 'blog/app.yaml.bak': app('blog') });
    scene.commit({ 'blog/app.yaml': app('weblog') });
    await goes(scene, placeOf(scene, how));
  });
});

describe.each(read)('a file that stood there before, read %s', (how) => {
  const parked = 'app: old-one\nenv: {}\n';
  const team = { 'team/project.yaml': 'project: team\nsource: { type: local }\n', 'team/web/app.yaml': app('web') };

  test.each<readonly [string, string, string, string]>([
    ['takes the app up as a second document', 'parked.yaml', parked, `${parked}---\n${edited('blog')}`],
    ['is overwritten by it', 'parked.yaml', parked, edited('blog')],
    ['is overwritten by it in JSON', 'parked.json', '{"app": "old-one"}\n', '{"app": "blog", "env": {}}\n'],
    ['takes it up as a comment', 'parked.yaml', '# parked apps\n', '# parked apps\n# app: blog\n# env: {}\n'],
  ])('%s', async (_what, file, before, after) => {
    const scene = await running({ ...two, [file]: before });
    scene.git('rm', '-rq', 'blog');
    scene.commit({ [file]: after });
    await stays(scene, placeOf(scene, how), `but ${file} does`);
  });

  test('becomes the project', async () => {
    const scene = await running({ ...two, 'team/p.yaml': 'x: 1\n', ...team });
    scene.git('rm', '-rq', 'team/web');
    scene.git('mv', '-f', 'team/project.yaml', 'team/p.yaml');
    scene.commit();
    await stays(scene, placeOf(scene, how), 'it may be an app of the project in team/p.yaml', 'web');
  });

  test.each<readonly [string, Written, Written]>([
    ['names it as it did all along', { 'chart/values.yaml': 'app: blog\n' }, {}],
    ['changes, and does not name it', { 'parked.yaml': parked }, { 'parked.yaml': `${parked}# more\n` }],
    ['is a project as it was', { 'argocd/p.yaml': team['team/project.yaml'] }, {}],
  ])('%s: the app goes', async (_what, before, after) => {
    const scene = await running({ ...two, ...before });
    scene.git('rm', '-rq', 'blog');
    scene.commit(after);
    await goes(scene, placeOf(scene, how));
  });
});

describe('another config of the repo, to which the app moved', () => {
  const substituting = (written: string): string =>
    `project: two\nsource: { type: local }\ncommon:\n  substitutions: { ${written}: blog }\n`;

  test.each([
    ['THENAME', 'in the same repo does'],
    ['thename', 'in the same repo does'],
    ['${NAME}', 'is no app’s name as it is written'],
  ])('names it by its project: %s', async (name, because) => {
    const made = substituting(name === '${NAME}' ? 'NAME' : name);
    const scene = await running({ ...inOne, 'two/flycd.yaml': settings, 'two/project.yaml': made }, 'one');
    scene.git('mv', 'one/blog', 'two/blog');
    scene.commit({ 'two/blog/app.yaml': edited(name) });
    await stays(scene, join(scene.repo, 'one'), because);
  });
});

describe('another repository in the repo, outside of the config’s folder', () => {
  const holding = 'it is another repository, which FlyCD does not read';
  const inRepo = (scene: RemovalScene, path: string): void => {
    initWorkTree(join(scene.repo, path));
    gitEach(join(scene.repo, path), [
      ['add', '-A'],
      ['commit', '-q', '--allow-empty', '-m', 'its own'],
    ]);
  };

  test('has what the app’s folder became', async () => {
    const scene = await running(inOne, 'one');
    scene.git('mv', 'one/blog', 'three');
    scene.git('rm', '-rq', '--cached', 'three');
    inRepo(scene, 'three');
    scene.commit();
    await stays(scene, join(scene.repo, 'one'), `but ../three may at commit`);
    // A clone has nothing in its place.
    await stays(scene, join(scene.clone(), 'one'), holding);
  });

  test('is a submodule that came with the removal', async () => {
    const scene = await running(inOne, 'one');
    const other = scene.folder();
    git(other, ['clone', '-q', scene.repo, '.']);
    scene.git('rm', '-rq', 'one/blog');
    scene.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', `file://${other}`, 'a/two');
    scene.commit();
    await stays(scene, join(scene.repo, 'one'), `but ../a/two may at commit`);
  });

  test('holds nothing that was there before, or that nobody committed', async () => {
    const scene = await running({ ...inOne, 'two/x.txt': 'x' }, 'one');
    inRepo(scene, 'vendor');
    scene.commit();
    await scene.sync(join(scene.repo, 'one'));
    scene.git('rm', '-rq', 'one/blog');
    inRepo(scene, 'vendor');
    scene.commit();
    for (const path of ['two/tools', 'tools']) inRepo(scene, path);
    await goes(scene, join(scene.repo, 'one'));
  });
});
