import { posix } from 'node:path';

/** A path written in a config file, seen from a folder of the tree. undefined: it leads out of the repo. */
export function pathWithin(folder: string, written: string): string | undefined {
  if (posix.isAbsolute(written) || /^[A-Za-z]:[\\/]/.test(written) || written.includes('\\') || written.includes('\0'))
    return undefined;
  const path = posix.normalize(posix.join(folder === '' ? '.' : folder, written === '' ? '.' : written));
  if (path === '..' || path.startsWith('../')) return undefined;
  return path === '.' ? '' : path.replace(/\/$/, '');
}
