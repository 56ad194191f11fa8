import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { arena, type Arena, type ArenaOptions, type Files } from '../controllers/arena.ts';
import { fakeFlyctl, type FakeFlyctl } from '../servers/fake-flyctl.ts';
import { makeBareRepository, startGitServer, temporaryFolder, type BareRepository } from '../servers/git-server.ts';
import { expectRolled, expectTakenOver, h1, inFolder, leftByV0, planned, running, web, webYaml } from './v0-world.ts';

interface Stage {
  readonly world: Arena;
  readonly flyctl: FakeFlyctl;
}

async function stage(files: Files, options: ArenaOptions = {}): Promise<Stage> {
  const folder = temporaryFolder('flycd-v0-');
  const flyctl = fakeFlyctl(folder.path);
  const world = await arena({ ...options, env: { FLYCTL_PATH: flyctl.path } });
  onTestFinished(async () => {
    await world.close();
    folder.remove();
  });
  world.write({ 'flycd.yaml': 'fleet: shop\n', ...files });
  return { world, flyctl };
}

// Real children: git, its server and a builder.
const patience = { timeout: 90_000 };

const own: Files = {
  'web/app.yaml': `app: web\n${webYaml}source: { type: local }\n`,
  'web/Dockerfile': 'FROM scratch\r\nCOPY . .\r\n',
  'web/src/main.js': '1\n',
};

describe('a local source', patience, () => {
  test.each([
    ['from a folder', {}],
    ['from a repository', { repository: true }],
  ])('in its own folder, %s, is taken over, and git rolls it from then on', async (_name, options) => {
    const { world, flyctl } = await stage(own, options);
    const hash = h1(inFolder(own, 'web'));
    await leftByV0(world, { name: 'web', source: { type: 'local' }, appVersion: hash, configVersion: hash });
    await expectTakenOver(world);
    // A comment builds nothing, though the Go version would have built anew for it.
    world.write({ 'web/app.yaml': `# ours now\n${own['web/app.yaml']}` });
    const before = running(world);
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    expect(running(world)).toEqual(before);
    expect(flyctl.calls()).toEqual([]);
    world.write({ 'web/src/main.js': '2\n' });
    await expectRolled(world, 'web');
    expect(flyctl.calls()).toHaveLength(1);
  });

  test('beside the app, with files that no image gets, is taken over', async () => {
    const files = {
      'apps/api/app.yaml': `app: api\n${webYaml}source: { type: local, path: ../../src }\n`,
      'src/Dockerfile': 'FROM scratch\n',
      'src/.dockerignore': 'docs\n',
      'src/docs/readme.md': 'hello\n',
      'src/node_modules/left/index.js': 'old\n',
      'src/a/b': '1\n',
      'src/a.b': '2\n',
    };
    const { world, flyctl } = await stage(files);
    await leftByV0(world, {
      name: 'api',
      source: { type: 'local', path: '../../src' },
      appVersion: h1(inFolder(files, 'src')),
      configVersion: h1(inFolder(files, 'apps/api')),
    });
    await expectTakenOver(world);
    expect(flyctl.calls()).toEqual([]);
  });

  test('with variables that deploy_params give is taken over', async () => {
    const flags = 'deploy_params: [--env, MODE=live, -eLEVEL=3]\nenv: { MODE: file }\n';
    const files = {
      ...own,
      'web/app.yaml': `app: web\n${webYaml.replace(/deploy_params.*\n/, flags)}source: { type: local }\n`,
    };
    const { world } = await stage(files);
    const hash = h1(inFolder(files, 'web'));
    const config = { ...web, env: { MODE: 'live', LEVEL: '3' } };
    await leftByV0(world, { name: 'web', source: { type: 'local' }, appVersion: hash, configVersion: hash, config });
    await expectTakenOver(world);
  });

  test('that has changed since is rolled', async () => {
    const { world, flyctl } = await stage(own);
    const hash = h1({ ...inFolder(own, 'web'), 'src/main.js': '0\n' });
    await leftByV0(world, { name: 'web', source: { type: 'local' }, appVersion: hash, configVersion: hash });
    expect((await planned(world))[0]?.steps.map(({ kind }) => kind)).toContain('image.build');
    await expectRolled(world, 'web');
    expect(flyctl.calls()).toHaveLength(1);
  });

  test('with a change of the config alone keeps its image', async () => {
    const files = { ...own, 'web/app.yaml': `app: web\n${webYaml}source: { type: local, path: src }\n` };
    const { world, flyctl } = await stage({ ...files, 'web/src/Dockerfile': 'FROM scratch\n' });
    await leftByV0(world, {
      name: 'web',
      source: { type: 'local', path: 'src' },
      appVersion: h1({ Dockerfile: 'FROM scratch\n', 'main.js': '1\n' }),
      configVersion: 'h1:of-another-app.yaml',
      config: { ...web, env: { MODE: 'old' } },
    });
    const image = [...(world.simulator.world.apps.get('web')?.machines.values() ?? [])][0]?.imageRef.digest;
    await expectRolled(world, 'web');
    expect(flyctl.calls()).toEqual([]);
    expect(running(world)[0]).toContain(image);
  });
});

describe('an inline Dockerfile', patience, () => {
  const inline = (dockerfile: string, more = ''): string => `app: tool
${webYaml}source:
  type: inline-docker-file
  inline: |
    ${dockerfile}
${more}`;
  const built = h1({ Dockerfile: 'FROM nginx:1.27\n', '.dockerignore': '' });

  test('is taken over, and git rolls it from then on', async () => {
    const files = { 'tool/app.yaml': inline('FROM nginx:1.27') };
    const { world, flyctl } = await stage(files);
    await leftByV0(world, {
      name: 'tool',
      source: { type: 'inline-docker-file' },
      appVersion: built,
      configVersion: 'h1:of-anything',
    });
    await expectTakenOver(world);
    expect(flyctl.calls()).toEqual([]);
    world.write({ 'tool/app.yaml': inline('FROM nginx:1.28') });
    await expectRolled(world, 'tool');
    expect(flyctl.calls()).toHaveLength(1);
  });

  const merged = {
    'tool/app.yaml': inline('FROM nginx:1.27', 'merge_cfg: { all: true }\n'),
    'tool/nginx.conf': 'events {}\n',
  };

  test.each([
    ['is taken over', h1(inFolder(merged, 'tool')), 0],
    // Its own hash says nothing about those files.
    ['is built where these have changed', h1({ ...inFolder(merged, 'tool'), 'nginx.conf': '' }), 1],
  ])('with files of the config over it %s', async (_name, configVersion, builds) => {
    const { world, flyctl } = await stage(merged);
    await leftByV0(world, { name: 'tool', source: { type: 'inline-docker-file' }, appVersion: built, configVersion });
    if (builds === 0) await expectTakenOver(world);
    else await expectRolled(world, 'tool');
    expect(flyctl.calls()).toHaveLength(builds);
  });
});

interface GitStage extends Stage {
  readonly repository: BareRepository;
  readonly url: string;
}

describe('a git source', patience, () => {
  async function gitStage(config: (url: string) => Files): Promise<GitStage> {
    const folder = temporaryFolder('flycd-v0-git-');
    const root = join(folder.path, 'repositories');
    mkdirSync(root);
    const repository = makeBareRepository(root, 'shop.git');
    repository.commit({ 'service/Dockerfile': 'FROM scratch\n', Dockerfile: 'FROM scratch\n', README: 'one\n' });
    const server = await startGitServer({ root });
    onTestFinished(async () => {
      await server.close();
      folder.remove();
    });
    const url = `${server.url}/shop.git`;
    return { ...(await stage(config(url))), repository, url };
  }

  const app = (url: string, more: string, rest = ''): Files => ({
    'web/app.yaml': `app: web\n${webYaml}source: { type: git, repo: ${url}${more} }\n${rest}`,
  });

  test.each([
    ['of the default branch', ''],
    ['of a branch', ', ref: { branch: main }'],
    ['of a tag', ', ref: { tag: v1 }'],
    ['of a path, which the Go version did not look at', ', path: service'],
  ])('%s is taken over, and git rolls it from then on', async (_name, more) => {
    const { world, flyctl, repository, url } = await gitStage((url) => app(url, more));
    repository.git('tag', '-a', 'v1', '-m', 'one');
    const commit = repository.git('rev-parse', 'HEAD').trim();
    const source = { type: 'git', repo: url } as const;
    await leftByV0(world, { name: 'web', source, appVersion: commit, configVersion: 'h1:of-anything' });
    await expectTakenOver(world);
    expect(flyctl.calls()).toEqual([]);
    repository.commit({ 'service/Dockerfile': 'FROM busybox\n' });
    if (more.includes('tag')) repository.git('tag', '-f', '-a', 'v1', '-m', 'two');
    await expectRolled(world, 'web');
    expect(flyctl.calls()).toHaveLength(1);
  });

  test('of a path is not rolled by commits beside it, before or after', async () => {
    const { world, flyctl, repository, url } = await gitStage((url) => app(url, ', path: service'));
    const commit = repository.git('rev-parse', 'HEAD').trim();
    repository.commit({ README: 'two\n' });
    const source = { type: 'git', repo: url, path: 'service' } as const;
    await leftByV0(world, { name: 'web', source, appVersion: commit, configVersion: 'h1:of-anything' });
    await expectTakenOver(world);
    const before = running(world);
    repository.commit({ README: 'three\n' });
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    expect(running(world)).toEqual(before);
    expect(flyctl.calls()).toEqual([]);
  });

  test.each([
    ['is taken over where nothing of it has changed', 0],
    ['is rolled where it has', 1],
  ])('with files of the config over it %s', async (_name, builds) => {
    let files: Files = {};
    const { world, flyctl, repository, url } = await gitStage((url) => {
      files = { ...app(url, '', 'merge_cfg: { include: [settings.json] }\n'), 'web/settings.json': '{}\n' };
      return files;
    });
    const commit = repository.git('rev-parse', 'HEAD').trim();
    const then = { ...inFolder(files, 'web'), ...(builds === 0 ? {} : { 'settings.json': '' }) };
    const source = { type: 'git', repo: url } as const;
    await leftByV0(world, { name: 'web', source, appVersion: commit, configVersion: h1(then) });
    if (builds === 0) await expectTakenOver(world);
    else await expectRolled(world, 'web');
    expect(flyctl.calls()).toHaveLength(builds);
  });

  test('whose build settings have changed is rolled', async () => {
    const build = 'build: { dockerfile: service/Dockerfile }\n';
    const { world, flyctl, repository, url } = await gitStage((url) => app(url, '', build));
    const commit = repository.git('rev-parse', 'HEAD').trim();
    const source = { type: 'git', repo: url } as const;
    await leftByV0(world, { name: 'web', source, appVersion: commit, configVersion: 'h1:without-it' });
    await expectRolled(world, 'web');
    expect(flyctl.calls()).toHaveLength(1);
  });
});

test('auto_prune_ips goes on releasing what git does not list, however much that is', patience, async () => {
  const network = 'network: { ips: [{ v: v4, shared: true }, { v: v6 }], auto_prune_ips: true }\n';
  const files = {
    'cache/app.yaml': `app: cache\n${webYaml}build: { image: redis }\nsource: { type: local }\n${network}`,
  };
  const { world } = await stage(files);
  const hash = h1(inFolder(files, 'cache'));
  const left = {
    name: 'cache',
    source: { type: 'local' },
    appVersion: hash,
    configVersion: hash,
    image: 'redis',
  } as const;
  await leftByV0(world, left);
  for (const type of ['v4', 'v4', 'v4', 'v6', 'private_v6']) {
    await world.clock.sleep(1000);
    await world.asPerson('POST', '/apps/cache/ip_assignments', { type });
  }
  const before = running(world);
  expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
  const addresses = [...(world.simulator.world.apps.get('cache')?.addresses.values() ?? [])];
  expect(addresses.map(({ kind }) => kind).toSorted()).toEqual(['shared_v4', 'v6']);
  expect(running(world)).toEqual(before);
});

describe('min_machines_running', patience, () => {
  const yaml = (regions: string, least: number): string => `app: cache
${webYaml.replace('protocol: tcp', `protocol: tcp\n    min_machines_running: ${least}`)}build: { image: redis }
source: { type: local }
extra_regions: [${regions}]
`;
  const config = (least: number) => ({
    ...web,
    services: (web.services ?? []).map((service) => ({ ...service, min_machines_running: least })),
  });
  const source = { type: 'local' } as const;
  const regions = (world: Arena): readonly string[] =>
    running(world)
      .map((line) => line.split(' ')[1] ?? '')
      .toSorted();

  test('of apps that run buys no machines, and the plan says what would have been made', async () => {
    const { world } = await stage({ 'cache/app.yaml': yaml('ams', 2) });
    const left = {
      name: 'cache',
      source,
      appVersion: 'h1:a',
      configVersion: 'h1:a',
      image: 'redis',
      config: config(2),
    };
    await leftByV0(world, left);
    expect((await planned(world))[0]?.notes.join()).toContain(
      '1 short in arn and 2 short in ams. FlyCD 0.x would have made them',
    );
    await expectTakenOver(world);
    // A region that git names from now on gets them.
    world.write({ 'cache/app.yaml': yaml('ams, fra', 2) });
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    expect(regions(world)).toEqual(['arn', 'fra', 'fra']);
    expect((await world.flycd(['diff'])).code).toBe(0);
    world.forget();
    expect((await world.flycd(['diff'])).code).toBe(0);
  });

  test('is met in each region by the first rollout', async () => {
    const { world } = await stage({ 'cache/app.yaml': yaml('ams', 2) });
    expect(await world.flycd(['sync', '--once'])).toMatchObject({ code: 0 });
    expect(regions(world)).toEqual(['ams', 'ams', 'arn', 'arn']);
    expect((await world.flycd(['diff'])).code).toBe(0);
  });
});

test('an app that only has an image is taken over, whatever the Go version took for its source', patience, async () => {
  const image = 'docker.io/library/redis:7';
  const files = { 'cache/app.yaml': `app: cache\n${webYaml}source: { type: local }\nbuild: { image: "${image}" }\n` };
  const { world, flyctl } = await stage(files);
  const hash = h1(inFolder(files, 'cache'));
  const source = { type: 'local' } as const;
  await leftByV0(world, { name: 'cache', source, appVersion: hash, configVersion: hash, image });
  await expectTakenOver(world);
  expect(flyctl.calls()).toEqual([]);
  world.write({ 'cache/app.yaml': (files['cache/app.yaml'] ?? '').replace('redis:7', 'redis:8') });
  await expectRolled(world, 'cache');
});
