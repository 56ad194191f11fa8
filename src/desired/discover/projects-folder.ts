/** v0: where a folder `projects` stands, it alone of its siblings is looked into. */
import { baseOf } from '../../sources/tree/tree-path.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import type { Walking } from './discovery.ts';
import { isAppOrProject } from '../files/file-names.ts';
import { folderDepthMax, skippedFolders } from '../files/traverse.ts';

/** What of a folder's folders is looked into; what is not is remembered. */
export async function lookedInto(
  walking: Walking,
  tree: Tree,
  folders: readonly TreeEntry[],
): Promise<readonly TreeEntry[]> {
  const projects = folders.find((entry) => baseOf(entry.path) === 'projects');
  if (projects === undefined || !(await counts(walking, tree, projects))) return folders;
  for (const { path } of folders) if (path !== projects.path) walking.hidden.push({ tree, path, by: projects.path });
  return [projects];
}

/**
 * false: the commit of these folders has no such folder, so that what is left of a build, or of a branch, changes nothing.
 * A new one counts as all new files do, once an app or a project is in it.
 */
async function counts(walking: Walking, tree: Tree, { path, kind, untracked }: TreeEntry): Promise<boolean> {
  if (kind !== 'folder') return untracked !== true;
  if (untracked !== true) return holds(walking, tree, { folder: path, wants: ({ kind: one }) => one !== 'folder' });
  return holds(walking, tree, {
    folder: path,
    wants: (entry) => isAppOrProject(baseOf(entry.path)),
    skips: skippedFolders,
  });
}

interface Search {
  readonly folder: string;
  readonly wants: (entry: TreeEntry) => boolean;
  /** Names that are not looked at. */
  readonly skips?: ReadonlySet<string> | undefined;
  readonly depth?: number;
}

/** Whether something that git does not ignore is in it. What cannot be read may be: the walk comes there, and says so. */
async function holds(walking: Walking, tree: Tree, { folder, wants, skips, depth = 0 }: Search): Promise<boolean> {
  if (depth > folderDepthMax) return true;
  const entries = await walking.files.list(tree, folder).catch(() => undefined);
  if (entries === undefined) return true;
  const held = entries.filter((entry) => entry.ignored !== true && skips?.has(baseOf(entry.path)) !== true);
  if (held.some(wants)) return true;
  for (const { path, kind } of held) {
    if (kind === 'folder' && (await holds(walking, tree, { folder: path, wants, skips, depth: depth + 1 })))
      return true;
  }
  return false;
}
