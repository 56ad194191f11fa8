/** Reads files of the config repo and of project repos, and remembers what was parsed, by content. */
import { baseOf, folderOf } from '../../sources/tree/tree-path.ts';
import { posix } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { formatOf, readDocument, unreadDocument, type Format, type SourceDocument } from '../documents/document.ts';
import type { Substitution } from '../documents/substitution.ts';
import type { Cache } from './cache.ts';
import { nearMissOf, type NearMiss } from './near-misses.ts';
import { brokenLink, unreadEntry, vanished, type Reading, type Unread } from './reading.ts';

/** A config file larger than this is a mistake; parsing time grows with it. */
export const fileBytesMax = 1_048_576;

export interface ConfigFile {
  readonly tree: Tree;
  /** In the tree. */
  readonly path: string;
  /** In the tree; '' = its root. */
  readonly folder: string;
  /** For people. */
  readonly name: string;
  /** What it is read as, where its name does not say. */
  readonly format?: Format | undefined;
}

export interface ConfigFiles {
  file(tree: Tree, path: string): ConfigFile;
  list(tree: Tree, folder: string): Promise<readonly TreeEntry[]>;
  entry(tree: Tree, path: string): Promise<TreeEntry | undefined>;
  /** Content id; undefined: not there. */
  id(tree: Tree, path: string): Promise<string | undefined>;
  read(tree: Tree, path: string): Promise<Uint8Array | undefined>;
  /**
   * The same value for the same content. `key` tells substitutions apart. A file over the limit, or behind a link that
   * leads out of its tree, is a document with that as its problem. Throws the tree's other Faults.
   */
  document(
    file: ConfigFile,
    layers?: { readonly substitutions: readonly Substitution[]; readonly key: string },
  ): Promise<Reading<ReadFile>>;
  /** true: `document` was asked for it. */
  wasRead(tree: Tree, path: string): boolean;
  /** The content id of what stands there, as a file. */
  standing(tree: Tree, path: string): Promise<Reading<string>>;
}

export interface ReadFile {
  readonly document: SourceDocument;
  /** Moves when the file's name, its content or the substitutions do. */
  readonly key: string;
  /** The same for two files of one path and content, whatever repo they were reached through. */
  readonly identity: string;
}

export interface FilesRequest {
  readonly clock: Clock;
  readonly tree: Tree;
  /** Folder in the tree that names are relative to. */
  readonly root: string;
  readonly documents: Cache<ReadFile>;
}

export function configFiles(request: FilesRequest): ConfigFiles {
  const { clock } = request;
  const lists = new Map<Tree, Map<string, Promise<readonly TreeEntry[]>>>();
  const list = (tree: Tree, folder: string): Promise<readonly TreeEntry[]> => {
    const known = lists.get(tree) ?? new Map<string, Promise<readonly TreeEntry[]>>();
    lists.set(tree, known);
    const entries = known.get(folder) ?? clock.busy(() => tree.list(folder));
    known.set(folder, entries);
    return entries;
  };
  const asked = new Map<Tree, Set<string>>();
  const read = (tree: Tree, path: string): Promise<Uint8Array | undefined> =>
    clock.busy(() => tree.read(path, fileBytesMax));
  const id = (tree: Tree, path: string): Promise<string | undefined> => clock.busy(() => tree.id(path));
  const entryAt = async (tree: Tree, path: string): Promise<TreeEntry | undefined> =>
    (await list(tree, folderOf(path))).find((entry) => entry.path === path);
  const standing = async (tree: Tree, path: string): Promise<Reading<string> & { readonly lost?: Unread }> => {
    const entry = await entryAt(tree, path);
    if (entry === undefined) return { state: 'absent' };
    const unread = unreadEntry(entry);
    if (unread !== undefined) return unread;
    const lost = entry.kind === 'link' ? brokenLink : vanished;
    const content = await id(tree, path).catch((error: unknown) => {
      // A link that leads out is this file's mistake, and no other's.
      if (error instanceof Fault && error.kind === 'stalled' && entry.kind === 'link') return undefined;
      throw error;
    });
    return content === undefined ? lost : { state: 'read', value: content, lost };
  };
  return {
    file: (tree, path) => ({ tree, path, folder: folderOf(path), name: nameOf(request, tree, path) }),
    list,
    read,
    id,
    entry: entryAt,
    standing,
    wasRead: (tree, path) => asked.get(tree)?.has(path) === true,
    async document(file, layers = { substitutions: [], key: '' }) {
      asked.set(file.tree, (asked.get(file.tree) ?? new Set()).add(file.path));
      const there = await standing(file.tree, file.path);
      if (there.state !== 'read') return there;
      const format = file.format ?? formatOf(file.path);
      const key = `${file.name}\n${format}\n${there.value}\n${layers.key}`;
      const known = request.documents.get(key);
      if (known !== undefined) return { state: 'read', value: known };
      const identity = `${file.path}\n${there.value}`;
      const named = { file: file.name, format, substitutions: layers.substitutions };
      try {
        const bytes = await read(file.tree, file.path);
        if (bytes === undefined) return there.lost ?? vanished;
        const made = { document: readDocument({ ...named, bytes }), key, identity };
        request.documents.set(key, made);
        return { state: 'read', value: made };
      } catch (error) {
        // What only git can mend is a mistake in this file, and has its place there.
        if (!(error instanceof Fault) || error.kind !== 'stalled') throw error;
        const document = unreadDocument({ ...named, text: '' }, error.message, error.next);
        return { state: 'read', value: { document, key, identity } };
      }
    },
  };
}

/** From the config root for its own files; a repo's name and the path in it for a project's. */
function nameOf(request: FilesRequest, tree: Tree, path: string): string {
  if (tree !== request.tree) return `${tree.name}//${path}`;
  const { root } = request;
  if (root === '') return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : posix.relative(`/${root}`, `/${path}`);
}

/** Files and whatever else stands in a folder under one of the names. */
export async function namesakes(
  files: ConfigFiles,
  tree: Tree,
  { folder, names }: { readonly folder: string; readonly names: readonly string[] },
): Promise<readonly ConfigFile[]> {
  const entries = await files.list(tree, folder);
  return entries.filter(({ path }) => names.includes(baseOf(path))).map(({ path }) => files.file(tree, path));
}

/** undefined: its name is FlyCD's, or has nothing to do with it. */
export function nearMissAt(
  files: ConfigFiles,
  tree: Tree,
  path: string,
): (NearMiss & { readonly file: ConfigFile }) | undefined {
  const nearMiss = nearMissOf(baseOf(path));
  if (nearMiss === undefined) return undefined;
  const format = path.endsWith('.json') ? 'json' : formatOf(nearMiss.meant);
  return { ...nearMiss, file: { ...files.file(tree, path), format } };
}
