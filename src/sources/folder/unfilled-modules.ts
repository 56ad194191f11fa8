/**
 * Submodules of a plain folder: an archive of a repository holds its `.gitmodules`, and where the submodules were an empty
 * folder or, where those got lost on the way, nothing.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { folderOf, isInside } from '../tree/tree-path.ts';
import { isAbsence, unreadable } from './disk-faults.ts';

export interface UnfilledModules {
  /** What stands for them in a folder: paths of entries, which may not be there. */
  within(folder: string): readonly string[];
  /** At or under a path, as far as files at and above it say. */
  under(path: string): readonly string[];
}

/** Written by git, a few lines a submodule: a larger one is something else. */
const fileBytesMax = 1_048_576;

export const noModules: UnfilledModules = { within: () => [], under: () => [] };

export function unfilledModules(root: string): UnfilledModules {
  const known = new Map<string, readonly string[]>();
  /** Of the files in a folder and in those above. */
  const named = (folder: string): readonly string[] => {
    const before = known.get(folder);
    if (before !== undefined) return before;
    const above = folder === '' ? namedAbove(root) : named(folderOf(folder));
    const made = [...above, ...modulesIn(join(root, folder)).map((path) => posix.join(folder, path))];
    known.set(folder, made);
    return made;
  };
  const under = (path: string): readonly string[] =>
    named(path).filter((module) => isInside(module, path) && isUnfilled(join(root, module)));
  return {
    under,
    within(folder) {
      const inside = under(folder).filter((module) => module !== folder);
      return [...new Set(inside.map((module) => stepTo(root, folder, module)))].flatMap((step) => step ?? []);
    },
  };
}

/** Of a module in a folder, the folder's own entry: itself, or the first on the way that is not there. */
function stepTo(root: string, folder: string, module: string): string | undefined {
  const rest = module.slice(folder === '' ? 0 : folder.length + 1);
  const [first = ''] = rest.split('/');
  const entry = posix.join(folder, first);
  const isThere = lstatSync(join(root, entry), { throwIfNoEntry: false }) !== undefined;
  return entry === module || !isThere ? entry : undefined;
}

/** The archive may have been unpacked further up. */
function namedAbove(root: string): readonly string[] {
  const found: string[] = [];
  for (let at = dirname(root); ; at = dirname(at)) {
    const place = relative(at, root).replaceAll(sep, '/');
    const paths = modulesIn(at).filter((path) => isInside(path, place) && path !== place);
    found.push(...paths.map((path) => path.slice(place.length + 1)));
    if (dirname(at) === at) return found;
  }
}

function modulesIn(folder: string): readonly string[] {
  const lines = textOf(join(folder, '.gitmodules')).matchAll(/^[ \t]*path[ \t]*=[ \t]*"?(.*?)"?[ \t]*\r?$/gm);
  const paths = [...lines].map(([, path = '']) => posix.normalize(path).replace(/\/$/, ''));
  return paths.filter((path) => path !== '.' && !path.startsWith('/') && path !== '..' && !path.startsWith('../'));
}

/** '': there is none. */
function textOf(file: string): string {
  try {
    const stat = lstatSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true && stat.size <= fileBytesMax ? readFileSync(file, 'utf8') : '';
  } catch (error) {
    if (isAbsence(error)) return '';
    throw unreadable(file, error);
  }
}

function isUnfilled(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    if (isAbsence(error)) return true;
    throw unreadable(path, error);
  }
}
