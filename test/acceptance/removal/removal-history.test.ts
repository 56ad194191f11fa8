/** Not to name an app is not to have removed it: what is destroyed was named by this very config, and a commit took it away. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { git, gitEach, initWorkTree } from '../../servers/git-server.ts';
import { arena, type Arena } from '../../controllers/arena.ts';

let world: Arena;
const folders: string[] = [];
afterEach(async () => {
  await world.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const settings = 'fleet: history\nsync:\n  prune: [app]\n';
const app = (name: string, image = 'nginx:1'): string =>
  `app: ${name}\nprimary_region: arn\nbuild: { image: ${image} }\ndeploy: { wait_timeout: 20s }\nmachines: { count: 1 }\n`;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'flycd-history-'));
  folders.push(made);
  return made;
}

function commit(where: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(where, path, '..'), { recursive: true });
    writeFileSync(join(where, path), text);
  }
  gitEach(where, [
    ['add', '-A'],
    ['commit', '-q', '-m', 'change'],
  ]);
}

function removed(where: string, name: string): void {
  gitEach(where, [
    ['rm', '-rq', name],
    ['commit', '-q', '-m', `remove ${name}`],
  ]);
}

async function sync(where: string, ...flags: readonly string[]): Promise<string> {
  const { stdout, stderr } = await world.flycdAt(where, ['sync', '--once', ...flags]);
  return stderr + stdout;
}

const names = () => world.simulator.world.snapshot().map(({ name }) => name);

/** A repo with one commit. */
async function committed(files: Readonly<Record<string, string>>): Promise<string> {
  world = await arena();
  const repo = folder();
  initWorkTree(repo);
  commit(repo, files);
  return repo;
}

/** A repo whose two apps run. */
async function running(): Promise<string> {
  const repo = await committed({ 'flycd.yaml': settings, 'shop/app.yaml': app('shop'), 'blog/app.yaml': app('blog') });
  await sync(repo);
  expect(names()).toEqual(['blog', 'shop']);
  return repo;
}

describe('an app is destroyed where a commit of the config removed it', () => {
  test('read from a clone', async () => {
    const repo = await running();
    removed(repo, 'blog');
    expect(await sync(repo)).toMatch(/blog +deleted/);
    expect(names()).toEqual(['shop']);
  });

  test('read from the repo’s address', async () => {
    const repo = await running();
    removed(repo, 'blog');
    expect(await sync(`file://${repo}`)).toMatch(/blog +deleted/);
    expect(names()).toEqual(['shop']);
  });

  test('also when the release was made from a work tree with changes', async () => {
    const repo = await running();
    writeFileSync(join(repo, 'blog/app.yaml'), app('blog', 'nginx:2'));
    await sync(repo);
    git(repo, ['checkout', '-q', '.']);
    removed(repo, 'blog');
    expect(await sync(repo)).toMatch(/blog +deleted/);
  });

  test('also after a pass in which Fly did not destroy it', async () => {
    const repo = await running();
    removed(repo, 'blog');
    world.simulator.world.faults.add({ template: 'DELETE /apps/{app}', app: 'blog', fault: '503', times: 99 });
    await sync(repo);
    expect(names()).toEqual(['blog', 'shop']);
    world.simulator.world.faults.clear();
    expect(await sync(repo)).toMatch(/blog +deleted/);
  });
});

describe('an app stays that the config does not name', () => {
  /** Held, whatever is accepted, until it is named. What each word releases the plan's own tables say. */
  async function stays(where: string, because: string): Promise<void> {
    const said = await sync(where, '--accept', '--accept-only', 'destructive', '--accept-only', 'volume');
    expect(said.replaceAll(/\s+/g, ' ')).toContain(because);
    expect(names()).toContain('blog');
    const { stdout } = await world.flycdAt(where, ['diff']);
    expect(stdout).toContain(because);
    expect(stdout).toContain('flycd sync --once --accept-only blog destroys it with all that is in it');
    await sync(where, '--accept-only', 'blog');
    expect(names()).not.toContain('blog');
  }

  test('in an older clone, which a newer commit made the app in', async () => {
    const repo = await committed({ 'flycd.yaml': settings, 'shop/app.yaml': app('shop') });
    const old = folder();
    git(old, ['clone', '-q', repo, '.']);
    commit(repo, { 'blog/app.yaml': app('blog') });
    await sync(repo);
    await stays(old, 'which is not in this config’s history');
  });

  test('on another branch', async () => {
    const repo = await running();
    git(repo, ['checkout', '-q', '--orphan', 'other']);
    git(repo, ['rm', '-rqf', 'blog']);
    commit(repo, { 'README.md': 'another environment' });
    await stays(repo, 'which is not in this config’s history');
  });

  test('in a copy of the repo with a history of its own', async () => {
    await running();
    const copy = folder();
    initWorkTree(copy);
    commit(copy, { 'flycd.yaml': settings, 'shop/app.yaml': app('shop') });
    await stays(copy, 'which is not in this config’s history');
  });

  test('in a shallow clone, whose history does not tell', async () => {
    const repo = await running();
    removed(repo, 'blog');
    const shallow = folder();
    git(shallow, ['clone', '-q', '--depth', '1', `file://${repo}`, '.']);
    await stays(shallow, 'this clone is shallow: FlyCD cannot see whether a commit removed it');
  });

  test('in a work tree alone: no commit says so yet', async () => {
    const repo = await running();
    rmSync(join(repo, 'blog'), { recursive: true });
    await stays(repo, 'the working tree does not name it, but no commit removed it');
  });

  test('in a clone at the commit that somebody had not committed it to', async () => {
    const repo = await committed({ 'flycd.yaml': settings, 'shop/app.yaml': app('shop') });
    const server = folder();
    git(server, ['clone', '-q', repo, '.']);
    mkdirSync(join(repo, 'blog'));
    writeFileSync(join(repo, 'blog/app.yaml'), app('blog'));
    await sync(repo);
    expect(names()).toEqual(['blog', 'shop']);
    await stays(server, 'where this config does not name it either');
  });

  test('in another folder of the repo, with a fleet called the same', async () => {
    const repo = await committed({
      'one/flycd.yaml': settings,
      'one/shop/app.yaml': app('shop'),
      'two/flycd.yaml': settings,
      'two/blog/app.yaml': app('blog'),
    });
    await sync(join(repo, 'two'));
    await stays(join(repo, 'one'), '../two/blog/app.yaml in the same repo does');
  });

  test('at an earlier commit, after a pass over a later one that named it again', async () => {
    const repo = await running();
    removed(repo, 'blog');
    const removal = git(repo, ['rev-parse', 'HEAD']);
    git(repo, ['revert', '--no-edit', 'HEAD']);
    await sync(repo);
    expect(names()).toEqual(['blog', 'shop']);
    git(repo, ['checkout', '-q', removal]);
    await stays(repo, 'last synced at commit');
  });

  test('at an earlier commit, after a job without a database synced a later one that named it again', async () => {
    const repo = await running();
    removed(repo, 'blog');
    const removal = git(repo, ['rev-parse', 'HEAD']).trim();
    git(repo, ['revert', '--no-edit', 'HEAD']);
    const job = folder();
    git(job, ['clone', '-q', repo, '.']);
    // The branch of a clone that goes on, and the branch of its remote alone, as a job checks a commit out.
    for (const branch of ['main', 'origin/main']) {
      git(job, ['checkout', '-q', '--detach', removal]);
      if (branch !== 'main') git(job, ['branch', '-qD', 'main']);
      const { stdout } = await world.flycdAt(job, ['diff', '--data-dir', folder()]);
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
        `git does not name it at this commit, but ${branch} goes on from here and names it, at`,
      );
    }
    const { stdout } = await world.flycdAt(job, ['sync', '--once', '--data-dir', folder()]);
    expect(stdout).toContain('held');
    expect(names()).toEqual(['blog', 'shop']);
    // A branch that goes on from it and would remove the app again takes nothing of that away.
    git(job, ['checkout', '-q', '-b', 'pull', 'origin/main']);
    removed(job, 'blog');
    git(job, ['checkout', '-q', '--detach', removal]);
    await world.flycdAt(job, ['sync', '--once', '--data-dir', folder()]);
    expect(names()).toEqual(['blog', 'shop']);
    git(job, ['branch', '-qD', 'pull']);
    // One that goes on and does not name it either says nothing against it.
    git(job, ['branch', '-qrD', 'origin/main']);
    git(job, ['commit', '-q', '--allow-empty', '-m', 'more']);
    git(job, ['branch', 'topic']);
    git(job, ['checkout', '-q', '--detach', removal]);
    await world.flycdAt(job, ['sync', '--once', '--data-dir', folder()]);
    expect(names()).toEqual(['shop']);
  });

  test('at an earlier commit, in a shallow clone that does not show what a later one goes on from', async () => {
    const repo = await running();
    removed(repo, 'blog');
    const job = folder();
    git(job, ['clone', '-q', '--depth', '3', `file://${repo}`, '.']);
    git(repo, ['revert', '--no-edit', 'HEAD']);
    await sync(repo);
    git(repo, ['commit', '-q', '--allow-empty', '-m', 'more']);
    git(job, ['fetch', '-q', '--depth', '1']);
    const { stdout } = await world.flycdAt(job, ['sync', '--once', '--data-dir', folder()]);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('but origin/main names it, at');
    expect(stdout).toContain('git fetch --unshallow');
    expect(names()).toEqual(['blog', 'shop']);
  });

  test('in another folder of the repo, to which it was moved', async () => {
    const repo = await committed({
      'one/flycd.yaml': settings,
      'one/shop/app.yaml': app('shop'),
      'one/blog/app.yaml': app('blog'),
      'two/flycd.yaml': settings,
      'two/front/app.yaml': app('front'),
    });
    await sync(join(repo, 'one'));
    gitEach(repo, [
      ['mv', 'one/blog', 'two/blog'],
      ['commit', '-qm', 'move'],
    ]);
    await sync(join(repo, 'two'));
    await stays(join(repo, 'one'), '../two/blog/app.yaml in the same repo does');
  });

  test('in another folder of the repo, which named it when it synced it', async () => {
    const repo = await committed({
      'one/flycd.yaml': settings,
      'one/shop/app.yaml': app('shop'),
      'two/flycd.yaml': settings,
      'two/blog/app.yaml': app('blog'),
    });
    await sync(join(repo, 'two'));
    removed(repo, 'two/blog');
    await stays(join(repo, 'one'), 'where this config does not name it either');
  });

  test('on another branch, which synced it since', async () => {
    const repo = await running();
    git(repo, ['checkout', '-q', '-b', 'staging']);
    commit(repo, { 'README.md': 'staging' });
    git(repo, ['checkout', '-q', 'main']);
    removed(repo, 'blog');
    git(repo, ['checkout', '-q', 'staging']);
    await sync(repo);
    git(repo, ['checkout', '-q', 'main']);
    await stays(repo, 'which is not in this config’s history');
  });

  test('where the commit that it was released from could not be read whole', async () => {
    const repo = await committed({
      'one/flycd.yaml': settings,
      'one/shop/app.yaml': 'app: [\n',
      'two/flycd.yaml': settings,
      'two/blog/app.yaml': app('blog'),
    });
    await sync(join(repo, 'two'));
    git(repo, ['rm', '-rq', 'two']);
    commit(repo, { 'one/shop/app.yaml': app('shop') });
    await stays(join(repo, 'one'), 'not all of that commit could be read');
  });

  test('where a tag that goes on names it again, among many branches that do not', async () => {
    const repo = await running();
    removed(repo, 'blog');
    const removal = git(repo, ['rev-parse', 'HEAD']).trim();
    git(repo, ['revert', '--no-edit', 'HEAD']);
    git(repo, ['tag', '-a', 'v2', '-m', 'v2']);
    git(repo, ['reset', '-q', '--hard', removal]);
    // The newest ten are read whole; of the rest, those that have its name in their text.
    for (let number = 1; number <= 12; number += 1) {
      git(repo, ['commit', '-q', '--allow-empty', '-m', `update ${number}`]);
      git(repo, ['branch', `update/${number}`]);
      git(repo, ['reset', '-q', '--hard', removal]);
    }
    await stays(repo, 'but tags/v2 goes on from here and names it');
  });

  test('but not for however many branches go on without naming it', async () => {
    const repo = await running();
    removed(repo, 'blog');
    const removal = git(repo, ['rev-parse', 'HEAD']).trim();
    for (let number = 1; number <= 12; number += 1) {
      git(repo, ['commit', '-q', '--allow-empty', '-m', `update ${number}`]);
      git(repo, ['branch', `update/${number}`]);
      git(repo, ['reset', '-q', '--hard', removal]);
    }
    expect(await sync(repo)).toMatch(/blog +deleted/);
  });

  test('where its file is there under a name that says nothing, and names it by its project', async () => {
    const repo = await committed({
      'flycd.yaml': settings,
      'team/project.yaml': 'project: team\nsource: { type: local }\ncommon: { app_defaults: { app: blog } }\n',
      'team/blog/app.yaml': app('blog').replace('app: blog\n', ''),
      'shop/app.yaml': app('shop'),
    });
    await sync(repo);
    expect(names()).toEqual(['blog', 'shop']);
    git(repo, ['mv', 'team/blog/app.yaml', 'team/blog/notes']);
    git(repo, ['mv', 'team', 'old']);
    commit(repo, { 'old/project.yaml': 'project: team\nsource: { type: local }\n', 'old/x/app.yaml': app('x') });
    await stays(repo, 'but old/blog/notes does');
  });

  test('where a branch that goes on cannot be read whole', async () => {
    const repo = await running();
    removed(repo, 'blog');
    git(repo, ['checkout', '-q', '-b', 'broken']);
    commit(repo, { 'team/project.yaml': 'project: [\n', 'team/blog/app.yaml': app('blog') });
    git(repo, ['checkout', '-q', 'main']);
    await stays(repo, 'broken goes on from here and may name it');
  });

  test('in a work tree whose branch was lost', async () => {
    const repo = await running();
    rmSync(join(repo, 'blog'), { recursive: true });
    writeFileSync(join(repo, '.git/refs/heads/main'), '\0'.repeat(41));
    await stays(repo, 'a folder without git history does not show whether a commit removed it');
  });

  test('in a clone that is shallow further back than its release: read as far as it has it', async () => {
    const repo = await running();
    removed(repo, 'blog');
    for (const number of [1, 2, 3]) git(repo, ['commit', '-q', '--allow-empty', '-m', String(number)]);
    const deep = folder();
    git(deep, ['clone', '-q', '--depth', '5', `file://${repo}`, '.']);
    expect(await sync(deep)).toMatch(/blog +deleted/);
  });

  test('in a clone that left files out of its commits', async () => {
    const repo = await running();
    git(repo, ['config', 'uploadpack.allowFilter', 'true']);
    removed(repo, 'blog');
    const partial = folder();
    git(partial, ['clone', '-q', '--filter=blob:none', `file://${repo}`, '.']);
    await stays(partial, 'or files of it');
  });

  test('in a copy without .git', async () => {
    const repo = await running();
    const copy = folder();
    cpSync(repo, copy, { recursive: true });
    rmSync(join(copy, '.git'), { recursive: true });
    rmSync(join(copy, 'blog'), { recursive: true });
    await stays(copy, 'a folder without git history does not show whether a commit removed it');
  });

  test('where it was released from a plain folder, and is looked for by a repo', async () => {
    const repo = await running();
    const plain = folder();
    for (const name of ['shop', 'blog']) mkdirSync(join(plain, name));
    writeFileSync(join(plain, 'flycd.yaml'), settings);
    writeFileSync(join(plain, 'shop/app.yaml'), app('shop'));
    writeFileSync(join(plain, 'blog/app.yaml'), app('blog', 'nginx:2'));
    await sync(plain);
    removed(repo, 'blog');
    await stays(repo, 'which is no commit');
  });

  test('where None of its releases has succeeded', async () => {
    const failing = app('blog', 'shop:failing-launch');
    const repo = await committed({ 'flycd.yaml': settings, 'shop/app.yaml': app('shop'), 'blog/app.yaml': failing });
    await sync(repo);
    removed(repo, 'blog');
    await stays(repo, 'None of its releases has succeeded');
  });
});

test('what waits in a work tree goes once the removal is committed, whatever else has changed there', async () => {
  const repo = await running();
  rmSync(join(repo, 'blog'), { recursive: true });
  expect(await sync(repo)).toContain('commit the removal');
  git(repo, ['commit', '-qam', 'remove blog']);
  writeFileSync(join(repo, 'shop/app.yaml'), `${app('shop')}# not committed\n`);
  expect(await sync(repo)).toMatch(/blog +deleted/);
  expect(names()).toEqual(['shop']);
});
