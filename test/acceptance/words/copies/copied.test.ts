/** Machines that somebody copied by hand, with the stamps of the one that they were made from. */
import { expect, test } from 'vitest';
import { fleet, once, shop, suspend, wordsScene } from '../scene.ts';

const scene = wordsScene();
const { done, images, twoVersions } = scene;

/** As with `fly machine run --machine-config`: the first machine of `from` once more, in `into`. Its id. */
async function copied(from: string, into: string): Promise<string> {
  const [machine] = scene.world.simulator.world.apps.get(from)?.machines.values() ?? [];
  const wish = { region: 'arn', config: machine?.config };
  const made = (await scene.world.asPerson('POST', `/apps/${into}/machines`, wish)) as { readonly id: string };
  await scene.world.clock.sleep(60_000);
  return made.id;
}

async function destroyed(ids: readonly string[]): Promise<void> {
  for (const id of ids) await scene.world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  await scene.world.clock.sleep(60_000);
}

const suspendOther = ['suspend', 'other', '--reason', 'its own'];

async function otherLifted(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await done(suspendOther);
    await done(['resume', 'other']);
  }
}

async function otherRolledBack(): Promise<void> {
  const { world } = scene;
  world.write({ 'other/app.yaml': fleet['other/app.yaml']?.replace('nginx:1', 'nginx:7') ?? '' });
  await done(once);
  await done(['rollback', 'other']);
}

test.each(['ours', 'a new laptop'])('another app’s suspension is not this one’s, says %s', async (state) => {
  await twoVersions();
  await done(suspendOther);
  await copied('other', 'shop');
  scene.world.write(shop('nginx:6'));
  await scene.world.flycd(once, state);
  expect(images()).toContain('nginx:6');
});

test('another app’s suspension is not remembered as this one’s once the copy is gone', async () => {
  await twoVersions();
  await done(suspendOther);
  const copy = await copied('other', 'shop');
  await scene.world.flycd(once);
  await destroyed([copy]);
  scene.world.write(shop('nginx:6'));
  await scene.world.flycd(once);
  expect(images()).toEqual(['nginx:6']);
});

test.each(['suspend', 'rollback'])('another app’s lifted words do not lift a %s of this one', async (kind) => {
  await twoVersions();
  if (kind === 'suspend') await otherLifted(3);
  else {
    await otherRolledBack();
    await done(['resume', 'other']);
    await done(['rollback', 'other']);
    await done(['resume', 'other']);
  }
  await done(kind === 'suspend' ? suspend : ['rollback', 'shop'], 'laptop');
  const before = images();
  await copied('other', 'shop');
  scene.world.write(shop('nginx:6'));
  await scene.world.flycd(once);
  expect(images()).not.toContain('nginx:6');
  expect(images()).toContain(before?.[0]);
});

test('another app’s rollback does not roll this one back', async () => {
  await twoVersions();
  await otherRolledBack();
  await copied('other', 'shop');
  scene.world.write(shop('nginx:6'));
  await scene.world.flycd(once);
  expect(images()).toContain('nginx:6');
});

test('words of another app stay unheard on a copy that FlyCD takes into its count', async () => {
  await twoVersions();
  await done(suspendOther);
  const [before] = scene.seen()?.machines.map(({ id }) => id) ?? [];
  await copied('other', 'shop');
  await destroyed([before ?? '']);
  for (const image of ['nginx:6', 'nginx:8', 'nginx:9']) {
    scene.world.write(shop(image));
    await scene.world.flycd([...once, '--now']);
  }
  expect(images()).toEqual(['nginx:9']);
  await scene.world.flycd(once, 'a new laptop');
  expect(images()).toEqual(['nginx:9']);
});

test.each([
  ['suspended', suspend],
  ['rolled back', ['rollback', 'shop']],
])('an app that is %s stays so where a clone alone is left to tell of it', async (_what, said) => {
  await twoVersions();
  await done(said);
  const before = images();
  const [original] = scene.seen()?.machines.map(({ id }) => id) ?? [];
  await copied('shop', 'shop');
  await destroyed([original ?? '']);
  scene.world.write(shop('nginx:6'));
  await scene.world.flycd(once, 'a new laptop');
  expect(images()).toEqual(before);
});
