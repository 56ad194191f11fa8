import { describe, expect, it } from 'vitest';
import { Fault } from '../../../src/model/base/fault.ts';
import { appYaml, errorsOf, load, loadApp, said, type LoadOptions } from '../loading.ts';
import { memoryMirrors, memoryTree } from '../memory-tree.ts';

const web = (more: string, options: LoadOptions = {}) => loadApp(appYaml('web', more), options);
const warnings = async (more: string) => said((await load({ 'app.yaml': appYaml('web', more) })).problems);

describe('sources and versions', () => {
  const noImage = (more: string): string => `app: web\nprimary_region: arn\n${more}`;
  const repo = 'https://example.com/app';
  const files = { Dockerfile: 'FROM x', 'api/main.ts': '1', 'web/main.ts': '2', 'shared/lib.ts': '3' };
  const git = (more: string): string => noImage(`source:\n  type: git\n  repo: ${repo}\n${more}`);
  const at = (content: typeof files, revision: string) => ({
    mirrors: memoryMirrors({ [repo]: memoryTree(content, { name: repo, revision }) }),
  });

  it('an image by its tag, or by its digest where a registry answers', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(await web('')).toMatchObject({
      image: { kind: 'reference', ref: 'nginx:1.27', digest: undefined },
      appVersion: 'image:nginx:1.27',
    });
    expect(await web('', { resolveImage: async () => digest })).toMatchObject({
      image: { digest },
      appVersion: `image:${digest}`,
    });
    const pinned = noImage(`source:\n  type: image\n  image: ghcr.io/me/app:1@${digest}\n`);
    expect(await loadApp(pinned, { resolveImage: () => Promise.reject(new Error('asked')) })).toMatchObject({
      appVersion: `image:${digest}`,
    });
  });

  it('build.image beats a local and an inline source, and git with a word', async () => {
    expect((await web('source:\n  type: local\n')).image.kind).toBe('reference');
    expect(await warnings(`source:\n  type: git\n  repo: ${repo}\n`)).toStrictEqual([
      'app.yaml:5:1: warning: source: build.image names an image, so nothing is built from this repo (keep one of the two)',
    ]);
  });

  it.each([
    ['local', 'source:\n  type: local\n', '../../Dockerfile', 'web/app.yaml:6:15: error: build.dockerfile'],
    ['local', 'source:\n  type: local\n', '/../../Dockerfile', 'web/app.yaml:6:15: error: build.dockerfile'],
    [
      'git',
      `source:\n  type: git\n  repo: ${repo}\n  path: api\n`,
      '../../x',
      'web/app.yaml:8:15: error: build.dockerfile',
    ],
  ])('a Dockerfile outside of the repo is refused: %s, %#', async (_type, source, path, place) => {
    const text = `${noImage(source)}build:\n  dockerfile: ${path}\n`;
    const fleet = await load({ 'web/app.yaml': text, 'web/x': '' }, at(files, 'c1'));
    expect(errorsOf(fleet)).toStrictEqual([
      `${place}: this path leads out of the repo (name a file of what is built by its path from there)`,
    ]);
  });

  it.each([
    ['source:\n  type: local\n', '../Dockerfile'],
    // As flyctl reads it: from the folder, not from the disk's root.
    ['source:\n  type: local\n', '/docker/Dockerfile'],
    ['source:\n  type: local\n', 'https://example.com/Dockerfile'],
    [`source:\n  type: git\n  repo: ${repo}\n  path: api\n`, '../Dockerfile'],
  ])('a Dockerfile elsewhere in the repo is fine: %#', async (source, path) => {
    const text = `${noImage(source)}build:\n  dockerfile: ${path}\n`;
    expect(said((await load({ 'web/app.yaml': text, Dockerfile: '' }, at(files, 'c1'))).problems)).toStrictEqual([]);
  });

  it('a git commit', async () => {
    const app = await loadApp(git('  ref: { branch: main }\n'), at(files, 'c1'));
    expect(app).toMatchObject({
      source: { type: 'git', repo, ref: 'main', path: '', commit: 'c1' },
      image: { kind: 'build' },
      appVersion: 'git:c1',
    });
  });

  it('commit beats tag beats branch', async () => {
    const mirrors = memoryMirrors({ [repo]: memoryTree(files) });
    for (const [ref, expected] of [
      ['{ branch: b, tag: t, commit: c }', 'c'],
      ['{ branch: b, tag: t }', 't'],
      ['{ branch: b }', 'b'],
      ['{}', 'HEAD'],
    ]) {
      await loadApp(git(`  ref: ${ref}\n`), { mirrors });
      expect(mirrors.asked.at(-1)?.ref).toBe(expected);
    }
  });

  it.each([
    ['path: api', { 'api/main.ts': 'new' }, { 'web/main.ts': 'new' }],
    ['watch: [api, shared]', { 'shared/lib.ts': 'new' }, { 'web/main.ts': 'new', Dockerfile: 'new' }],
    ['path: api\n  watch: [shared]', { 'api/main.ts': 'new' }, { 'web/main.ts': 'new' }],
  ])('with %s only a commit that touches those paths moves the app', async (written, moving, still) => {
    const version = async (changes: object, revision: string) => {
      const app = await loadApp(git(`  ${written}\n`), at({ ...files, ...changes }, revision));
      expect(app.source).toMatchObject({ commit: revision });
      return app.appVersion;
    };
    const first = await version({}, 'c1');
    expect(first).toMatch(/^tree:/);
    expect(await version(still, 'c2')).toBe(first);
    expect(await version(moving, 'c3')).not.toBe(first);
  });

  it('a local folder by its content, its own config file excepted', async () => {
    const version = async (more: object) => {
      const fleet = await load({
        'a/app.yaml': noImage('source:\n  type: local\n'),
        'a/Dockerfile': 'FROM x',
        'a/src/x': '1',
        'b/y': '1',
        ...more,
      });
      return fleet.apps[0]?.appVersion;
    };
    const first = await version({});
    expect(first).toMatch(/^content:[0-9a-f]{32}$/);
    expect(await version({ 'a/app.yaml': noImage('# a word\nsource:\n  type: local\n') })).toBe(first);
    expect(await version({ 'b/y': '2' })).toBe(first);
    expect(await version({ 'a/src/x': '2' })).not.toBe(first);
    expect(await version({ 'a/new': '' })).not.toBe(first);
  });

  it('an inline Dockerfile by its text', async () => {
    const inline = (text: string) => loadApp(noImage(`source:\n  type: inline-docker-file\n  inline: FROM ${text}\n`));
    expect((await inline('x')).appVersion).toMatch(/^content:/);
    expect((await inline('y')).appVersion).not.toBe((await inline('x')).appVersion);
  });

  it('config files that go into the build move the version', async () => {
    const version = async (merge: string, more: object) => {
      const text = `${git('')}merge_cfg: ${merge}\n`;
      const fleet = await load({ 'a/app.yaml': text, 'a/nginx.conf': '1', 'a/README': '1', ...more }, at(files, 'c1'));
      expect(errorsOf(fleet)).toStrictEqual([]);
      return fleet.apps[0]?.appVersion;
    };
    const listed = await version('{ include: [nginx.conf] }', {});
    expect(await version('{ include: [nginx.conf] }', { 'a/README': '2' })).toBe(listed);
    expect(await version('{ include: [nginx.conf] }', { 'a/nginx.conf': '2' })).not.toBe(listed);
    expect(await version('{ all: true }', { 'a/README': '2' })).not.toBe(await version('{ all: true }', {}));
  });

  it('a repo that cannot be reached now spoils no app; one that is refused does', async () => {
    const mirrors = memoryMirrors({});
    const fleet = await load({ 'app.yaml': git('') }, { mirrors });
    expect(fleet.apps[0]).toMatchObject({ appVersion: undefined, source: { commit: undefined } });
    expect(said(fleet.problems)).toStrictEqual([
      `app.yaml:5:9: warning: source.repo: ${repo} could not be reached (FlyCD tries again)`,
    ]);
    const why = 'git has not answered for more than 10 s';
    mirrors.faults.set(
      repo,
      new Fault({ kind: 'transient', what: 'it is not read', why, next: 'FlyCD goes on asking' }),
    );
    const late = await load({ 'app.yaml': git('') }, { mirrors });
    expect(late.apps[0]).toMatchObject({ appVersion: undefined, image: { build: undefined, unread: why } });
    mirrors.faults.set(repo, new Fault({ kind: 'stalled', what: 'no such branch', next: 'name one that is there' }));
    const refused = await load({ 'app.yaml': git('') }, { mirrors });
    expect(refused.invalid).toStrictEqual([{ name: 'web', file: 'app.yaml' }]);
    expect(errorsOf(refused)).toStrictEqual([
      'app.yaml:5:9: error: source.repo: no such branch (name one that is there)',
    ]);
  });

  it('one fetch a load, however many apps build from it', async () => {
    const { mirrors } = at(files, 'c1');
    await load({ 'a/app.yaml': git(''), 'b/app.yaml': git('').replace('app: web', 'app: api') }, { mirrors });
    expect(mirrors.asked).toHaveLength(1);
  });

  it('carries no credentials of a URL', async () => {
    const url = 'https://me:tok3n@example.com/app';
    const text = git('').replace(repo, url);
    const fleet = await load({ 'app.yaml': text }, { mirrors: memoryMirrors({ [url]: memoryTree(files) }) });
    expect(fleet.apps[0]?.source).toMatchObject({ repo });
    expect(fleet.followed).toStrictEqual([{ repo, ref: 'HEAD', app: 'web' }]);
    expect(JSON.stringify(fleet)).not.toContain('tok3n');
  });

  it.each([
    ['no source', '', 'source: expected a source, found nothing'],
    ['git without a repo', 'source:\n  type: git\n', 'source.repo: expected repo for type git, found nothing'],
    [
      'inline without a text',
      'source:\n  type: inline-docker-file\n',
      'source.inline: expected inline for type inline-docker-file, found nothing',
    ],
    [
      'a folder that is not there',
      'source:\n  type: local\n  path: nowhere\n',
      'source.path: there is no nowhere in config',
    ],
    [
      'a path of a repo that is not there',
      `source:\n  type: git\n  repo: ${repo}\n  path: nowhere\n`,
      `source.path: there is no nowhere in ${repo}`,
    ],
    [
      'an image of strange characters',
      'build:\n  image: "a b"\n',
      'build.image: expected an image reference such as ghcr.io/me/app:1.2, found other characters',
    ],
    [
      'a way out of the config repo, also where an image runs',
      'build:\n  image: a\nsource:\n  type: local\n  path: ../../other\n',
      'app.yaml:7:9: error: source.path: this path leads out of the repo',
    ],
    [
      'a way out of the source’s repo, also where an image runs',
      `build:\n  image: a\nsource:\n  type: git\n  repo: ${repo}\n  path: ../other\n`,
      'app.yaml:8:9: error: source.path: this path leads out of the repo',
    ],
    [
      'a watched path that leads out, also where an image runs',
      'build:\n  image: a\nsource:\n  type: local\n  watch: [lib, ../../other]\n',
      'app.yaml:7:16: error: source.watch[1]: this path leads out of the repo',
    ],
    [
      'two images',
      'build:\n  image: a\nsource:\n  type: image\n  image: b\n',
      'source.image: build.image names another image',
    ],
  ])('refuses %s', async (_what, more, expected) => {
    const fleet = await load({ 'app.yaml': noImage(more) }, at(files, 'c1'));
    expect(errorsOf(fleet).join('\n')).toContain(expected);
    expect(errorsOf(fleet)).toHaveLength(1);
  });

  it('a bare fly.toml is built from its folder, and needs a name and a region except to be rendered', async () => {
    const text = '[env]\nCOLOR = "red"\n';
    const refused = await load({ 'fly.toml': text }, { path: 'fly.toml' });
    expect(errorsOf(refused)).toStrictEqual([
      'fly.toml:1:1: error: app: expected the app’s name, found nothing (a fly config without a name may be the fly_config of an app.yaml, which names the app)',
      'fly.toml:1:1: error: primary_region: expected a region code such as arn, found nothing (flyctl would take the one nearest to whoever deploys: name the region where new machines belong)',
    ]);
    const rendered = await load({ 'fly.toml': text }, { path: 'fly.toml', nameless: 'unnamed' });
    expect(errorsOf(rendered)).toStrictEqual([]);
    expect(rendered.apps[0]).toMatchObject({ name: 'unnamed', source: { type: 'local', path: '' } });
    expect(rendered.apps[0]?.groups[0]?.config.env).toStrictEqual({ COLOR: 'red', FLY_PROCESS_GROUP: 'app' });
  });
});

describe('files put into machines', () => {
  const text = appYaml('web', 'files:\n  - guest_path: /etc/x\n    local_path: conf/x\n');

  it('come from the app’s folder, and move its version', async () => {
    const version = async (content: string) => {
      const fleet = await load({ 'a/app.yaml': text, 'a/conf/x': content });
      expect(errorsOf(fleet)).toStrictEqual([]);
      expect(fleet.apps[0]?.files).toStrictEqual(['a/app.yaml', 'a/conf/x']);
      return fleet.apps[0]?.groups[0]?.configVersion;
    };
    expect(await version('1')).not.toBe(await version('2'));
  });

  it('or from its source', async () => {
    const repo = 'https://example.com/app';
    const mirrors = memoryMirrors({ [repo]: memoryTree({ 'deploy/conf/x': '1' }, { name: repo }) });
    const own = text.replace(
      'build:\n  image: nginx:1.27\n',
      `source:\n  type: git\n  repo: ${repo}\n  path: deploy\n`,
    );
    expect((await loadApp(own, { mirrors })).files).toStrictEqual(['app.yaml', `${repo}//deploy/conf/x`]);
  });

  it.each(['../../etc/passwd', '/etc/passwd', 'conf/none'])('%s is refused', async (path) => {
    const fleet = await load({ 'a/app.yaml': text.replace('conf/x', path), 'etc/passwd': 'root' });
    expect(errorsOf(fleet)).toHaveLength(1);
  });
});
