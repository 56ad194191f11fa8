/** Under `prune: [app]`, in fleets of any size, folder and git alike: an app goes when git says so, and never because its file was not read. */
import { onTestFinished, describe, expect, test } from 'vitest';
import { arena, type Arena, type Files } from '../controllers/arena.ts';

const app = (name: string): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: "nginx:1.27" }\nmachines: { count: 1 }\n`;

const worlds = [1, 8, 12].flatMap((size) => [false, true].map((repository) => ({ size, repository })));

/** A fleet that is rolled out, `lonely` among its apps. */
async function fleetOf(options: { readonly size: number; readonly repository: boolean }): Promise<Arena> {
  const world = await arena({ repository: options.repository });
  onTestFinished(() => world.close());
  const others = Array.from({ length: options.size - 1 }, (_unused, index) => `other-${index}`);
  const files = [...others, 'lonely'].map((name) => [`${name}/app.yaml`, app(name)] as const);
  world.write({ 'flycd.yaml': 'fleet: acme\nsync: { prune: [app] }\n', 'README.md': '', ...Object.fromEntries(files) });
  expect((await world.flycd(['sync', '--once'])).code).toBe(0);
  return world;
}

/** Apps, their machines with versions, states and stamps. */
const onFly = (world: Arena): unknown =>
  world.simulator.world.snapshot().map(({ name, machines }) => ({ name, machines }));

/** What stood on Fly stands there after passes over what git says now, whatever brakes are released. */
async function staysAsItIs(world: Arena, change: { readonly files?: Files; readonly gone?: readonly string[] }) {
  const before = onFly(world);
  for (const path of change.gone ?? []) world.remove(path);
  world.write(change.files ?? {});
  const planned = await world.flycd(['diff']);
  expect(planned.stdout).not.toContain('app.destroy');
  const synced = await world.flycd(['sync', '--once', '--accept']);
  expect(onFly(world)).toEqual(before);
  return synced;
}

test.each(worlds)('control: an app that git names no longer goes ($size, git: $repository)', async (options) => {
  const world = await fleetOf(options);
  world.remove('lonely');
  if (options.size === 1) world.write({ 'new/app.yaml': app('new') });
  expect((await world.flycd(['sync', '--once', '--accept'])).code).toBe(0);
  expect(world.simulator.world.snapshot().map(({ name }) => name)).not.toContain('lonely');
});

describe.each(worlds)('the file of one of $size apps (git: $repository)', (options) => {
  test.each([
    ['names what no app can be called', { 'lonely/app.yaml': app('Lonely') }],
    [
      'has a conflict of git in it',
      { 'lonely/app.yaml': `<<<<<<< HEAD\napp: gone\n=======\n${app('lonely')}>>>>>>>\n` },
    ],
  ])('%s', async (_what, files) => {
    const { code } = await staysAsItIs(await fleetOf(options), { files });
    expect(code).toBe(3);
  });

  test.each(['App.yaml', 'app.YAML', 'app.yaml~', 'app.json'])('is called %s', async (name) => {
    const world = await fleetOf(options);
    const synced = await staysAsItIs(world, {
      files: { [`lonely/${name}`]: '{ "app": "lonely" }' },
      gone: ['lonely/app.yaml'],
    });
    if (options.size > 1) expect(synced.code).toBe(0);
    expect(synced.stderr + synced.stdout).toContain('did you mean app.yaml?');
  });
});
