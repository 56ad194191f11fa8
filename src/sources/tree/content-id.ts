import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import type { GitItem, TreeItem } from './tree.ts';
import { byPath, isGitFolder, joined } from './tree-path.ts';

/** Files hashed under one path; a config tree of 1,000 apps has a tenth. Named by mistake, a home folder has more. */
const filesMax = 20_000;
/** Hashing this much takes about a second. */
const bytesMax = 512 * 1024 * 1024;
/** File system calls between two turns of the event loop: some 2 ms, so that a server goes on answering. */
const callsPerTurn = 200;

const skipped = 'node_modules';

/**
 * What was read of folders before, handed from pass to pass. A file's id is believed while size, inode and both times
 * stand still to the nanosecond: two writes of one size with a hash between them, all within one tick of the kernel's
 * clock, would be missed.
 */
export class FolderMemory {
  readonly #ids = new Map<string, { readonly mark: string; readonly id: string }>();
  readonly #listings = new Map<string, { readonly commit: string; readonly items: readonly GitItem[] }>();

  fileId(path: string, stats: BigIntStats, algorithm: string): string {
    const mark = `${algorithm} ${stats.size} ${stats.ino} ${stats.mtimeNs} ${stats.ctimeNs}`;
    const known = this.#ids.get(path);
    if (known?.mark === mark) return known.id;
    const id = objectId('blob', readFileSync(path), algorithm);
    this.#ids.set(path, { mark, id });
    return id;
  }

  /** The commit's listing: one for each work tree is kept. */
  async listing(top: string, commit: string, list: () => Promise<readonly GitItem[]>): Promise<readonly GitItem[]> {
    const known = this.#listings.get(top);
    if (known?.commit === commit) return known.items;
    const items = await list();
    this.#listings.set(top, { commit, items });
    return items;
  }
}

/** A line of a folder as git hashes it. */
export interface Child {
  readonly name: string;
  /** git's, without leading zeros. */
  readonly mode: string;
  readonly id: string;
}

/** What git knows of the files: paths it answers for are not read. */
export interface KnownContents {
  /** git's own ids under a folder ('' = root), for what does not differ from the commit. */
  children(folder: string): readonly Child[];
  /** Whether something at or under the path differs from the commit, so that the disk decides. */
  differs(path: string): boolean;
  /** Left out by .gitignore. */
  ignored(path: string): boolean;
}

export const nothingKnown: KnownContents = { children: () => [], differs: () => true, ignored: () => false };

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

const submoduleMode = '160000';

/** A folder's id. git sorts by bytes, folders as if their names ended in a slash. */
export function treeId(children: readonly Child[], algorithm: string): string {
  const keyed = children.map((child) => ({
    key: Buffer.from(child.mode === '40000' ? `${child.name}/` : child.name),
    line: Buffer.concat([Buffer.from(`${child.mode} ${child.name}\0`), Buffer.from(child.id, 'hex')]),
  }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return objectId('tree', Buffer.concat(keyed.map(({ line }) => line)), algorithm);
}

/** git's name for an object: a hash over its type, length and bytes. */
export function objectId(type: 'blob' | 'tree', content: Uint8Array, algorithm: string): string {
  return createHash(algorithm).update(`${type} ${content.length}\0`).update(content).digest('hex');
}

function tooMuch(request: Omit<ContentRequest, 'met'>): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${join(request.root, request.path)} holds too much to be told apart by its content`,
    why: `at most ${filesMax} files and ${bytesMax / 1024 / 1024} MiB are read`,
    next: 'commit it to git, or name a smaller folder',
  });
}
