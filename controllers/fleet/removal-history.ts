import type { DesiredFleet } from '../../src/model/desired.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { IsNew, RemovalHistory } from '../../src/model/removal.ts';
import type { Store } from '../../src/record/store.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';

const dirty = '-dirty';

/** Each is a whole config to be read, once for as long as FlyCD runs: a second for a thousand apps. */
const laterMax = 200;

type AtCommit = Extract<
  RemovalHistory,
  { state: 'mentioned' | 'removed' | 'elsewhere' | 'unnamed' | 'half read' | 'shallow' }
>;

/**
 * Whether the config that does not name an app is one that did name it. The app's machines carry the commit that it was
 * last released from well, and the database the one at which a pass last found it named: a config without these commits in
 * its history is another branch, an older clone, a copy of the repo, and has not removed anything; nor has one that did not
 * name it at them, as another folder of the repo, or before the file was ever committed. Without a history (a plain folder)
 * the fleet's name is all there is to go by, for an app that never came from a commit. Throws nothing.
 */
export async function removalHistory(
  fleet: DesiredFleet,
  orphan: OrphanedApp,
  store: Pick<Store, 'namedRevision'> | undefined,
): Promise<RemovalHistory> {
  try {
    return await historyOf(fleet, orphan, store);
  } catch (error) {
    const { message: reason, next } = toFault(error, 'the history of the config could not be read');
    return { state: 'unread', reason, next };
  }
}

async function historyOf(
  fleet: DesiredFleet,
  { name, machines }: OrphanedApp,
  store: Pick<Store, 'namedRevision'> | undefined,
): Promise<RemovalHistory> {
  const { descendsFrom, namesAt, revision } = fleet;
  const released = standingOf({ machines, fleet }, {}).good?.revision ?? '';
  const commit = commitOf(released);
  // A pass that changed nothing, or no more than counts, addresses and secrets, leaves no commit on the machines.
  const last = commitOf((await store?.namedRevision(name)) ?? '');
  const isNew = await newSince(fleet, last ?? commit);
  const mention = await fleet.mentions?.of(name, isNew);
  if (mention !== undefined) return { state: 'mentioned', ...mention };
  if (descendsFrom === undefined || namesAt === undefined) {
    if (commit !== undefined) return { state: 'outside git', commit };
    return last === undefined ? { state: 'no history' } : { state: 'outside git', commit: last, isPass: true };
  }
  const standingAt = async (asked: string): Promise<AtCommit> => {
    const descent = await descendsFrom(asked);
    if (descent === 'no') return { state: 'elsewhere', commit: asked };
    if (descent === 'unknown') return { state: 'shallow', commit: asked };
    const { names, whole, manual, hasSources, files } = await namesAt(asked);
    if (names.has(name)) {
      const content = files.get(name);
      const moved = content && (await fleet.mentions?.withContent(content, await newSince(fleet, asked)));
      if (moved !== undefined) return { state: 'mentioned', ...moved };
      return { state: 'removed', isManual: manual.has(name) };
    }
    return whole ? { state: 'unnamed', commit: asked, hasSources } : { state: 'half read', commit: asked };
  };
  if (commit === undefined) return { state: 'unknown', released };
  const release = await standingAt(commit);
  if (release.state !== 'removed') return release;
  const pass = last === undefined || last === commit ? release : await standingAt(last);
  if (pass.state !== 'removed') return pass.state === 'mentioned' ? pass : { ...pass, isPass: true };
  // A work tree that differs from its commit: the commit may name the app still.
  if (revision.endsWith(dirty)) {
    const commitNow = revision.slice(0, -dirty.length);
    const head = await namesAt(commitNow);
    if (head.names.has(name)) return { state: 'uncommitted' };
    if (!head.whole) return { state: 'half read', commit: commitNow, isNow: true };
  }
  // A job that is run again at an earlier commit, without a database that would know the later one.
  const after = (await fleet.laterCommits?.(name)) ?? [];
  for (const later of after.slice(0, laterMax)) {
    const { names, whole } = await namesAt(later.commit);
    if (names.has(name) || !whole) return { state: 'later', ...later, isRead: names.has(name) };
  }
  if (after.length <= laterMax) return pass;
  const reason = `more than ${laterMax} branches and tags that go on from this commit may name it`;
  return { state: 'unread', reason, next: 'sync a newer commit' };
}

/** undefined: nobody knows what was there, as where the commit is not in this clone. */
async function newSince({ pathsAt }: DesiredFleet, commit: string | undefined): Promise<IsNew> {
  if (pathsAt === undefined || commit === undefined) return undefined;
  const paths = await pathsAt(commit).catch(() => undefined);
  if (paths === undefined) return undefined;
  return (path, id) => (id === undefined ? !paths.has(path) : paths.get(path) !== id);
}

/** undefined: it is none, as of a plain folder. */
function commitOf(revision: string): string | undefined {
  const commit = revision.endsWith(dirty) ? revision.slice(0, -dirty.length) : revision;
  return /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}
