import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/model/base/clock.ts';
import { Fault } from '../../../src/model/base/fault.ts';
import { openFolder } from '../../../src/sources/folder/folder.ts';
import { goHash, hasGoHash, sha256Of } from '../../../src/sources/tree/go-hash.ts';
import type { Tree } from '../../../src/sources/tree/tree.ts';
import { memoryTree } from '../../desired/memory-tree.ts';
import { git, temporaryFolder } from '../../servers/git-server.ts';

type Contents = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;

/** Folders and what golang.org/x/mod v0.15.0 answered for them; undefined: it refused. */
const vectors: Readonly<Record<string, readonly [Contents, string | undefined]>> = {
  nothing: [{}, 'h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
  'one file': [{ Dockerfile: 'FROM scratch\n' }, 'h1:wIBpgB3LLGjs792gwJuBONyUtFOmwulSJS2GxF1XVpk='],
  'names around a slash': [
    { 'a/b': '1', 'a.b': '2', 'a-b': '3', a0: '4', 'a/b.c/d': '5', B: '6', b: '7' },
    'h1:wiSunu1CkiedFO0YXHZD0OtaPx62HNK8IxPe831wUiE=',
  ],
  'names that UTF-16 orders otherwise': [
    { '\uffee.txt': 'bmp', '\u{1F600}.txt': 'astral', '\u00e9.txt': 'latin', 'e\u0301.txt': 'combined' },
    'h1:vOmIXUEwHdJVjXkwIILtv/C+AZzZzZ69yj2wldg3mVs=',
  ],
  'odd names and bytes': [
    {
      'two  spaces ': 'x',
      'tab\there': 'y',
      'back\\slash': 'z',
      '.hidden/.env': 'A=1',
      empty: '',
      bin: Uint8Array.of(0, 255, 254, 10, 13),
    },
    'h1:6TQ+j/m4vunCvE+K8XvwU73B7a4XkwW2l81XA1vBZOI=',
  ],
  'carriage returns, and what git ignores': [
    { Dockerfile: 'FROM scratch\r\nCOPY . .\r\n', '.gitignore': 'dist\n', 'dist/out.js': 'built\n' },
    'h1:pJYjJmy2t1IpgWwQ+faiRbUkz+Hd0BwtftL+HXaJT30=',
  ],
  'links to files': [
    {
      'real/file': 'content\n',
      zero: '',
      'real/link': { link: 'file' },
      'up/link': { link: '../real/file' },
      again: { link: 'up/link' },
    },
    'h1:i4cBhYOhXkU7gmpzo+d0O21hixZnDfNbv/LKj1SUXak=',
  ],
  'an inline Dockerfile': [
    { Dockerfile: 'FROM nginx\nRUN true\n', '.dockerignore': '' },
    'h1:fnzUeYVxZcWVpm1tpt1LfnG/VhYHSynok9E4NTyM+5k=',
  ],
  'a link to a folder': [{ 'real/file': 'content\n', link: { link: 'real' } }, undefined],
  'a link to nothing': [{ a: '1', b: { link: 'nowhere' } }, undefined],
  'a line break in a name': [{ 'a\nb': '1' }, undefined],
};

/** The contents in a folder `app` on disk. */
function onDisk(contents: Contents): string {
  const folder = temporaryFolder('flycd-go-hash-');
  onTestFinished(() => folder.remove());
  mkdirSync(join(folder.path, 'app'));
  for (const [path, content] of Object.entries(contents)) {
    const file = join(folder.path, 'app', path);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, file);
    else writeFileSync(file, content);
  }
  return folder.path;
}

async function treeOf(folder: string): Promise<Tree> {
  return (await openFolder({ path: folder, clock: systemClock, environment: process.env })).tree;
}

describe.each(Object.entries(vectors))('%s', (_name, [contents, hash]) => {
  test('hashes as Go does', async () => {
    const folder = onDisk(contents);
    mkdirSync(join(folder, 'app', 'hollow'));
    const tree = await treeOf(folder);
    if (hash !== undefined) expect(await hasGoHash(tree, 'app', hash)).toBe(true);
    else for (const [, other] of Object.values(vectors)) expect(await hasGoHash(tree, 'app', other ?? '')).toBe(false);
  });
});

const [ignoring, ignoredHash] = vectors['carriage returns, and what git ignores'] ?? [{}, undefined];

test('FlyCD 0.x may have hashed a clone, or a folder with what git ignores', async () => {
  const folder = onDisk(ignoring);
  git(folder, ['init', '--quiet']);
  git(folder, ['add', '.']);
  git(folder, ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-m', 'one']);
  const tree = await treeOf(folder);
  const files = Object.entries(ignoring).filter(([path]) => path !== 'dist/out.js');
  const cloned = goHash(files.map(([path, content]) => ({ path, sha256: sha256Of(content as string) })));
  expect(await hasGoHash(tree, 'app', ignoredHash ?? '')).toBe(true);
  expect(await hasGoHash(tree, 'app', cloned)).toBe(true);
});

test('modes are no part of it, bytes are', async () => {
  const [contents, hash = ''] = vectors['one file'] ?? [{}];
  const folder = onDisk(contents);
  chmodSync(join(folder, 'app', 'Dockerfile'), 0o755);
  expect(await hasGoHash(await treeOf(folder), 'app', hash)).toBe(true);
  writeFileSync(join(folder, 'app', 'Dockerfile'), 'FROM scratch\r\n');
  expect(await hasGoHash(await treeOf(folder), 'app', hash)).toBe(false);
});

test('a tree that cannot be read now proves nothing, and disproves nothing either', async () => {
  const tree: Tree = {
    ...memoryTree({ 'app/Dockerfile': '' }),
    read: () => Promise.reject(new Fault({ kind: 'transient', what: 'the network is down' })),
  };
  await expect(hasGoHash(tree, 'app', 'h1:x')).rejects.toThrow('the network is down');
});
