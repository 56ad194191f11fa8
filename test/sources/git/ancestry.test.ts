/** What goes on from a commit and what it goes on from, as far as the clone has it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { descends, laterCommits } from '../../../src/sources/git/ancestry.ts';
import { cloneCommit } from '../../../src/sources/git/clone-commit.ts';
import { gitEnvironment } from '../../../src/sources/git/git-command.ts';
import type { LaterCommit } from '../../../src/model/removal.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { git, gitEach, initWorkTree } from '../../servers/git-server.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flycd-ancestry-'));
  initWorkTree(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function commit(text = 'app: other\n'): string {
  writeFileSync(join(folder, 'app.yaml'), text);
  git(folder, ['add', '-A']);
  git(folder, ['commit', '-q', '--allow-empty', '-m', 'change']);
  return git(folder, ['rev-parse', 'HEAD']).trim();
}

/** For `fast-import`; seconds since the epoch. */
function fastCommit(branch: string, at: number, from: string, change = ''): string {
  return `commit refs/heads/${branch}\ncommitter t <t@t> ${at} +0000\ndata 1\nx\nfrom ${from}\n${change}\n`;
}

/** Each with a commit of its own, the newest of all. */
function branches(from: string, count: number): void {
  const made = Array.from({ length: count }, (_none, number) => fastCommit(`many/${number}`, 4e9 + number, from));
  git(folder, ['fast-import', '--quiet'], made.join(''));
}

/** A branch called like the one file that it changes. */
function tip(from: string, path: string, text: string): void {
  const change = `M 100644 inline ${path}\ndata ${text.length}\n${text}\n`;
  git(folder, ['fast-import', '--quiet'], fastCommit(`tip/${path}`, 1e9, from, change));
}

function parts(directory = folder) {
  return { directory, environment: gitEnvironment({ environment: process.env }), clock: new IdleClock() };
}

function later(at: string, where = folder): Promise<readonly LaterCommit[]> {
  // What a file held that named it.
  const namedBy = git(folder, ['hash-object', '-w', '--stdin'], 'app: lonely\n');
  return laterCommits(parts(where), { commit: at, app: 'lonely', namedBy });
}

async function refs(at: string, where = folder): Promise<readonly string[]> {
  return (await later(at, where)).map(({ ref }) => ref).toSorted();
}

/** Whether it is on this disk; to ask for an object outright would fetch it. */
function has(where: string, id: string): boolean {
  return git(where, ['cat-file', '--batch-check=%(objectname)', '--batch-all-objects']).split('\n').includes(id);
}

/** A clone without trees that could fetch what it lacks. */
function partial(): string {
  const where = join(folder, 'partial');
  gitEach(folder, [
    ['config', 'uploadpack.allowFilter', 'true'],
    ['config', 'uploadpack.allowAnySHA1InWant', 'true'],
    ['clone', '-q', '--no-checkout', '--filter=tree:0', `file://${folder}`, where],
  ]);
  return where;
}

function reaching(directory: string) {
  const { environment, ...rest } = parts(directory);
  return { ...rest, environment: { ...environment, GIT_ALLOW_PROTOCOL: 'file' } };
}

describe('what a clone lacks', () => {
  it('is asked of no remote: commits, files to search and files to read', async () => {
    const first = commit();
    branches(first, 51);
    const where = partial();
    const next = commit('app: second\n');
    expect(await descends(reaching(where), { commit: first, from: next })).toBe('no');
    expect(has(where, next)).toBe(false);
    const tree = git(folder, ['rev-parse', `${first}^{tree}`]);
    const namedBy = git(where, ['hash-object', '-w', '--stdin'], 'app: lonely\n');
    await expect(laterCommits(reaching(where), { commit: first, app: 'lonely', namedBy })).rejects.toThrow(tree);
    await expect(cloneCommit(reaching(where), first)).rejects.toThrow(`lacks commit ${first.slice(0, 12)}`);
    expect(has(where, tree)).toBe(false);
    expect(has(where, first)).toBe(true);
  });
});

describe('a commit', () => {
  it('has in its history itself and what it goes on from, and nothing else', async () => {
    const first = commit();
    const second = commit('app: second\n');
    git(folder, ['checkout', '-q', '--detach', first]);
    const beside = commit('app: beside\n');
    const ask = (from: string) => descends(parts(), { commit: second, from });
    expect(await Promise.all([second, first].map(ask))).toEqual(['yes', 'yes']);
    expect(await Promise.all([beside, 'a'.repeat(40)].map(ask))).toEqual(['no', 'no']);
    // No id: git would take it for something else.
    expect(await Promise.all(['HEAD', '--all', first.slice(0, 12), ''].map(ask))).toEqual(Array(4).fill('unknown'));
    // A history with a hole says nothing.
    rmSync(join(folder, '.git/objects', first.slice(0, 2), first.slice(2)));
    expect(await ask(beside)).toBe('unknown');
  });

  it('has in a shallow clone what is seen of it; of all else nobody knows', async () => {
    const first = commit();
    const second = commit('app: second\n');
    const third = commit('app: third\n');
    const where = join(folder, 'shallow');
    git(folder, ['clone', '-q', '--depth', '2', `file://${folder}`, where]);
    const ask = (from: string) => descends(parts(where), { commit: third, from });
    expect(await Promise.all([third, second, first].map(ask))).toEqual(['yes', 'yes', 'unknown']);
    git(where, ['checkout', '-q', '--detach', second]);
    expect(await descends(parts(where), { commit: second, from: third })).toBe('unknown');
  });
});

describe('commits that go on from one', () => {
  it('are tips of branches, of remotes and of tags; no stash, no note, no symbolic ref, and not itself', async () => {
    const first = commit();
    git(folder, ['branch', 'same']);
    const second = commit('app: second\n');
    git(folder, ['tag', '-a', 'v2', '-m', 'v2']);
    git(folder, ['update-ref', 'refs/remotes/origin/main', second]);
    git(folder, ['symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main']);
    writeFileSync(join(folder, 'app.yaml'), 'app: put aside\n');
    git(folder, ['stash', '-q']);
    git(folder, ['notes', 'add', '-m', 'x']);
    git(folder, ['reset', '-q', '--hard', first]);
    expect(await refs(second)).toEqual([]);
    expect(['refs/remotes/origin/main']).toContain((await refs(first))[0]);
    expect(await refs(first)).toHaveLength(1);
  });

  it('are what each branch stands at, also where another one goes on from it', async () => {
    const first = commit();
    const second = commit('app: second\n');
    git(folder, ['update-ref', 'refs/remotes/origin/main', second]);
    git(folder, ['symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main']);
    git(folder, ['checkout', '-q', '-b', 'feature']);
    commit('app: third\n');
    git(folder, ['tag', 'v3']);
    commit('app: fourth\n');
    git(folder, ['checkout', '-q', '--detach', first]);
    git(folder, [
      'branch',
      '-qD',
      git(folder, ['for-each-ref', '--format=%(refname:short)', '--points-at', second, 'refs/heads']).trim(),
    ]);
    expect(await refs(first)).toEqual(['refs/heads/feature', 'refs/remotes/origin/main']);
  });

  it('are the last of each line alone: what one goes on from is past', async () => {
    const first = commit();
    commit('app: second\n');
    git(folder, ['tag', 'v2']);
    const third = commit('app: third\n');
    git(folder, ['branch', 'topic']);
    git(folder, ['reset', '-q', '--hard', first]);
    expect(await later(first)).toEqual([{ commit: third, ref: 'refs/heads/topic' }]);
  });

  it('are what a tag of a tag names, beside other lines or alone; a tag of a tree or of a file names none', async () => {
    const first = commit();
    const second = commit('app: second\n');
    git(folder, ['tag', '-a', 'v2', '-m', 'v2']);
    git(folder, ['tag', '-a', 'v2-signed', '-m', 'v2', 'v2']);
    git(folder, ['tag', '-a', 'v2-twice', '-m', 'v2', 'v2-signed']);
    gitEach(folder, [
      ['tag', '-d', 'v2'],
      ['tag', '-d', 'v2-signed'],
      ['tag', 'tree', 'HEAD^{tree}'],
      ['tag', '-a', 'file', '-m', 'x', 'HEAD:app.yaml'],
      ['reset', '-q', '--hard', first],
    ]);
    // What a tool keeps has a name of its own where it has any.
    git(folder, ['update-ref', 'refs/jj/keep/x', second]);
    expect(await later(first)).toEqual([{ commit: second, ref: 'refs/tags/v2-twice' }]);
    commit('app: third\n');
    git(folder, ['checkout', '-q', '--detach', first]);
    expect(await refs(first)).toEqual(['refs/heads/main', 'refs/tags/v2-twice']);
  });

  it.each(['stash', 'notes/x', 'bisect/bad', 'rewritten/x', 'worktree/x'])(
    'are not what git puts aside as refs/%s',
    async (name) => {
      const first = commit();
      commit('app: second\n');
      git(folder, ['update-ref', `refs/${name}`, 'HEAD']);
      git(folder, ['reset', '-q', '--hard', first]);
      expect(await refs(first)).toEqual([]);
      git(folder, ['update-ref', 'refs/pull/1/head', git(folder, ['rev-parse', `refs/${name}`])]);
      expect(await refs(first)).toEqual(['refs/pull/1/head']);
    },
  );

  it('are the HEADs of other work trees, and none that is at the commit', async () => {
    const first = commit();
    const [beside, linked] = [join(folder, 'beside'), join(folder, 'linked')];
    git(folder, ['worktree', 'add', '-q', '--detach', beside]);
    git(folder, ['worktree', 'add', '-q', '--detach', linked]);
    git(linked, ['commit', '-q', '--allow-empty', '-m', 'more']);
    expect(await refs(first)).toEqual(['worktrees/linked/HEAD']);
    git(linked, ['checkout', '-q', '--detach', first]);
    git(folder, ['checkout', '-q', '--detach']);
    git(folder, ['commit', '-q', '--allow-empty', '-m', 'even more']);
    expect(await refs(first, linked)).toEqual(['main-worktree/HEAD']);
  });

  it('are what was fetched last without a name, here or in another work tree, as long as it is here', async () => {
    const first = commit();
    const linked = join(folder, 'linked');
    git(folder, ['worktree', 'add', '-q', '--detach', linked]);
    const other = join(folder, 'other');
    gitEach(folder, [
      ['clone', '-q', folder, other],
      ['-C', other, 'commit', '-q', '--allow-empty', '-m', 'more'],
      ['-C', other, 'checkout', '-q', '-b', 'topic', first],
      ['-C', other, 'commit', '-q', '--allow-empty', '-m', 'topic'],
      ['-C', other, 'commit', '-q', '--allow-empty', '-m', 'topic again'],
      ['-C', other, 'tag', '-a', 'v2', '-m', 'v2'],
      ['-C', other, 'tag', '-a', 'v2-signed', '-m', 'v2', 'v2'],
    ]);
    const [more, topic] = ['main', 'topic'].map((name) => git(other, ['rev-parse', name]));
    git(folder, ['fetch', '-q', other, 'main', 'v2-signed']);
    const fetched = { ref: 'FETCH_HEAD' };
    for (const where of [folder, linked]) {
      const found = await later(first, where);
      expect(found).toHaveLength(2);
      expect(found).toEqual(
        expect.arrayContaining([
          { ...fetched, commit: more },
          { ...fetched, commit: topic },
        ]),
      );
    }
    // What has a name is called by that.
    git(folder, ['update-ref', 'refs/remotes/origin/main', more ?? '']);
    expect(await refs(first)).toEqual(['FETCH_HEAD', 'refs/remotes/origin/main']);
    git(folder, ['update-ref', '-d', 'refs/remotes/origin/main']);
    git(folder, ['fetch', '-q', other, first]);
    expect(await refs(first)).toEqual([]);
    git(linked, ['fetch', '-q', other, 'topic']);
    expect(await later(first)).toEqual([{ ...fetched, commit: topic }]);
    rmSync(join(folder, '.git/objects', (topic ?? '').slice(0, 2), (topic ?? '').slice(2)));
    expect(await later(first)).toEqual([]);
  });

  it.each([
    ['a commit that is not here', `${'a'.repeat(40)}\n`],
    ['nothing, as after a crash', '\0'.repeat(41)],
  ])('may be there where a branch points to %s: nobody can tell', async (_what, content) => {
    const first = commit();
    mkdirSync(join(folder, '.git/refs/remotes/origin'), { recursive: true });
    // One that only names another is no branch.
    writeFileSync(join(folder, '.git/refs/remotes/origin/HEAD'), 'ref: refs/remotes/origin/gone\n');
    expect(await refs(first)).toEqual([]);
    writeFileSync(join(folder, '.git/refs/remotes/origin/main'), content);
    await expect(later(first)).rejects.toMatchObject({
      kind: 'stalled',
      message: expect.stringContaining('refs/remotes/origin/main'),
      next: expect.stringMatching(/^git update-ref -d refs\/remotes\/origin\/main .*, then git fetch$/),
    });
  });

  it('may be there where the history of a branch has a hole', async () => {
    const first = commit();
    const second = commit('app: second\n');
    commit('app: third\n');
    git(folder, ['checkout', '-q', '--detach', first]);
    rmSync(join(folder, '.git/objects', second.slice(0, 2), second.slice(2)));
    await expect(later(first)).rejects.toMatchObject({
      kind: 'stalled',
      message: expect.stringContaining(second),
      next: expect.stringContaining('sync a new clone'),
    });
  });

  it('are known and not known in a shallow clone by where each line of it is cut', async () => {
    const root = commit();
    git(folder, ['branch', 'grafted']);
    const first = commit('app: first\n');
    commit('app: second\n');
    git(folder, ['branch', 'cut']);
    commit('app: third\n');
    git(folder, ['branch', 'deep']);
    // Two lines that are here whole: one left before the commit, called as git calls a cut one; one has nothing to do with it.
    gitEach(folder, [
      ['checkout', '-q', 'grafted'],
      ['commit', '-q', '--allow-empty', '-m', 'fork'],
      ['checkout', '-q', '--orphan', 'pages'],
      ['commit', '-q', '--allow-empty', '-m', 'pages'],
      ['config', 'uploadpack.allowAnySHA1InWant', 'true'],
    ]);
    const job = join(folder, 'job');
    const from = `file://${folder}`;
    git(folder, ['init', '-q', job]);
    git(job, ['fetch', '-q', '--depth=10', from, first, 'grafted:grafted', 'pages:pages']);
    git(job, ['checkout', '-q', '--detach', first]);
    expect(await later(first, job)).toEqual([]);
    git(job, ['fetch', '-q', '--depth=1', from, 'cut:refs/remotes/origin/cut']);
    const cut = git(job, ['rev-parse', 'origin/cut']);
    expect(await later(first, job)).toEqual([{ commit: cut, ref: 'refs/remotes/origin/cut', isCut: true }]);
    // What goes on from it is the last of its line, and a branch stands at it.
    const stands = { commit: cut, ref: 'refs/remotes/origin/cut', isCut: true };
    git(job, ['checkout', '-q', '--detach', cut]);
    git(job, ['commit', '-q', '--allow-empty', '-m', 'more']);
    git(job, ['branch', 'more']);
    expect(await later(first, job)).toEqual([
      { commit: git(job, ['rev-parse', 'more']), ref: 'refs/heads/more', isCut: true },
      stands,
    ]);
    // A merge of it goes on for sure.
    git(job, ['checkout', '-q', '--detach', first]);
    git(job, ['commit', '-q', '--allow-empty', '-m', 'even more']);
    git(job, ['merge', '-q', '-s', 'ours', '--allow-unrelated-histories', '-m', 'both', 'more']);
    git(job, ['branch', 'both']);
    git(job, ['checkout', '-q', '--detach', root]);
    expect(await later(first, job)).toEqual([
      { commit: git(job, ['rev-parse', 'both']), ref: 'refs/heads/both' },
      { commit: git(job, ['rev-parse', 'more']), ref: 'refs/heads/more', isCut: true },
      stands,
    ]);
    git(job, ['branch', '-qD', 'both', 'more']);
    git(job, ['branch', '-qrD', 'origin/cut']);
    git(job, ['fetch', '-q', '--depth=2', from, 'deep:refs/remotes/origin/deep']);
    const deep = git(job, ['rev-parse', 'origin/deep']);
    expect(await later(first, job)).toEqual([{ commit: deep, ref: 'refs/remotes/origin/deep', isCut: true }]);
    git(job, ['fetch', '-q', '--depth=10', from, 'deep:refs/remotes/origin/deep']);
    expect(await later(first, job)).toEqual([{ commit: deep, ref: 'refs/remotes/origin/deep' }]);
    // What the commit itself goes on from is of no account.
    git(job, ['fetch', '-q', '--depth=1', from, first]);
    expect(await later(first, job)).toEqual([{ commit: deep, ref: 'refs/remotes/origin/deep' }]);
  });

  it('count beyond the newest fifty where their config files have the name, whatever the clone is set to say', async () => {
    const first = commit();
    const named: Readonly<Record<string, string>> = {
      'app.yaml': 'app: lonely\n',
      'a/app.yml': 'app: "lonely"\n',
      'a/b/app.toml': "app = 'lonely'\n",
      'project.yaml': 'common: { substitutions: { X: LONELY } }\n',
      'a/project.yml': 'project: lonely\n',
      'a/project.toml': '# lonely\n',
    };
    const unnamed: Readonly<Record<string, string>> = {
      'b/app.yaml': 'app: lonelyness\n',
      'c/other.yaml': 'app: lonely\n',
    };
    for (const [path, text] of Object.entries({ ...named, ...unnamed })) tip(first, path, text);
    branches(first, 51);
    git(folder, ['config', 'color.ui', 'always']);
    git(folder, ['config', 'i18n.logOutputEncoding', 'UTF-16']);
    git(folder, ['checkout', '-q', '--detach', first]);
    const found = await refs(first);
    // Those are the oldest.
    const tips = Object.keys(named).map((path) => `refs/heads/tip/${path}`);
    expect(found).toHaveLength(50 + tips.length);
    expect(found).toEqual(expect.arrayContaining(tips));
    expect(found).not.toContain('refs/heads/many/0');
    expect((await later(first)).slice(0, 2).map(({ ref }) => ref)).toEqual([
      'refs/heads/many/50',
      'refs/heads/many/49',
    ]);
    // What the clone lacks nobody has searched.
    const lost = git(folder, ['rev-parse', 'refs/heads/tip/b/app.yaml:b/app.yaml']).trim();
    rmSync(join(folder, '.git/objects', lost.slice(0, 2), lost.slice(2)));
    await expect(refs(first)).rejects.toThrow(lost);
  });

  it('are searched for the name as it is, not for what it would match', async () => {
    const first = commit();
    tip(first, 'app.yaml', 'app: lonely\n');
    tip(first, 'a/app.yaml', 'app: lone.y\n');
    branches(first, 50);
    git(folder, ['checkout', '-q', '--detach', first]);
    const namedBy = git(folder, ['hash-object', '-w', '--stdin'], 'app: lone.y\n');
    const found = (await laterCommits(parts(), { commit: first, app: 'lone.y', namedBy })).map(({ ref }) => ref);
    expect(found).toHaveLength(51);
    expect(found).toContain('refs/heads/tip/a/app.yaml');
  });

  it('are known whatever the clocks of those said who made them', async () => {
    const first = commit();
    // Each is older than the one that it goes on from.
    const line = [1, 2, 3].map((place) =>
      fastCommit(`line/${place}`, 9000 - place * 1000, place === 1 ? first : `refs/heads/line/${place - 1}`),
    );
    git(folder, ['fast-import', '--quiet'], line.join(''));
    git(folder, ['checkout', '-q', '--detach', first]);
    git(folder, ['branch', '-qD', 'line/1', 'line/2']);
    expect(await refs(first)).toEqual(['refs/heads/line/3']);
  });

  it('are not searched beyond fifty for a name that does not stand in the file which named the app', async () => {
    const first = commit();
    const held = (text: string) => git(folder, ['hash-object', '-w', '--stdin'], text);
    const ask = (app: string, namedBy: string | undefined) => laterCommits(parts(), { commit: first, app, namedBy });
    branches(first, 50);
    expect(await ask('web-prod', undefined)).toHaveLength(50);
    expect(await ask('web-prod', held('app: web-MYENV\n'))).toHaveLength(50);
    git(folder, ['commit', '-q', '--allow-empty', '-m', 'more']);
    const words = /^more than 50 branches and tags go on from this commit, and they cannot be searched for the name/;
    for (const namedBy of [undefined, held('app: web-MYENV\n'), held('app: web-production\n')]) {
      await expect(ask('web-prod', namedBy)).rejects.toMatchObject({ message: expect.stringMatching(words) });
    }
    for (const text of ['app: web-prod\n', 'app = "web-prod"', '{app: Web-Prod}'])
      expect(await ask('web-prod', held(text))).toHaveLength(50);
    // What the clone lacks nobody has read.
    await expect(ask('web-prod', 'a'.repeat(40))).rejects.toThrow('a'.repeat(40));
  });

  it('are not left out in silence where there are more than one command takes', async () => {
    const first = commit();
    branches(first, 1000);
    expect(await refs(first)).toHaveLength(50);
    git(folder, ['checkout', '-q', '--detach', first]);
    commit('app: more\n');
    git(folder, ['branch', 'last']);
    git(folder, ['checkout', '-q', '--detach', first]);
    await expect(refs(first)).rejects.toThrow('more than 1000 branches and tags go on from this commit');
  });
});
