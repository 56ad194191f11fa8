/** From a folder down: which folders are looked into, and how many. The one way through a tree of files. */
import { baseOf } from '../../sources/tree/tree-path.ts';
import type { TreeEntry } from '../../sources/tree/tree.ts';

/** Folders that hold no config: v0's, and node_modules. */
const skippedFolders: ReadonlySet<string> = new Set(['.git', '.actions', '.idea', '.vscode', 'node_modules']);
/** Nobody nests folders deeper by hand; a loop of mounts does. */
const folderDepthMax = 64;
/** Ten times what one loader is measured for. */
const foldersMax = 20_000;

export interface Descent {
  readonly folder: string;
  readonly list: (folder: string) => Promise<readonly TreeEntry[]>;
  /** true: a file or link of that name is wanted. */
  readonly wants: (name: string) => boolean;
  /** Which of a folder's folders are looked into. */
  readonly into: (folders: readonly TreeEntry[]) => readonly TreeEntry[];
  /** Told of a folder past the limits, which is then not looked into; it may throw. */
  readonly onLimit: (folder: string, limit: string) => void;
  /** Folders looked into so far: several descents may share one. */
  readonly seen: { folders: number };
}

/** Files and links that are wanted: a folder's own first, then those of its folders in their order. */
export async function filesBelow(descent: Descent): Promise<readonly TreeEntry[]> {
  const visit = async (folder: string, depth: number): Promise<readonly TreeEntry[]> => {
    descent.seen.folders += 1;
    if (depth > folderDepthMax || descent.seen.folders > foldersMax) {
      descent.onLimit(folder, depth > folderDepthMax ? `more than ${folderDepthMax} deep` : `more than ${foldersMax}`);
      return [];
    }
    const entries = await descent.list(folder);
    const folders = entries.filter((entry) => entry.kind === 'folder' && !skippedFolders.has(baseOf(entry.path)));
    const below = await Promise.all(descent.into(folders).map(({ path }) => visit(path, depth + 1)));
    const files = entries.filter((entry) => entry.kind !== 'folder' && descent.wants(baseOf(entry.path)));
    return [...files, ...below.flat()];
  };
  return visit(descent.folder, 0);
}
