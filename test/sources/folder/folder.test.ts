import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import * as fc from '../../property.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { FolderMemory } from '../../../src/sources/tree/folder-memory.ts';
import { openFolder, type OpenFolder } from '../../../src/sources/folder/folder.ts';
import { git, gitEach, initWorkTree, temporaryFolder } from '../../servers/git-server.ts';
import { faultOf } from '../recorded-mirrors.ts';

const limit = 1_000_000;

let folder: ReturnType<typeof temporaryFolder>;
let root: string;

beforeEach(() => {
  folder = temporaryFolder();
  root = join(folder.path, 'config');
  mkdirSync(root);
});

afterEach(() => folder.remove());

function write(files: Readonly<Record<string, string>>, base = root): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), content);
  }
}

function open(path = root, memory?: FolderMemory): Promise<OpenFolder> {
  return openFolder({ path, clock: new IdleClock(), environment: process.env, memory });
}

function commitAll(message = 'x'): string {
  return gitEach(root, [
    ['add', '-A'],
    ['commit', '--quiet', '--allow-empty', '-m', message],
    ['rev-parse', 'HEAD'],
  ]);
}

async function text(opened: OpenFolder, path: string): Promise<string | undefined> {
  const content = await opened.tree.read(path, limit);
  return content === undefined ? undefined : new TextDecoder().decode(content);
}

describe('a plain folder', () => {
  it('lists and reads what is there, without .git', async () => {
    write({ 'b/app.yaml': 'app: b\n', 'a.yaml': 'a', 'B.yaml': '' });
    symlinkSync('a.yaml', join(root, 'link'));
    spawnSync('/usr/bin/mkfifo', [join(root, 'pipe')]);
    const { tree, path, warning } = await open();
    expect({ path, warning }).toEqual({ path: '', warning: undefined });
    expect(await tree.list('')).toEqual([
      { path: 'B.yaml', kind: 'file', size: 0 },
      { path: 'a.yaml', kind: 'file', size: 1 },
      { path: 'b', kind: 'folder', size: 0 },
      { path: 'link', kind: 'link', size: 0 },
      { path: 'pipe', kind: 'special', size: 0 },
    ]);
    expect(await tree.list('b')).toEqual([{ path: 'b/app.yaml', kind: 'file', size: 7 }]);
    expect(await tree.list('nowhere')).toEqual([]);
    expect(await tree.list('a.yaml')).toEqual([]);
    expect(new TextDecoder().decode(await tree.read('./b/../b/app.yaml', limit))).toBe('app: b\n');
    expect(await tree.read('b', limit)).toBeUndefined();
    expect(await tree.read('a.yaml/x', limit)).toBeUndefined();
    expect(await tree.read('pipe', limit)).toBeUndefined();
    expect((await faultOf(tree.read('b/app.yaml', 6))).message).toContain('7 bytes, at most 6');
  });

  it('changes its revision with any content, name, mode or link, and with nothing else', async () => {
    write({ 'a/app.yaml': '1', 'b/app.yaml': '2' });
    const seen = new Set<string>();
    const revision = async (): Promise<string> => (await open()).tree.revision;
    const differs = async (): Promise<void> => {
      const now = await revision();
      expect(now).toMatch(/^content:[0-9a-f]{40}$/);
      expect(seen.has(now)).toBe(false);
      seen.add(now);
    };
    await differs();
    write({ 'a/app.yaml': '3' });
    await differs();
    renameSync(join(root, 'a'), join(root, 'c'));
    await differs();
    chmodSync(join(root, 'c/app.yaml'), 0o755);
    await differs();
    symlinkSync('c', join(root, 'd'));
    await differs();
    const before = await revision();
    utimesSync(join(root, 'c/app.yaml'), 1, 1);
    write({ 'node_modules/x/index.js': 'x', 'b/node_modules/y': 'y' });
    mkdirSync(join(root, 'empty'));
    expect(await revision()).toBe(before);
  });

  it('names a file by its content, and its folder is the fence', async () => {
    write({ 'fly.toml': 'app = "a"\n', other: 'x' });
    const opened = await open(join(root, 'fly.toml'));
    expect(opened.path).toBe('fly.toml');
    expect(await text(opened, 'other')).toBe('x');
    write({ other: 'y' });
    expect((await open(join(root, 'fly.toml'))).tree.revision).toBe(opened.tree.revision);
    write({ 'fly.toml': 'app = "b"\n' });
    expect((await open(join(root, 'fly.toml'))).tree.revision).not.toBe(opened.tree.revision);
  });

  it('reads a changed file again although its memory knows it and its time was set back', async () => {
    const memory = new FolderMemory();
    write({ 'a/app.yaml': '1111', 'b/app.yaml': '2222' });
    utimesSync(join(root, 'a/app.yaml'), new Date(0), new Date(0));
    const before = (await open(root, memory)).tree;
    const unchanged = await before.id('b');
    write({ 'a/app.yaml': '3333' });
    utimesSync(join(root, 'a/app.yaml'), new Date(0), new Date(0));
    const after = (await open(root, memory)).tree;
    expect(await after.id('a')).not.toBe(await before.id('a'));
    expect(await after.id('b')).toBe(unchanged);
    expect(await after.id('a')).toBe(await (await open()).tree.id('a'));
  });

  it('says what it could not open', async () => {
    const fault = await faultOf(open(join(root, 'nowhere')));
    expect(fault.kind).toBe('stalled');
    expect(fault.message).toContain('no such file or folder');
    git(folder.path, ['init', '--bare', '--quiet', 'bare.git']);
    expect((await faultOf(open(join(folder.path, 'bare.git')))).next).toContain(`file://${folder.path}/bare.git`);
  });
});

describe('the fence', () => {
  beforeEach(() => {
    write({ 'secret.txt': 'canary', 'config-secrets/x': 'canary' }, folder.path);
    write({ 'in/file': 'inside' });
    symlinkSync('in', join(root, 'link-in'));
    symlinkSync('../secret.txt', join(root, 'link-out'));
    symlinkSync('/etc/passwd', join(root, 'link-absolute'));
    symlinkSync('..', join(root, 'folder-out'));
    symlinkSync('../config-secrets', join(root, 'prefix-out'));
    symlinkSync('circle-b', join(root, 'circle-a'));
    symlinkSync('circle-a', join(root, 'circle-b'));
    symlinkSync('nowhere', join(root, 'dangling'));
  });

  it('lets links inside through, under the path that was asked for', async () => {
    const opened = await open();
    expect(await text(opened, 'link-in/file')).toBe('inside');
    expect(await opened.tree.list('link-in')).toEqual([{ path: 'link-in/file', kind: 'file', size: 6 }]);
    expect(await opened.tree.id('link-in')).toBe(await opened.tree.id('in'));
    expect(await opened.tree.read('dangling', limit)).toBeUndefined();
  });

  it.each([
    'link-out',
    'link-absolute',
    'folder-out',
    'folder-out/secret.txt',
    'prefix-out/x',
    'circle-a',
    '..',
    '../secret.txt',
    'in/../../secret.txt',
    '/etc/passwd',
    'a\0b',
    '.git/config',
    'in/.GIT/x',
  ])('refuses %j', async (path) => {
    const { tree } = await open();
    for (const ask of [tree.read(path, limit), tree.list(path), tree.id(path)]) {
      expect((await faultOf(ask)).kind).toBe('stalled');
    }
  });

  it('never leaves it, whatever the path', async () => {
    const { tree } = await open();
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'in',
      'file',
      'link-in',
      'folder-out',
      'config',
      'secret.txt',
      '/',
      'prefix-out',
      '~',
      '%2e%2e',
      '..\\..',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 7 }), async (parts) => {
        const content = await tree.read(parts.join('/'), limit).catch((error: unknown) => {
          expect(error).toBeInstanceOf(Fault);
          return undefined;
        });
        if (content !== undefined) expect(new TextDecoder().decode(content)).toBe('inside');
      }),
      { numRuns: 300 },
    );
  });

  it("refuses a link to git's own folder", async () => {
    git(root, ['init', '--quiet']);
    symlinkSync('.git', join(root, 'g'));
    commitAll();
    const { tree } = await open();
    expect((await faultOf(tree.read('g/config', limit))).kind).toBe('stalled');
    expect((await tree.list('')).map(({ path }) => path)).not.toContain('.git');
  });
});

describe('a git work tree', () => {
  beforeEach(() => {
    initWorkTree(root);
    write({
      '.gitignore': 'dist/\n*.log\n',
      'apps/a/app.yaml': 'app: a\n',
      'apps/b/app.yaml': 'app: b\n',
      'shared/x': 'x',
    });
    commitAll();
  });

  it("is its commit, with git's ids, and its top is the fence", async () => {
    const { tree, path } = await open(join(root, 'apps/a'));
    expect(path).toBe('apps/a');
    expect(tree.revision).toBe(git(root, ['rev-parse', 'HEAD']));
    expect(await tree.list('shared')).toHaveLength(1);
    for (const inside of ['', 'apps', 'apps/a/app.yaml']) {
      expect(await tree.id(inside)).toBe(git(root, ['rev-parse', `HEAD:${inside}`]));
    }
    expect((await open(join(root, 'apps/b/app.yaml'))).path).toBe('apps/b/app.yaml');
  });

  it('is dirty with a change, a new, a removed or a staged file, and clean with an ignored one', async () => {
    const commit = git(root, ['rev-parse', 'HEAD']);
    const revision = async (): Promise<string> => (await open()).tree.revision;
    write({ 'dist/x': 'x', 'apps/a/y.log': 'y' });
    expect(await revision()).toBe(commit);
    write({ 'apps/c/app.yaml': 'app: c\n' });
    expect(await revision()).toBe(`${commit}-dirty`);
    rmSync(join(root, 'apps/c'), { recursive: true });
    write({ 'apps/a/app.yaml': 'app: x\n' });
    expect(await revision()).toBe(`${commit}-dirty`);
    git(root, ['add', '-A']);
    expect(await revision()).toBe(`${commit}-dirty`);
    git(root, ['reset', '--quiet', '--hard']);
    rmSync(join(root, 'shared/x'));
    expect(await revision()).toBe(`${commit}-dirty`);
  });

  it('moves only the ids a change touches, to those that git gives once it is committed', async () => {
    const before = (await open()).tree;
    const paths = ['', 'apps', 'apps/a', 'apps/a/app.yaml', 'apps/b', 'shared', 'new', 'new/deep/f'];
    const old = new Map<string, string | undefined>();
    for (const path of paths) old.set(path, await before.id(path));
    write({ 'apps/a/app.yaml': 'app: changed\n', 'new/deep/f': 'f', 'new/z.log': 'ignored', 'dist/x': 'ignored' });
    write({ 'with space/ünï "q"': 'q' });
    const { tree } = await open();
    const dirty = new Map<string, string | undefined>();
    for (const path of [...paths, 'with space']) dirty.set(path, await tree.id(path));
    expect(dirty.get('apps/b')).toBe(old.get('apps/b'));
    expect(dirty.get('shared')).toBe(old.get('shared'));
    for (const path of ['', 'apps', 'apps/a', 'apps/a/app.yaml']) expect(dirty.get(path)).not.toBe(old.get(path));
    expect(old.get('new')).toBeUndefined();
    commitAll();
    for (const [path, id] of dirty) expect(id, path).toBe(git(root, ['rev-parse', `HEAD:${path}`]));
  });

  it('forgets the id of what is removed', async () => {
    rmSync(join(root, 'apps/a'), { recursive: true });
    const { tree } = await open();
    expect(await tree.id('apps/a')).toBeUndefined();
    expect(await tree.id('apps')).toBeDefined();
  });

  it('hashes an ignored folder that is named outright', async () => {
    write({ 'dist/x': '1' });
    const before = await (await open()).tree.id('dist');
    expect(before).toBeDefined();
    write({ 'dist/x': '2' });
    expect(await (await open()).tree.id('dist')).not.toBe(before);
  });

  it('takes an ignored folder for a plain one', async () => {
    write({ 'dist/app.yaml': 'app: a\n' });
    const { tree, path, warning } = await open(join(root, 'dist'));
    expect({ path, warning }).toEqual({ path: '', warning: undefined });
    expect(tree.revision).toMatch(/^content:/);
    expect((await faultOf(tree.read('../shared/x', limit))).kind).toBe('stalled');
  });

  it('is content before its first commit', async () => {
    const fresh = join(folder.path, 'fresh');
    mkdirSync(fresh);
    git(fresh, ['init', '--quiet']);
    write({ 'a/app.yaml': 'x' }, fresh);
    const { tree, path } = await open(join(fresh, 'a'));
    expect(path).toBe('a');
    expect(tree.revision).toMatch(/^content:/);
    expect(await tree.id('a')).toBeDefined();
  });

  it.runIf(process.getuid?.() === 0)('says how to make git read a folder of another user', async () => {
    const others = join(folder.path, 'others');
    write({ 'app.yaml': 'x' }, others);
    initWorkTree(others);
    chownSync(others, 12_345, 12_345);
    const { warning, tree } = await open(others);
    expect(warning).toContain('belongs to another user');
    expect(warning).toContain(`chown -R "$(id -u)" ${others}`);
    expect(tree.revision).toMatch(/^content:/);
    chownSync(others, 0, 0);
    expect((await open(others)).warning).toBeUndefined();
  });

  it('takes a folder git cannot read for a plain one, with a warning', async () => {
    const broken = join(folder.path, 'broken');
    write({ '.git/HEAD': 'nonsense', 'app.yaml': 'x' }, broken);
    const opened = await open(broken);
    expect(opened.warning).toMatch(/taken as a plain folder, and FlyCD removes no app: .*not a git repository/);
    expect(opened.tree.revision).toMatch(/^content:/);
    const clock = new IdleClock();
    const without = await openFolder({ path: root, clock, environment: { PATH: folder.path } });
    expect(without.warning).toContain('git is not installed');
    expect(clock.pending).toBe(0);
  });

  it('runs nothing that the repository configures', async () => {
    const trace = join(folder.path, 'ran');
    write({ '.git/hooks/post-index-change': `#!/bin/sh\ntouch '${trace}'\n` });
    chmodSync(join(root, '.git/hooks/post-index-change'), 0o755);
    write({ 'monitor.sh': `#!/bin/sh\ntouch '${trace}'\n` });
    chmodSync(join(root, 'monitor.sh'), 0o755);
    git(root, ['config', 'core.fsmonitor', join(root, 'monitor.sh')]);
    utimesSync(join(root, 'shared/x'), 5, 5);
    const { tree } = await open();
    expect(tree.revision).toMatch(/-dirty$/);
    expect(existsSync(trace)).toBe(false);
  });

  it('knows a linked work tree', async () => {
    const linked = join(folder.path, 'linked');
    git(root, ['worktree', 'add', '--quiet', '-b', 'other', linked]);
    expect((await open(linked)).tree.revision).toBe(git(root, ['rev-parse', 'HEAD']));
  });

  it('agrees with git on any tree of files', async () => {
    const name = fc.constantFrom('a', 'a.b', 'a-b', 'a0', 'A', 'é', ' x', 'z');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const files = fc.dictionary(path, fc.string({ maxLength: 12 }), { minKeys: 1, maxKeys: 8 });
    await fc.assert(
      fc.asyncProperty(files, async (chosen) => {
        const base = temporaryFolder();
        try {
          for (const [file, content] of Object.entries(chosen)) {
            try {
              write({ [file]: content }, base.path);
            } catch {
              // a file stands where this path needs a folder, or the other way round
            }
          }
          const { tree } = await openFolder({ path: base.path, clock: new IdleClock(), environment: process.env });
          initWorkTree(base.path);
          git(base.path, ['add', '-A']);
          expect(tree.revision).toBe(`content:${git(base.path, ['write-tree'])}`);
        } finally {
          base.remove();
        }
      }),
      { numRuns: 25 },
    );
  });

  it('counts hard links as the files they are', async () => {
    linkSync(join(root, 'shared/x'), join(root, 'shared/y'));
    const { tree } = await open();
    expect(await tree.id('shared/y')).toBe(await tree.id('shared/x'));
  });
});
