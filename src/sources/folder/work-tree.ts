import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import type { KnownContents } from '../tree/content-id.ts';
import { treeId, type Child } from '../tree/object-id.ts';
import type { FolderMemory } from '../tree/folder-memory.ts';
import { shellWord } from '../../model/base/shell.ts';
import { GitError, gitEnvironment, runGit } from '../git/git-command.ts';
import { listCommit, treeItemsMax, TooManyItems } from '../git/git-objects.ts';
import { entryOf, tooManyFiles } from '../git/git-tree.ts';
import type { GitItem, TreeEntry } from '../tree/tree.ts';
import { baseOf, byPath, folderOf, isInside } from '../tree/tree-path.ts';
import { withoutFilters } from './without-filters.ts';
import { indexCall, parseIndex, parseStatus, statusCall, type Index, type Status } from './git-status.ts';

/** Local calls end in milliseconds; this ends one on a hung network disk. */
const localTimeoutMs = 60_000;

export interface WorkTreeRequest {
  /** Real path of the folder that was named, or of the named file's folder. */
  readonly folder: string;
  /** Real path of what was named. */
  readonly path: string;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly memory: FolderMemory;
}

/** What git knows of a folder on disk; of a plain folder, nothing. */
export interface WorkTree extends KnownContents {
  /** The work tree's top; undefined: a plain folder. */
  readonly top: string | undefined;
  /** Commit, with `-dirty` where the work tree differs; undefined: no commit to name. */
  readonly revision: string | undefined;
  /** The commit it stands at, changed or not; undefined: there is none. */
  readonly commit: string | undefined;
  readonly algorithm: 'sha1' | 'sha256';
  /** Why nobody can say that what is missing here is gone. */
  readonly warning: string | undefined;
  /** As OpenFolder has it. */
  readonly disturbance: () => Promise<string | undefined>;
  /** git's id where the path does not differ from the commit. */
  idOf(path: string): string | undefined;
  /** true: the path stands on disk as in the commit and is no link, so that no disk needs to be asked where it leads. */
  stands(path: string): boolean;
  /** A folder's entries where it stands whole as in the commit, with nothing in it that git ignores. */
  entries(folder: string): readonly TreeEntry[] | undefined;
  /**
   * What the commit has in a folder and the disk alone does not show: other repositories, what is left out, and what stood as
   * in the commit when git looked and is not there now.
   */
  unseen(folder: string, isThere: (name: string) => boolean): readonly TreeEntry[];
  /** true: a folder of which git knows nothing, though it knows the one it stands in. */
  untracked(path: string): boolean;
  /** Submodules at or under a path. */
  submodules(path: string): readonly string[];
  /** Files at or under a path of which git does not say what is on disk: left out, assumed unchanged, in conflict. */
  unread(path: string): readonly TreeEntry[];
}

function plainFolder(warning?: string): WorkTree {
  return {
    top: undefined,
    revision: undefined,
    commit: undefined,
    algorithm: 'sha1',
    warning,
    disturbance: () => Promise.resolve(undefined),
    idOf: () => undefined,
    stands: () => false,
    entries: () => undefined,
    unseen: () => [],
    untracked: () => false,
    submodules: () => [],
    unread: () => [],
    textLinks: new Set(),
    children: () => [],
    differs: () => true,
    ignored: () => false,
  };
}

/**
 * Asks git about a folder. Its ignored parts, and folders git refuses to look into (owned by somebody else, git not
 * installed), are plain folders; the latter with a warning.
 */
export async function openWorkTree(request: WorkTreeRequest): Promise<WorkTree> {
  const top = topOf(request.folder);
  if (top === undefined) return plainFolder();
  const environment = gitEnvironment({ environment: request.environment });
  const { clock } = request;
  const redactor = new Redactor();
  try {
    const call = await withoutFilters({ directory: top, environment, clock, timeoutMs: localTimeoutMs, redactor });
    const before = marksOf(top);
    const [statusText, indexText] = await both(
      runGit({ ...call, args: statusCall }),
      runGit({ ...call, args: indexCall }),
    );
    const status = parseStatus(statusText);
    const { commit } = status;
    const list = (): Promise<readonly GitItem[]> => listCommit({ directory: top, environment, clock }, commit ?? '');
    const items = commit === undefined ? [] : await request.memory.listing(top, commit, list);
    const path = relative(top, request.path).replaceAll(sep, '/');
    if (items.length > 0 && indexText === '') {
      return plainFolder(`${top} is taken as a plain folder: its git index is empty or missing`);
    }
    const work = workTree({ top, path, status, items, index: parseIndex(indexText) });
    if (work.top === undefined) return work;
    const head = async (): Promise<string> => (await runGit({ ...call, args: headCall })).trim();
    const disturbance = (): Promise<string | undefined> => clock.busy(() => disturbed({ top, before, commit, head }));
    return { ...work, disturbance, ...(isLocked(top) ? { warning: atWork(top) } : {}) };
  } catch (error) {
    if (error instanceof TooManyItems) throw tooManyFiles(top, treeItemsMax);
    if (!(error instanceof GitError)) throw error;
    return plainFolder(`${top} is taken as a plain folder, and FlyCD removes no app: ${refusal(top, error.stderr)}`);
  }
}

/** git reads this setting where FlyCD lets it read none: what a user's config trusts it trusts whatever program asks. */
function refusal(top: string, stderr: string): string {
  if (!/dubious ownership/i.test(stderr)) return stderr;
  return `git refuses it, since it belongs to another user. Let it belong to the user that runs FlyCD: chown -R "$(id -u)" ${shellWord(top)}`;
}

/** A checkout takes files away before it writes them anew, and holds this lock all the while. */
function isLocked(top: string): boolean {
  const lock = join(gitFolderOf(top), 'index.lock');
  return lstatSync(lock, { throwIfNoEntry: false }) !== undefined;
}

const headCall: readonly string[] = ['rev-parse', '--verify', '--quiet', 'HEAD'];

/** Moves when git writes there: a checkout writes the index anew, and whatever moves HEAD says so in its log. */
function marksOf(top: string): string {
  const folder = gitFolderOf(top);
  const marks = ['index', 'HEAD', 'logs/HEAD'].map((name) => {
    const stat = lstatSync(join(folder, name), { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 'none' : [stat.ino, stat.size, stat.mtimeNs].join(' ');
  });
  return marks.join('\n');
}

interface Standing {
  readonly top: string;
  readonly before: string;
  readonly commit: string | undefined;
  readonly head: () => Promise<string>;
}

/** A checkout that begins and ends while files are read leaves a half of each commit, and no lock behind. */
async function disturbed({ top, before, commit, head }: Standing): Promise<string | undefined> {
  if (isLocked(top)) return atWork(top);
  if (marksOf(top) === before) return undefined;
  const now = await head().catch(() => undefined);
  if (now === commit) return `git was at work in ${top} while it was read, so no app is removed with this pass`;
  const from = commit === undefined ? 'no commit' : commit.slice(0, 12);
  throw new Fault({
    kind: 'transient',
    what: `git was at work in ${top} while it was read`,
    why: `it stood at ${from} before and at ${now?.slice(0, 12) ?? 'no commit'} after`,
    next: 'FlyCD reads it again with the next pass',
    where: top,
  });
}

/** Of a linked work tree or a submodule `.git` is a file that says where. */
function gitFolderOf(top: string): string {
  const git = join(top, '.git');
  if (lstatSync(git, { throwIfNoEntry: false })?.isFile() !== true) return git;
  const written = /^gitdir: (.*)$/m.exec(readFileSync(git, 'utf8'))?.[1];
  return written === undefined ? git : resolve(top, written);
}

function atWork(top: string): string {
  return `git is running in ${top} (index.lock exists), so FlyCD removes no app. If no git runs, delete index.lock`;
}

/** Waits for both also where one fails: no child of an opened folder goes on behind its caller. */
async function both(one: Promise<string>, other: Promise<string>): Promise<readonly [string, string]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}

/** Upwards to the first folder that holds `.git` (a file in linked work trees). */
function topOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (lstatSync(join(at, '.git'), { throwIfNoEntry: false }) !== undefined) return at;
    if (dirname(at) === at) return undefined;
  }
}

interface WorkTreeParts {
  readonly top: string;
  /** What was named, from the top. */
  readonly path: string;
  readonly status: Status;
  readonly items: readonly GitItem[];
  readonly index: Index;
}

function workTree({ top, path, status, items, index }: WorkTreeParts): WorkTree {
  const { unread } = index;
  const byName = new Map<string, GitItem>();
  const byFolder = new Map<string, GitItem[]>();
  for (const item of items) {
    byName.set(item.path, item);
    const folder = folderOf(item.path);
    const siblings = byFolder.get(folder);
    if (siblings === undefined) byFolder.set(folder, [item]);
    else siblings.push(item);
  }
  const children = (folder: string): readonly Child[] => (byFolder.get(folder) ?? []).map(childOf);
  const changes = changedPaths(status.changed);
  const named = path === '' || byName.has(path) || changes(path);
  if (!named) return plainFolder(); // ignored by git: its commits say nothing about it
  const isCommit = status.changed.length === 0 && unread.size === 0;
  const revision = status.commit === undefined || isCommit ? status.commit : `${status.commit}-dirty`;
  const algorithm = status.commit?.length === 64 ? 'sha256' : 'sha1';
  const root = treeId(children(''), algorithm);
  const ignores = changedPaths(status.ignored);
  const lacks = foldersAbove(unread.keys());
  // Of a repository without a commit everything is new: it counts as it stands.
  const unknown = new Set(status.commit === undefined ? [] : status.changed.filter((changed) => changed.endsWith('/')));
  const submodules = items.filter(({ mode }) => mode === submoduleMode).map((item) => item.path);
  const textLinks = linksOfText(top, index.links, status);
  /** Of a folder: anything in it. Asked for what is missing on disk, which is rare. */
  const hasUnchanged = (path: string): boolean =>
    items.some((item) => item.mode !== '040000' && isInside(item.path, path) && !changes(item.path));
  const seen = (item: GitItem): TreeEntry => {
    const kind = unread.get(item.path);
    return kind === undefined ? entryOf(item) : { path: item.path, kind, size: 0 };
  };
  return {
    top,
    revision,
    commit: status.commit,
    algorithm,
    warning: undefined,
    disturbance: () => Promise.resolve(undefined),
    idOf: (path) => (changes(path) ? undefined : path === '' ? root : byName.get(path)?.oid),
    stands(path) {
      const item = byName.get(path);
      return item !== undefined && plainModes.has(item.mode) && !changes(path) && !lacks.has(path) && !unread.has(path);
    },
    entries(folder) {
      const inside = byFolder.get(folder);
      if (inside === undefined || changes(folder) || ignores(folder)) return undefined;
      return inside.map(seen).sort(byPath);
    },
    unseen: (folder, isThere) =>
      (byFolder.get(folder) ?? [])
        .filter(({ path, mode }) => {
          const isMarked = mode === submoduleMode || lacks.has(path) || unread.has(path);
          return isMarked || (!isThere(baseOf(path)) && hasUnchanged(path));
        })
        .map(seen),
    untracked: (folder) => unknown.has(`${folder}/`),
    submodules: (path) => submodules.filter((one) => isInside(one, path)),
    unread(path) {
      if (!lacks.has(path) && !unread.has(path)) return [];
      const below = [...unread].filter(([file]) => isInside(file, path));
      return below.map(([file, kind]) => ({ path: file, kind, size: 0 }));
    },
    textLinks,
    children,
    differs: (path) => changes(path) || !byName.has(path),
    ignored: (path) => ignores(path, 'under'),
  };
}

const submoduleMode = '160000';
/** Folders and files: what a path of theirs leads to is where it stands. */
const plainModes: ReadonlySet<string> = new Set(['040000', '100644', '100755', '100664']);

/** Where git makes no links (core.symlinks=false), one stands as a file that holds what it points to. */
function linksOfText(top: string, links: readonly string[], status: Status): ReadonlySet<string> {
  const isFile = (path: string): boolean => lstatSync(join(top, path), { throwIfNoEntry: false })?.isFile() === true;
  return new Set(links.filter((path) => !status.plain.has(path) && isFile(path)));
}

/** Every folder that one of the paths is in; '' = the top. */
function foldersAbove(paths: Iterable<string>): ReadonlySet<string> {
  const above = new Set<string>();
  for (const path of paths) {
    for (let at = folderOf(path); !above.has(at); at = folderOf(at)) above.add(at);
  }
  return above;
}

function childOf({ path, mode, oid }: GitItem): Child {
  return { name: baseOf(path), mode: mode.replace(/^0/, ''), id: oid };
}

/**
 * Whether one of the paths is at, under or (a whole folder, with its closing slash) above the asked one; 'under': only
 * at or above.
 */
function changedPaths(paths: readonly string[]): (path: string, how?: 'under') => boolean {
  const exact = new Set<string>();
  const folders = new Set<string>();
  const above = new Set<string>(['']);
  for (const path of paths) {
    const clean = path.replace(/\/$/, '');
    exact.add(clean);
    if (path.endsWith('/')) folders.add(clean);
    for (let at = folderOf(clean); at !== ''; at = folderOf(at)) above.add(at);
  }
  const none = paths.length === 0;
  return (path, how) => {
    if (none) return false;
    if (exact.has(path) || (how === undefined && above.has(path))) return true;
    for (let at = path; at !== ''; at = folderOf(at)) if (folders.has(at)) return true;
    return false;
  };
}
