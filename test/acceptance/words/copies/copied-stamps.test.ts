/** Stamps beside persons' words that a machine brings along which somebody copied from another app. */
import { describe, expect, test } from 'vitest';
import { fleet, once, settings, shop, suspend, wordsScene } from '../scene.ts';

const scene = wordsScene();
const { done, images, twoVersions } = scene;

const live = (app: string) =>
  [...(scene.world.simulator.world.apps.get(app)?.machines.values() ?? [])].filter(
    ({ state }) => state !== 'destroyed' && state !== 'destroying',
  );

const running = (app: string) => live(app).map(({ config }) => config.image?.split('@')[0]);

async function copied(from: string, into: string): Promise<void> {
  const [machine] = live(from);
  await scene.world.asPerson('POST', `/apps/${into}/machines`, { region: 'arn', config: machine?.config });
  await scene.world.clock.sleep(60_000);
}

const app = (name: string, image: string, more = '') => ({
  [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: 1 }\ndeploy: { wait_timeout: 20s${more.startsWith(',') ? more : ''} }\n${more.startsWith(',') ? '' : more}`,
});

test('a secret that a person set is not taken for one that git named', async () => {
  const { world } = scene;
  const secret = 'secrets:\n  - name: PASSWORD\n    type: raw\n    raw: correct-horse\n';
  world.write({
    'flycd.yaml': 'fleet: words\nsync:\n  prune: [secrets]\n',
    ...app('other', 'nginx:1', secret),
    ...app('shop', 'nginx:1'),
  });
  await done(once);
  await world.asPerson('POST', '/apps/shop/secrets/PASSWORD', { value: 'mine' });
  await done(once);
  await copied('other', 'shop');
  await done(once);
  await done(once);
  expect([...(world.simulator.world.apps.get('shop')?.secrets.byName.keys() ?? [])]).toEqual(['PASSWORD']);
});

test('a release command that ran in the other app runs in this one', async () => {
  const command = ', release_command: migrate';
  scene.world.write({
    ...settings(),
    ...app('staging', 'nginx:1', command),
    ...app('shop', 'nginx:1', command),
  });
  await done(once);
  scene.world.write(app('staging', 'nginx:2', command));
  await done(once);
  await copied('staging', 'shop');
  scene.world.write(app('shop', 'nginx:2', command));
  expect(await done(once)).toContain('shop: … release command');
});

describe('a rollback', () => {
  const otherReleased = async (): Promise<void> => {
    await twoVersions();
    scene.world.write({ 'other/app.yaml': fleet['other/app.yaml']?.replace('nginx:1', 'nginx:7') ?? '' });
    await done(once);
    await copied('other', 'shop');
  };

  test.each([
    ['of this database', undefined],
    ['of a fresh one', 'laptop'],
  ])('goes to a version of the app itself, says the FlyCD %s', async (_which, state) => {
    await otherReleased();
    await scene.world.flycd(['rollback', 'shop'], state);
    expect(running('shop')).toEqual(['nginx:1']);
  });

  test('goes there also where the copy has become one of its machines', async () => {
    await otherReleased();
    scene.world.write(shop('nginx:2', 2));
    await done(once);
    await scene.world.flycd(['rollback', 'shop'], 'laptop');
    expect(running('shop')).toEqual(['nginx:1', 'nginx:1']);
  });
});

test('a release of the app gets its own record where the other app had the same one', async () => {
  scene.world.write({ ...settings(), ...app('staging', 'nginx:1'), ...app('shop', 'nginx:1') });
  await done(once);
  for (const image of ['nginx:4', 'nginx:3', 'nginx:2']) {
    scene.world.write(app('staging', image));
    await done(once);
  }
  await copied('staging', 'shop');
  scene.world.write(app('shop', 'nginx:2'));
  await done(once);
  expect(scene.world.simulator.world.apps.get('shop')?.releases).toHaveLength(2);
});

describe('of a copy that was stamped before stamps had an app’s name, beside a machine that has it', () => {
  const unnamed = (...apps: readonly string[]): void => {
    for (const machine of apps.flatMap(live)) delete machine.config.metadata?.['flycd_app'];
  };

  test('a suspension is not heard', async () => {
    await twoVersions();
    await done(['suspend', 'other', '--reason', 'its own']);
    unnamed('shop', 'other');
    await scene.world.flycd(once);
    await copied('other', 'shop');
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(images()).toContain('nginx:6');
  });

  test('a lifted word does not lift this app’s', async () => {
    await twoVersions();
    for (let time = 0; time < 3; time += 1) {
      await done(['suspend', 'other', '--reason', 'its own']);
      await done(['resume', 'other']);
    }
    unnamed('shop', 'other');
    await done(suspend, 'laptop');
    await copied('other', 'shop');
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(images()).not.toContain('nginx:6');
  });

  test.each([2, 3])('a suspension is neither heard nor handed on while %d machines are rolled', async (count) => {
    await twoVersions();
    await done(['suspend', 'other', '--reason', 'its own']);
    unnamed('other');
    await copied('other', 'shop');
    for (const image of ['nginx:6', 'nginx:8']) {
      scene.world.write(shop(image, count));
      await scene.world.flycd([...once, '--now']);
      await scene.world.clock.sleep(60_000);
      expect(new Set(running('shop'))).toEqual(new Set([image]));
    }
    expect(live('shop').filter(({ config }) => config.metadata?.['flycd_suspend'] !== undefined)).toEqual([]);
  });
});
