/** Reads files of the config repo and of project repos, and remembers what was parsed, by content. */
import { folderOf } from '../../sources/tree/tree-path.ts';
import { posix } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { formatOf, readDocument, unreadDocument, type SourceDocument } from '../documents/document.ts';
import type { Substitution } from '../documents/substitution.ts';
import type { Cache } from './cache.ts';

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
}

export interface ConfigFiles {
  file(tree: Tree, path: string): ConfigFile;
  list(tree: Tree, folder: string): Promise<readonly TreeEntry[]>;
  entry(tree: Tree, path: string): Promise<TreeEntry | undefined>;
  /** Content id; undefined: not there. */
  id(tree: Tree, path: string): Promise<string | undefined>;
  read(tree: Tree, path: string): Promise<Uint8Array | undefined>;
  /**
   * The same value for the same content. undefined: not there. `key` tells substitutions apart. A file over the limit, or
   * behind a link that leads out of its tree, is a document with that as its problem. Throws the tree's other Faults.
   */
  document(
    file: ConfigFile,
    layers?: { readonly substitutions: readonly Substitution[]; readonly key: string },
  ): Promise<ReadFile | undefined>;
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
  const read = (tree: Tree, path: string): Promise<Uint8Array | undefined> =>
    clock.busy(() => tree.read(path, fileBytesMax));
  const id = (tree: Tree, path: string): Promise<string | undefined> => clock.busy(() => tree.id(path));
  return {
    file: (tree, path) => ({ tree, path, folder: folderOf(path), name: nameOf(request, tree, path) }),
    list,
    read,
    id,
    async entry(tree, path) {
      return (await list(tree, folderOf(path))).find((entry) => entry.path === path);
    },
    async document(file, layers = { substitutions: [], key: '' }) {
      const content = await id(file.tree, file.path);
      if (content === undefined) return undefined;
      const key = `${file.name}\n${content}\n${layers.key}`;
      const known = request.documents.get(key);
      if (known !== undefined) return known;
      const identity = `${file.path}\n${content}`;
      const named = { file: file.name, format: formatOf(file.path), substitutions: layers.substitutions };
      try {
        const bytes = await read(file.tree, file.path);
        if (bytes === undefined) return undefined;
        const made = { document: readDocument({ ...named, bytes }), key, identity };
        request.documents.set(key, made);
        return made;
      } catch (error) {
        // What only git can mend is a mistake in this file, and has its place there.
        if (!(error instanceof Fault) || error.kind !== 'stalled') throw error;
        return { document: unreadDocument({ ...named, text: '' }, error.message, error.next), key, identity };
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

export const projectFileName = 'project.yaml';

/** Of the fleet, not of an app. */
export const settingsFileName = 'flycd.yaml';
