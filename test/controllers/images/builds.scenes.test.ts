import { readdirSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fakeFlyctl, type FakeFlyctl } from '../../servers/fake-flyctl.ts';
import { temporaryFolder } from '../../servers/git-server.ts';
import { arena, type Arena, type Files } from '../arena.ts';

interface Stage {
  readonly world: Arena;
  readonly flyctl: FakeFlyctl;
}

// A real child builds, and the cores are shared.
vi.setConfig({ testTimeout: 90_000 });

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function stage(files: Files, env: Readonly<Record<string, string>> = {}, repository = false): Promise<Stage> {
  const folder = temporaryFolder('flycd-flyctl-');
  ends.push(() => folder.remove());
  const flyctl = fakeFlyctl(folder.path);
  const world = await arena({ env: { FLYCTL_PATH: flyctl.path, ...env }, repository });
  ends.push(() => world.close());
  world.write({ 'flycd.yaml': 'fleet: builds\n', ...files });
  return { world, flyctl };
}

const app = (name: string, more = ''): string => `app: ${name}
primary_region: arn
source:
  type: local
  path: ../code
machines:
  count: 1
services:
  - internal_port: 8080
    protocol: tcp
    ports:
      - port: 80
        handlers: [http]
${more}`;

const code: Files = { 'code/Dockerfile': 'FROM scratch\n', 'code/main.js': 'one\n', 'code/.gitignore': '*.log\n' };
const one: Files = { ...code, 'shop/app.yaml': app('shop') };
const three: Files = {
  ...code,
  'dev/app.yaml': app('shop-dev', 'env: { STAGE: dev }\n'),
  'prod/app.yaml': app('shop-prod', 'env: { STAGE: prod }\n'),
  'staging/app.yaml': app('shop-staging', 'env: { STAGE: staging }\n'),
};

/** Of every machine that serves: image and digest. */
function images({ simulator }: Arena): Record<string, { readonly image: string; readonly digest: string }> {
  const found: Record<string, { image: string; digest: string }> = {};
  for (const [name, { machines }] of simulator.world.apps) {
    for (const { state, config, imageRef } of machines.values()) {
      if (state !== 'started') continue;
      found[name] = { image: (config.image ?? '').replace(/^[^/]*\//, ''), digest: imageRef.digest ?? '' };
    }
  }
  return found;
}

const sync = ['sync', '--once'] as const;

describe('an app whose source has to be built', () => {
  test('is built on Fly, pushed, and released by the digest that the registry gives', async () => {
    const { world, flyctl } = await stage({
      ...one,
      'shop/app.yaml': app('shop', 'build: { args: { VERSION: "7" } }\n'),
    });
    const diff = await world.flycd(['diff']);
    expect(diff.stdout).toContain('~ image.build shop: git names a source, and its image is not built yet');
    expect(flyctl.calls(), 'diff builds nothing').toEqual([]);
    const ran = await world.flycd(sync);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).toContain('shop: | ==> Building image with Depot for shop\n');
    const [call, ...more] = flyctl.calls();
    expect(more).toEqual([]);
    const label = /flycd-[0-9a-f]{32}/.exec(call?.argv.join(' ') ?? '')?.[0] ?? 'none';
    expect(call?.argv.slice(0, 8).join(' ')).toBe(
      `deploy --build-only --push --remote-only --image-label ${label} --app shop`,
    );
    expect(call?.config).toEqual({ app: 'shop', primary_region: 'arn', build: { args: { VERSION: '7' } } });
    expect(call?.files).toEqual(['.dockerignore', '.gitignore', 'Dockerfile', 'main.js']);
    const { digest = '' } = images(world)['shop'] ?? {};
    expect(digest).toMatch(/^sha256:/);
    expect(
      world.simulator.world.registry.repository(world.simulator.world.apps.get('shop')?.id ?? '').tags.get(label),
    ).toBe(digest);
    expect(images(world)).toEqual({ shop: { image: `shop:${label}@${digest}`, digest } });
    expect(await world.flycd(['diff'])).toMatchObject({ code: 0 });
  });

  test('is built anew where a file of it changed, and only then', async () => {
    const { world, flyctl } = await stage(one);
    await world.flycd(sync);
    const before = images(world)['shop']?.digest;
    world.write({ 'README.md': 'words\n', 'other/x': '1' });
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(1);
    world.write({ 'code/main.js': 'two\n' });
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(2);
    expect(images(world)['shop']?.digest).not.toBe(before);
    world.write({ 'code/main.js': 'one\n' });
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls(), 'the older image is in the registry still').toHaveLength(2);
    expect(images(world)['shop']?.digest).toBe(before);
  });

  test('a config of its own alone builds nothing', async () => {
    const { world, flyctl } = await stage(one);
    await world.flycd(sync);
    const before = images(world)['shop'];
    world.write({ 'shop/app.yaml': app('shop', 'env: { LEVEL: debug }\n') });
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(1);
    expect(images(world)['shop']).toEqual(before);
  });

  test('runs its release command on the image that was built, once', async () => {
    const { world } = await stage({
      ...one,
      'shop/app.yaml': app('shop', 'deploy: { release_command: bin/migrate }\n'),
    });
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    const machines = [...(world.simulator.world.apps.get('shop')?.machines.values() ?? [])];
    const runs = machines.filter(({ config }) => config.env?.['RELEASE_COMMAND'] !== undefined);
    expect(runs.map(({ config }) => config.image)).toEqual([`${hostOf(world)}/${images(world)['shop']?.image}`]);
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(machines.filter(({ config }) => config.env?.['RELEASE_COMMAND'] !== undefined)).toHaveLength(1);
  });
});

function hostOf(world: Arena): string {
  return new URL(world.simulator.url).host;
}

describe.each([
  ['a git repository', true],
  ['a plain folder', false],
])('rollback, with the config in %s', (_what, repository) => {
  test('restores what was built before, and resume what was built since, without a build', async () => {
    const { world, flyctl } = await stage(one, {}, repository);
    await world.flycd(sync);
    const first = images(world)['shop'];
    world.write({ 'code/main.js': 'two\n' });
    await world.flycd(sync);
    const second = images(world)['shop'];
    expect(second?.digest).not.toBe(first?.digest);
    const back = await world.flycd(['rollback', 'shop']);
    expect(back.code, back.stderr + back.stdout).toBe(0);
    expect(images(world)['shop']?.digest).toBe(first?.digest);
    expect((await world.flycd(['resume', 'shop'])).code).toBe(0);
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(images(world)['shop']?.digest).toBe(second?.digest);
    expect(flyctl.calls()).toHaveLength(2);
  });
});

describe('one source, three environments', () => {
  test('one build, three deploys by the same digest', async () => {
    const { world, flyctl } = await stage(three);
    const diff = await world.flycd(['diff']);
    expect(diff.stdout).toContain('one build does for shop-prod, shop-staging too');
    const ran = await world.flycd(sync);
    expect(ran).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(1);
    const found = images(world);
    expect(Object.keys(found).toSorted()).toEqual(['shop-dev', 'shop-prod', 'shop-staging']);
    const digests = new Set(Object.values(found).map(({ digest }) => digest));
    expect(digests.size).toBe(1);
    for (const [name, { image }] of Object.entries(found))
      expect(image).toMatch(new RegExp(`^${name}:flycd-.*@${[...digests][0]}$`));
  });

  test('one that comes later takes the image that is there, with an empty database too', async () => {
    const { 'dev/app.yaml': dev = '', ...others } = three;
    const { world, flyctl } = await stage(others);
    await world.flycd(sync);
    world.forget();
    world.write({ 'dev/app.yaml': dev });
    const diff = await world.flycd(['diff']);
    expect(diff.stdout).toMatch(/image\.build shop-dev: built already for shop-(?:prod|staging), and taken from there/);
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(1);
    expect(new Set(Object.values(images(world)).map(({ digest }) => digest)).size).toBe(1);
  });
});

describe('what was built is not built twice', () => {
  test('where its release failed, and the database is lost since', async () => {
    const { world, flyctl } = await stage(one);
    const template = 'POST /apps/{app}/machines';
    world.simulator.world.faults.add({ template, fault: { status: 400, body: { error: 'no' } }, times: 1 });
    expect((await world.flycd(sync)).code).not.toBe(0);
    expect(flyctl.calls()).toHaveLength(1);
    world.forget();
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(1);
    expect(images(world)['shop']?.digest).toMatch(/^sha256:/);
  });
});

describe('a build that fails', () => {
  const broken: Files = { ...one, 'code/Dockerfile': 'FROM scratch\nRUN fail\n' };

  test('shows its last lines, holds the app alone, and waits for another source', async () => {
    const { world, flyctl } = await stage({
      ...broken,
      'web/app.yaml': 'app: web\nprimary_region: arn\nbuild: { image: "nginx:1" }\n',
    });
    const failed = await world.flycd(sync);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('the build of shop failed: it ended with code 1\n');
    expect(failed.stderr).toContain('#7 0.1 sh: fail: not found');
    expect(Object.keys(images(world))).toEqual(['web']);
    const again = await world.flycd(sync);
    expect(again.code).toBe(4);
    expect(again.stdout).toContain('blocked');
    expect(again.stdout).toContain(
      'failed: Error: failed to fetch an image or build from source: process "/bin/sh -c fail"',
    );
    expect(flyctl.calls()).toHaveLength(1);
    expect((await world.flycd(['sync', '--now', '--app', 'shop'])).code).toBe(1);
    expect(flyctl.calls(), 'a person wanted it once more').toHaveLength(2);
    world.write({ 'code/Dockerfile': 'FROM scratch\n' });
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(images(world)['shop']?.digest).toMatch(/^sha256:/);
  });

  test('for the network’s sake is built again', async () => {
    const { world, flyctl } = await stage({ ...one, 'code/Dockerfile': 'FROM scratch\nRUN lost\n' });
    expect((await world.flycd(sync)).code).toBe(1);
    expect(await world.flycd(sync)).toMatchObject({ code: 0 });
    expect(flyctl.calls()).toHaveLength(2);
  });

  test('to push anything is no build', async () => {
    const { world } = await stage({ ...one, 'code/Dockerfile': 'FROM scratch\nRUN forget\n' });
    const ran = await world.flycd(sync);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('the build of shop went well, and its image is not in the registry');
    expect(images(world)).toEqual({});
  });

  test('for one environment is not tried for the others of the same pass', async () => {
    const { world, flyctl } = await stage({ ...three, 'code/Dockerfile': 'FROM scratch\nRUN fail\n' });
    expect((await world.flycd(sync)).code).toBe(1);
    expect(flyctl.calls()).toHaveLength(1);
  });
});

test('without flyctl the app is blocked and says what to do; image apps go on', async () => {
  const web = 'app: web\nprimary_region: arn\nbuild: { image: "nginx:1" }\n';
  const { world } = await stage({ ...one, 'web/app.yaml': web }, { FLYCTL_PATH: '/nowhere/flyctl' });
  const ran = await world.flycd(sync);
  expect(ran.code).toBe(4);
  expect(ran.stdout).toContain('FLYCTL_PATH names no program: /nowhere/flyctl');
  expect(Object.keys(images(world))).toEqual(['web']);
  const { world: other } = await stage(one, { FLYCTL_PATH: '', PATH: '/nowhere' });
  const diff = await other.flycd(['diff']);
  expect(diff.stdout).toContain('images are built by flyctl, which is not installed here');
  expect(diff.stdout).toContain('next: install it where FlyCD runs (https://fly.io/docs/flyctl/install/)');
});

test('no secret stands in arguments, output, history, or what is left on disk', async () => {
  const { world, flyctl } = await stage(
    { ...one, 'code/Dockerfile': 'FROM scratch\nRUN leak\n' },
    { GITHUB_TOKEN: 'ghp_never' },
  );
  const { token } = world.simulator;
  const ran = await world.flycd(sync);
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.stderr).toContain('shop: | token is [secret]');
  const history = await world.flycd(['history', '--output', 'json']);
  for (const text of [ran.stdout, ran.stderr, history.stdout]) expect(text).not.toContain(token);
  const [call] = flyctl.calls();
  expect(JSON.stringify(call?.argv)).not.toContain(token);
  expect(call?.environment).not.toContain('GITHUB_TOKEN');
  expect(call?.environment).not.toContain('FLYCD_EVIDENCE_KEY');
  const builds = join(dirname(world.folder), 'state', 'flycd', 'builds');
  expect(existsSync(builds) ? readdirSync(builds) : []).toEqual([]);
});
