import { createHash } from 'node:crypto';
import { Fault } from '../../src/model/base/fault.ts';
import { treeId } from '../../src/sources/tree/object-id.ts';
import type { GitMirrors, GitSourceRequest, Tree, TreeEntry } from '../../src/sources/tree/tree.ts';

/** Path to text or bytes; a link is `{ link: target }`, a tree path. */
export type MemoryFiles = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;

export interface MemoryTree extends Tree {
  /** How often file contents were read. */
  readonly reads: { count: number };
}

interface Named {
  readonly name?: string;
  readonly revision?: string;
  /** Paths that git ignores. */
  readonly ignored?: readonly string[];
  /** Paths at which another repository stands. */
  readonly repositories?: readonly string[];
}

/** A tree that stands in memory, as the git and folder trees behave. */
export function memoryTree(files: MemoryFiles, names: Named = {}): MemoryTree {
  const folders = new Map<string, Map<string, TreeEntry>>([['', new Map()]]);
  const add = (folder: string, entry: TreeEntry): void => {
    const entries = folders.get(folder) ?? new Map<string, TreeEntry>();
    folders.set(folder, entries);
    entries.set(entry.path, entry);
  };
  const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
  for (const [path, content] of Object.entries(files)) {
    const kind = typeof content === 'object' && 'link' in content ? 'link' : 'file';
    const size = kind === 'file' ? bytesOf(content).length : 0;
    add(parentOf(path), { path, kind, size });
    for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
      add(parentOf(folder), { path: folder, kind: 'folder', size: 0 });
    }
  }
  const ids = new Map<string, string>();
  const idOf = (path: string): string | undefined => {
    const known = ids.get(path);
    if (known !== undefined) return known;
    const content = files[path];
    const entries = folders.get(path);
    if (content === undefined && entries === undefined) return undefined;
    const children = [...(entries?.values() ?? [])].map((entry) => ({
      name: entry.path.slice(path === '' ? 0 : path.length + 1),
      mode: entry.kind === 'folder' ? '40000' : entry.kind === 'link' ? '120000' : '100644',
      id: idOf(entry.path) ?? '',
    }));
    const id = content === undefined ? treeId(children, 'sha1') : blobId(bytesOf(resolved(files, content)));
    ids.set(path, id);
    return id;
  };
  const reads = { count: 0 };
  return {
    reads,
    name: names.name ?? 'config',
    revision: names.revision ?? idOf('') ?? 'empty',
    async list(folder) {
      const entries = [...(folders.get(folder)?.values() ?? [])].toSorted((a, b) => (a.path < b.path ? -1 : 1));
      return entries.map((entry) => ({
        ...entry,
        ...(names.repositories?.includes(entry.path) === true ? { kind: 'repository' } : {}),
        ...(names.ignored?.includes(entry.path) === true ? { ignored: true } : {}),
      }));
    },
    async read(path, bytesMax) {
      const content = files[path];
      if (content === undefined) return undefined;
      reads.count += 1;
      const target = resolved(files, content);
      if (target === undefined) throw new Fault({ kind: 'stalled', what: `${path} is a link out of the tree` });
      const bytes = bytesOf(target);
      if (bytes.length > bytesMax)
        throw new Fault({ kind: 'stalled', what: `${path} is larger than ${bytesMax} bytes` });
      return bytes;
    },
    async id(path) {
      return idOf(path);
    },
    async contents(path) {
      const inside = Object.keys(files).filter((file) => path === '' || file === path || file.startsWith(`${path}/`));
      return inside.toSorted().map((file) => {
        const content = files[file];
        const isLink = typeof content === 'object' && 'link' in content;
        const bytes = isLink ? new TextEncoder().encode(content.link) : bytesOf(content);
        return { path: file, mode: isLink ? '120000' : '100644', id: blobId(bytes), size: bytes.length, exact: true };
      });
    },
    async repositories() {
      return [];
    },
    async follow(path) {
      const content = files[path];
      const target = typeof content === 'object' && 'link' in content ? content.link : path;
      return idOf(target) === undefined ? undefined : target;
    },
    async target(path) {
      const content = files[path];
      return typeof content === 'object' && 'link' in content ? content.link : undefined;
    },
  };
}

function blobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function resolved(files: MemoryFiles, content: MemoryFiles[string]): string | Uint8Array | undefined {
  if (typeof content === 'string' || content instanceof Uint8Array) return content;
  const target = files[content.link];
  return typeof target === 'string' || target instanceof Uint8Array ? target : undefined;
}

function bytesOf(content: MemoryFiles[string] | undefined): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return new TextEncoder().encode(typeof content === 'string' ? content : '');
}

/** Repos by URL, and by `URL@ref` where refs differ; anything else is unreachable. */
export function memoryMirrors(
  trees: Readonly<Record<string, Tree>> = {},
): GitMirrors & { readonly asked: GitSourceRequest[]; readonly faults: Map<string, Fault> } {
  const asked: GitSourceRequest[] = [];
  const faults = new Map<string, Fault>();
  return {
    asked,
    faults,
    async tree(request) {
      asked.push(request);
      const fault = faults.get(request.url);
      if (fault !== undefined) throw fault;
      const tree = trees[`${request.url}@${request.ref}`] ?? trees[request.url];
      if (tree !== undefined) return tree;
      throw new Fault({ kind: 'transient', what: `${request.url} could not be reached`, next: 'FlyCD tries again' });
    },
  };
}
