/** Work trees of git with remotes that nobody reaches: whose fleet they are is all that is asked of them. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Arena } from '../controllers/arena.ts';
import type { Ran } from '../cli/terminal.ts';
import { git, gitEach, initWorkTree } from '../servers/git-server.ts';

/** What a config repo is to FlyCD, in git or not. */
export type Copy = Pick<Clone, 'folder' | 'commit' | 'remove' | 'flycd'>;

export interface Clone {
  readonly folder: string;
  commit(files: Readonly<Record<string, string>>): void;
  /** Takes a file or folder out of it; the next commit says so. */
  remove(path: string): void;
  remote(name: string, address: string): void;
  /** Runs a command on it; `state` names another FlyCD than that of this clone. */
  flycd(argv: readonly string[], state?: string): Promise<Ran>;
  /** Another clone of it, with its history, or with its last commit alone. */
  clone(name: string, depth?: number): Clone;
}

export function makeClone(world: Arena, name: string, files: Readonly<Record<string, string>>): Clone {
  const folder = join(dirname(world.folder), name);
  initWorkTree(folder);
  const made = cloneAt(world, name, folder);
  // Committed at one second by one hand, two repos would else begin with one commit.
  made.commit({ 'README.md': `The config repo ${name}\n` });
  made.commit(files);
  return made;
}

/** The same config outside of git, which asks no child of each command: a commit only writes. */
export function makeCopy(world: Arena, name: string, files: Readonly<Record<string, string>>): Copy {
  const folder = join(dirname(world.folder), name);
  const copy = {
    folder,
    commit: (changed: Readonly<Record<string, string>>) => write(folder, changed),
    remove: (path: string) => rmSync(join(folder, path), { recursive: true }),
    flycd: (argv: readonly string[], state = name) => world.flycdAt(folder, argv, state),
  };
  copy.commit(files);
  return copy;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function cloneAt(world: Arena, name: string, folder: string): Clone {
  return {
    folder,
    commit(files) {
      write(folder, files);
      gitEach(folder, [
        ['add', '--all'],
        ['commit', '--quiet', '--message', 'Move'],
      ]);
    },
    remove: (path) => rmSync(join(folder, path), { recursive: true }),
    remote: (remote, address) => void git(folder, ['remote', 'add', remote, address]),
    flycd: (argv, state = name) => world.flycdAt(folder, argv, state),
    clone(other, depth) {
      const into = join(dirname(folder), other);
      const flags = depth === undefined ? [] : [`--depth=${depth}`];
      git(dirname(folder), ['clone', '--quiet', ...flags, `file://${folder}`, into]);
      git(into, ['remote', 'remove', 'origin']);
      return cloneAt(world, other, into);
    },
  };
}
