/** Read-only view of a folder's or a commit's files: the config repo, a project's repo, an app's source. */
export interface TreeEntry {
  /** From the tree's root, `/` separated, no leading slash. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link' | UnreadKind;
  /** Bytes, for files. */
  readonly size: number;
  /** true: on disk, and git leaves it out (.gitignore): no part of the repo. */
  readonly ignored?: true;
  /** true: a folder or a repository on disk of which git knows nothing, in one of which it does. */
  readonly untracked?: true;
}

/**
 * What stands there and nobody here reads. repository: another one, as a submodule or embedded; left-out: in the commit and,
 * by a sparse checkout or skip-worktree, not in the working tree; assumed: git was told not to look whether it has
 * changed; conflicted: a merge left it to a person; special: a pipe, a socket, a device.
 */
export type UnreadKind = 'repository' | 'left-out' | 'assumed' | 'conflicted' | 'special';

/** A file or link as git would commit it. */
export interface TreeItem {
  /** From the tree's root. */
  readonly path: string;
  readonly mode: '100644' | '100755' | '120000';
  /** git's id of its content. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** true: the id is that of the very bytes that `read` gives; git may keep others, without carriage returns or in a large file store. */
  readonly exact: boolean;
}

export interface Tree {
  /** Commit id; `<commit>-dirty` for a changed work tree; `content:<hash>` for a plain folder. */
  readonly revision: string;
  /** For people: a path or a URL without credentials. */
  readonly name: string;
  /** Entries of one folder ('' = the root), sorted by name. A folder that is not there gives an empty list. */
  list(folder: string): Promise<readonly TreeEntry[]>;
  /** undefined: no such file. Throws a stalled Fault for a file over `bytesMax`, or reached through a link out of the tree. */
  read(path: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /** Every file and link at or under a path that its `id` counts, sorted. */
  contents(path: string): Promise<readonly TreeItem[]>;
  /** Other repositories at or under a path (submodules, embedded ones): their files are none of this tree's. */
  repositories(path: string): Promise<readonly string[]>;
  /** The path with every link on its way and at its end followed. undefined: nothing is there. Throws a stalled Fault where one leads out, or in a circle. */
  follow(path: string): Promise<string | undefined>;
  /** Where a link points, as written. undefined: no link. */
  target(path: string): Promise<string | undefined>;
  /** An id that moves exactly when something under the path does: git's tree or blob id, else a content hash. undefined: not there. */
  id(path: string): Promise<string | undefined>;
}

/** What an operator may name: `file:` only where trust is `operator`, never from inside a config file. */
export interface GitSourceRequest {
  readonly url: string;
  /**
   * Branch, tag or commit (all 40 digits); `HEAD` = the default branch. A name that is both is the branch;
   * `refs/heads/…` and `refs/tags/…` say which.
   */
  readonly ref: string;
  readonly trust: 'operator' | 'config';
  /**
   * Any object that stands for one pass: calls that carry the same one see the same commit, and the remote is asked
   * once for all of them, also where that fails. Without it each call asks anew.
   */
  readonly pass?: object | undefined;
}

export interface GitMirrors {
  /** The tree of a ref, from a bare mirror that is fetched first. Throws a Fault: transient when unreachable, stalled when refused. */
  tree(request: GitSourceRequest): Promise<Tree>;
}

/** One line of a commit's tree. */
export interface GitItem {
  readonly path: string;
  readonly mode: string;
  readonly oid: string;
  /** Bytes of a blob, 0 for the rest. */
  readonly size: number;
}
