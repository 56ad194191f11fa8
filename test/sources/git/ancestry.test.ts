/** What goes on from a commit, as far as the clone has it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { laterCommits } from '../../../src/sources/git/ancestry.ts';
import { gitEnvironment } from '../../../src/sources/git/git-command.ts';
import { IdleClock } from '../../../src/model/base/clock.ts';
import { git, initWorkTree } from '../../servers/git-server.ts';

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

async function refs(at: string): Promise<readonly string[]> {
  const parts = {
    directory: folder,
    environment: gitEnvironment({ environment: process.env }),
    clock: new IdleClock(),
  };
  const later = await laterCommits(parts, { commit: at, app: 'lonely' });
  return later.map(({ ref }) => ref).toSorted();
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
    expect(['origin/main', 'tags/v2']).toContain((await refs(first))[0]);
    expect(await refs(first)).toHaveLength(1);
  });

  it('are the last of each line alone: what one goes on from is past', async () => {
    const first = commit();
    commit('app: second\n');
    git(folder, ['tag', 'v2']);
    commit('app: third\n');
    git(folder, ['branch', 'topic']);
    git(folder, ['reset', '-q', '--hard', first]);
    expect(await refs(first)).toEqual(['topic']);
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
    expect(found).toContain('named');
    expect(found).not.toContain('nearly');
    // What the clone lacks nobody has searched.
    const lost = git(folder, ['rev-parse', 'nearly:app.yaml']).trim();
    rmSync(join(folder, '.git/objects', lost.slice(0, 2), lost.slice(2)));
    await expect(refs(first)).rejects.toThrow(lost);
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
