/** From a folder down: which folders are looked into, and how many. The one way through a tree of files. */
import { baseOf } from '../../sources/tree/tree-path.ts';
import type { TreeEntry } from '../../sources/tree/tree.ts';

/** Folders that hold no config: v0's, and node_modules. */
export const skippedFolders: ReadonlySet<string> = new Set(['.git', '.actions', '.idea', '.vscode', 'node_modules']);
/** Those of them in which nobody keeps anything of his own. */
export const othersFolders: ReadonlySet<string> = new Set(['.git', 'node_modules']);
/** Nobody nests folders deeper by hand; a loop of mounts does. */
export const folderDepthMax = 64;
/** Ten times what one loader is measured for. */
export const foldersMax = 20_000;

export interface Descent {
  readonly folder: string;
  readonly list: (folder: string) => Promise<readonly TreeEntry[]>;
  /** true: what has that name is wanted, whatever it is. */
  readonly wants: (name: string) => boolean;
  /** true: it is left out, and what is under it. */
  readonly skips?: ((entry: TreeEntry) => boolean) | undefined;
  /** Names of folders that are left out. Without it, all that hold no config. */
  readonly skipped?: ReadonlySet<string> | undefined;
  /** Told of what is neither wanted nor looked into: other repositories, links, files of other names. */
  readonly onOther?: ((entry: TreeEntry) => void) | undefined;
  /** Told of a folder that cannot be listed, which is then left out. undefined: its error is thrown. */
  readonly onUnread?: ((folder: string, error: unknown) => void) | undefined;
  /** Which of a folder's folders, other repositories among them, are looked into. */
  readonly into: (folders: readonly TreeEntry[]) => readonly TreeEntry[] | Promise<readonly TreeEntry[]>;
  /** Told of a folder past the limits, which is then not looked into; it may throw. */
  readonly onLimit: (folder: string, limit: string) => void;
  /** Folders looked into so far: several descents may share one. */
  readonly seen: { folders: number };
}

/** Files and links that are wanted: a folder's own first, then those of its folders in their order. */
export async function filesBelow(descent: Descent): Promise<readonly TreeEntry[]> {
  const { skipped = skippedFolders } = descent;
  const visit = async (folder: string, depth: number): Promise<readonly TreeEntry[]> => {
    descent.seen.folders += 1;
    if (depth > folderDepthMax || descent.seen.folders > foldersMax) {
      descent.onLimit(folder, depth > folderDepthMax ? `more than ${folderDepthMax} deep` : `more than ${foldersMax}`);
      return [];
    }
    const entries = (await listed(descent, folder)).filter((entry) => descent.skips?.(entry) !== true);
    const wanted = entries.filter((entry) => descent.wants(baseOf(entry.path)));
    const others = entries.filter(({ path }) => !descent.wants(baseOf(path)) && !skipped.has(baseOf(path)));
    const folders = await descent.into(others.filter(({ kind }) => kind === 'folder' || kind === 'repository'));
    for (const entry of others) if (entry.kind !== 'folder' && entry.kind !== 'repository') descent.onOther?.(entry);
    for (const entry of folders) if (entry.kind === 'repository') descent.onOther?.(entry);
    const inner = folders.filter(({ kind }) => kind === 'folder');
    const below = await Promise.all(inner.map(({ path }) => visit(path, depth + 1)));
    return [...wanted, ...below.flat()];
  };
  return visit(descent.folder, 0);
}

async function listed({ list, onUnread }: Descent, folder: string): Promise<readonly TreeEntry[]> {
  try {
    return await list(folder);
  } catch (error) {
    if (onUnread === undefined) throw error;
    onUnread(folder, error);
    return [];
  }
}
