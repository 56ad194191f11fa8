import { readFileSync, type BigIntStats } from 'node:fs';
import type { GitItem } from './tree.ts';
import { objectId } from './object-id.ts';

/**
 * What was read of folders before, handed from pass to pass. A file's id is believed while size, inode and both times
 * stand still to the nanosecond: two writes of one size with a hash between them, all within one tick of the kernel's
 * clock, would be missed.
 */
export class FolderMemory {
  readonly #ids = new Map<string, { readonly mark: string; readonly id: string }>();
  readonly #roots = new Map<string, { readonly commit: string; readonly root: Promise<string | undefined> }>();
  readonly #listings = new Map<string, { readonly commit: string; readonly items: readonly GitItem[] }>();

  fileId(path: string, stats: BigIntStats, algorithm: string): string {
    const mark = `${algorithm} ${stats.size} ${stats.ino} ${stats.mtimeNs} ${stats.ctimeNs}`;
    const known = this.#ids.get(path);
    if (known?.mark === mark) return known.id;
    const id = objectId('blob', readFileSync(path), algorithm);
    this.#ids.set(path, { mark, id });
    return id;
  }

  /** The commit that the commit's history begins with: one for each work tree is kept. */
  root(top: string, commit: string, ask: () => Promise<string | undefined>): Promise<string | undefined> {
    const known = this.#roots.get(top);
    if (known?.commit === commit) return known.root;
    const root = ask();
    this.#roots.set(top, { commit, root });
    return root;
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
