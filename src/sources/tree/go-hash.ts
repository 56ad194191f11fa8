/**
 * Go's hash of a folder (`h1:…`, golang.org/x/mod/sumdb/dirhash), by which FlyCD 0.x told whether something had changed:
 * names and bytes of all its files, those behind links included; modes and empty folders are no part of it.
 */
import { createHash } from 'node:crypto';
import { Fault } from '../../model/base/fault.ts';
import type { Tree } from './tree.ts';

/** As many as are hashed for a content id. */
const filesMax = 20_000;
/** Read whole into memory, one at a time. */
const fileBytesMax = 256 * 1024 * 1024;

export interface HashedFile {
  /** From the folder. */
  readonly path: string;
  /** Of its bytes, in hex. */
  readonly sha256: string;
}

export function sha256Of(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}

export function goHash(files: readonly HashedFile[]): string {
  const lines = files.map(({ path, sha256 }) => ({ key: Buffer.from(path), line: `${sha256}  ${path}\n` }));
  lines.sort((a, b) => Buffer.compare(a.key, b.key));
  const hash = createHash('sha256');
  for (const { line } of lines) hash.update(line);
  return `h1:${hash.digest('base64')}`;
}

/**
 * Whether that is the hash of a folder: of what git would commit of it, or of all that is there, since FlyCD 0.x looked at
 * no .gitignore. What cannot be read, or what Go refuses, has no hash. Throws a transient Fault.
 */
export async function hasGoHash(tree: Tree, folder: string, hash: string): Promise<boolean> {
  try {
    const counted = (await tree.contents(folder)).map(({ path }) => path);
    if ((await hashOfFiles(tree, folder, counted)) === hash) return true;
    const there = await filesUnder(tree, folder);
    if (there === undefined || there.length === counted.length) return false;
    return (await hashOfFiles(tree, folder, there)) === hash;
  } catch (error) {
    if (error instanceof Fault && error.kind !== 'transient') return false;
    throw error;
  }
}

async function hashOfFiles(tree: Tree, folder: string, paths: readonly string[]): Promise<string | undefined> {
  const files: HashedFile[] = [];
  for (const path of paths) {
    const inside = path.slice(folder === '' ? 0 : folder.length + 1);
    const bytes = await tree.read(path, fileBytesMax);
    // Go refuses a name with a line break, and a link to a folder or to nothing.
    if (bytes === undefined || inside.includes('\n')) return undefined;
    files.push({ path: inside, sha256: sha256Of(bytes) });
  }
  return goHash(files);
}

/** undefined: too many. */
async function filesUnder(tree: Tree, folder: string): Promise<readonly string[] | undefined> {
  const files: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const { path, kind } of await tree.list(next)) {
      if (kind === 'folder') folders.push(path);
      else files.push(path);
    }
    if (files.length + folders.length > filesMax) return undefined;
  }
  return files;
}
