import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredFleet } from '../../../src/model/desired.ts';
import { matchesPath } from '../../../src/model/base/glob.ts';
import { temporaryFolder } from '../../servers/git-server.ts';
import { errorsOf, load } from '../loading.ts';
import { memoryMirrors, memoryTree, type MemoryFiles } from '../memory-tree.ts';

const repo = 'https://example.com/shop';

const yaml = (app: string, more: string): string => `app: ${app}\nprimary_region: arn\n${more}`;
const fromGit = (app: string, more = '', path = 'service'): string =>
  yaml(app, `source:\n  type: git\n  repo: ${repo}\n  path: ${path}\n${more}`);

const code = { 'service/Dockerfile': 'FROM x', 'service/main.js': '1', README: '1', 'docker/Dockerfile': 'FROM y' };

function fleet(config: MemoryFiles, source: MemoryFiles = code, revision = 'c1'): Promise<DesiredFleet> {
  return load(config, { mirrors: memoryMirrors({ [repo]: memoryTree(source, { revision }) }) });
}

async function keys(config: MemoryFiles, source: MemoryFiles = code, revision = 'c1'): Promise<readonly string[]> {
  const loaded = await fleet(config, source, revision);
  expect(errorsOf(loaded)).toEqual([]);
  return loaded.apps.map(({ image }) => (image.kind === 'build' ? (image.build?.key ?? 'unknown') : 'none'));
}

async function key(more: string, source: MemoryFiles = code, config: MemoryFiles = {}): Promise<string> {
  const [only = ''] = await keys({ 'a/app.yaml': fromGit('shop', more), ...config }, source);
  return only;
}

describe('the key of a build', () => {
  it('is one for all apps that build the same, whatever else they want', async () => {
    const files = {
      'dev/app.yaml': fromGit('shop-dev', 'env: { LEVEL: debug }\n'),
      'prod/app.yaml': fromGit('shop-prod', 'machines: { count: 3 }\n'),
    };
    const [one, other] = await keys(files);
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(other).toBe(one);
  });

  it('stays with a commit elsewhere in the repo, and moves with one in the folder', async () => {
    const files = { 'app.yaml': fromGit('shop') };
    const [before] = await keys(files);
    expect(await keys(files, { ...code, README: '2' }, 'c2')).toEqual([before]);
    expect(await keys(files, { ...code, 'service/main.js': '2' }, 'c3')).not.toEqual([before]);
  });

  it('moves with the Dockerfile, the arguments, the target and the builder, and with nothing else of the config', async () => {
    const before = await key('');
    for (const same of ['', 'kill_timeout: 5s\n', '# a word\n', 'build: {}\n']) expect(await key(same)).toBe(before);
    const moved = await Promise.all(
      [
        'build: { dockerfile: other.Dockerfile }\n',
        'build: { args: { VERSION: a } }\n',
        'build: { args: { VERSION: b } }\n',
        'build: { build-target: prod }\n',
        'build: { builder: paketo }\n',
        'build: { ignorefile: x.dockerignore }\n',
      ].map((more) => key(more)),
    );
    expect(new Set([before, ...moved]).size).toBe(7);
    expect(await key('build: { build_target: prod }\n')).toBe(await key('build: { build-target: prod }\n'));
  });

  it('counts what deploy_params say of the build, as flyctl does', async () => {
    const same = async (flags: string, more: string, beside = '') =>
      expect(await key(`${beside}deploy_params: ${flags}\n`)).toBe(await key(more));
    await same('[--build-arg, VERSION=1]', 'build: { args: { VERSION: "1" } }\n');
    await same(
      '[--build-arg=VERSION=a=b]',
      'build: { args: { VERSION: a=b } }\n',
      'build: { args: { VERSION: "1" } }\n',
    );
    await same('["--build-target prod"]', 'build: { build-target: prod }\n');
    await same('[--build-target, prod]', 'build: { build-target: dev }\n', 'build: { build-target: dev }\n');
    await same('[--dockerfile, other.Dockerfile]', 'build: { dockerfile: other.Dockerfile }\n');
    const said = async (flags: string) =>
      errorsOf(await fleet({ 'app.yaml': fromGit('shop', `deploy_params: ${flags}\n`) }));
    expect(await said('[--build-arg=VERSION]')).toEqual([
      expect.stringContaining('--build-arg needs a name and a value'),
    ]);
    expect(await said('[--dockerfile=../../x]')).toEqual([expect.stringContaining('this path leads out of the repo')]);
    expect(await said('[--dockerfile]')).toEqual([expect.stringContaining('--dockerfile needs a value')]);
  });

  it('moves with a Dockerfile that lies elsewhere in the repo', async () => {
    const more = 'build: { dockerfile: ../docker/Dockerfile }\n';
    const before = await key(more);
    expect(await key(more, { ...code, 'docker/Dockerfile': 'FROM z' })).not.toBe(before);
    const missing = await fleet({ 'app.yaml': fromGit('shop', 'build: { dockerfile: ../docker/No }\n') });
    expect(errorsOf(missing)[0]).toContain('build.dockerfile: there is no ../docker/No in what is built');
  });

  it('moves with the config files laid over the source, and only with those', async () => {
    const merge = 'merge_cfg: { all: true, exclude: ["*.md", tmp] }\n';
    const files = { 'a/nginx.conf': '1', 'a/README.md': '1', 'a/tmp/x': '1' };
    const before = await key(merge, code, files);
    expect(before).not.toBe(await key(''));
    expect(await key(merge, code, { ...files, 'a/README.md': '2', 'a/tmp/x': '2' })).toBe(before);
    expect(await key(merge, code, { ...files, 'a/nginx.conf': '2' })).not.toBe(before);
    // What is laid over and is there already changes nothing.
    expect(await key('merge_cfg: { include: [main.js] }\n', code, { 'a/main.js': '1' })).toBe(await key(''));
  });

  it('is of the watched paths alone, where there are any', async () => {
    const more = '  watch: [README]\n';
    const before = await key(more);
    expect(await key(more, { ...code, 'docker/Dockerfile': '2' })).toBe(before);
    expect(await key(more, { ...code, README: '2' })).not.toBe(before);
  });

  it('does not move with the app’s own file beside a local source', async () => {
    const local = (more: string) =>
      keys({ 'app.yaml': yaml('shop', `source: { type: local }\n${more}`), Dockerfile: 'x' });
    expect(await local('env: { A: b }\n')).toEqual(await local(''));
  });
});

describe('what is written for a build', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  async function written(config: MemoryFiles, source: MemoryFiles = code): Promise<Record<string, string>> {
    const loaded = await fleet(config, source);
    expect(errorsOf(loaded)).toEqual([]);
    const path = join(folder.path, 'build');
    mkdirSync(path);
    const files = await loaded.writeBuild('shop', path);
    const found: Record<string, string> = {};
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile()) found[file.slice(path.length + 1)] = readFileSync(file, 'utf8');
    }
    const short = (file: string | undefined) => file?.replace(`${path}/`, '') ?? '-';
    return { ...found, said: `${short(files.context)} ${short(files.dockerfile)} ${short(files.ignorefile)}` };
  }

  it('is the source’s folder, the named config files over it', async () => {
    const config = {
      'a/app.yaml': fromGit('shop', 'merge_cfg: { include: ["conf/**/*.json", main.js, ../shared/x] }\n'),
      'a/conf/deep/a.json': '2',
      'a/conf/b.yaml': '2',
      'a/main.js': '2',
      'shared/x': '2',
    };
    expect(await written(config)).toEqual({
      'context/Dockerfile': 'FROM x',
      'context/main.js': '2',
      'context/conf/deep/a.json': '2',
      'context/shared/x': '2',
      said: 'context - -',
    });
  });

  it('has a Dockerfile of another folder beside it', async () => {
    const config = { 'app.yaml': fromGit('shop', 'build: { dockerfile: ../docker/Dockerfile, ignorefile: ig }\n') };
    expect(await written(config)).toMatchObject({
      dockerfile: 'FROM y',
      'context/main.js': '1',
      said: 'context dockerfile context/ig',
    });
  });

  it('has the Dockerfile that flyctl means by an absolute path', async () => {
    const build = 'build: { dockerfile: /docker/Dockerfile, ignorefile: /docker/ignore }\n';
    const files = { 'app.yaml': yaml('shop', `source: { type: local }\n${build}`), 'docker/Dockerfile': 'FROM l' };
    expect(await written(files)).toMatchObject({ said: 'context context/docker/Dockerfile context/docker/ignore' });
  });

  it('is an inline Dockerfile, with config files', async () => {
    const text = yaml('shop', 'source:\n  type: inline-docker-file\n  inline: FROM z\nmerge_cfg: { all: true }\n');
    expect(await written({ 'a/app.yaml': text, 'a/page.html': '1' })).toEqual({
      'context/Dockerfile': 'FROM z',
      'context/page.html': '1',
      said: 'context - -',
    });
  });

  it('is a local folder without the app’s own file', async () => {
    const files = { 'app.yaml': yaml('shop', 'source: { type: local }\n'), Dockerfile: 'FROM l', 'src/x': '1' };
    expect(await written(files)).toEqual({ 'context/Dockerfile': 'FROM l', 'context/src/x': '1', said: 'context - -' });
  });

  it('is nothing for an app that is not built', async () => {
    const loaded = await fleet({ 'app.yaml': yaml('shop', 'build: { image: nginx }\n') });
    await expect(loaded.writeBuild('shop', folder.path)).rejects.toThrow('shop is not built from a source');
  });
});

describe('merge_cfg', () => {
  it('refuses a pattern that finds nothing', async () => {
    const loaded = await fleet({ 'app.yaml': fromGit('shop', 'merge_cfg: { include: ["*.json"] }\n') });
    expect(errorsOf(loaded)[0]).toContain('merge_cfg.include[0]: there is no *.json in config');
  });

  it.each([
    ['a.json', '*.json', true],
    ['b/a.json', '*.json', false],
    ['b/a.json', '**/*.json', true],
    ['a.json', '**/*.json', true],
    ['b/c/d', 'b', true],
    ['b/c/d', 'b/*', true],
    ['b', 'b/c', false],
    ['b/c/d', '**/d', true],
    ['b/x/y/d', 'b/**/d', true],
    ['bc/d', 'b/**', false],
    ['a', './a', true],
  ])('%s under %s: %s', (path, glob, expected) => {
    expect(matchesPath(path, glob)).toBe(expected);
  });
});
