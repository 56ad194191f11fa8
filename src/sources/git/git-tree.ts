import { Fault } from '../../model/base/fault.ts';
import { treeId } from '../tree/object-id.ts';
import type { GitItem, Tree, TreeEntry, TreeItem } from '../tree/tree.ts';
import { circle, linkBytesMax, linkDestination, linksMax, rebased } from '../tree/links.ts';
import { baseOf, byPath, cleanPath, folderOf, isInside, joined } from '../tree/tree-path.ts';
import { outside, tooLarge } from '../tree/path-faults.ts';

const linkMode = '120000';
const submoduleMode = '160000';
const kindsByMode: Readonly<Record<string, TreeEntry['kind']>> = {
  [linkMode]: 'link',
  '040000': 'folder',
  [submoduleMode]: 'repository',
};

export interface CommitTreeParts {
  readonly commit: string;
  /** For people. */
  readonly name: string;
  readonly items: readonly GitItem[];
  /** A blob's bytes; throws a Fault. */
  readonly blob: (oid: string) => Promise<Uint8Array>;
}

interface CommitIndex {
  readonly name: string;
  readonly items: ReadonlyMap<string, GitItem>;
  readonly folders: ReadonlyMap<string, readonly TreeEntry[]>;
  readonly submodules: readonly string[];
  readonly blob: CommitTreeParts['blob'];
}

/** A commit's files. Nothing is ever checked out; links are followed inside the tree only. */
export function commitTree(parts: CommitTreeParts): Tree {
  const { commit, name, blob } = parts;
  const index = indexed(parts);
  let root: string | undefined;
  return {
    revision: commit,
    name,
    async list(folder) {
      const path = await followed(index, folder);
      const entries = path === undefined ? [] : (index.folders.get(path) ?? []);
      const asked = cleanPath(folder, name);
      if (path === undefined || path === asked) return entries;
      // behind a link the entries keep the caller's path, as on disk
      return entries.map((entry) => ({ ...entry, path: joined(asked, baseOf(entry.path)) }));
    },
    async contents(path) {
      const real = await followed(index, path);
      if (real === undefined) return [];
      const asked = cleanPath(path, name);
      const inside = parts.items.filter((item) => isInside(item.path, real));
      return inside.flatMap((item) => itemOf(item, rebased(item.path, { from: real, to: asked }))).sort(byPath);
    },
    async repositories(path) {
      const real = await followed(index, path);
      const asked = cleanPath(path, name);
      if (real === undefined) return [];
      const inside = index.submodules.filter((submodule) => isInside(submodule, real));
      return inside.map((submodule) => rebased(submodule, { from: real, to: asked }));
    },
    follow: (path) => followed(index, path),
    async target(path) {
      const link = index.items.get(cleanPath(path, name));
      if (link?.mode !== linkMode) return undefined;
      if (link.size > linkBytesMax) throw outside(path, name, `${link.path} is a link to no path`);
      return new TextDecoder().decode(await blob(link.oid));
    },
    async read(path, bytesMax) {
      const real = await followed(index, path);
      const item = real === undefined ? undefined : index.items.get(real);
      if (item === undefined || !item.mode.startsWith('100')) return undefined;
      if (item.size > bytesMax) throw tooLarge(path, item.size, bytesMax);
      return blob(item.oid);
    },
    async id(path) {
      const real = await followed(index, path);
      if (real === '') return (root ??= rootId(parts));
      return real === undefined ? undefined : index.items.get(real)?.oid;
    },
  };
}

/** Files and links; a folder is what is in it, and a submodule another repository's. */
function itemOf({ mode, oid, size }: GitItem, path: string): readonly TreeItem[] {
  if (mode === linkMode) return [{ path, mode, id: oid, size, exact: true }];
  if (!mode.startsWith('100')) return [];
  return [{ path, mode: mode === '100755' ? mode : '100644', id: oid, size, exact: true }];
}

function indexed({ name, items, blob }: CommitTreeParts): CommitIndex {
  const folders = new Map<string, TreeEntry[]>();
  for (const item of items) {
    const folder = folderOf(item.path);
    const entries = folders.get(folder);
    if (entries === undefined) folders.set(folder, [entryOf(item)]);
    else entries.push(entryOf(item));
  }
  for (const entries of folders.values()) entries.sort(byPath);
  const submodules = items.filter(({ mode }) => mode === submoduleMode).map(({ path }) => path);
  return { name, blob, folders, submodules, items: new Map(items.map((item) => [item.path, item])) };
}

/** ls-tree does not name the root itself. */
function rootId({ commit, items }: CommitTreeParts): string {
  const top = items.filter(({ path }) => !path.includes('/'));
  const children = top.map(({ path, mode, oid }) => ({ name: path, mode: mode.replace(/^0/, ''), id: oid }));
  return treeId(children, commit.length === 64 ? 'sha256' : 'sha1');
}

/** The path with every link in it followed; undefined: not there. Throws a stalled Fault where a link leads out. */
async function followed(index: CommitIndex, path: string): Promise<string | undefined> {
  let rest = cleanPath(path, index.name).split('/').filter(Boolean);
  let reached = '';
  let links = 0;
  while (rest.length > 0) {
    const [step = '', ...further] = rest;
    const next = joined(reached, step);
    const item = index.items.get(next);
    if (item === undefined) return undefined;
    rest = further;
    if (item.mode === linkMode) {
      links += 1;
      if (links > linksMax) throw circle(next, path, index.name);
      rest = [...(await targetOf(index, item, path)).split('/').filter(Boolean), ...further];
      reached = '';
    } else {
      reached = next;
    }
  }
  return reached;
}

/** Where a link points, from the root. */
async function targetOf(index: CommitIndex, link: GitItem, path: string): Promise<string> {
  if (link.size > linkBytesMax) throw outside(path, index.name, `${link.path} is a link to no path`);
  const target = new TextDecoder().decode(await index.blob(link.oid));
  return linkDestination({ link: link.path, target, path, name: index.name });
}

/** As a listing shows it. */
export function entryOf(item: GitItem): TreeEntry {
  const kind = kindsByMode[item.mode] ?? 'file';
  return { path: item.path, kind, size: kind === 'file' ? item.size : 0 };
}

export function tooManyFiles(name: string, max: number): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${name} holds too many files`,
    why: `at most ${max} are read`,
    next: 'keep the configuration in a smaller repository or folder',
  });
}
