/** A config in a git work tree, read from disk and, the same commit, by git alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createDesiredLoader, type LoadRequest } from '../../src/desired/load.ts';
import { IdleClock, systemClock } from '../../src/model/base/clock.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { openFolder } from '../../src/sources/folder/folder.ts';
import { git, gitEach, initWorkTree, temporaryFolder } from '../servers/git-server.ts';
import { recordMirrors } from '../sources/recorded-mirrors.ts';
import { load } from './loading.ts';
import { memoryMirrors } from './memory-tree.ts';

export interface ConfigWorkTree {
  /** Holds `root` and whatever stands beside it. */
  readonly scratch: string;
  readonly root: string;
  write(files: Readonly<Record<string, string>>): void;
  git(...args: readonly string[]): string;
  /** All that stands there; the commit's id. */
  commit(): string;
  /** Makes the repository where there is none yet, and commits. */
  committed(files: Readonly<Record<string, string>>): string;
  loadFolder(path?: string, settings?: LoadRequest['settings']): Promise<DesiredFleet>;
  loadCommit(): Promise<DesiredFleet>;
  /** From disk, and by git. */
  loadBoth(): Promise<readonly DesiredFleet[]>;
  remove(): void;
}

export function configWorkTree(): ConfigWorkTree {
  const scratch = temporaryFolder();
  const root = join(scratch.path, 'config');
  mkdirSync(root);
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  };
  const commit = (): string => {
    const said = gitEach(root, [
      ['rev-parse', '--is-inside-work-tree'],
      ['add', '-A'],
      ['commit', '--quiet', '--allow-empty', '-m', 'x'],
      ['rev-parse', 'HEAD'],
    ]).split('\n');
    if (said[0] !== 'true') throw new Error('no work tree');
    return said[1] ?? '';
  };
  const loadFolder: ConfigWorkTree['loadFolder'] = async (path = root, settings) => {
    const opened = await openFolder({ path, clock: new IdleClock(), environment: process.env });
    const loader = createDesiredLoader({ clock: systemClock });
    return loader.load({
      settings,
      tree: opened.tree,
      path: opened.path,
      mirrors: memoryMirrors(),
      environment: () => undefined,
      resolveImage: async () => undefined,
    });
  };
  const loadCommit = async (): Promise<DesiredFleet> => {
    const { mirrors } = recordMirrors({ folder: join(scratch.path, 'recorded') });
    try {
      const tree = await mirrors.tree({ url: `file://${root}/.git`, ref: 'HEAD', trust: 'operator' });
      return await load({}, { tree });
    } finally {
      mirrors.close();
    }
  };
  return {
    scratch: scratch.path,
    root,
    write,
    git: (...args) => git(root, args),
    commit,
    committed(files) {
      initWorkTree(root);
      write(files);
      return commit();
    },
    loadFolder,
    loadCommit,
    loadBoth: async () => [await loadFolder(), await loadCommit()],
    remove: () => scratch.remove(),
  };
}
