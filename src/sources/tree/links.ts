/** Symbolic links of a tree, followed inside of it only. */
import { posix } from 'node:path';
import { outside } from './path-faults.ts';
import { cleanPath, folderOf, joined } from './tree-path.ts';

/** As the kernel: more are a circle. */
export const linksMax = 40;
/** As PATH_MAX: a longer link target is no path. */
export const linkBytesMax = 4096;

export interface LinkRequest {
  /** In the tree. */
  readonly link: string;
  /** As written in it. */
  readonly target: string;
  /** What was asked for, for the Fault. */
  readonly path: string;
  /** The tree's name. */
  readonly name: string;
}

/** Where a link points, from the root. Throws a stalled Fault where that is out of the tree. */
export function linkDestination({ link, target, path, name }: LinkRequest): string {
  const clean = posix.normalize(posix.join(folderOf(link), target));
  if (target.startsWith('/') || clean === '..' || clean.startsWith('../')) {
    throw outside(path, name, `${link} is a symbolic link to ${JSON.stringify(target)}`);
  }
  return cleanPath(clean, name);
}

export function circle(link: string, path: string, name: string) {
  return outside(path, name, `${link} is a link in a circle`);
}

/** A path in the folder `from`, as one in `to`: what is behind a link keeps the name it was asked by. */
export function rebased(path: string, { from, to }: { readonly from: string; readonly to: string }): string {
  const rest = path.slice(from === '' ? 0 : from.length + 1);
  return rest === '' ? to : joined(to, rest);
}
