/** The file that named an app, moved and edited: whatever it is called now, no commit removed the app. */
import { describe, test } from 'vitest';
import { app, goes, running, settings, stays, two, type RemovalScene, type Written } from './removal-scene.ts';

const edited = (name: string): string => `${app(name)}env: { A: b }\n`;
const project = (common: string): string => `project: p\nsource: { type: local }\ncommon: { ${common} }\n`;
/** An app `blog` of a project that makes its name. */
const named = (common: string, text: string): Written => ({
  'flycd.yaml': settings,
  'p/shop/app.yaml': app('shop'),
  'p/project.yaml': project(common),
  'p/b/app.yaml': text,
});
const substituted = named('substitutions: { THENAME: blog }', app('THENAME'));
const nameless = app('blog').replace(/^.*\n/, '');
const moved = 'it has at least half of what the file had that named it';

describe('stays', () => {
  test.each<readonly [string, Written, (scene: RemovalScene) => void]>([
    [
      'with its project, which made the name, removed by the same commit',
      substituted,
      (scene) => {
        scene.git('rm', '-q', 'p/project.yaml');
        scene.git('mv', 'p/b/app.yaml', 'web.yaml');
        scene.commit({ 'web.yaml': edited('THENAME') });
      },
    ],
    [
      'under a name that says nothing, with a name that its project gives',
      named('app_defaults: { app: blog }', nameless),
      (scene) => {
        scene.git('mv', 'p/b/app.yaml', 'p/b/values.yaml');
        scene.commit({ 'p/b/values.yaml': `${nameless}env: { A: b }\n` });
      },
    ],
    [
      'as a comment of a file that is called otherwise',
      two,
      (scene) => {
        scene.git('rm', '-q', 'blog/app.yaml');
        scene.commit({ 'docs/parked.md': app('blog').replaceAll(/^/gm, '# ') });
      },
    ],
    [
      'in two steps, of which no pass saw the first',
      substituted,
      (scene) => {
        scene.commit({ 'p/b/app.yaml': edited('THENAME') });
        scene.git('mv', 'p/b/app.yaml', 'p/b/web');
        scene.git('rm', '-q', 'p/project.yaml');
        scene.commit({ 'p/b/web': `${edited('THENAME')}# parked\n` });
      },
    ],
  ])('%s', async (_what, files, change) => {
    const scene = await running(files);
    change(scene);
    await stays(scene, scene.repo, moved);
    await stays(scene, `file://${scene.repo}`, moved);
  });
});

test('stays in a folder in which FlyCD looks for no config', async () => {
  const scene = await running();
  scene.git('mv', 'blog', '.actions');
  scene.commit({ '.actions/app.yaml': edited('blog') });
  await stays(scene, scene.repo, 'but .actions/app.yaml in the same repo does');
});

describe('goes', () => {
  test.each<readonly [string, Written, Written]>([
    ['where a new app got its file', two, { 'weblog/app.yaml': edited('weblog') }],
    ['where another new file is the draft of another app', two, { 'weblog/draft.yaml': edited('weblog') }],
    [
      'where less than half of a new file is the same',
      two,
      { 'docs/deploy.md': `# How\n${'x'.repeat(80)}\n${app('blog').slice(10, 90)}` },
    ],
    ['where a file like it stood there before', { ...two, 'docs/like.txt': edited('THENAME') }, {}],
  ])('%s', async (_what, before, after) => {
    const scene = await running(before);
    scene.git('rm', '-rq', 'blog');
    scene.commit(after);
    await goes(scene, scene.repo);
  });
});
