/** A folder's entries. */
import type { WorkTree } from './work-tree.ts';
import type { UnfilledModules } from './unfilled-modules.ts';
import { readdirSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import type { TreeEntry } from '../tree/tree.ts';
import { baseOf, byPath, isGitFolder, joined } from '../tree/tree-path.ts';
import { isAbsence, unreadable } from './disk-faults.ts';

/** What is on disk of these, the disk knows better. */
const standing: ReadonlySet<TreeEntry['kind']> = new Set(['folder', 'file', 'link']);

export interface ListingRequest {
  readonly root: string;
  readonly work: WorkTree;
  readonly modules: UnfilledModules;
  readonly asked: string;
  /** Where that leads; undefined: nowhere. */
  readonly inside: string | undefined;
}

/** What is on disk in a folder, and what the commit has there besides: what is left out, and other repositories. */
export function listing({ root, work, modules, asked, inside }: ListingRequest): readonly TreeEntry[] {
  // Of a plain folder a repository inside is a folder like any other.
  const isRepository = work.top === undefined ? () => false : (path: string) => hasGitFolder(join(root, path));
  const isTextLink = (path: string): boolean => work.textLinks.has(path);
  const onDisk = listFolder({ root, asked, inside, isRepository, isTextLink });
  const entries = new Map(onDisk.map((entry) => [entry.path, entry]));
  for (const entry of work.unseen(inside ?? asked, (name) => entries.has(joined(asked, name)))) {
    const path = joined(asked, baseOf(entry.path));
    // A folder is what is on disk of it, and what is left out besides.
    if (!entries.has(path) || !standing.has(entry.kind)) entries.set(path, { ...entry, path });
  }
  for (const module of inside === undefined ? [] : modules.within(inside)) {
    const path = joined(asked, baseOf(module));
    entries.set(path, { path, kind: 'repository', size: 0 });
  }
  const all = [...entries.values()].sort(byPath);
  const place = inside ?? asked;
  // Named outright, what git ignores counts whole.
  if (work.ignored(place)) return all;
  return all.map((entry) => {
    const there = joined(place, baseOf(entry.path));
    if (work.ignored(there)) return { ...entry, ignored: true };
    return work.untracked(there) ? { ...entry, untracked: true } : entry;
  });
}

interface ListRequest {
  readonly root: string;
  readonly asked: string;
  /** Where that leads; undefined: nowhere. */
  readonly inside: string | undefined;
  readonly isRepository: (path: string) => boolean;
  readonly isTextLink: (path: string) => boolean;
}

/** Entries under the name they were asked by, so that a folder behind a link keeps the caller's path. */
function listFolder({ root, asked, inside, isRepository, isTextLink }: ListRequest): readonly TreeEntry[] {
  if (inside === undefined) return [];
  const folder = join(root, inside);
  const entries: TreeEntry[] = [];
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (isGitFolder(entry.name)) continue;
      const path = joined(asked, entry.name);
      if (entry.name.includes('\uFFFD')) throw notUtf8(path);
      if (entry.isSymbolicLink() || isTextLink(joined(inside, entry.name)))
        entries.push({ path, kind: 'link', size: 0 });
      else if (entry.isDirectory())
        entries.push({ path, kind: isRepository(joined(inside, entry.name)) ? 'repository' : 'folder', size: 0 });
      else if (entry.isFile()) {
        const size = lstatSync(join(folder, entry.name), { throwIfNoEntry: false })?.size;
        if (size !== undefined) entries.push({ path, kind: 'file', size });
      } else entries.push({ path, kind: 'special', size: 0 });
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (isAbsence(error)) return [];
    throw unreadable(asked, error);
  }
  return entries;
}

/** What Node gives in its place opens no file: what stands there would count as gone. */
function notUtf8(path: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `the name of ${path} is not UTF-8`,
    why: 'no file can be opened by it',
    next: 'rename it',
    where: path,
  });
}

/** A repository of its own: `.git` is a folder, or a file where it is a submodule or a linked work tree. */
function hasGitFolder(folder: string): boolean {
  return lstatSync(join(folder, '.git'), { throwIfNoEntry: false }) !== undefined;
}
