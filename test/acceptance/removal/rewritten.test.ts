/** A history that was written anew lacks the commit of an app's last release: held, until the one command that is printed. */
import { onTestFinished, expect, test } from 'vitest';
import { makeClone, type Clone } from '../clones.ts';
import { git } from '../../servers/git-server.ts';
import { arena, type Arena } from '../../controllers/arena.ts';

const image = `docker.io/library/nginx@sha256:${'a'.repeat(64)}`;
const app = (name: string): string =>
  `app: ${name}\nprimary_region: arn\norg: personal\nbuild: { image: "${image}" }\nmachines: { count: 1 }\n`;
const once = ['sync', '--once'];

interface Begun {
  readonly world: Arena;
  readonly repo: Clone;
}

/** `shop` on main, `blog` rolled out from a branch, as a preview or CI does. */
async function begun(): Promise<Begun> {
  const world = await arena();
  onTestFinished(() => world.close());
  const settings = 'fleet: acme\nsync: { prune: [app] }\n';
  const repo = makeClone(world, 'repo', { 'flycd.yaml': settings, 'shop/app.yaml': app('shop') });
  expect((await repo.flycd(once, 'state')).code).toBe(0);
  git(repo.folder, ['checkout', '-q', '-b', 'feature']);
  repo.commit({ 'blog/app.yaml': app('blog') });
  expect((await repo.flycd(once, 'state')).code).toBe(0);
  return { world, repo };
}

const squash = ({ folder }: Clone): void => {
  git(folder, ['checkout', '-q', 'main']);
  git(folder, ['merge', '-q', '--squash', 'feature']);
  git(folder, ['commit', '-q', '-m', 'feature (#1)']);
  git(folder, ['branch', '-q', '-D', 'feature']);
};
const rebase = ({ folder }: Clone): void => {
  git(folder, ['checkout', '-q', 'main']);
  git(folder, ['commit', '-q', '--allow-empty', '-m', 'meanwhile']);
  git(folder, ['rebase', '-q', 'main', 'feature']);
  git(folder, ['checkout', '-q', 'main']);
  git(folder, ['merge', '-q', '--ff-only', 'feature']);
};
const amend = ({ folder }: Clone): void => {
  git(folder, ['branch', '-q', '-f', 'main']);
  git(folder, ['checkout', '-q', 'main']);
  git(folder, ['commit', '-q', '--amend', '-m', 'The same in better words']);
};

test.each<[string, (repo: Clone) => void, (repo: Clone) => Clone]>([
  ['squashed into main', squash, (repo) => repo],
  ['rebased onto main', rebase, (repo) => repo],
  ['pushed to main by force', amend, (repo) => repo],
  ['squashed into main, and read from a clone that has never seen the branch', squash, (repo) => repo.clone('new')],
  ['squashed into main, and read from a shallow clone', squash, (repo) => repo.clone('shallow', 1)],
])('a branch that was %s: its app is kept, and goes by what is printed', async (_how, rewrite, reader) => {
  const { world, repo } = await begun();
  rewrite(repo);
  const apps = (): readonly string[] => [...world.simulator.world.apps.keys()].toSorted();
  // What main names is in sync, whoever released it.
  expect((await repo.flycd(once, 'state')).code).toBe(0);
  git(repo.folder, ['rm', '-rq', 'blog']);
  git(repo.folder, ['commit', '-q', '-m', 'Remove blog']);
  const clone = reader(repo);
  for (const flags of [[], ['--accept'], ['--now', '--force']]) {
    expect((await clone.flycd([...once, ...flags], 'state')).code).toBe(4);
    expect(apps()).toEqual(['blog', 'shop']);
  }
  const { code, stdout } = await clone.flycd(['diff'], 'state');
  expect(code).toBe(4);
  const [printed = ''] = /flycd sync --once --accept-only \S+/.exec(stdout) ?? [];
  expect(printed).toBe('flycd sync --once --accept-only blog');
  const done = await clone.flycd(printed.split(' ').slice(1), 'state');
  expect(done.code, done.stdout).toBe(0);
  expect(apps()).toEqual(['shop']);
  expect((await clone.flycd(['diff'], 'state')).code).toBe(0);
});

test('what main has released itself since is main’s to remove', async () => {
  const { world, repo } = await begun();
  squash(repo);
  repo.commit({ 'blog/app.yaml': `${app('blog')}env: { A: b }\n` });
  expect((await repo.flycd(once, 'state')).code).toBe(0);
  git(repo.folder, ['rm', '-rq', 'blog']);
  git(repo.folder, ['commit', '-q', '-m', 'Remove blog']);
  expect((await repo.flycd(once, 'state')).stdout).toMatch(/blog +deleted/);
  expect([...world.simulator.world.apps.keys()]).toEqual(['shop']);
});

test('an app of a branch that was never merged stays, and whoever brings it back goes on with it', async () => {
  const { world, repo } = await begun();
  git(repo.folder, ['checkout', '-q', 'main']);
  const { code, stdout } = await repo.flycd(once, 'state');
  expect(code).toBe(4);
  expect(stdout).toContain('another branch, clone or repo may still name it');
  repo.commit({ 'blog/app.yaml': app('blog') });
  expect((await repo.flycd(once, 'state')).code).toBe(0);
  expect([...world.simulator.world.apps.keys()].toSorted()).toEqual(['blog', 'shop']);
});
