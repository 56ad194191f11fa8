/** What the history of a config says of an app that the config does not name. */

/** Whether a history has a commit in it. unknown: nobody can tell, as in a shallow clone. */
export type Descent = 'yes' | 'no' | 'unknown';

/** What a file holds, as git tells files apart. */
export interface FileContent {
  /** Where it stood in the repo. */
  readonly path: string;
  readonly id: string;
  /** Bytes; undefined: it was reached through a link. */
  readonly size: number | undefined;
  /** Of a file that is not there any more. Not there: they were not read, or cannot be, and only the same content is found. */
  readonly bytes?: Uint8Array | undefined;
}

/** What a commit of a config named. */
export interface NamedApps {
  /** Those of its apps, the invalid ones too. */
  readonly names: ReadonlySet<string>;
  /** Of those whose policy said `sync.auto: false`. */
  readonly manual: ReadonlySet<string>;
  /** false: it could not be read whole. */
  readonly whole: boolean;
  /** true: projects of it take apps from other repos, which were read as they are now. */
  readonly hasSources: boolean;
  /** false: the folder that the config is in now was not there. */
  readonly hasFolder: boolean;
  /** What the files of this repo that named them held, by app. */
  readonly files: ReadonlyMap<string, FileContent>;
}

/** A file of the config repo that may speak of an app which the config does not name. */
export interface Mention {
  readonly file: string;
  /**
   * It names the app and is not called app.yaml; it has the very content that the app's own file had, or at least half of it; it is the
   * app.yaml of another config in the repo; it is a project that is not called so, of which the app may be; it cannot be read,
   * and is called nearly like an app.yaml; what it has for the app's name is none as it is written; it is another repository,
   * outside of the config's folder.
   */
  readonly as: 'put away' | 'moved' | 'like' | 'other config' | 'project' | 'unread' | 'unclear' | 'repository';
  /** It does so in this commit, at which the work tree stands; undefined: in what was read. */
  readonly commit?: string;
}

/** Which files count: what has come since the app was last named. */
export interface Since {
  /**
   * Of paths in the config repo: nothing stood there when the app was last named, or with an id nothing of that content; in a
   * commit, where ids are exact, the content that stands there now did not. undefined: nobody knows, so any is new.
   */
  readonly isNew?: ((path: string, id?: string) => boolean) | undefined;
  /** Of paths and content ids in the config repo: nothing stood there then, nor that content anywhere. undefined: nobody knows. */
  readonly isAdded?: ((path: string, id: string) => boolean) | undefined;
  /** Where the app's own file stood in the config repo then. undefined: nobody knows, or it did not. */
  readonly file?: () => Promise<string | undefined>;
  /** true: a commit is searched. On disk another repository may stand in it that is none of its own. */
  readonly isCommit?: boolean;
  /** true: files of other repos, which projects take apps from, do not count. */
  readonly ownOnly?: boolean;
}

export interface Mentions {
  /** The file that names an app and is not read as its app.yaml, or that may do so. Throws a Fault where it cannot be told. */
  of(app: string, since: Since): Promise<Mention | undefined>;
  /**
   * The new file that has what an app's own file had, or at least half of it, whatever it is called: it was moved, not
   * removed. One that FlyCD reads for others is none.
   */
  movedFrom(app: string, content: FileContent, since: Since): Promise<Mention | undefined>;
}

/** A commit that goes on from the one that was read, and a branch or tag that points to it. */
export interface LaterCommit {
  readonly commit: string;
  /** refs/heads/main, refs/remotes/origin/main, refs/tags/v2, FETCH_HEAD, worktrees/NAME/HEAD, main-worktree/HEAD */
  readonly ref: string;
  /** true: the clone lacks the history in between, so nobody can tell whether it goes on. */
  readonly isCut?: true;
}

/** What the config's history says of an app that it does not name. */
export type RemovalHistory =
  /** There is none, as of a plain folder. */
  | { readonly state: 'no history' }
  /** It named the app once, and a commit took it away. */
  | {
      readonly state: 'removed';
      /** Its policy said `sync.auto: false` when it was last named. */
      readonly isManual: boolean;
    }
  /** Another file names it, or may do so. */
  | ({ readonly state: 'mentioned' } & Mention)
  /** It does so still, and the work tree does not. */
  | { readonly state: 'uncommitted' }
  /** The app was released from a commit that is not in it. */
  | ({ readonly state: 'elsewhere' } & LastNamed)
  /** A commit after the one that was read names it again; `isRead` false: or may, for not all of it could be read. */
  | ({ readonly state: 'later'; readonly isRead: boolean } & LaterCommit)
  /** It has that commit, and did not name the app there: it was not committed, or another folder names it. */
  | ({ readonly state: 'unnamed'; readonly hasSources: boolean; readonly hasFolder: boolean } & LastNamed)
  /** It has that commit, of which not all could be read: nobody knows whether it named the app. */
  | ({ readonly state: 'half read' } & LastNamed)
  /** There is none, as of a plain folder, and the app came from one that has one. */
  | ({ readonly state: 'outside git' } & LastNamed)
  /** It is not whole here. */
  | ({ readonly state: 'shallow' } & LastNamed)
  /** The app was never released from a commit; empty: nothing tells of a release that went well. */
  | { readonly state: 'unknown'; readonly released: string }
  | { readonly state: 'unread'; readonly reason: string; readonly next: string | undefined };

interface LastNamed {
  readonly commit: string;
  /** true: a pass over the app found it named there; else its last release came from there. */
  readonly isPass?: true;
  /** true: it is the commit that the work tree stands at. */
  readonly isNow?: true;
}
