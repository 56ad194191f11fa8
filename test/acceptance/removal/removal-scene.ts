/** A config repo whose apps run, and what a change of it does to the one that it no longer names. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { arena } from '../../controllers/arena.ts';
import { git, gitEach, initWorkTree } from '../../servers/git-server.ts';

export type Written = Readonly<Record<string, string | Uint8Array>>;

export const settings = 'fleet: history\nsync:\n  prune: [app]\n';

export function app(name: string, image = 'nginx:1'): string {
  return `app: ${name}\nprimary_region: arn\nbuild: { image: ${image} }\ndeploy: { wait_timeout: 20s }\nmachines: { count: 1 }\n`;
}

/** Two apps in one folder each. */
export const two: Written = { 'flycd.yaml': settings, 'shop/app.yaml': app('shop'), 'blog/app.yaml': app('blog') };

/** The same in a folder of the repo. */
export const inOne: Written = Object.fromEntries(Object.entries(two).map(([path, text]) => [`one/${path}`, text]));

export interface RemovalScene {
  readonly repo: string;
  folder(): string;
  write(files: Written): void;
  /** All that stands in the work tree, and these files. */
  commit(files?: Written): void;
  git(...args: readonly string[]): string;
  /** Another clone of it as `git clone` makes it. */
  clone(...options: readonly string[]): string;
  sync(where: string, ...flags: readonly string[]): Promise<string>;
  names(): readonly string[];
}

/** A repo with these files in one commit, synced from that folder of it. */
export async function running(files: Written = two, from = ''): Promise<RemovalScene> {
  const world = await arena();
  const folders: string[] = [];
  const temporary = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'flycd-removal-'));
    folders.push(made);
    return made;
  };
  onTestFinished(async () => {
    await world.close();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const repo = temporary();
  initWorkTree(repo);
  const scene: RemovalScene = {
    repo,
    folder: temporary,
    write(written) {
      for (const [path, content] of Object.entries(written)) {
        mkdirSync(dirname(join(repo, path)), { recursive: true });
        writeFileSync(join(repo, path), content);
      }
    },
    commit(written = {}) {
      scene.write(written);
      gitEach(repo, [
        ['add', '-A'],
        ['commit', '-q', '--allow-empty', '-m', 'change'],
      ]);
    },
    git: (...args) => git(repo, args),
    clone(...options) {
      const made = temporary();
      git(made, [...options, 'clone', '-q', `file://${repo}`, '.']);
      return made;
    },
    async sync(where, ...flags) {
      const { stdout, stderr } = await world.flycdAt(where, ['sync', '--once', ...flags]);
      return (stderr + stdout).replaceAll(/\s+/g, ' ');
    },
    names: () => world.simulator.world.snapshot().map(({ name }) => name),
  };
  scene.commit(files);
  await scene.sync(join(repo, from));
  return scene;
}

/** Held with these words, whatever is accepted, until it is named. */
export async function stays(scene: RemovalScene, where: string, because: string, name = 'blog'): Promise<void> {
  const said = await scene.sync(where, '--accept', '--accept-only', 'destructive', '--accept-only', 'volume');
  expect(said).toContain(because);
  expect(scene.names()).toContain(name);
}

export async function goes(scene: RemovalScene, where: string, name = 'blog'): Promise<void> {
  expect(await scene.sync(where)).toMatch(new RegExp(`${name} deleted`));
  expect(scene.names()).not.toContain(name);
}
