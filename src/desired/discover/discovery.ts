/** What is found on the way through a config tree, and what goes along. */
import type { FollowedRef } from '../../model/desired.ts';
import type { Mentions } from '../../model/removal.ts';
import type { Problem } from '../../model/base/problem.ts';
import { isInside } from '../../sources/tree/tree-path.ts';
import type { Tree, GitMirrors } from '../../sources/tree/tree.ts';
import type { ConfigFile, ConfigFiles } from '../files/config-files.ts';
import type { Cache } from '../files/cache.ts';
import type { NearMiss } from '../files/near-misses.ts';
import type { Project, ReadProject } from './project.ts';

export interface FoundApp {
  readonly file: ConfigFile;
  /** Outermost first. */
  readonly chain: readonly Project[];
  /** A path straight to Fly's own config: its source is its image or its folder. */
  readonly bare: boolean;
}

export interface Walk {
  /** In v0's order: of several ways to an app the first counts. */
  readonly apps: readonly FoundApp[];
  readonly problems: readonly Problem[];
  readonly whole: boolean;
  readonly projects: readonly Project[];
  readonly followed: readonly FollowedRef[];
  /** What still names an app that was not found. */
  readonly mentions: Mentions;
}

export interface WalkRequest {
  readonly tree: Tree;
  /** Normalized; '' = the root. */
  readonly path: string;
  readonly files: ConfigFiles;
  readonly mirrors: GitMirrors;
  readonly readProjects: Cache<ReadProject>;
  /** true: apps of Fly's that are not found here may be taken for gone. */
  readonly seeksOrphans: boolean;
}

export interface Placed extends FoundApp {
  /** Folder the walk that found it began in. */
  readonly from: string;
}

/** A broken project: the apps in it must not be taken without what it would give them. */
export interface Blocked {
  readonly tree: Tree;
  readonly folder: string;
  /** Its `source.path`, where that could be read. */
  readonly target: string | undefined;
}

export interface Walking extends WalkRequest {
  readonly found: Placed[];
  readonly problems: Problem[];
  readonly entered: Map<
    string,
    { readonly identity: string; readonly file: string; readonly chain: readonly Project[] }
  >;
  /** Project files in which not even a name could be read. */
  readonly nameless: Set<string>;
  readonly projects: Project[];
  readonly blocked: Blocked[];
  readonly followed: FollowedRef[];
  /** Other repositories on the way: unread, unless a project says that they hold no apps. */
  readonly repositories: ConfigFile[];
  /** What projects say holds no apps. */
  readonly ignored: { readonly tree: Tree; readonly path: string }[];
  /** Ways of projects that led through a link. */
  readonly throughLinks: { readonly tree: Tree; readonly path: string }[];
  /** Links that the walk itself did not follow. */
  readonly links: ConfigFile[];
  /** Folders that a walk began in, and the projects that led there. */
  readonly starts: { readonly tree: Tree; readonly path: string; readonly chain: readonly Project[] }[];
  /** Folders that stand beside a folder `projects`, which alone is looked into. */
  readonly hidden: { readonly tree: Tree; readonly path: string; readonly by: string }[];
  readonly nearMisses: (NearMiss & { readonly file: ConfigFile })[];
  readonly seen: { folders: number };
  whole: boolean;
}

/** true: a project says that it holds no apps. */
export function isIgnored({ ignored }: Walking, { tree, path }: Pick<ConfigFile, 'tree' | 'path'>): boolean {
  return ignored.some((one) => one.tree === tree && isInside(path, one.path));
}

/** true: a project's way leads through the link. */
export function isFollowed({ throughLinks }: Walking, { tree, path }: Pick<ConfigFile, 'tree' | 'path'>): boolean {
  return throughLinks.some((way) => way.tree === tree && isInside(way.path, path));
}
