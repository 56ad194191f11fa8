import { mkdirSync, promises as files, symlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import { list } from '../../model/base/text.ts';
import { objectId, treeId, type Child } from '../tree/object-id.ts';
import { dockerignore } from './dockerignore.ts';
import type { Tree, TreeItem } from '../tree/tree.ts';
import { baseOf, byPath, folderOf, isGitFolder, joined } from '../tree/tree-path.ts';
import { refusePointer } from '../tree/lfs-pointer.ts';
import { outside } from '../tree/path-faults.ts';

/** Beyond it a context takes minutes on its way to the builder: a data set or a home folder came in by mistake. */
const filesMax = 50_000;
const bytesMax = 1024 ** 3;
/** Read whole into memory, one at a time. */
const fileBytesMax = 256 * 1024 * 1024;
/** As the kernel: more are a circle. */
const linksMax = 40;
/** An ignore file is read by people. */
const ignoreBytesMax = 1024 * 1024;
const besidePointer = 'commit the file itself, fetch it in the Dockerfile, or name a folder without it in source.path';

/** One of the places that a context is laid together from; later ones lie over earlier ones. */
export interface ContextLayer {
  readonly tree: Tree;
  /** A folder or file in the tree; '' = its root. */
  readonly path: string;
  /** Where it comes to lie; '' = the context's root. */
  readonly at: string;
  /** true: this path of the tree stays out. */
  readonly without?: ((path: string) => boolean) | undefined;
}

export interface ContextParts {
  readonly layers: readonly ContextLayer[];
  /** Text files under everything else: an inline Dockerfile. */
  readonly texts: readonly { readonly path: string; readonly text: string }[];
}

type Origin = { readonly text: string } | { readonly tree: Tree; readonly item: TreeItem };

interface Entry {
  readonly path: string;
  readonly mode: TreeItem['mode'];
  readonly id: string;
  readonly size: number;
  readonly origin: Origin;
}

/**
 * The id that git would give the context as a folder: it moves exactly when something in it does. Throws a stalled Fault
 * for what is too much, or not there.
 */
export async function contextId({ layers, texts }: ContextParts): Promise<string> {
  const [only] = layers;
  if (only !== undefined && layers.length === 1 && texts.length === 0 && only.at === '' && only.without === undefined) {
    const id = await only.tree.id(only.path);
    if (id === undefined) throw missing(only);
    return id;
  }
  return idOf(await gathered({ layers, texts }), '');
}

/** Throws a stalled Fault where another repository stands in the context: what is built would lack its files. */
export async function refuseRepositories({ layers }: ContextParts): Promise<void> {
  for (const { tree, path, without } of layers) {
    const found = (await tree.repositories(path)).filter((repository) => without?.(repository) !== true);
    if (found.length === 0) continue;
    throw new Fault({
      kind: 'stalled',
      what: `${list(found)} in what is built is a git repository of its own (a submodule or an embedded one)`,
      why: 'FlyCD reads the files of one repository, so the image would lack it',
      next: 'commit its files, name a folder without it in source.path, or make it a source of its own',
      where: tree.name,
    });
  }
}

/** Writes the context into an empty folder, with a .dockerignore made of the .gitignore files where it has none. */
export async function writeContext(parts: ContextParts, folder: string): Promise<void> {
  const entries = await gathered(parts);
  const targets = await linkTargets(entries);
  for (const [path] of targets) refuseLinkOut(targets, path);
  const made = new Set(['']);
  const makeFolder = (path: string): void => {
    if (made.has(path)) return;
    mkdirSync(join(folder, path), { recursive: true, mode: 0o755 });
    made.add(path);
  };
  for (const entry of entries.values()) {
    makeFolder(folderOf(entry.path));
    if (entry.mode === '120000') continue;
    const mode = entry.mode === '100755' ? 0o755 : 0o644;
    // Nothing is written over or through anything: every path is new.
    await files.writeFile(join(folder, entry.path), await bytesOf(entry), { flag: 'wx', mode });
  }
  // Last of all: no file is written through one.
  for (const [path, target] of targets) symlinkSync(target, join(folder, path));
  if (!entries.has('.dockerignore')) {
    const text = await ignoreText(entries);
    if (text !== '') await files.writeFile(join(folder, '.dockerignore'), text, { flag: 'wx', mode: 0o644 });
  }
}

/** A file of the repo that is no part of the context. */
export interface BesideFile {
  readonly name: string;
  readonly tree: Tree;
  readonly path: string;
  readonly bytesMax: number;
}

/** Fills an empty folder with the context and, beside it, other files under names of ours. Answers where the context is. */
export async function writeBuildFolder(
  folder: string,
  parts: ContextParts,
  beside: readonly BesideFile[],
): Promise<string> {
  const context = join(folder, 'context');
  mkdirSync(context);
  await writeContext(parts, context);
  for (const { name, tree, path, bytesMax } of beside) {
    const bytes = await tree.read(path, bytesMax);
    if (bytes === undefined) throw changed(path, tree);
    refusePointer({ bytes, path, tree, next: besidePointer });
    await files.writeFile(join(folder, name), bytes, { flag: 'wx' });
  }
  return context;
}

async function gathered({ layers, texts }: ContextParts): Promise<ReadonlyMap<string, Entry>> {
  const heap: Heap = { entries: new Map(), folders: new Set() };
  const { entries } = heap;
  for (const { path, text } of texts) {
    const bytes = Buffer.from(text);
    const id = objectId('blob', bytes, 'sha1');
    place(heap, { path, mode: '100644', id, size: bytes.length, origin: { text } });
  }
  for (const layer of layers) {
    const { tree, path, at, without } = layer;
    const items = await tree.contents(path);
    if (items.length === 0 && (await tree.id(path)) === undefined) throw missing(layer);
    for (const item of items) {
      if (without?.(item.path) === true) continue;
      const rest = item.path === path ? '' : item.path.slice(path === '' ? 0 : path.length + 1);
      const own = [at, rest].filter((part) => part !== '').join('/');
      place(heap, { ...item, path: own, origin: { tree, item } });
    }
  }
  let bytes = 0;
  for (const { size } of entries.values()) bytes += size;
  if (entries.size > filesMax || bytes > bytesMax) throw tooMuch(entries.size, bytes);
  return new Map([...entries.values()].sort(byPath).map((entry) => [entry.path, entry]));
}

interface Heap {
  readonly entries: Map<string, Entry>;
  /** Every folder that something was placed in. */
  readonly folders: Set<string>;
}

/** What lies on top wins: a file takes the place of a folder with all in it, and the other way round. */
function place({ entries, folders }: Heap, entry: Entry): void {
  const { path } = entry;
  if (path === '' || path.split('/').some((name) => isGitFolder(name) || name === '..' || name === '.')) {
    throw outside(path, 'the build context', 'it is no path of a file in it');
  }
  for (let above = folderOf(path); above !== '' && !folders.has(above); above = folderOf(above)) {
    folders.add(above);
    entries.delete(above);
  }
  if (folders.delete(path)) {
    for (const other of entries.keys()) if (other.startsWith(`${path}/`)) entries.delete(other);
    for (const other of folders) if (other.startsWith(`${path}/`)) folders.delete(other);
  }
  entries.set(path, entry);
}

function idOf(entries: ReadonlyMap<string, Entry>, folder: string): string {
  const folders = new Map<string, Map<string, Child>>([[folder, new Map()]]);
  const algorithm = [...entries.values()].some(({ id }) => id.length === 64) ? 'sha256' : 'sha1';
  for (const { path, mode, id } of entries.values()) {
    inFolder(folders, folderOf(path)).set(baseOf(path), { name: baseOf(path), mode, id });
  }
  // Deepest first, so that each folder's own id is known when its parent's is computed.
  const deepest = [...folders.keys()].toSorted((a, b) => depthOf(b) - depthOf(a));
  for (const path of deepest) {
    if (path === folder) continue;
    const id = treeId([...inFolder(folders, path).values()], algorithm);
    inFolder(folders, folderOf(path)).set(baseOf(path), { name: baseOf(path), mode: '40000', id });
  }
  return treeId([...inFolder(folders, folder).values()], algorithm);
}

/** Makes the folder and those above it. */
function inFolder(folders: Map<string, Map<string, Child>>, path: string): Map<string, Child> {
  const known = folders.get(path);
  if (known !== undefined) return known;
  const made = new Map<string, Child>();
  folders.set(path, made);
  if (path !== '') inFolder(folders, folderOf(path));
  return made;
}

function depthOf(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}

async function bytesOf({ path, id, size, origin }: Entry): Promise<Uint8Array> {
  if ('text' in origin) return Buffer.from(origin.text);
  if (size > fileBytesMax) throw tooMuch(1, size, path);
  const bytes = await origin.tree.read(origin.item.path, fileBytesMax);
  const isSame = bytes !== undefined && (!origin.item.exact || idMatches(bytes, id));
  if (bytes !== undefined && isSame) {
    refusePointer({ bytes, path: origin.item.path, tree: origin.tree, next: besidePointer });
    return bytes;
  }
  throw changed(origin.item.path, origin.tree);
}

function changed(path: string, tree: Tree): Fault {
  return new Fault({
    kind: 'transient',
    what: `${path} changed while it was read`,
    why: 'what is built has to be what was looked at',
    next: 'FlyCD looks again',
    where: tree.name,
  });
}

function idMatches(bytes: Uint8Array, id: string): boolean {
  return objectId('blob', bytes, id.length === 64 ? 'sha256' : 'sha1') === id;
}

async function linkTargets(entries: ReadonlyMap<string, Entry>): Promise<ReadonlyMap<string, string>> {
  const targets = new Map<string, string>();
  for (const { path, mode, origin } of entries.values()) {
    if (mode !== '120000' || 'text' in origin) continue;
    const target = await origin.tree.target(origin.item.path);
    if (target !== undefined) targets.set(path, target);
  }
  return targets;
}

/** Step by step, as the kernel goes, through links on the way: `..` behind a link leads elsewhere than it looks. */
function refuseLinkOut(targets: ReadonlyMap<string, string>, path: string): void {
  let rest = [path];
  let reached = '';
  let links = 0;
  while (rest.length > 0) {
    const [step = '', ...further] = rest;
    rest = further;
    if (step === '' || step === '.') continue;
    if (step === '..') {
      if (reached === '') throw linkOut(targets, path);
      reached = folderOf(reached);
      continue;
    }
    const next = joined(reached, step);
    const target = targets.get(next);
    if (target === undefined) {
      reached = next;
      continue;
    }
    links += 1;
    // A circle leads nowhere, so not out either.
    if (links > linksMax) return;
    if (posix.isAbsolute(target)) throw linkOut(targets, path);
    reached = folderOf(next);
    rest = [...target.split('/'), ...further];
  }
}

function linkOut(targets: ReadonlyMap<string, string>, path: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${path} is a symbolic link out of what is built`,
    why: `it points to ${JSON.stringify(targets.get(path) ?? '')}`,
    next: 'remove it, or put a file in its place',
    where: path,
  });
}

async function ignoreText(entries: ReadonlyMap<string, Entry>): Promise<string> {
  const found: { folder: string; text: string }[] = [];
  for (const entry of entries.values()) {
    if (baseOf(entry.path) !== '.gitignore' || entry.mode === '120000' || entry.size > ignoreBytesMax) continue;
    found.push({ folder: folderOf(entry.path), text: new TextDecoder().decode(await bytesOf(entry)) });
  }
  return dockerignore(found);
}

function missing({ tree, path }: ContextLayer): Fault {
  const what = `there is no ${path === '' ? 'file' : path} in ${tree.name} to build`;
  return new Fault({ kind: 'stalled', what, next: 'name a folder that is there', where: path });
}

function tooMuch(count: number, bytes: number, path?: string): Fault {
  const most = `at most ${filesMax} files and ${bytesMax / 1024 / 1024} MiB, ${fileBytesMax / 1024 / 1024} MiB in one file`;
  return new Fault({
    kind: 'stalled',
    what: `${path ?? 'what is built'} is too large`,
    why: `${count} files with ${bytes} bytes; ${most}`,
    next: 'name a smaller folder in source.path, or keep large files out of the repo',
    where: path,
  });
}
