import { chmodSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { git, makeBareRepository, startGitServer } from '../../servers/git-server.ts';
import { faultOf, limit, MirrorPlace, textOf } from '../recorded-mirrors.ts';

const place = new MirrorPlace();

describe('a tree of a git repository', () => {
  it('lists, reads and names what a commit holds', async () => {
    const commit = place.repository.commit({ 'app.yaml': 'app: a\n', 'b/c/app.yaml': 'app: c\n', 'b/d.txt': '' });
    const tree = await place.mirrors().mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    expect(tree.revision).toBe(commit);
    expect(tree.name).toBe(place.repository.url);
    expect(await tree.list('')).toEqual([
      { path: 'app.yaml', kind: 'file', size: 7 },
      { path: 'b', kind: 'folder', size: 0 },
    ]);
    expect(await tree.list('./b/')).toEqual([
      { path: 'b/c', kind: 'folder', size: 0 },
      { path: 'b/d.txt', kind: 'file', size: 0 },
    ]);
    expect(await tree.list('nowhere')).toEqual([]);
    expect(await textOf(tree, 'b/c/app.yaml')).toBe('app: c\n');
    expect(await textOf(tree, 'b/d.txt')).toBe('');
    expect(await tree.read('b', limit)).toBeUndefined();
    expect(await tree.read('b/x', limit)).toBeUndefined();
    for (const path of ['', 'b', 'b/c/app.yaml']) {
      expect(await tree.id(path)).toBe(place.repository.git('rev-parse', `main:${path}`));
    }
    expect(await tree.id('nowhere')).toBeUndefined();
  });

  it('reads many files of any size and content through one child', async () => {
    const files: Record<string, Uint8Array> = {};
    for (let index = 0; index < 200; index += 1) {
      files[`f${index}`] = Uint8Array.from({ length: index * index * 7 }, (_unused, at) => (at * 31 + index) % 256);
    }
    place.repository.commit(files);
    const { mirrors, calls } = place.mirrors();
    const tree = await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    const read = await Promise.all(Object.keys(files).map((path) => tree.read(path, limit)));
    expect(read.map((content) => Buffer.from(content ?? []).toString('hex'))).toEqual(
      Object.values(files).map((content) => Buffer.from(content).toString('hex')),
    );
    expect(calls('cat-file')).toHaveLength(1);
  });

  it('refuses files over the limit and every way out of the tree', async () => {
    place.repository.commit({
      'big.yaml': 'x'.repeat(1000),
      'in/file': 'inside',
      'link-in': { link: 'in' },
      'in/deep-link': { link: '../in/../link-in/file' },
      'link-out': { link: '../../etc/passwd' },
      'link-absolute': { link: '/etc/passwd' },
      'in/absolute': { link: '/etc/passwd' },
      'folder-out': { link: '..' },
      'circle-a': { link: 'circle-b' },
      'circle-b': { link: 'circle-a' },
      'link-git': { link: '.git/config' },
      dangling: { link: 'nowhere' },
    });
    const tree = await place.mirrors().mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    expect((await tree.list('')).find(({ path }) => path === 'link-out')?.kind).toBe('link');
    expect(await textOf(tree, 'link-in/file')).toBe('inside');
    expect(await textOf(tree, 'in/deep-link')).toBe('inside');
    expect(await tree.list('link-in')).toContainEqual({ path: 'link-in/file', kind: 'file', size: 6 });
    expect(await tree.id('link-in')).toBe(await tree.id('in'));
    expect(await tree.read('dangling', limit)).toBeUndefined();
    const out = [
      'link-out',
      'link-absolute',
      'in/absolute',
      'folder-out/x',
      'circle-a',
      'link-git',
      '../x',
      '/etc/passwd',
      'in/../../x',
      'a\0b',
      '.git/config',
      'in/.GIT/x',
    ];
    for (const path of out) {
      for (const ask of [tree.read(path, limit), tree.list(path), tree.id(path)]) {
        const fault = await faultOf(ask);
        expect(fault.kind, path).toBe('stalled');
        expect(fault.message).toMatch(/leads out of/);
      }
    }
    const fault = await faultOf(tree.read('big.yaml', 999));
    expect(fault.message).toContain('1000 bytes, at most 999');
    expect(await tree.read('big.yaml', 1000)).toHaveLength(1000);
  });

  it('never follows submodules', async () => {
    const commit = place.repository.commit({ a: 'a' });
    const lines = `160000 commit ${commit}\tsub\n040000 tree ${place.repository.git('rev-parse', 'main^{tree}')}\tdir\n`;
    const made = git(place.repository.directory, ['mktree', '--missing'], lines);
    place.repository.git('update-ref', 'refs/heads/main', place.repository.git('commit-tree', '-m', 'x', made));
    const tree = await place.mirrors().mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    expect((await tree.list('')).map(({ path, kind }) => [path, kind])).toEqual([
      ['dir', 'folder'],
      ['sub', 'repository'],
    ]);
    expect(await tree.list('sub')).toEqual([]);
    expect(await tree.read('sub/a', limit)).toBeUndefined();
    expect(await tree.id('')).toBe(made);
  });
});

describe('refs', () => {
  it('finds branches, tags, commits and the default branch', async () => {
    const first = place.repository.commit({ a: '1' });
    const second = place.repository.commit({ a: '2' });
    place.repository.commit({ a: '3' }, { branch: 'feature/x' });
    const feature = place.repository.git('rev-parse', 'feature/x');
    place.repository.tag('v1', first);
    place.repository.tag('plain', first, 'plain');
    const { mirrors } = place.mirrors();
    const at = async (ref: string): Promise<string> =>
      (await mirrors.tree({ url: place.repository.url, ref, trust: 'operator' })).revision;
    expect(await at('HEAD')).toBe(second);
    expect(await at('main')).toBe(second);
    expect(await at('feature/x')).toBe(feature);
    expect(await at('refs/heads/feature/x')).toBe(feature);
    expect(await at('v1')).toBe(first);
    expect(await at('refs/tags/v1')).toBe(first);
    expect(await at('plain')).toBe(first);
    expect(await at(first)).toBe(first);
  });

  it('takes the branch where a tag has its name, unless the tag is named in full', async () => {
    const first = place.repository.commit({ a: '1' });
    const second = place.repository.commit({ a: '2' });
    place.repository.tag('main', first, 'plain');
    const { mirrors } = place.mirrors();
    const tree = await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    expect(tree.revision).toBe(second);
    const tagged = await mirrors.tree({ url: place.repository.url, ref: 'refs/tags/main', trust: 'operator' });
    expect(tagged.revision).toBe(first);
  });

  it('follows a branch that is rewritten, or becomes a folder of branches', async () => {
    place.repository.commit({ a: '1' }, { branch: 'x' });
    const { mirrors } = place.mirrors();
    await mirrors.tree({ url: place.repository.url, ref: 'x', trust: 'operator' });
    place.repository.git('update-ref', '-d', 'refs/heads/x');
    const rewritten = place.repository.commit({ b: '2' }, { branch: 'x' });
    expect((await mirrors.tree({ url: place.repository.url, ref: 'x', trust: 'operator' })).revision).toBe(rewritten);
    place.repository.git('update-ref', '-d', 'refs/heads/x');
    const inner = place.repository.commit({ b: '3' }, { branch: 'x/y' });
    expect((await mirrors.tree({ url: place.repository.url, ref: 'x/y', trust: 'operator' })).revision).toBe(inner);
  });

  it('says which ref is missing, and stalls', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors } = place.mirrors();
    for (const ref of ['nowhere', 'refs/tags/v9', 'f'.repeat(40), 'abcdef0']) {
      const fault = await faultOf(mirrors.tree({ url: place.repository.url, ref, trust: 'operator' }));
      expect(fault.kind).toBe('stalled');
      expect(fault.message).toContain(ref);
    }
    const empty = makeBareRepository(place.path, 'empty.git');
    const fault = await faultOf(mirrors.tree({ url: empty.url, ref: 'HEAD', trust: 'operator' }));
    expect(fault.kind).toBe('stalled');
  });

  it('refuses a ref with a leading dash before any git runs', async () => {
    const { mirrors, calls } = place.mirrors();
    const fault = await faultOf(
      mirrors.tree({ url: place.repository.url, ref: '--upload-pack=touch x', trust: 'operator' }),
    );
    expect(fault.kind).toBe('stalled');
    expect(fault.message).toContain('is refused');
    expect(calls()).toEqual([]);
  });

  it('refuses files of this machine out of a config file before any git runs', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors, calls } = place.mirrors();
    const fault = await faultOf(mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'config' }));
    expect(fault.kind).toBe('stalled');
    expect(calls()).toEqual([]);
  });

  it('refuses a tag of something that is no commit', async () => {
    place.repository.commit({ a: '1' });
    place.repository.git('tag', 'blob', place.repository.git('rev-parse', 'main:a'));
    const fault = await faultOf(
      place.mirrors().mirrors.tree({ url: place.repository.url, ref: 'blob', trust: 'operator' }),
    );
    expect(fault.kind).toBe('stalled');
    expect(fault.message).toContain('is no commit');
  });
});

describe('fetching', () => {
  it('fetches once for parallel calls, not at all for an unchanged ref, and again when it moved', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors, calls } = place.mirrors();
    const request = { url: place.repository.url, ref: 'main', trust: 'operator' } as const;
    const [one, two] = await Promise.all([mirrors.tree(request), mirrors.tree(request)]);
    expect(one).toBe(two);
    expect(calls('fetch')).toHaveLength(1);
    expect(calls('ls-remote')).toHaveLength(1);
    await mirrors.tree(request);
    await mirrors.tree({ ...request, ref: 'HEAD' });
    expect(calls('fetch')).toHaveLength(1);
    expect(calls('ls-remote')).toHaveLength(3);
    const moved = place.repository.commit({ a: '2' });
    expect((await mirrors.tree(request)).revision).toBe(moved);
    expect(calls('fetch')).toHaveLength(2);
  });

  it.each(['main', 'HEAD', 'its id'])('looks for nothing in a mirror that is new, asked for %s', async (ref) => {
    const commit = place.repository.commit({ a: '1' });
    place.repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
    const { mirrors, calls } = place.mirrors();
    const request = { url: place.repository.url, ref: ref === 'its id' ? commit : ref, trust: 'operator' } as const;
    expect((await mirrors.tree(request)).revision).toBe(commit);
    expect(calls('for-each-ref')).toHaveLength(1);
    expect((await mirrors.tree(request)).revision).toBe(commit);
    expect(calls('fetch')).toHaveLength(1);
  });

  it('never answers with what was asked before the call', async () => {
    place.repository.commit({ a: '1' });
    const server = await startGitServer({ root: place.served });
    place.closing(() => server.close());
    const { mirrors } = place.mirrors();
    const request = { url: `${server.url}/config.git`, ref: 'main', trust: 'config' } as const;
    const early = mirrors.tree(request);
    while (server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve)); // ls-remote has been answered or is about to be
    const moved = place.repository.commit({ a: '2' });
    const late = mirrors.tree(request);
    await early;
    expect((await late).revision).toBe(moved);
  });

  it('asks once for a pass, also where that fails', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors, calls } = place.mirrors();
    const request = { url: place.repository.url, ref: 'main', trust: 'operator', pass: {} } as const;
    const before = await mirrors.tree(request);
    place.repository.commit({ a: '2' });
    expect(await mirrors.tree(request)).toBe(before);
    expect(calls('ls-remote')).toHaveLength(1);
    expect(await mirrors.tree({ ...request, pass: {} })).not.toBe(before);
    const pass = {};
    for (let call = 0; call < 3; call += 1) {
      await faultOf(mirrors.tree({ url: `${place.repository.url}x`, ref: 'main', trust: 'operator', pass }));
    }
    expect(calls('ls-remote')).toHaveLength(3);
  });

  it('uses a commit it has without asking, and fetches one it lacks', async () => {
    const first = place.repository.commit({ a: '1' });
    place.repository.commit({ a: '2' });
    const side = place.repository.commit({ a: '3' }, { branch: 'side' });
    const { mirrors, calls } = place.mirrors();
    const tree = (ref: string) => mirrors.tree({ url: place.repository.url, ref, trust: 'operator' });
    await tree('main');
    expect(await textOf(await tree(first), 'a')).toBe('1');
    expect(calls('fetch')).toHaveLength(1);
    expect(await textOf(await tree(side), 'a')).toBe('3');
    expect(calls('fetch')).toHaveLength(2);
  });

  it('takes no git that dies without a word for an answer', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors } = place.mirrors();
    await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    const stub = '#!/bin/sh\n[ "$1" != ls-remote ] || kill -9 $$\nexec /usr/bin/env PATH="${PATH#*:}" git "$@"\n';
    writeFileSync(join(place.path, 'bin', 'git'), stub);
    const fault = await faultOf(mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' }));
    expect(fault.kind).toBe('transient');
  });

  it('goes on from the mirror on disk after a restart', async () => {
    const first = place.repository.commit({ a: '1' });
    await place.mirrors().mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    const { mirrors, calls, data } = place.mirrors();
    expect((await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' })).revision).toBe(first);
    expect(calls('fetch')).toHaveLength(1);
    const [mirror = ''] = readdirSync(join(data, 'mirrors'));
    expect(mirror).toMatch(/^[0-9a-f]{32}\.git$/);
    expect(statSync(join(data, 'mirrors', mirror)).mode & 0o077).toBe(0);
  });

  it.each([
    ['a stale lock', (mirror: string) => lockRefs(mirror)],
    ['a missing HEAD', (mirror: string) => writeFileSync(join(mirror, 'HEAD'), '')],
    ['broken objects', (mirror: string) => breakObjects(mirror)],
  ])('mends a mirror with %s', async (_name, harm) => {
    place.repository.commit({ a: '1' });
    const before = place.mirrors();
    await before.mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    before.mirrors.close();
    const { mirrors, data } = place.mirrors();
    const [mirror = ''] = readdirSync(join(data, 'mirrors'));
    harm(join(data, 'mirrors', mirror));
    const moved = place.repository.commit({ b: '2' });
    const tree = await mirrors.tree({ url: place.repository.url, ref: 'main', trust: 'operator' });
    expect(tree.revision).toBe(moved);
    expect(await textOf(tree, 'a')).toBe('1');
    expect(readdirSync(join(data, 'mirrors'))).toEqual([mirror]);
  });

  it('mends a mirror whose files vanish under an open tree with the next call', async () => {
    place.repository.commit({ a: '1' });
    const { mirrors, data } = place.mirrors();
    const request = { url: place.repository.url, ref: 'main', trust: 'operator' } as const;
    const tree = await mirrors.tree(request);
    const [mirror = ''] = readdirSync(join(data, 'mirrors'));
    breakObjects(join(data, 'mirrors', mirror));
    const fault = await faultOf(tree.read('a', limit));
    expect(fault.kind).toBe('transient');
    expect(await textOf(await mirrors.tree(request), 'a')).toBe('1');
  });

  function lockRefs(mirror: string): void {
    const refs = join(mirror, 'refs', 'flycd');
    for (const ref of readdirSync(refs)) writeFileSync(join(refs, `${ref}.lock`), '');
  }

  function breakObjects(mirror: string): void {
    const objects = readdirSync(join(mirror, 'objects'), { recursive: true, withFileTypes: true });
    for (const entry of objects.filter((one) => one.isFile())) {
      const file = join(entry.parentPath, entry.name);
      chmodSync(file, 0o600);
      truncateSync(file, 0);
    }
  }
});
