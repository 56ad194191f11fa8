/** A fetch into a mirror: what it brings waits beside the mirror's objects until it is known to be not too much. */
import { promises as files } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Log } from '../../model/base/log.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import type { GitLocation } from '../tree/location.ts';
import { gitEnvironment, GitError, runGit } from '../git/git-command.ts';
import { bytesIn, checkDisk, checkSize, SizeFault, watchSize, type MirrorLimits } from './mirror-size.ts';
import type { RemoteArgs, RemoteTarget } from './remote.ts';

interface FetchParts {
  readonly directory: string;
  readonly location: GitLocation;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetchTimeoutMs: number;
  readonly limits: MirrorLimits;
}

/** `target` is asked once the call has its turn at the network. */
type AskRemote = (args: RemoteArgs, timeoutMs: number, target: () => Promise<RemoteTarget>) => Promise<unknown>;

/**
 * Fetches refs, forced. Throws what git said (GitError), and a SizeFault where it is too much for the mirror or the disk: then
 * nothing of it stays, and the mirror is what it was.
 */
export async function fetchSized(parts: FetchParts, refspecs: readonly string[], remote: AskRemote): Promise<void> {
  const { directory, location, fetchTimeoutMs } = parts;
  await checkDisk(parts);
  const held = await heldBytes(directory);
  let incoming: string | undefined;
  try {
    await remote(fetchOf(refspecs), fetchTimeoutMs, async () => {
      incoming ??= await openIncoming(directory, location);
      return { directory: incoming, watch: watchSize({ ...parts, held, directory: incoming }) };
    });
    if (incoming === undefined) return;
    await checkSize({ ...parts, held, directory: incoming });
    await moveObjects(join(incoming, 'objects'), join(directory, 'objects')).catch((cause: unknown) => {
      throw unwritable(location, cause);
    });
    await takeRefs(parts, incoming, refspecs);
  } finally {
    // What git's own child still writes there at that moment goes with the next fetch.
    if (incoming !== undefined) await files.rm(incoming, { recursive: true, force: true }).catch(() => {});
  }
  await tidy(parts);
}

/** What git and FlyCD are at, or were when they ended: no part of the history. */
const unfinished = /^(?:tmp_|\.tmp-|incoming-)/;

/** Bytes of what was fetched whole: not what another process is fetching or repacking, nor what a dead one left. */
function heldBytes(directory: string): Promise<number> {
  return bytesIn(directory, (name) => !unfinished.test(name));
}

/**
 * Removes what a process that was killed has left: git takes it away after two weeks at the earliest. `unchangedSince`, in
 * milliseconds since the epoch: another process may be at a younger one.
 */
export async function removeLeftovers(directory: string, unchangedSince: number): Promise<void> {
  for (const folder of ['', 'objects', join('objects', 'pack')]) {
    const names = await files.readdir(join(directory, folder)).catch(() => []);
    for (const name of names.filter((one) => unfinished.test(one))) {
      const path = join(directory, folder, name);
      const stat = await files.lstat(path).catch(() => undefined);
      if (stat === undefined || stat.mtimeMs > unchangedSince) continue;
      await files.rm(path, { recursive: true, force: true });
    }
  }
}

export function unwritable({ remote }: GitLocation, cause: unknown): Fault {
  return new Fault({
    kind: 'transient',
    what: `the mirror of ${remote} cannot be written`,
    why: (cause as Error).message,
    next: 'make the data directory writable (data_dir in flycd.yaml)',
    cause,
  });
}

function fetchOf(refspecs: readonly string[]): RemoteArgs {
  const options = ['--force', '--prune', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
  return (remote) => ['fetch', ...options, '--', remote, ...refspecs];
}

/** A repository that has the mirror's objects and gets those that it lacks. */
async function openIncoming(directory: string, location: GitLocation): Promise<string> {
  try {
    const incoming = await files.mkdtemp(join(directory, 'incoming-'));
    await files.mkdir(join(incoming, 'objects', 'info'), { recursive: true });
    await files.mkdir(join(incoming, 'refs'));
    await files.writeFile(join(incoming, 'objects', 'info', 'alternates'), '../../objects\n');
    // A repack is no part of what is fetched.
    await files.writeFile(
      join(incoming, 'config'),
      '[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n',
    );
    await files.writeFile(join(incoming, 'HEAD'), 'ref: refs/heads/main\n');
    return incoming;
  } catch (cause) {
    throw unwritable(location, cause);
  }
}

/** git looks for a pack by its index, which therefore comes last. */
const packParts = ['.pack', '.rev', '.idx'];

async function moveObjects(from: string, to: string): Promise<void> {
  const folders = (await files.readdir(from)).filter((name) => name === 'pack' || /^[0-9a-f]{2}$/.test(name));
  for (const folder of folders) {
    await files.mkdir(join(to, folder), { recursive: true });
    const names = await files.readdir(join(from, folder));
    const kept = names.filter((name) => folder !== 'pack' || packParts.some((part) => name.endsWith(part)));
    const order = (name: string): number => packParts.findIndex((part) => name.endsWith(part));
    for (const name of kept.toSorted((a, b) => order(a) - order(b))) {
      await files.rename(join(from, folder, name), join(to, folder, name));
    }
  }
}

/** The objects are here: git has only to see that none is missing. */
async function takeRefs(parts: FetchParts, incoming: string, refspecs: readonly string[]): Promise<void> {
  const here = refspecs.map((refspec) => refspec.split(':')[1] ?? '').map((local) => `+${local}:${local}`);
  await runGit({
    directory: parts.directory,
    args: ['-c', 'gc.auto=0', ...fetchOf(here)(`./${basename(incoming)}`)],
    environment: { ...gitEnvironment({ environment: parts.environment }), GIT_ALLOW_PROTOCOL: 'file' },
    clock: parts.clock,
    timeoutMs: parts.fetchTimeoutMs,
    redactor: new Redactor(),
  });
}

/** git's own limits (gc.autoPackLimit, and gc.auto by the objects of one folder of 256): it is not asked below them. */
const packsMax = 50;
const looseMax = 27;

/** Repacks where git would: with a second copy of everything for a moment, which is no part of the history. */
async function tidy(parts: FetchParts): Promise<void> {
  const { directory, location, log } = parts;
  const count = async (folder: string, end: string): Promise<number> =>
    (await files.readdir(join(directory, 'objects', folder)).catch(() => [])).filter((name) => name.endsWith(end))
      .length;
  if ((await count('pack', '.pack')) <= packsMax && (await count('17', '')) <= looseMax) return;
  try {
    await repack(parts, ['--auto']);
  } catch (error) {
    // It is only slower without.
    if (!(error instanceof GitError || error instanceof SizeFault)) throw error;
    log.warn({ repository: location.remote, why: error.message }, 'a mirror is not repacked');
  }
}

/** Throws a SizeFault where the disk has no room for the second copy that git writes. */
async function repack(parts: FetchParts, args: readonly string[]): Promise<void> {
  const { directory, clock, limits, fetchTimeoutMs: timeoutMs } = parts;
  const reserveBytes = limits.reserveBytes + (await heldBytes(directory));
  await checkDisk({ ...parts, limits: { ...limits, reserveBytes } });
  const environment = gitEnvironment({ environment: parts.environment });
  await runGit({ directory, args: ['gc', ...args], environment, clock, timeoutMs, redactor: new Redactor() });
}

/** Takes away all history but that of these commits, by the refs that hold them. Throws a GitError or a SizeFault. */
export async function keepOnly(parts: FetchParts, heads: ReadonlyMap<string, string>): Promise<void> {
  const incoming = await openIncoming(parts.directory, parts.location);
  try {
    for (const [ref, oid] of heads) {
      await files.mkdir(dirname(join(incoming, ref)), { recursive: true });
      await files.writeFile(join(incoming, ref), `${oid}\n`);
    }
    await takeRefs(parts, incoming, ['refs/*:refs/*']);
  } finally {
    await files.rm(incoming, { recursive: true, force: true });
  }
  await repack(parts, ['--prune=now']);
}
