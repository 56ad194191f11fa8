import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import type { TreeItem } from './tree.ts';
import { byPath, isGitFolder, joined } from './tree-path.ts';
import type { FolderMemory } from './folder-memory.ts';
import { objectId, treeId, type Child } from './object-id.ts';

/** Files hashed under one path; a config tree of 1,000 apps has a tenth. Named by mistake, a home folder has more. */
const filesMax = 20_000;
/** Hashing this much takes about a second. */
const bytesMax = 512 * 1024 * 1024;
/** File system calls between two turns of the event loop: some 2 ms, so that a server goes on answering. */
const callsPerTurn = 200;

const skipped = 'node_modules';

/** What git knows of the files: paths it answers for are not read. */
export interface KnownContents {
  /** git's own ids under a folder ('' = root), for what does not differ from the commit. */
  children(folder: string): readonly Child[];
  /** Whether something at or under the path differs from the commit, so that the disk decides. */
  differs(path: string): boolean;
  /** Left out by .gitignore. */
  ignored(path: string): boolean;
  /** Links that stand on disk as files which hold what they point to (core.symlinks=false). */
  readonly textLinks: ReadonlySet<string>;
}

export const nothingKnown: KnownContents = {
  children: () => [],
  differs: () => true,
  ignored: () => false,
  textLinks: new Set(),
};

export interface ContentRequest {
  readonly root: string;
  /** Clean, from the root; its own components are no links. */
  readonly path: string;
  readonly known: KnownContents;
  readonly memory: FolderMemory;
  /** As git would hash it: sha1, or sha256 in repositories of that kind. */
  readonly algorithm: 'sha1' | 'sha256';
  /** Filled with the ids of everything met on the way, so that they belong together. */
  readonly met: Map<string, string>;
}

/**
 * The id git would give a file or folder if it were committed as it stands, so that committing it changes no id.
 * undefined: not there, or nothing in it. Without `.git`, `node_modules` and what git ignores. Throws a stalled Fault
 * beyond filesMax and bytesMax.
 */
export async function contentId(request: ContentRequest): Promise<string | undefined> {
  const { root, known, memory, algorithm } = request;
  let calls = 0;
  let files = 0;
  let bytes = 0n;

  async function turn(): Promise<void> {
    calls += 1;
    if (calls % callsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async function entry(path: string, name: string): Promise<Child | undefined> {
    await turn();
    const file = join(root, path);
    const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isSymbolicLink())
      return { name, mode: '120000', id: objectId('blob', readlinkSync(file, 'buffer'), algorithm) };
    if (stats.isDirectory()) {
      const id = metAs(path, await folder(path));
      return id === undefined ? undefined : { name, mode: '40000', id };
    }
    if (!stats.isFile()) return undefined;
    if (known.textLinks.has(path)) return { name, mode: '120000', id: objectId('blob', readFileSync(file), algorithm) };
    files += 1;
    bytes += stats.size;
    if (files > filesMax || bytes > bytesMax) throw tooMuch(request);
    const id = memory.fileId(file, stats, algorithm);
    metAs(path, id);
    return { name, mode: (stats.mode & 0o100n) === 0n ? '100644' : '100755', id };
  }

  function metAs(path: string, id: string | undefined): string | undefined {
    if (id !== undefined) request.met.set(path, id);
    return id;
  }

  async function folder(path: string): Promise<string | undefined> {
    await turn();
    const children = unchanged(known, path);
    for (const name of readdirSync(join(root, path))) {
      if (children.has(name) || !counts(known, path, name)) continue;
      const child = await entry(joined(path, name), name);
      if (child !== undefined) children.set(name, child);
    }
    return children.size === 0 ? undefined : treeId([...children.values()], algorithm);
  }

  if (request.path === '') return metAs('', await folder(''));
  return (await entry(request.path, ''))?.id;
}

/** Of a folder: what stands as in the commit. */
function unchanged(known: KnownContents, folder: string): Map<string, Child> {
  const children = known.children(folder).filter(({ name }) => !known.differs(joined(folder, name)));
  return new Map(children.map((child) => [child.name, child]));
}

/** Of what git does not answer for: neither git's own, nor what can be fetched again, nor what git ignores. */
function counts(known: KnownContents, folder: string, name: string): boolean {
  const inner = joined(folder, name);
  return !isGitFolder(name) && name !== skipped && known.differs(inner) && !known.ignored(inner);
}

/** Every file and link that `contentId` of the path counts. Throws a stalled Fault beyond filesMax and bytesMax. */
export async function contentItems(request: Omit<ContentRequest, 'met'>): Promise<readonly TreeItem[]> {
  const { root, known, memory, algorithm } = request;
  const items: TreeItem[] = [];
  let calls = 0;
  let bytes = 0n;

  async function walk(path: string, child: Child | undefined): Promise<void> {
    calls += 1;
    if (calls % callsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    const file = join(root, path);
    const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || child?.mode === submoduleMode) return;
    if (stats.isDirectory()) {
      const children = unchanged(known, path);
      for (const name of readdirSync(file)) {
        if (children.has(name) || counts(known, path, name)) await walk(joined(path, name), children.get(name));
      }
      return;
    }
    const size = Number(stats.size);
    if (stats.isSymbolicLink()) {
      const id = child?.id ?? objectId('blob', readlinkSync(file, 'buffer'), algorithm);
      items.push({ path, mode: '120000', id, size, exact: true });
    } else if (stats.isFile() && known.textLinks.has(path)) {
      const id = child?.id ?? objectId('blob', readFileSync(file), algorithm);
      items.push({ path, mode: '120000', id, size, exact: true });
    } else if (stats.isFile()) {
      bytes += stats.size;
      if (items.length >= filesMax || bytes > bytesMax) throw tooMuch(request);
      const mode = (stats.mode & 0o100n) === 0n ? '100644' : '100755';
      items.push({
        path,
        mode,
        id: child?.id ?? memory.fileId(file, stats, algorithm),
        size,
        exact: child === undefined,
      });
    }
  }

  await walk(request.path, undefined);
  return items.sort(byPath);
}

/** Repositories that stand in a work tree without being its submodules: git would commit a link to each, not its files. */
export async function embeddedRepositories(
  request: Pick<ContentRequest, 'root' | 'path' | 'known'>,
): Promise<readonly string[]> {
  const { root, known } = request;
  const found: string[] = [];
  let calls = 0;

  async function walk(path: string): Promise<void> {
    calls += 1;
    if (calls > filesMax) throw tooMuch(request);
    if (calls % callsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    const entries = readdirSync(join(root, path), { withFileTypes: true });
    if (path !== '' && entries.some(({ name }) => name === '.git')) {
      found.push(path);
      return;
    }
    for (const entry of entries) {
      if (entry.isDirectory() && counts(known, path, entry.name)) await walk(joined(path, entry.name));
    }
  }

  const stats = lstatSync(join(root, request.path), { throwIfNoEntry: false });
  if (stats?.isDirectory() === true && known.differs(request.path)) await walk(request.path);
  return found;
}

const submoduleMode = '160000';

function tooMuch(request: Pick<ContentRequest, 'root' | 'path'>): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${join(request.root, request.path)} holds too much to be told apart by its content`,
    why: `at most ${filesMax} files and ${bytesMax / 1024 / 1024} MiB are read`,
    next: 'commit it to git, or name a smaller folder',
  });
}
