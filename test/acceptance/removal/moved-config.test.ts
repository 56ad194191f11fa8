/** A config that was moved within its repo names its apps in another folder than when they were released. */
import { expect, test } from 'vitest';
import { app, running, type RemovalScene } from './removal-scene.ts';

/** All of it in a folder, as a repo that got other things beside it has. */
function moveDown(scene: RemovalScene): void {
  scene.git('mv', '-k', 'flycd.yaml', 'shop', 'blog', 'deploy/');
  scene.commit();
}

async function moved(): Promise<RemovalScene> {
  const scene = await running();
  scene.write({ 'deploy/README.md': 'what runs\n' });
  moveDown(scene);
  return scene;
}

test('removes an app that a pass has found there', async () => {
  const scene = await moved();
  await scene.sync(`${scene.repo}/deploy`);
  scene.git('rm', '-rq', 'deploy/blog');
  scene.commit();
  expect(await scene.sync(`${scene.repo}/deploy`)).toMatch(/blog +deleted/);
  expect(scene.names()).toEqual(['shop']);
});

test('holds an app that no pass has found there, with the reason', async () => {
  const scene = await moved();
  scene.git('rm', '-rq', 'deploy/blog');
  scene.commit();
  expect(await scene.sync(`${scene.repo}/deploy`)).toContain(
    'which has no such folder as this config is in: it was not committed, or',
  );
  expect(scene.names()).toEqual(['blog', 'shop']);
  expect(await scene.sync(`${scene.repo}/deploy`, '--accept-only', 'blog')).toMatch(/blog +deleted/);
});

test('holds an app that another folder has released since a pass last found it there', async () => {
  const scene = await moved();
  await scene.sync(`${scene.repo}/deploy`);
  scene.git('mv', 'deploy/blog', 'other');
  scene.commit({ 'other/flycd.yaml': 'fleet: history\n', 'other/app.yaml': app('blog', 'nginx:2') });
  // By another FlyCD, of which this one's database does not know.
  await scene.sync(`${scene.repo}/other`, '--data-dir', scene.folder());
  scene.git('rm', '-rq', 'other');
  scene.commit();
  expect(await scene.sync(`${scene.repo}/deploy`)).toContain(
    'where this config does not name it either: it was not committed, or',
  );
  expect(scene.names()).toEqual(['blog', 'shop']);
});
