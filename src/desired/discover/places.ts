/** Where apps are sought that git no longer names: files of the repo, what they may say, and which projects name apps in them. */
import { Fault } from '../../model/base/fault.ts';
import type { Mention } from '../../model/removal.ts';
import type { Tree, TreeEntry } from '../../sources/tree/tree.ts';
import { unreadEntry } from '../files/reading.ts';
import type { Walking } from './discovery.ts';
import type { NamingProject } from './naming-projects.ts';

/** A file of the repo. */
export interface Place {
  readonly tree: Tree;
  readonly entry: TreeEntry;
  /** true: the config covers the folder that it stands in. */
  readonly isHere: boolean;
  /** true: another config takes an app from it. */
  readonly isOther: boolean;
}

/** What a file may say of apps. */
export interface Said {
  readonly apps: readonly string[];
  /** What stands in it for an app's name, before any project makes one of it. */
  readonly written: readonly string[];
  /** Whose apps may be anywhere. */
  readonly isProject: boolean;
  readonly isUnread: boolean;
  /** What it has for its app's name is none as it is written. */
  readonly isUnclear: boolean;
}

/** The projects that name apps: of this config, and of others in its repo. */
export interface Naming {
  readonly own: readonly NamingProject[];
  readonly others: readonly NamingProject[];
}

export interface Found {
  readonly all: readonly Place[];
  readonly naming: Naming;
}

export function mentionOf({ files }: Walking, { tree, entry }: Place, as: Mention['as']): Mention {
  return { file: files.file(tree, entry.path).name, as };
}

/** undefined: it cannot be read. Throws the tree's Faults, but for what is for a person to settle. */
export async function bytesOf(
  { files }: Walking,
  { tree, entry }: Pick<Place, 'tree' | 'entry'>,
): Promise<Uint8Array | undefined> {
  if (unreadEntry(entry) !== undefined) return undefined;
  try {
    return await files.read(tree, entry.path);
  } catch (error) {
    // Too large, or a link that leads out: for a person to settle.
    if (error instanceof Fault && error.kind === 'stalled') return undefined;
    throw error;
  }
}
