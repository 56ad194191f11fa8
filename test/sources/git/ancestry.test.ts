/** What goes on from a commit, as far as the clone has it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { laterCommits } from '../../../src/sources/git/ancestry.ts';
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

/** Each with a commit of its own. */
function branches(from: string, count: number): void {
  const made = Array.from({ length: count }, (_none, number) => {
    const text = String(number);
    return `commit refs/heads/many/${text}\ncommitter t <t@t> ${4e9 + number} +0000\ndata ${text.length}\n${text}\nfrom ${from}\n\n`;
  });
  git(folder, ['fast-import', '--quiet'], made.join(''));
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

  it('are the last of each line alone: what one goes on from is past', async () => {
    const first = commit();
    commit('app: second\n');
    git(folder, ['tag', 'v2']);
    commit('app: third\n');
    git(folder, ['branch', 'topic']);
    git(folder, ['reset', '-q', '--hard', first]);
    expect(await refs(first)).toEqual(['refs/heads/topic']);
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
    git(folder, ['branch', 'fork']);
    const first = commit('app: first\n');
    commit('app: second\n');
    git(folder, ['branch', 'cut']);
    commit('app: third\n');
    git(folder, ['branch', 'deep']);
    // Two lines that are here whole: one left before the commit, one has nothing to do with it.
    gitEach(folder, [
      ['checkout', '-q', 'fork'],
      ['commit', '-q', '--allow-empty', '-m', 'fork'],
      ['checkout', '-q', '--orphan', 'pages'],
      ['commit', '-q', '--allow-empty', '-m', 'pages'],
      ['config', 'uploadpack.allowAnySHA1InWant', 'true'],
    ]);
    const job = join(folder, 'job');
    const from = `file://${folder}`;
    git(folder, ['init', '-q', job]);
    git(job, ['fetch', '-q', '--depth=10', from, first, 'fork:fork', 'pages:pages']);
    git(job, ['checkout', '-q', '--detach', first]);
    expect(await later(first, job)).toEqual([]);
    git(job, ['fetch', '-q', '--depth=1', from, 'cut:refs/remotes/origin/cut']);
    const cut = git(job, ['rev-parse', 'origin/cut']);
    expect(await later(first, job)).toEqual([{ commit: cut, ref: 'refs/remotes/origin/cut', isCut: true }]);
    // What goes on from it is the last of its line.
    git(job, ['checkout', '-q', '--detach', cut]);
    git(job, ['commit', '-q', '--allow-empty', '-m', 'more']);
    git(job, ['branch', 'more']);
    expect(await later(first, job)).toEqual([
      { commit: git(job, ['rev-parse', 'more']), ref: 'refs/heads/more', isCut: true },
    ]);
    // A merge of it goes on for sure.
    git(job, ['checkout', '-q', '--detach', first]);
    git(job, ['commit', '-q', '--allow-empty', '-m', 'even more']);
    git(job, ['merge', '-q', '-s', 'ours', '--allow-unrelated-histories', '-m', 'both', 'more']);
    git(job, ['branch', 'both']);
    git(job, ['checkout', '-q', '--detach', root]);
    expect(await later(first, job)).toEqual([{ commit: git(job, ['rev-parse', 'both']), ref: 'refs/heads/both' }]);
    git(job, ['branch', '-qD', 'both', 'more']);
    git(job, ['fetch', '-q', '--depth=2', from, 'deep:refs/remotes/origin/deep']);
    const deep = git(job, ['rev-parse', 'origin/deep']);
    expect(await later(first, job)).toEqual([{ commit: deep, ref: 'refs/remotes/origin/deep', isCut: true }]);
    git(job, ['fetch', '-q', '--depth=10', from, 'deep:refs/remotes/origin/deep']);
    expect(await later(first, job)).toEqual([{ commit: deep, ref: 'refs/remotes/origin/deep' }]);
  });

  it('count beyond the newest fifty where their config files have the name, whatever colours the clone is set to', async () => {
    const first = commit();
    const tip = (name: string, text: string): void => {
      git(folder, ['checkout', '-q', '--detach', first]);
      commit(text);
      git(folder, ['branch', name]);
    };
    tip('named', 'app: lonely\n');
    tip('nearly', 'app: lonelyness\n');
    branches(first, 51);
    git(folder, ['config', 'color.ui', 'always']);
    git(folder, ['checkout', '-q', '--detach', first]);
    const found = await refs(first);
    // Those two are the oldest.
    expect(found).toHaveLength(51);
    expect(found).toContain('refs/heads/named');
    expect(found).not.toContain('refs/heads/nearly');
    // What the clone lacks nobody has searched.
    const lost = git(folder, ['rev-parse', 'nearly:app.yaml']).trim();
    rmSync(join(folder, '.git/objects', lost.slice(0, 2), lost.slice(2)));
    await expect(refs(first)).rejects.toThrow(lost);
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
