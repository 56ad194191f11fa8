/** What could not be said is not called said: of an app that Fly does not show, and of some apps of a project. */
import { describe, expect, test } from 'vitest';
import { once, shop, suspend, wordsScene } from './scene.ts';

const scene = wordsScene();
const { answers, appByHand, done, faults, images, twoVersions } = scene;

/** Fly answers so of the list of the app's machines, as often. */
function machinesAnswer(status: number, times: number): void {
  const fault = { status, body: { error: 'not now' } };
  faults().add({ template: 'GET /apps/{app}/machines', app: 'shop', times, fault });
}

describe.each([
  ['through the same database', undefined],
  ['through a fresh one', 'laptop'],
])('a word about an app that Fly does not show, and that is there, %s', (_which, state) => {
  test.each([
    ['suspend', 'is refused to the token', 403, 0],
    ['suspend', 'is not found, nor are its machines at first', 404, 1],
    ['suspend', 'is refused to the token, and so are its machines', 403, 9],
    ['resume', 'is refused to the token', 403, 0],
    ['rollback', 'is refused to the token', 403, 0],
    ['rollback', 'is not found, nor are its machines at first', 404, 1],
  ])('%s: it %s', async (command, _how, status, lists) => {
    await twoVersions();
    if (command === 'resume') await done(suspend);
    answers(status, 2);
    machinesAnswer(status, lists);
    const said = command === 'suspend' ? suspend : [command, 'shop'];
    const { code, stderr } = await scene.world.flycd(said, state);
    faults().clear();
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/Fly does not show app shop/);
    expect(stderr).toContain('nothing was said of it');
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once, state);
    expect(images()).toEqual([command === 'resume' ? 'nginx:2' : 'nginx:6']);
  });
});

test('an app that is not there is suspended in the database all the same', async () => {
  await twoVersions();
  await appByHand();
  await done(suspend);
  await scene.world.flycd(once);
  expect(images() ?? []).toEqual([]);
});

describe('a project', () => {
  const count = 30;
  const project = (): Record<string, string> =>
    Object.fromEntries([
      ['flycd.yaml', 'fleet: words\n'],
      ['p/project.yaml', 'project: p\nsource: { type: local }\n'],
      ...Array.from({ length: count }, (_none, at) => [
        `p/a${at}/app.yaml`,
        `app: a${at}\nprimary_region: arn\nbuild: { image: nginx:1 }\n`,
      ]),
    ]);

  test('of thirty apps none of which is there is suspended and resumed within seconds each', async () => {
    scene.world.write(project());
    for (const argv of [
      ['suspend', 'p', '--reason', 'x'],
      ['resume', 'p'],
    ]) {
      const from = scene.world.clock.now();
      const said = await done(argv);
      expect(said.trim().split('\n')).toHaveLength(count);
      expect(scene.world.clock.now() - from).toBeLessThan(10_000);
    }
  });

  test('some apps of which Fly refuses is told of the others, and which those were', async () => {
    scene.world.write(project());
    for (const app of ['a3', 'a7'])
      faults().add({ template: 'GET /apps/{app}', app, times: 9, fault: { status: 403, body: { error: 'no' } } });
    const { code, stdout, stderr } = await scene.world.flycd(['suspend', 'p', '--reason', 'x']);
    expect(code).toBe(1);
    expect(stdout.trim().split('\n')).toHaveLength(count - 2);
    expect(stderr).toContain(`it failed or may not last for 2 of ${count} apps: a3, a7`);
  });
});
