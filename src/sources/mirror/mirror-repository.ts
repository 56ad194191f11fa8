import { createHash } from 'node:crypto';
import { lstatSync, promises as files } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../model/base/fault.ts';
import type { Descent } from '../../model/removal.ts';
import type { Log } from '../../model/base/log.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import { gitEnvironment, GitError, runGit } from '../git/git-command.ts';
import { isDamage, isLocked, isUnadvertised, mirrorFault, noSuchRef, notACommit } from '../git/git-fault.ts';
import { BlobReader, listCommit, TooManyItems, treeItemsMax } from '../git/git-objects.ts';
import { commitTree, tooManyFiles } from '../git/git-tree.ts';
import { descends } from '../git/ancestry.ts';
import { fetchSized, keepOnly, removeLeftovers, unwritable } from './mirror-fetch.ts';
import { SizeFault, type MirrorLimits } from './mirror-size.ts';
import { Remote, type RemoteParts } from './remote.ts';
import { rootCommit } from '../git/root-commit.ts';
import { isCommitId } from '../tree/ref.ts';
import type { Tree } from '../tree/tree.ts';

export interface MirrorParts extends RemoteParts {
  readonly log: Log;
  /** Told that this mirror keeps a child for reading from now on. */
  readonly reading: (mirror: Mirror) => void;
  readonly askTimeoutMs: number;
  readonly fetchTimeoutMs: number;
  readonly limits: MirrorLimits;
}

/** A ref that is too large is not asked for again for so long: each try brings all of it once more. */
const tooLargeMs = 60 * 60_000;

/** Listings kept: what runs, what ran before it, and a rollback's. */
const treesMax = 4;
/** Local calls end in milliseconds; a fetch that must repack may keep them waiting. */
const localTimeoutMs = 120_000;

interface Head {
  /** What the ref points to: a commit, or a tag object. */
  readonly oid: string;
  readonly commit: string;
}

/** One repository's bare copy on disk: a cache that is thrown away and fetched again where it is damaged. */
export class Mirror {
  readonly #parts: MirrorParts;
  readonly #reader: BlobReader;
  readonly #trees = new Map<string, Tree>();
  readonly #roots = new Map<string, Promise<string | undefined>>();
  readonly #heads = new Map<string, Head>();
  /** Calls that have not begun yet, by ref: later ones join them. */
  readonly #waiting = new Map<string, Promise<Tree>>();
  #last: Promise<unknown> = Promise.resolve();
  #damaged = false;
  /** By ref: what is too much of one is no matter of the others. */
  readonly #tooLarge = new Map<string, { readonly fault: Fault; readonly until: number }>();
  readonly #remote: Remote;
  /** Made here, and nothing fetched yet: git has no answer to look for. */
  #isNew = false;

  constructor(parts: MirrorParts) {
    this.#parts = parts;
    this.#remote = new Remote(parts);
    this.#reader = new BlobReader({
      directory: parts.directory,
      environment: gitEnvironment({ environment: parts.environment }),
      clock: parts.clock,
    });
  }

  /** The tree a ref points to now: asked after this call, never before it. */
  tree(ref: string): Promise<Tree> {
    this.#remote.isOperators = true;
    return this.#asked(ref);
  }

  /** The same, for whoever has others to see to: throws a transient Fault where git takes longer than the mirrors' patience, and goes on. */
  treeSoon(ref: string): Promise<Tree> {
    const { lateness } = this.#remote;
    return lateness === undefined ? this.tree(ref) : lateness.soon(() => this.#asked(ref));
  }

  #asked(ref: string): Promise<Tree> {
    const joined = this.#waiting.get(ref);
    if (joined !== undefined) return joined;
    const before = this.#last;
    const tree = this.#parts.clock.busy(async () => {
      await before;
      this.#waiting.delete(ref);
      return this.#treeNow(ref);
    });
    this.#waiting.set(ref, tree);
    this.#last = tree.catch(() => {});
    return tree;
  }

  /**
   * The commit that a ref's history begins with, asked once for each ref: a branch that is moved onto another history meanwhile
   * keeps the first one's.
   */
  async root(ref: string, commit: string): Promise<string | undefined> {
    const { directory, clock, environment } = this.#parts;
    const asked =
      this.#roots.get(ref) ?? rootCommit({ directory, clock, environment: gitEnvironment({ environment }) }, commit);
    this.#roots.set(ref, asked);
    const root = await asked;
    if (root === undefined) this.#roots.delete(ref);
    return root;
  }

  /** Whether a commit that was read here has another one in its history. */
  descends(commit: string, from: string): Promise<Descent> {
    const { directory, clock, environment } = this.#parts;
    return clock.busy(() =>
      descends({ directory, clock, environment: gitEnvironment({ environment }) }, { commit, from }),
    );
  }

  /** Ends the child kept for reading once it has answered; the next read starts another. */
  close(): void {
    this.#remote.lateness?.close();
    this.#reader.close();
  }

  async #treeNow(ref: string): Promise<Tree> {
    const { clock } = this.#parts;
    const refused = this.#tooLarge.get(ref);
    if (refused !== undefined && clock.monotonic() < refused.until) throw refused.fault;
    this.#tooLarge.delete(ref);
    try {
      if (refused !== undefined) await this.#makeRoom(ref);
      if (this.#damaged) await this.#discard('a file could not be read');
      return await this.#attempt(ref);
    } catch (error) {
      if (error instanceof SizeFault && error.kind === 'stalled') {
        this.#tooLarge.set(ref, { fault: error, until: clock.monotonic() + tooLargeMs });
      }
      if (!(error instanceof GitError)) throw error;
      if (!isDamage(error)) throw await this.#remote.refusal(error);
      await this.#discard(error.stderr);
      return this.#attempt(ref).catch(async (again: unknown) => {
        throw again instanceof GitError ? await this.#remote.refusal(again) : again;
      });
    }
  }

  /** What a ref that did not fit has left here, as before its history was rewritten, and what nobody asks for any more. */
  async #makeRoom(ref: string): Promise<void> {
    const { log, location } = this.#parts;
    for (const name of namesOf(ref)) this.#heads.delete(localName(name));
    try {
      await this.#prepare();
      await keepOnly(this.#parts, new Map([...this.#heads].map(([local, { oid }]) => [local, oid])));
    } catch (error) {
      if (!(error instanceof GitError || error instanceof SizeFault)) throw error;
      log.warn({ repository: location.remote, why: error.message }, 'old history stays in a mirror');
    }
  }

  async #attempt(ref: string): Promise<Tree> {
    await this.#prepare();
    const commit = isCommitId(ref) ? await this.#commit(ref) : await this.#named(ref);
    const known = this.#trees.get(commit);
    const tree = known ?? (await this.#open(commit));
    this.#trees.delete(commit);
    this.#trees.set(commit, tree); // newest last
    for (const oldest of this.#trees.keys()) if (this.#trees.size > treesMax) this.#trees.delete(oldest);
    return tree;
  }

  async #open(commit: string): Promise<Tree> {
    const { directory, clock, location, environment } = this.#parts;
    try {
      const items = await listCommit({ directory, clock, environment: gitEnvironment({ environment }) }, commit);
      return commitTree({ commit, name: location.remote, items, blob: (oid) => this.#blob(oid) });
    } catch (error) {
      if (error instanceof TooManyItems) throw tooManyFiles(location.remote, treeItemsMax);
      throw error;
    }
  }

  async #blob(oid: string): Promise<Uint8Array> {
    this.#parts.reading(this);
    try {
      return await this.#reader.read(oid);
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.#damaged = true; // thrown away before the next fetch
      throw mirrorFault(error, this.#parts.location);
    }
  }

  /** The commit of a branch, a tag or HEAD, fetched if it moved. */
  async #named(ref: string): Promise<string> {
    const { askTimeoutMs, location } = this.#parts;
    const names = namesOf(ref);
    const answer = await this.#remote.call((remote) => ['ls-remote', '--', remote, ...names], askTimeoutMs);
    const advertised = parseAdvertised(answer);
    const name = names.find((one) => advertised.has(one));
    const oid = advertised.get(name ?? '');
    if (name === undefined || oid === undefined) throw noSuchRef(ref, location);
    const local = localName(name);
    const samePlace = [...this.#heads.values()].find((one) => one.oid === oid); // HEAD and main, mostly
    let head = samePlace ?? (await this.#head(local));
    if (head?.oid !== oid) {
      await this.#fetch([`+${name}:${local}`]);
      head = await this.#head(local);
    }
    if (head === undefined) throw noSuchRef(ref, location);
    this.#heads.set(local, head);
    return head.commit;
  }

  /** A commit by its id: used where it is here whole, else fetched; hosts that hand out no single commits give all. */
  async #commit(id: string): Promise<string> {
    const local = localName(id);
    const here = this.#heads.get(local) ?? (await this.#head(local)) ?? (await this.#contained(id));
    if (here !== undefined) {
      this.#heads.set(local, here);
      return here.commit;
    }
    try {
      await this.#fetch([`+${id}:${local}`]);
    } catch (error) {
      if (!(error instanceof GitError && isUnadvertised(error))) throw error;
      await this.#fetch(['+refs/heads/*:refs/all/heads/*', '+refs/tags/*:refs/all/tags/*']);
    }
    const head = (await this.#head(local)) ?? (await this.#contained(id));
    if (head === undefined) throw noSuchRef(id, this.#parts.location);
    this.#heads.set(local, head);
    return head.commit;
  }

  /** A commit that some ref holds is there with all its files; a bare object may be the rest of a broken fetch. */
  async #contained(id: string): Promise<Head | undefined> {
    if (this.#isNew) return undefined;
    try {
      const refs = await this.#local(['for-each-ref', '--count=1', '--format=%(refname)', '--contains', id]);
      if (refs.trim() === '') return undefined;
      await this.#local(['update-ref', localName(id), id]); // kept when its branch moves away
      return { oid: id, commit: id };
    } catch (error) {
      if (error instanceof GitError && /no such commit|malformed object name/i.test(error.stderr)) return undefined;
      throw error;
    }
  }

  async #head(local: string): Promise<Head | undefined> {
    if (this.#isNew) return undefined;
    const line = await this.#local(['for-each-ref', '--format=%(objectname) %(objecttype)', local]);
    const [oid = '', type = ''] = line.trim().split(' ');
    if (oid === '') return undefined;
    if (type === 'commit') return { oid, commit: oid };
    if (type !== 'tag') throw notACommit(oid, type, this.#parts.location);
    try {
      const peeled = await this.#local(['rev-parse', '--verify', `${oid}^{commit}`]);
      return { oid, commit: peeled.trim() };
    } catch (error) {
      if (error instanceof GitError && /expected commit type|needed a single revision/i.test(error.stderr)) {
        throw notACommit(oid, 'tag of something else', this.#parts.location);
      }
      throw error;
    }
  }

  async #fetch(refspecs: readonly string[]): Promise<void> {
    const { clock, log, location } = this.#parts;
    const fetch = (): Promise<void> => fetchSized(this.#parts, refspecs, (...call) => this.#remote.call(...call));
    const began = clock.now();
    this.#isNew = false;
    try {
      await fetch();
    } catch (error) {
      if (!(error instanceof GitError && isLocked(error))) throw error;
      await fetch(); // another process held it for a moment; or for ever: damage
    }
    log.debug({ repository: location.remote, refspecs, ms: clock.now() - began }, 'fetched a repository');
  }

  #local(args: readonly string[]): Promise<string> {
    const { directory, clock } = this.#parts;
    const environment = gitEnvironment({ environment: this.#parts.environment });
    return runGit({ directory, args, environment, clock, timeoutMs: localTimeoutMs, redactor: new Redactor() });
  }

  async #prepare(): Promise<void> {
    const { directory, clock, fetchTimeoutMs } = this.#parts;
    await removeLeftovers(directory, clock.now() - 2 * fetchTimeoutMs);
    if (lstatSync(join(directory, 'HEAD'), { throwIfNoEntry: false }) !== undefined) return;
    try {
      await files.mkdir(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw unwritable(this.#parts.location, cause);
    }
    await this.#local(['init', '--bare']);
    this.#isNew = true;
  }

  /** Out of the way at once, then removed: another process may be reading in it. */
  async #discard(why: string): Promise<void> {
    const { log, location } = this.#parts;
    log.warn({ repository: location.remote, why }, 'a mirror is damaged and is fetched anew');
    await this.#remove();
  }

  async #remove(): Promise<void> {
    const { directory } = this.#parts;
    this.close();
    this.#heads.clear();
    this.#trees.clear();
    const aside = `${directory}.damaged`;
    try {
      await files.rm(aside, { recursive: true, force: true });
      await files.rename(directory, aside).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      await files.rm(aside, { recursive: true, force: true });
    } catch (cause) {
      throw unwritable(this.#parts.location, cause);
    }
    this.#damaged = false;
  }
}

/** What a ref may be at the remote, the one that counts first. */
function namesOf(ref: string): readonly string[] {
  const isWhole = ref === 'HEAD' || ref.startsWith('refs/') || isCommitId(ref);
  return isWhole ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

/** Name of a remote ref here: a hash, since `a` and `a/b` cannot stand side by side on disk while the one replaces the other. */
function localName(name: string): string {
  return `refs/flycd/${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** ls-remote matches from the end (`x/refs/heads/main` too), so callers look for exact names. */
function parseAdvertised(text: string): ReadonlyMap<string, string> {
  const advertised = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [oid = '', name = ''] = line.split('\t');
    if (isCommitId(oid)) advertised.set(name, oid);
  }
  return advertised;
}
