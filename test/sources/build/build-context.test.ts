import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import {
  contextId,
  refuseRepositories,
  writeBuildFolder,
  writeContext,
  type ContextLayer,
  type ContextParts,
} from '../../../src/sources/build/build-context.ts';
import { dockerignore } from '../../../src/sources/build/dockerignore.ts';
import { openFolder } from '../../../src/sources/folder/folder.ts';
import type { OpenGitMirrors } from '../../../src/sources/mirror/mirror.ts';
import type { Tree } from '../../../src/sources/tree/tree.ts';
import {
  git,
  makeBareRepository,
  temporaryFolder,
  type BareRepository,
  type FileChange,
} from '../../servers/git-server.ts';
import { memoryTree } from '../../desired/memory-tree.ts';
import { faultOf, recordMirrors } from '../recorded-mirrors.ts';

let folder: ReturnType<typeof temporaryFolder>;
let repository: BareRepository;
let mirrors: OpenGitMirrors;

beforeEach(() => {
  folder = temporaryFolder();
  repository = makeBareRepository(folder.path);
  ({ mirrors } = recordMirrors({ folder: folder.path }));
});

afterEach(() => {
  mirrors.close();
  folder.remove();
});

async function committed(files: Readonly<Record<string, FileChange>>): Promise<Tree> {
  repository.commit(files, { replace: true });
  return mirrors.tree({ url: repository.url, ref: 'main', trust: 'operator' });
}

const layer = (tree: Tree, path = '', more: Partial<ContextLayer> = {}): ContextLayer => ({
  tree,
  path,
  at: '',
  ...more,
});
const of = (...layers: readonly ContextLayer[]): ContextParts => ({ layers, texts: [] });

let written = 0;
/** Path to content; a link is `-> target`. */
async function write(parts: ContextParts): Promise<Record<string, string>> {
  written += 1;
  const path = join(folder.path, `context-${written}`);
  mkdirSync(path);
  await writeContext(parts, path);
  const found: Record<string, string> = {};
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) found[file.slice(path.length + 1)] = `-> ${readlinkSync(file)}`;
    else if (entry.isFile()) found[file.slice(path.length + 1)] = readFileSync(file, 'utf8');
  }
  return found;
}

describe('a context of a commit', () => {
  it('is its files, with their modes and links', async () => {
    const tree = await committed({
      'app/Dockerfile': 'FROM x',
      'app/bin/run': '#!',
      'app/latest': { link: 'bin/run' },
      README: 'r',
    });
    expect(await write(of(layer(tree, 'app')))).toEqual({
      Dockerfile: 'FROM x',
      'bin/run': '#!',
      latest: '-> bin/run',
    });
    const source = join(folder.path, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'run'), '#!', { mode: 0o755 });
    const opened = await openFolder({ path: source, clock: new IdleClock(), environment: process.env });
    await write(of(layer(opened.tree)));
    expect(lstatSync(join(folder.path, `context-${written}`, 'run')).mode & 0o777).toBe(0o755);
  });

  it('has the id that git gives it, with nothing laid over it or the same once more', async () => {
    const tree = await committed({
      'app/Dockerfile': 'FROM x',
      'app/a/b/c': '1',
      'app/a.b': '2',
      'app/l': { link: 'a' },
    });
    const id = await contextId(of(layer(tree, 'app')));
    expect(id).toBe(repository.git('rev-parse', 'main:app'));
    expect(await contextId(of(layer(tree, 'app'), layer(tree, 'app/a', { at: 'a' })))).toBe(id);
    expect(await contextId(of(layer(tree, 'app'), layer(memoryTree({ Dockerfile: 'FROM x' }))))).toBe(id);
    expect(await contextId(of(layer(tree, 'app'), layer(memoryTree({ Dockerfile: 'FROM y' }))))).not.toBe(id);
  });

  it('moves with its own folder only', async () => {
    const before = await contextId(of(layer(await committed({ 'app/x': '1', README: '1' }), 'app')));
    expect(await contextId(of(layer(await committed({ 'app/x': '1', README: '2' }), 'app')))).toBe(before);
    expect(await contextId(of(layer(await committed({ 'app/x': '2', README: '2' }), 'app')))).not.toBe(before);
  });

  it('refuses a folder that is not there', async () => {
    const tree = await committed({ x: '1' });
    expect((await faultOf(contextId(of(layer(tree, 'no'))))).what).toContain('there is no no in');
  });
});

describe('what is laid over it', () => {
  it('wins, file by file; a file takes a folder’s place and the other way round', async () => {
    const base = memoryTree({ keep: '1', 'conf/a': '1', 'conf/b': '1', flat: '1' });
    const over = memoryTree({ 'x/conf/a': '2', 'x/flat/deep': '2' });
    expect(await write(of(layer(base), layer(over, 'x')))).toEqual({
      keep: '1',
      'conf/a': '2',
      'conf/b': '1',
      'flat/deep': '2',
    });
    const whole = memoryTree({ conf: '3' });
    expect(await write(of(layer(base), layer(whole)))).toEqual({ keep: '1', conf: '3', flat: '1' });
    expect(await write(of(layer(base), layer(whole), layer(base, 'conf', { at: 'conf' })))).toEqual({
      keep: '1',
      'conf/a': '1',
      'conf/b': '1',
      flat: '1',
    });
  });

  it('may leave files out, and be a single file under another name', async () => {
    const over = memoryTree({ 'app.yaml': 'x', 'nginx.conf': '1' });
    const parts = of(
      layer(over, '', { without: (path) => path === 'app.yaml' }),
      layer(over, 'nginx.conf', { at: 'etc/n' }),
    );
    expect(await write(parts)).toEqual({ 'nginx.conf': '1', 'etc/n': '1' });
  });

  it('lies over an inline Dockerfile too', async () => {
    const parts = { layers: [layer(memoryTree({ page: '1' }))], texts: [{ path: 'Dockerfile', text: 'FROM x\n' }] };
    expect(await write(parts)).toEqual({ Dockerfile: 'FROM x\n', page: '1' });
    const other = { ...parts, texts: [{ path: 'Dockerfile', text: 'FROM y\n' }] };
    expect(await contextId(other)).not.toBe(await contextId(parts));
  });
});

describe('nothing leaves the root', () => {
  it.each([
    ['an absolute link', { l: { link: '/etc/passwd' } }],
    ['a link up', { 'a/l': { link: '../../x' } }],
    ['a link out through another', { 'deep/up': { link: '..' }, l: { link: 'deep/up/../x' } }],
    ['a dangling one', { l: { link: '../nothing' } }],
  ])('%s is refused', async (_name, files) => {
    const fault = await faultOf(write(of(layer(await committed({ x: '1', ...files })))));
    expect(fault).toMatchObject({
      kind: 'stalled',
      what: expect.stringContaining('symbolic link out of what is built'),
    });
  });

  it('links inside stay, circles too', async () => {
    const tree = await committed({ 'a/b': '1', l: { link: 'a/../a/b' }, one: { link: 'two' }, two: { link: 'one' } });
    expect(await write(of(layer(tree)))).toMatchObject({ l: '-> a/../a/b', one: '-> two', two: '-> one' });
  });

  it('a link of a folder that is built alone may not leave it', async () => {
    const tree = await committed({ 'app/shared': { link: '../shared' }, 'shared/x': '1' });
    expect((await faultOf(write(of(layer(tree, 'app'))))).where).toBe('shared');
  });

  it('a file laid over a link takes its place, and is not written through it', async () => {
    const tree = await committed({ conf: { link: 'real' }, 'real/a': '1' });
    expect(await write(of(layer(tree), layer(memoryTree({ 'conf/a': '2' }))))).toEqual({
      'conf/a': '2',
      'real/a': '1',
    });
  });
});

describe('a context of a folder on disk', () => {
  const source = (): string => join(folder.path, 'source');

  function disk(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(source(), path)), { recursive: true });
      writeFileSync(join(source(), path), text);
    }
  }

  async function opened(): Promise<Tree> {
    return (await openFolder({ path: source(), clock: new IdleClock(), environment: process.env })).tree;
  }

  it('holds what its id counts: not what can be fetched again', async () => {
    disk({ Dockerfile: 'FROM x', 'node_modules/a/index.js': '1', '.git/config': '' });
    const tree = await opened();
    const id = await contextId(of(layer(tree)));
    expect(await contextId(of(layer(tree), layer(memoryTree({ Dockerfile: 'FROM x' }))))).toBe(id);
    expect(Object.keys(await write(of(layer(tree))))).toEqual(['Dockerfile']);
  });

  it('is refused where it changes while it is read', async () => {
    disk({ Dockerfile: 'FROM x' });
    const tree = await opened();
    const contents = await tree.contents('');
    disk({ Dockerfile: 'FROM y' });
    const stale: Tree = { ...tree, contents: async () => contents };
    expect(await faultOf(write(of(layer(stale))))).toMatchObject({
      kind: 'transient',
      what: 'Dockerfile changed while it was read',
    });
  });

  it('shows links, and does not follow them', async () => {
    disk({ 'a/b': '1' });
    symlinkSync('/etc', join(source(), 'etc'));
    expect((await faultOf(write(of(layer(await opened()))))).why).toBe('it points to "/etc"');
    expect(existsSync(join(folder.path, `context-${written}`, 'etc'))).toBe(false);
  });
});

const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n';

describe('what is not in the repository', () => {
  const submodule = { submodule: '1'.repeat(40) };

  it.each([
    ['a submodule', { Dockerfile: 'FROM x', 'vendor/lib': submodule }, '', 'vendor/lib'],
    [
      'one in the folder that is named',
      { 'web/Dockerfile': 'FROM x', 'web/lib': submodule, other: submodule },
      'web',
      'web/lib',
    ],
  ])('%s is refused by its path', async (_what, files, path, named) => {
    const fault = await faultOf(refuseRepositories(of(layer(await committed(files), path))));
    expect(fault).toMatchObject({
      kind: 'stalled',
      what: expect.stringMatching(new RegExp(`^${named} in what is built`)),
    });
  });

  it('of a submodule elsewhere, or in a part that stays out, nothing is said', async () => {
    const tree = await committed({ 'web/Dockerfile': 'FROM x', lib: submodule, 'web/docs': submodule });
    await refuseRepositories(of(layer(tree, 'web', { without: (path) => path === 'web/docs' })));
    await refuseRepositories(of(layer(tree, 'web/Dockerfile')));
  });

  it.each([
    ['embedded, not known to git', () => undefined],
    ['a submodule', () => git(join(folder.path, 'work'), ['add', 'web'])],
  ])('a folder and git read one commit alike: %s', async (_what, also) => {
    const work = join(folder.path, 'work');
    for (const at of [work, join(work, 'web/vendor/lib')]) {
      mkdirSync(at, { recursive: true });
      git(at, ['init', '--quiet']);
      writeFileSync(join(at, 'file'), at);
    }
    git(join(work, 'web/vendor/lib'), ['add', '-A']);
    git(join(work, 'web/vendor/lib'), ['commit', '--quiet', '-m', 'x']);
    git(work, ['add', 'file']);
    also();
    git(work, ['commit', '--quiet', '-m', 'x']);
    const { tree, path } = await openFolder({
      path: join(work, 'web'),
      clock: new IdleClock(),
      environment: process.env,
    });
    expect(await tree.repositories(path)).toEqual(['web/vendor/lib']);
    expect(await tree.repositories('file')).toEqual([]);
    expect((await faultOf(refuseRepositories(of(layer(tree, path))))).what).toMatch(
      /^web\/vendor\/lib in what is built/,
    );
  });

  it('a plain folder has no repository of its own: one inside is a folder like any other', async () => {
    const work = join(folder.path, 'plain');
    mkdirSync(join(work, 'lib'), { recursive: true });
    git(join(work, 'lib'), ['init', '--quiet']);
    const { tree } = await openFolder({ path: work, clock: new IdleClock(), environment: process.env });
    await refuseRepositories(of(layer(tree)));
  });

  it.each([
    ['today’s', pointer],
    ['of its first name', pointer.replace('git-lfs', 'hawser')],
  ])('a pointer of Git LFS is refused by its path: %s', async (_what, text) => {
    for (const tree of [await committed({ 'web/model.bin': text }), memoryTree({ 'web/model.bin': text })]) {
      const fault = await faultOf(write(of(layer(tree, 'web'))));
      expect(fault).toMatchObject({
        kind: 'stalled',
        what: 'web/model.bin is a pointer of Git LFS, not the file itself',
      });
    }
  });

  it('so is one in the place of a Dockerfile beside the context', async () => {
    const tree = memoryTree({ 'web/x': '1', Dockerfile: pointer });
    const beside = [{ name: 'dockerfile', tree, path: 'Dockerfile', bytesMax: 10_000 }];
    const into = join(folder.path, 'beside');
    mkdirSync(into);
    expect((await faultOf(writeBuildFolder(into, of(layer(tree, 'web')), beside))).what).toMatch(
      /^Dockerfile is a pointer/,
    );
  });

  it('a text about pointers, and a file too long for one, are built', async () => {
    const tree = memoryTree({ 'about.md': `So begins one:\n${pointer}`, long: pointer + 'x'.repeat(1024) });
    expect(Object.keys(await write(of(layer(tree))))).toEqual(['about.md', 'long']);
  });
});

describe('.dockerignore', () => {
  it('is made of .gitignore files where there is none', async () => {
    const files = { '.gitignore': '*.log\n', 'web/.gitignore': '/dist\n!keep.log\n', 'web/x': '1' };
    expect(await write(of(layer(await committed(files))))).toMatchObject({
      '.dockerignore': '**/*.log\nweb/dist\n!web/**/keep.log\n',
    });
    expect(await write(of(layer(await committed({ ...files, '.dockerignore': 'x\n' }))))).toMatchObject({
      '.dockerignore': 'x\n',
    });
    expect(Object.keys(await write(of(layer(await committed({ x: '1' })))))).toEqual(['x']);
  });

  it.each([
    ['node_modules/', '**/node_modules'],
    ['/build/', 'build'],
    ['a/b', 'a/b'],
    ['a/', '**/a'],
    ['!x', '!**/x'],
    ['# word', ''],
    ['trailing  ', '**/trailing'],
    ['crlf\r', '**/crlf'],
    ['/', ''],
  ])('%j of a .gitignore is %j', (line, expected) => {
    expect(dockerignore([{ folder: '', text: line }])).toBe(expected === '' ? '' : `${expected}\n`);
  });
});
