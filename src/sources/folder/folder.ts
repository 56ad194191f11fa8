import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import type { Descent, LaterCommit } from '../../model/removal.ts';
import type { Origin } from '../../model/stamps/origin.ts';
import { Fault } from '../../model/base/fault.ts';
import { contentId, contentItems, embeddedRepositories, nothingKnown } from '../tree/content-id.ts';
import { FolderMemory } from '../tree/folder-memory.ts';
import type { Tree, TreeItem } from '../tree/tree.ts';
import { rebased } from '../tree/links.ts';
import { baseOf, cleanPath, folderOf, isGitFolder, joined } from '../tree/tree-path.ts';
import { outside } from '../tree/path-faults.ts';
import { cloneCommit, type CloneCommit } from '../git/clone-commit.ts';
import { descends, laterCommits } from '../git/ancestry.ts';
import { gitEnvironment } from '../git/git-command.ts';
import { openWorkTree, type WorkTree } from './work-tree.ts';
import { cloneOrigin } from './clone-origin.ts';
import { unreadFiles, reasonOf, unreadable, isAbsence } from './disk-faults.ts';
import { readFile } from './read-file.ts';
import { textLinks } from './text-links.ts';
import { noModules, unfilledModules, type UnfilledModules } from './unfilled-modules.ts';
import { listing, type ListingRequest } from './listing.ts';

export interface FolderRequest {
  /** A folder, or a file in one, as the operator named it. */
  readonly path: string;
  readonly clock: Clock;
  /** PATH, to find git. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Handed in again with each pass: unchanged files are not read again. */
  readonly memory?: FolderMemory | undefined;
}

export interface OpenFolder {
  /** The git work tree it lies in; undefined: none. */
  readonly top: string | undefined;
  readonly tree: Tree;
  /** What was named, from the tree's root: '' where that is the root itself. */
  readonly path: string;
  /** Why nobody can say that what is missing here is gone: git does not answer for it, or is at work in it. */
  readonly warning: string | undefined;
  /**
   * To be asked when all has been read: why nobody can say what is gone, since git was at work meanwhile. undefined: it was
   * not. Throws a transient Fault where it stands at another commit now.
   */
  readonly disturbance: () => Promise<string | undefined>;
  /** Where it was cloned from. undefined: outside of git, or nobody knows. */
  readonly origin: () => Promise<Origin | undefined>;
  /** Whether its commit has another one in its history. undefined: it has none, as outside of git. */
  readonly descendsFrom: ((from: string, commit?: string) => Promise<Descent>) | undefined;
  /** What branches and tags have gone on to from its commit, and may name an app. undefined: it has none. Throws a GitError where git does not say. */
  readonly laterCommits: ((app: string, namedBy?: string) => Promise<readonly LaterCommit[]>) | undefined;
  /** The files of another commit. Throws a stalled Fault for one that is not here whole. */
  readonly commitAt: (commit: string) => Promise<CloneCommit>;
}

/**
 * A folder on disk as it stands now. Inside a git work tree the fence is the work tree's top, else the folder given.
 * Open it anew for each pass: revision and ids are those of the moment it was opened or first asked.
 */
export async function openFolder(request: FolderRequest): Promise<OpenFolder> {
  const given = resolve(request.path);
  const { real, isFile } = located(given, request.path);
  const folder = isFile ? dirname(real) : real;
  if (!isFile && isBareRepository(folder)) throw bareRepository(given);
  const { clock, environment = {}, memory = new FolderMemory() } = request;
  const work = await openWorkTree({ folder, path: real, clock, environment, memory });
  const root = work.top ?? folder;
  const path = relative(root, real).replaceAll(sep, '/');
  const modules = work.top === undefined ? unfilledModules(root) : noModules;
  const tree = await folderTree({ root, name: request.path, work, modules, memory, clock, only: isFile ? path : '' });
  const origin = async (): Promise<Origin | undefined> => {
    const { top, commit } = work;
    return top === undefined ? undefined : cloneOrigin({ top, commit, clock, environment, memory });
  };
  const { top, warning, disturbance } = work;
  return { tree, path, top, warning, disturbance, origin, ...historyOf(work, request) };
}

function historyOf(
  { top, commit }: WorkTree,
  { clock, environment }: Pick<FolderRequest, 'clock' | 'environment'>,
): Pick<OpenFolder, 'descendsFrom' | 'laterCommits' | 'commitAt'> {
  const call = { directory: top ?? '', environment: gitEnvironment({ environment: environment ?? {} }), clock };
  const commitAt = (asked: string): Promise<CloneCommit> => clock.busy(() => cloneCommit(call, asked));
  if (top === undefined || commit === undefined) return { descendsFrom: undefined, laterCommits: undefined, commitAt };
  return {
    commitAt,
    descendsFrom: (from, at = commit) => clock.busy(() => descends(call, { commit: at, from })),
    laterCommits: (app, namedBy) => clock.busy(() => laterCommits(call, { commit, app, namedBy })),
  };
}

function located(given: string, shown: string): { readonly real: string; readonly isFile: boolean } {
  try {
    const real = realpathSync(given);
    return { real, isFile: !statSync(real).isDirectory() };
  } catch (cause) {
    throw new Fault({
      kind: 'stalled',
      what: `${shown} cannot be read`,
      why: reasonOf(cause),
      next: 'name a folder with project.yaml or app.yaml files, a fly.toml, or a git address',
      cause,
    });
  }
}

function isBareRepository(folder: string): boolean {
  const has = (name: string): boolean => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;
  return has('HEAD') && has('objects') && has('refs') && !has('.git');
}

function bareRepository(folder: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${folder} is a bare git repository`,
    why: 'it has no files to read from disk',
    next: `name it as file://${folder}`,
  });
}

interface FolderParts {
  readonly root: string;
  readonly name: string;
  readonly work: WorkTree;
  readonly modules: UnfilledModules;
  readonly memory: FolderMemory;
  readonly clock: Clock;
  /** For a plain folder's revision: the file that was named, '' = all of it. */
  readonly only: string;
}

async function folderTree({ root, name, work, modules, memory, clock, only }: FolderParts): Promise<Tree> {
  const met = new Map<string, string>();
  const computed = new Map<string, Promise<string | undefined>>();

  function id(path: string): Promise<string | undefined> {
    const known = work.idOf(path) ?? met.get(path);
    if (known !== undefined) return Promise.resolve(known);
    const promise = computed.get(path) ?? clock.busy(() => hashed(path));
    computed.set(path, promise);
    return promise;
  }

  async function hashed(path: string): Promise<string | undefined> {
    const known = work.ignored(path) ? nothingKnown : work; // named outright, what git ignores counts whole
    try {
      return await contentId({ root, path, known, memory, algorithm: work.algorithm, met });
    } catch (error) {
      throw error instanceof Fault ? error : unreadable(path, error);
    }
  }

  const texts = textLinks({ root, name, links: work.textLinks });
  const followed = (path: string): string | undefined => followedFrom(root, name, texts.past(path));

  /** Where a path leads. Throws where git leaves out, or does not look at, what is asked for. */
  function reached(path: string): string | undefined {
    const inside = followed(path);
    for (const place of new Set([cleanPath(path, name), inside ?? ''])) {
      const unread = place === '' && path !== '' ? [] : work.unread(place);
      if (unread.length > 0) throw unreadFiles(path, unread);
    }
    return inside;
  }

  return {
    revision: work.revision ?? `content:${(await id(only)) ?? 'empty'}`,
    name,
    list(folder) {
      // Thousands of folders that git has just looked at: it knows what is in them.
      const known = work.entries(folder);
      if (known !== undefined) return Promise.resolve(known);
      return clock.busy(async () =>
        listing({ root, work, modules, asked: cleanPath(folder, name), inside: followed(folder) }),
      );
    },
    read: (path, bytesMax) =>
      clock.busy(async () => {
        const inside = reached(path);
        return inside === undefined ? undefined : readFile({ file: join(root, inside), path, bytesMax });
      }),
    contents: (path) =>
      clock.busy(async () => {
        const inside = reached(path);
        if (inside === undefined) return [];
        const known = work.ignored(inside) ? nothingKnown : work;
        const request = { root, path: inside, known, memory, algorithm: work.algorithm };
        return itemsUnder(request, cleanPath(path, name));
      }),
    repositories: (path) =>
      clock.busy(() => repositoriesIn({ root, work, modules, asked: cleanPath(path, name), inside: reached(path) })),
    follow: (path) => clock.busy(async () => followed(path)),
    target: (path) =>
      clock.busy(async () => {
        const clean = cleanPath(path, name);
        const folder = followed(folderOf(clean));
        if (folder === undefined) return undefined;
        const link = joined(folder, baseOf(clean));
        return work.textLinks.has(link) ? texts.target(link) : linkTarget(join(root, link), path);
      }),
    async id(path) {
      if (work.stands(path)) return work.idOf(path);
      const inside = reached(path);
      return inside === undefined ? undefined : id(inside);
    },
  };
}

/** Under the name they were asked by. Of a plain folder a repository inside is a folder like any other, if it is filled. */
async function repositoriesIn({ root, work, modules, asked, inside }: ListingRequest): Promise<readonly string[]> {
  if (inside === undefined || work.ignored(inside)) return [];
  if (work.top === undefined) return modules.under(inside).map((one) => rebased(one, { from: inside, to: asked }));
  const embedded = await embeddedRepositories({ root, path: inside, known: work });
  const found = [...new Set([...work.submodules(inside), ...embedded])];
  return found.map((one) => rebased(one, { from: inside, to: asked }));
}

/** The path on disk with every link followed, from the root; undefined: not there. */
function followedFrom(root: string, name: string, path: string): string | undefined {
  const clean = cleanPath(path, name);
  let real: string;
  try {
    real = realpathSync.native(join(root, clean));
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw unreadable(path, error);
  }
  if (real === root) return '';
  const prefix = root.endsWith(sep) ? root : root + sep;
  if (!real.startsWith(prefix)) throw outside(path, name, 'it is reached through a symbolic link out of it');
  const inside = real.slice(prefix.length).replaceAll(sep, '/');
  if (inside.split('/').some(isGitFolder)) throw outside(path, name, "it is a link to git's own folder");
  return inside;
}

/** Under the name they were asked by, as in a listing. */
async function itemsUnder(request: Parameters<typeof contentItems>[0], asked: string): Promise<readonly TreeItem[]> {
  try {
    const items = await contentItems(request);
    return items.map((item) => ({ ...item, path: rebased(item.path, { from: request.path, to: asked }) }));
  } catch (error) {
    throw error instanceof Fault ? error : unreadable(asked, error);
  }
}

function linkTarget(file: string, path: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch (error) {
    if (isAbsence(error) || (error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw unreadable(path, error);
  }
}
