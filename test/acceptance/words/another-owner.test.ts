/** Words about an app that another fleet, or another config repo, owns: they are refused, and nothing of them stays. */
import { expect, test } from 'vitest';
import { makeClone } from '../clones.ts';
import { wordsScene } from './scene.ts';

const scene = wordsScene();
const sync = ['sync', '--once'];
const suspend = ['suspend', 'shop', '--reason', 'not ours yet'];
const app = (name: string, image = 'nginx:1', folder = name) => ({
  [`${folder}/app.yaml`]: `app: ${name}\nprimary_region: arn\norg: personal\nbuild: { image: ${image} }\nmachines: { count: 1 }\ndeploy: { wait_timeout: 20s }\n`,
});

/** Two config repos name `shop`: of the fleets a and b, or without a name. `a` has released it. */
async function two(isNamed = true) {
  const named = (fleet: string) => (isNamed ? { 'flycd.yaml': `fleet: ${fleet}\n` } : {});
  const a = makeClone(scene.world, 'a', { ...named('a'), ...app('shop'), ...app('aa') });
  const project = 'project: theirs\nsource: { type: local, path: . }\n';
  const b = makeClone(scene.world, 'b', {
    ...named('b'),
    'p/project.yaml': project,
    ...app('shop', 'nginx:5', 'p/shop'),
    ...app('bb', 'nginx:1', 'p/bb'),
  });
  a.remote('origin', 'https://github.com/acme/a');
  b.remote('origin', 'git@github.com:acme/b.git');
  const by = (clone: typeof a, state: string) => (argv: readonly string[]) => clone.flycd(argv, state);
  const [asA, asB] = [by(a, 'dba'), by(b, 'dbb')];
  expect((await asA(sync)).code).toBe(0);
  expect((await asB(sync)).code).toBe(4);
  return { asA, asB };
}

const metadata = () => JSON.stringify(scene.seen()?.machines.map(({ config }) => config.metadata));

test.each([
  ['of another fleet', true, 'fleet a owns it'],
  ['of another repo, where neither names its fleet', false, 'the config repo of origin'],
])(
  'each word on an app %s is refused, and the command that is printed takes it over',
  async (_whose, isNamed, owner) => {
    const { asB } = await two(isNamed);
    const before = metadata();
    let printed: readonly string[] = [];
    for (const argv of [suspend, ['resume', 'shop'], ['rollback', 'shop']]) {
      const { code, stdout, stderr } = await asB(argv);
      expect(code, stdout).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain(owner);
      expect(stderr).toContain('nothing was said of it');
      const [, command = ''] = /flycd (adopt shop(?: --from \S+)?)/.exec(stderr) ?? [];
      printed = command.split(' ');
    }
    expect(metadata()).toBe(before);
    expect((await asB(['status'])).stdout).not.toContain('suspended');
    await asB(printed);
    await asB(sync);
    expect(scene.images()).toEqual(['nginx:5']);
    expect((await asB(suspend)).code).toBe(0);
  },
);

test.each([[['adopt', 'shop']], [['adopt', 'shop', '--from', 'a']], [['adopt', '--all', '--from', 'a']]])(
  'what the owner said stands after %j, whatever the other fleet tried to say before',
  async (adopt) => {
    const { asA, asB } = await two();
    await asB(suspend);
    await asB(['resume', 'shop']);
    expect((await asA(['suspend', 'shop', '--reason', 'a migration'])).code).toBe(0);
    for (const argv of [adopt, sync, sync]) await asB(argv);
    expect(scene.images()).toEqual(['nginx:1']);
    expect((await asB(['resume', 'shop'])).code).toBe(0);
    await asB(sync);
    expect(scene.images()).toEqual(['nginx:5']);
  },
);

test('what was tried to be said is not said once the app is taken over', async () => {
  const { asA, asB } = await two();
  await asA(['suspend', 'shop', '--reason', 'old']);
  await asA(['resume', 'shop']);
  expect((await asB(suspend)).code).toBe(1);
  await asB(['adopt', 'shop']);
  await asB(sync);
  expect(scene.images()).toEqual(['nginx:5']);
});

test('of a project the other apps are told', async () => {
  const { asB } = await two();
  const { code, stdout, stderr } = await asB(['suspend', 'theirs', '--reason', 'all of it']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^bb: /m);
  expect(stderr).toContain('it failed or may not last for 1 of 2 apps: shop');
  expect(stderr).toContain('fleet a owns it');
});

test('where machines of both stand in it, ours count', async () => {
  const { asB } = await two();
  const [theirs] = scene.world.simulator.world.apps.get('bb')?.machines.values() ?? [];
  const config = { ...theirs?.config, metadata: { ...theirs?.config.metadata, flycd_app: 'shop' } };
  await scene.world.asPerson('POST', '/apps/shop/machines', { region: 'arn', config });
  expect((await asB(suspend)).code).toBe(0);
  expect(metadata().split('not ours yet')).toHaveLength(2);
});

test('of an app without a machine, and of one that is not there, all is said as ever', async () => {
  const { asB } = await two();
  const { world } = scene;
  for (const { id } of scene.seen()?.machines ?? [])
    await world.asPerson('DELETE', `/apps/shop/machines/${id}?force=true`);
  await world.clock.sleep(60_000);
  expect((await asB(suspend)).stdout).toContain('it has no machine to write that on');
  await scene.appByHand();
  await world.clock.sleep(60_000);
  expect((await asB(['resume', 'shop'])).code).toBe(0);
});
