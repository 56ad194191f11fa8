import { posix } from 'node:path';
import { outside } from './path-faults.ts';

/** A path out of a config file, as a clean path from the tree's root ('' = the root); a stalled Fault where it leads out. */
export function cleanPath(path: string, tree: string): string {
  if (path.includes('\0')) throw outside(path, tree, 'it holds a null character');
  if (path.startsWith('/')) throw outside(path, tree, 'it is absolute');
  const clean = posix.normalize(path === '' ? '.' : path).replace(/\/$/, '');
  if (clean === '..' || clean.startsWith('../')) throw outside(path, tree, 'it climbs above the root');
  if (clean === '.') return '';
  if (clean.split('/').some(isGitFolder)) throw outside(path, tree, "it names git's own folder");
  return clean;
}

/** `.git` in any case: file systems that fold case would take `.GIT` for it. */
export function isGitFolder(name: string): boolean {
  return name.toLowerCase() === '.git';
}

/** A name a tree of git may hold: git's own checks refuse the others, but a hostile server does not run them. */
export function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !isGitFolder(name) && !name.includes('/');
}

export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** The folder a path lies in; '' for the root's own entries. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** true: `path` is the folder or inside it; '' is the root, with everything in it. */
export function isInside(path: string, folder: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  if (a.path === b.path) return 0;
  return a.path < b.path ? -1 : 1;
}
