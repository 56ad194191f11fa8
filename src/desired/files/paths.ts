import { posix } from 'node:path';
import type { Tree } from '../../sources/tree/tree.ts';

/** A path written in a config file, seen from a folder of the tree. undefined: it leads out of the repo. */
export function pathWithin(folder: string, written: string): string | undefined {
  if (posix.isAbsolute(written) || /^[A-Za-z]:[\\/]/.test(written) || written.includes('\\') || written.includes('\0'))
    return undefined;
  const path = posix.normalize(posix.join(folder === '' ? '.' : folder, written === '' ? '.' : written));
  if (path === '..' || path.startsWith('../')) return undefined;
  return path === '.' ? '' : path.replace(/\/$/, '');
}

/** How far paths go: a plain folder has no top but itself, and config repos of FlyCD 0.x name folders beside it. */
export function stayInside(tree: Pick<Tree, 'revision'>, start: string): string {
  const isPlain = tree.revision.startsWith('content:');
  return isPlain
    ? 'outside git, paths must stay inside the folder given to FlyCD: pass the parent folder that holds both'
    : `paths go from ${start}, and stay inside`;
}
