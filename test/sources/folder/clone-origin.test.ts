import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdleClock } from '../../../src/model/base/clock.ts';
import type { Origin } from '../../../src/model/stamps/origin.ts';
import { openFolder } from '../../../src/sources/folder/folder.ts';
import { addressHash } from '../../../src/sources/tree/origin.ts';
import { git, gitEach, initWorkTree, temporaryFolder } from '../../servers/git-server.ts';

let place: ReturnType<typeof temporaryFolder>;
let repo: string;
let root: string;

function commit(folder: string, text: string): string {
  writeFileSync(join(folder, 'app.yaml'), text);
  return gitEach(folder, [
    ['add', '--all'],
    ['commit', '--quiet', '--message', text],
    ['rev-parse', 'HEAD'],
  ]);
}

beforeEach(() => {
  place = temporaryFolder();
  repo = join(place.path, 'repo');
  initWorkTree(repo);
  root = commit(repo, 'one');
  commit(repo, 'two');
});
afterEach(() => place.remove());

async function originOf(folder = repo): Promise<Origin | undefined> {
  const opened = await openFolder({ path: folder, clock: new IdleClock(), environment: process.env });
  return opened.origin();
}

const config = addressHash('github.com/acme/config');

describe('where a clone comes from', () => {
  it.each<readonly [string, readonly (readonly [string, string])[], string | undefined]>([
    ['no remote', [], undefined],
    ['origin', [['origin', 'git@github.com:acme/config.git']], config],
    [
      'origin among others',
      [
        ['upstream', 'https://github.com/other/config'],
        ['origin', 'https://github.com/acme/config'],
      ],
      config,
    ],
    ['its only remote', [['github', 'https://token@github.com/acme/config']], config],
    [
      'two remotes, none of them origin',
      [
        ['a', 'https://github.com/acme/config'],
        ['b', 'https://github.com/b/config'],
      ],
      undefined,
    ],
    ['a remote on this machine', [['origin', '/srv/config.git']], undefined],
    ['a host out of somebody’s ssh config', [['origin', 'git@work:acme/config.git']], undefined],
  ])('%s', async (_what, remotes, address) => {
    for (const [name, url] of remotes) git(repo, ['remote', 'add', name, url]);
    expect(await originOf()).toEqual({ address, root });
  });

  it('of several addresses of a remote the first counts, as for a fetch', async () => {
    git(repo, ['remote', 'add', 'origin', 'https://github.com/acme/config']);
    git(repo, ['remote', 'set-url', '--add', 'origin', 'https://github.com/acme/mirror']);
    expect(await originOf()).toEqual({ address: config, root });
  });

  it('a shallow clone does not know where its history begins; a blobless one does', async () => {
    const cloned = (name: string, ...flags: readonly string[]): string => {
      const folder = join(place.path, name);
      git(repo, ['config', 'uploadpack.allowFilter', 'true']);
      git(place.path, ['clone', '--quiet', ...flags, `file://${repo}`, folder]);
      git(folder, ['remote', 'set-url', 'origin', 'https://github.com/acme/config']);
      return folder;
    };
    const shallow = cloned('shallow', '--depth=1');
    expect(await originOf(shallow)).toEqual({ address: config, root: undefined });
    const linked = join(place.path, 'linked');
    git(shallow, ['worktree', 'add', '--quiet', '--detach', linked]);
    expect(await originOf(linked)).toEqual({ address: config, root: undefined });
    git(shallow, ['fetch', '--quiet', '--unshallow', `file://${repo}`]);
    for (const folder of [shallow, linked]) expect(await originOf(folder)).toEqual({ address: config, root });
    const apart = cloned('apart', '--depth=1', `--separate-git-dir=${join(place.path, 'elsewhere.git')}`);
    expect(await originOf(apart)).toEqual({ address: config, root: undefined });
    writeFileSync(join(apart, 'shallow'), 'a file of the config'); // says nothing
    git(apart, ['fetch', '--quiet', '--unshallow', `file://${repo}`]);
    expect(await originOf(apart)).toEqual({ address: config, root });
    writeFileSync(join(repo, 'shallow'), 'a file of the config');
    expect(await originOf()).toEqual({ address: undefined, root });
    expect(await originOf(cloned('blobless', '--filter=blob:none'))).toEqual({ address: config, root });
    expect(await originOf(cloned('whole'))).toEqual({ address: config, root });
  });

  it('a history that another one was merged into begins where it began', async () => {
    git(repo, ['checkout', '--quiet', '--orphan', 'other']);
    const other = commit(repo, 'other');
    expect(await originOf()).toEqual({ address: undefined, root: other });
    git(repo, ['checkout', '--quiet', 'main']);
    git(repo, ['merge', '--quiet', '--allow-unrelated-histories', '--strategy=ours', '--message', 'both', 'other']);
    expect(await originOf()).toEqual({ address: undefined, root });
  });

  it('is the same in a linked work tree, a folder inside and a changed one', async () => {
    const linked = join(place.path, 'linked');
    git(repo, ['worktree', 'add', '--quiet', '--detach', linked]);
    mkdirSync(join(repo, 'inner'));
    writeFileSync(join(repo, 'inner', 'app.yaml'), 'changed');
    for (const folder of [linked, join(repo, 'inner'), repo])
      expect(await originOf(folder), folder).toEqual({ address: undefined, root });
  });

  it('is not known outside of git, of what git ignores, and before the first commit', async () => {
    const plain = join(place.path, 'plain');
    mkdirSync(plain);
    expect(await originOf(plain)).toBeUndefined();
    git(plain, ['init', '--quiet']);
    expect(await originOf(plain)).toBeUndefined();
    git(plain, ['remote', 'add', 'origin', 'https://github.com/acme/config']);
    expect(await originOf(plain)).toEqual({ address: config, root: undefined });
    mkdirSync(join(repo, 'out'));
    writeFileSync(join(repo, 'out', 'app.yaml'), 'x');
    writeFileSync(join(repo, '.gitignore'), 'out/\n');
    expect(await originOf(join(repo, 'out'))).toBeUndefined();
  });
});
