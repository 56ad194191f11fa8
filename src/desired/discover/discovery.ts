/** What is found on the way through a config tree, and what goes along. */
import type { FollowedRef } from '../../model/desired.ts';
import type { Problem } from '../../model/base/problem.ts';
import type { Tree, GitMirrors } from '../../sources/tree/tree.ts';
import type { ConfigFile, ConfigFiles } from './config-files.ts';
import type { Cache } from './cache.ts';
import type { NearMiss } from './file-names.ts';
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
}

export interface WalkRequest {
  readonly tree: Tree;
  /** Normalized; '' = the root. */
  readonly path: string;
  readonly files: ConfigFiles;
  readonly mirrors: GitMirrors;
  readonly readProjects: Cache<ReadProject>;
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
  readonly nearMisses: (NearMiss & { readonly file: ConfigFile })[];
  readonly seen: { folders: number };
  whole: boolean;
}

/** Not an error: the walk stays as whole as it was. */
export function warn(walking: Walking, file: string, message: string, hint: string): void {
  walking.problems.push({ severity: 'warning', file, line: 0, column: 0, path: '', message, hint });
}

/** Apps or projects may be missing from what was found: they are unknown then, never gone. */
export function incomplete(walking: Walking, file: string, message: string, hint?: string): void {
  walking.whole = false;
  walking.problems.push({
    severity: 'error',
    file: file === '' ? '.' : file,
    line: 0,
    column: 0,
    path: '',
    message,
    hint,
  });
}
