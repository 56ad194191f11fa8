/**
 * A copy of another app's machine that was stamped before stamps had an app's name, beside a machine of the app that has it: it
 * tells as little as a copy that says the other app.
 */
import { describe, expect, test } from 'vitest';
import { hostDown } from '../../../../simulator/machines/host-failures.ts';
import type { Files } from '../../../controllers/arena.ts';
import { fleet, once, settings, shop, suspend, wordsScene } from '../scene.ts';

const scene = wordsScene();
const { done, twoVersions } = scene;

const live = (app: string) =>
  [...(scene.world.simulator.world.apps.get(app)?.machines.values() ?? [])].filter(
    ({ state }) => state !== 'destroyed' && state !== 'destroying',
  );
const running = (app: string) => live(app).map(({ config }) => config.image?.split('@')[0]);
const stamps = (app: string, key: string) => live(app).map(({ config }) => config.metadata?.[key]);

function unnamed(...apps: readonly string[]): void {
  for (const machine of apps.flatMap(live)) delete machine.config.metadata?.['flycd_app'];
}

/** Without the other app's name: as it was stamped before. */
async function copied(from: string, into = 'shop'): Promise<string> {
  unnamed(from);
  const wish = { region: 'arn', config: live(from)[0]?.config };
  const made = (await scene.world.asPerson('POST', `/apps/${into}/machines`, wish)) as { readonly id: string };
  await scene.world.clock.sleep(60_000);
  return made.id;
}

/** The one that FlyCD made, by a person. */
async function originalGone(): Promise<void> {
  await scene.world.asPerson('DELETE', `/apps/shop/machines/${live('shop')[0]?.id}?force=true`);
  await scene.world.clock.sleep(60_000);
}

const released = (name: string, image: string, count = 1): Files => ({
  [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: { image: ${image} }\nmachines: { count: ${count} }\ndeploy: { wait_timeout: 20s, release_command: migrate }\n`,
});
const otherAt = (image: string): Files => ({
  'other/app.yaml': fleet['other/app.yaml']?.replace('nginx:1', image) ?? '',
});

async function otherRolledBack(): Promise<void> {
  scene.world.write(otherAt('nginx:7'));
  await done(once);
  await done(['rollback', 'other']);
}

async function otherLifted(kind: 'suspend' | 'rollback'): Promise<void> {
  for (let time = 0; time < 3; time += 1) {
    if (kind === 'suspend') await done(['suspend', 'other', '--reason', 'its own']);
    else await scene.world.flycd(['rollback', 'other']);
    await done(['resume', 'other']);
  }
}

describe('once something was said of the app', () => {
  test('or a suspension is over, the other app’s rollback does not hold it', async () => {
    await twoVersions();
    await otherRolledBack();
    await copied('other');
    await done([...suspend, '--for', '1m']);
    await scene.world.clock.sleep(120_000);
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(running('shop')).toEqual(['nginx:6']);
  });

  test('or a release of it has failed, neither does that', async () => {
    await twoVersions();
    await otherRolledBack();
    await copied('other');
    scene.world.write(shop('crash-loop:6'));
    await scene.world.flycd(once);
    expect(running('shop')).toEqual(['nginx:2']);
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(running('shop')).toEqual(['nginx:6']);
  });

  test('the other app’s lifted rollbacks lift none of its own', async () => {
    await twoVersions();
    await otherRolledBack();
    await otherLifted('rollback');
    await done(['rollback', 'shop'], 'laptop');
    await copied('other');
    await done([...suspend, '--for', '1m'], 'laptop');
    await scene.world.clock.sleep(120_000);
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(new Set(running('shop'))).toEqual(new Set(['nginx:1']));
  });

  test('before any machine had the name, the copy does not get it with what it brought along', async () => {
    scene.world.write({ ...settings(), ...released('other', 'nginx:1'), ...released('shop', 'nginx:1') });
    await done(once);
    scene.world.write(released('other', 'nginx:2'));
    await done(once);
    unnamed('shop');
    await copied('other');
    await done(suspend);
    expect(stamps('shop', 'flycd_app')).toEqual(['shop', undefined]);
    await done(['resume', 'shop']);
    scene.world.write(released('shop', 'nginx:1', 2));
    await done(once);
    expect(stamps('shop', 'flycd_app')).toEqual(['shop', 'shop']);
    scene.world.write(released('shop', 'nginx:2', 2));
    expect(await done(once)).toContain('shop: … release command');
  });
});

describe.each(['state', 'laptop'])('a rollback by %s', (state) => {
  const oneVersion = async (): Promise<void> => {
    scene.world.write({ ...fleet, ...shop('nginx:2') });
    await done(once);
    scene.world.write(otherAt('nginx:7'));
    await done(once);
    await copied('other');
  };

  test('finds no version that only the other app ran', async () => {
    await oneVersion();
    const { code, stderr } = await scene.world.flycd(['rollback', 'shop'], state);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no version of shop to go back to');
    expect(running('shop')).toEqual(['nginx:2', 'nginx:7']);
  });

  test('nor once the copy is one of the app’s machines, and the only one that is left', async () => {
    await oneVersion();
    scene.world.write(shop('nginx:2', 2));
    await done(once);
    await originalGone();
    expect((await scene.world.flycd(['rollback', 'shop'], state)).code).toBe(1);
    expect(running('shop')).toEqual(['nginx:2']);
  });
});

const secretly = (name: string, more = ''): Files => ({
  [`${name}/app.yaml`]: `app: ${name}\nprimary_region: arn\nbuild: { image: nginx:1 }\nmachines: { count: 1 }\n${more}`,
});

describe.each([
  ['beside the app’s machine', false],
  ['that alone is left', true],
])('of a copy %s', (_where, isAlone) => {
  const there = async (): Promise<void> => {
    await copied('other');
    if (isAlone) await originalGone();
  };

  test('nothing makes a secret that a person set one that git named', async () => {
    const { world } = scene;
    const secret = 'secrets:\n  - name: PASSWORD\n    type: raw\n    raw: correct-horse\n';
    world.write({
      'flycd.yaml': 'fleet: words\nsync:\n  prune: [secrets]\n',
      ...secretly('other', secret),
      ...secretly('shop'),
    });
    await done(once);
    await world.asPerson('POST', '/apps/shop/secrets/PASSWORD', { value: 'mine' });
    await done(once);
    await there();
    await done(once);
    await done(once);
    expect([...(world.simulator.world.apps.get('shop')?.secrets.byName.keys() ?? [])]).toEqual(['PASSWORD']);
  });

  test('the command that ran in the other app is none that ran in this one', async () => {
    scene.world.write({ ...settings(), ...released('other', 'nginx:1'), ...released('shop', 'nginx:1') });
    await done(once);
    scene.world.write(released('other', 'nginx:2'));
    await done(once);
    await there();
    if (isAlone) await done(once);
    scene.world.write(released('shop', 'nginx:2'));
    expect(await done(once)).toContain('shop: … release command');
  });

  test('no version counts as one that ran well', async () => {
    scene.world.write({ ...fleet, ...shop('nginx:2') });
    await done(once);
    scene.world.write(otherAt('nginx:7'));
    await done(once);
    await there();
    expect((await scene.world.flycd(['rollback', 'shop'])).code).toBe(1);
    await done(once);
    expect(running('shop')).toEqual(['nginx:2']);
  });

  test('a rollback of the other app is not heard', async () => {
    await twoVersions();
    await otherRolledBack();
    await there();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once);
    expect(running('shop')).toEqual(['nginx:6']);
  });

  test('a lifted suspension of the other app does not lift this one’s', async () => {
    await twoVersions();
    await otherLifted('suspend');
    await done(suspend);
    await there();
    scene.world.write(shop('nginx:6'));
    expect((await scene.world.flycd(once)).code).toBe(4);
    expect(running('shop')).not.toContain('nginx:6');
  });
});

test('while the host of the app’s machine does not answer, a lifted suspension does not lift its own', async () => {
  await twoVersions();
  await otherLifted('suspend');
  await done(suspend);
  await copied('other');
  hostDown(scene.world.simulator.world, live('shop')[0]?.host ?? '');
  scene.world.write(shop('nginx:6'));
  await scene.world.flycd(once);
  expect(running('shop')).not.toContain('nginx:6');
});

describe('a clone of a machine of the app itself', () => {
  test('is one of its own while its original alone has got the name', async () => {
    await twoVersions();
    await done(suspend);
    await copied('shop');
    await scene.world.asPerson('POST', `/apps/shop/machines/${live('shop')[0]?.id}/metadata/flycd_app`, {
      value: 'shop',
    });
    await done(['resume', 'shop'], 'laptop');
    expect(stamps('shop', 'flycd_app')).toEqual(['shop', 'shop']);
    await originalGone();
    scene.world.write(shop('nginx:6'));
    await done(once, 'laptop');
    expect(running('shop')).toEqual(['nginx:6']);
  });

  test.each([
    ['suspended', suspend],
    ['rolled back', ['rollback', 'shop']],
  ])('alone tells a FlyCD that has seen nothing yet that it is %s', async (_what, said) => {
    await twoVersions();
    await done(said);
    const before = running('shop');
    await copied('shop');
    await originalGone();
    scene.world.write(shop('nginx:6'));
    await scene.world.flycd(once, 'a new laptop');
    expect(running('shop')).toEqual(before);
  });

  test('gets its name without a restart, also beside one that has got it', async () => {
    await twoVersions();
    await copied('shop');
    scene.world.write(shop('nginx:2', 2));
    const before = live('shop').map(({ instanceId }) => instanceId);
    await done(once);
    expect(stamps('shop', 'flycd_app')).toEqual(['shop', 'shop']);
    expect(live('shop').map(({ instanceId }) => instanceId)).toEqual(before);
  });
});
