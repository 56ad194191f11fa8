import { allEnded } from '../../src/model/base/ending.ts';
import type { DesiredFleet } from '../../src/model/desired.ts';
import { commitOf } from '../../src/model/base/text.ts';
import { toFault } from '../../src/model/base/fault.ts';
import type { OrphanedApp } from '../../src/model/observed.ts';
import type { FileContent, Mention, Mentions, RemovalHistory, Since } from '../../src/model/removal.ts';
import type { Store } from '../../src/record/store.ts';
import { standingOf } from '../../src/plan/target/rollout-state.ts';

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
  const released = standingOf({ machines, fleet }, { standing: [] }).good?.revision ?? '';
  const commit = commitOf(released);
  // A pass that changed nothing, or no more than counts, addresses and secrets, leaves no commit on the machines.
  const last = commitOf((await store?.namedRevision(name)) ?? '');
  const since = last ?? commit;
  const file = async (): Promise<string | undefined> => {
    const then = since === undefined ? undefined : await namesAt?.(since).catch(() => undefined);
    return then?.files.get(name)?.path;
  };
  const ofIt: Search = (mentions, from) => mentions.of(name, { ...from, file });
  const mention = await inWhatWasRead(fleet, since, ofIt);
  if (mention !== undefined) return { state: 'mentioned', ...mention };
  if (descendsFrom === undefined || namesAt === undefined) {
    if (commit !== undefined) return { state: 'outside git', commit };
    return last === undefined ? { state: 'no history' } : { state: 'outside git', commit: last, isPass: true };
  }
  const standingAt = async (asked: string): Promise<AtCommit> => {
    const descent = await descendsFrom(asked);
    if (descent === 'no') return { state: 'elsewhere', commit: asked };
    if (descent === 'unknown') return { state: 'shallow', commit: asked };
    const { names, whole, manual, hasSources, hasFolder, files } = await namesAt(asked);
    if (names.has(name)) {
      // Where a later pass found it named, it had not moved yet.
      const to = asked === since ? await movedTo(fleet, name, { asked, content: files.get(name) }) : undefined;
      return to === undefined ? { state: 'removed', isManual: manual.has(name) } : { state: 'mentioned', ...to };
    }
    return whole ? { state: 'unnamed', commit: asked, hasSources, hasFolder } : { state: 'half read', commit: asked };
  };
  if (commit === undefined) return { state: 'unknown', released };
  const release = await standingAt(commit);
  const pass = last === undefined || last === commit ? release : await standingAt(last);
  // A config that was moved to another folder has not named it where it is now, and a later pass has found it named there.
  const isUnclear = release.state === 'unnamed' || release.state === 'half read';
  const isPast = isUnclear && last !== undefined && last !== commit && (await descendsFrom(commit, last)) === 'yes';
  if (release.state !== 'removed' && !isPast) return release;
  if (pass.state !== 'removed') return pass.state === 'mentioned' ? pass : { ...pass, isPass: true };
  const now = commitOf(revision);
  if (fleet.mentionsAt !== undefined && now !== undefined) {
    const head = await namesAt(now);
    if (head.names.has(name)) return { state: 'uncommitted' };
    if (!head.whole) return { state: 'half read', commit: now, isNow: true };
  }
  const committed = await inWorkTreesCommit(fleet, since, ofIt);
  if (committed !== undefined) return { state: 'mentioned', ...committed };
  return (await namedAgain(fleet, name, last ?? commit)) ?? pass;
}

/** A job that is run again at an earlier commit, without a database that would know the later one. `at`: it was last named there. */
async function namedAgain(
  { laterCommits, namesAt }: DesiredFleet,
  name: string,
  at: string,
): Promise<Extract<RemovalHistory, { state: 'later' | 'unread' }> | undefined> {
  const named = (await namesAt?.(at))?.files.get(name);
  // A link does not hold what it leads to.
  const after = (await laterCommits?.(name, named?.size === undefined ? undefined : named.id)) ?? [];
  for (const later of after.slice(0, laterMax)) {
    const read = await namesAt?.(later.commit);
    const isNamed = read?.names.has(name) === true;
    // Where the folder of the config was moved nobody reads what it names there.
    if (isNamed || read?.whole !== true || !read.hasFolder) return { state: 'later', ...later, isRead: isNamed };
  }
  if (after.length <= laterMax) return undefined;
  const reason = `more than ${laterMax} branches and tags that go on from this commit may name it`;
  return { state: 'unread', reason, next: 'sync a newer commit' };
}

/** The file that its own file became, since the commit that was asked. */
async function movedTo(
  fleet: DesiredFleet,
  name: string,
  { asked, content }: { readonly asked: string; readonly content: FileContent | undefined },
): Promise<Mention | undefined> {
  if (content === undefined) return undefined;
  const bytes = await fleet.bytesAt?.(asked, content.path).catch(() => undefined);
  const moved: Search = (mentions, from) => mentions.movedFrom(name, { ...content, bytes }, from);
  return (await inWhatWasRead(fleet, asked, moved)) ?? (await inWorkTreesCommit(fleet, asked, moved));
}

type Search = (mentions: Mentions, since: Since) => Promise<Mention | undefined>;

async function inWhatWasRead(
  fleet: DesiredFleet,
  since: string | undefined,
  search: Search,
): Promise<Mention | undefined> {
  const { mentions, mentionsAt, pathsAt } = fleet;
  if (mentions === undefined) return undefined;
  // A commit was read.
  if (mentionsAt === undefined) return search(mentions, await sinceInCommit(fleet, since));
  const then = await filesAt(pathsAt, since);
  // A setting of git's may have changed every file on disk.
  const isNew = then && ((path: string, id?: string) => (id === undefined ? !then.has(path) : then.get(path) !== id));
  return search(mentions, { isNew, isAdded: addedSince(then) });
}

/**
 * What is not on disk, or other there, as in a sparse checkout or where a setting of git's gives files other line ends: in a
 * commit ids are exact.
 */
async function inWorkTreesCommit(
  fleet: DesiredFleet,
  since: string | undefined,
  search: Search,
): Promise<Mention | undefined> {
  const commit = commitOf(fleet.revision);
  if (commit === undefined || fleet.mentionsAt === undefined) return undefined;
  const found = await search(await fleet.mentionsAt(commit), await sinceInCommit(fleet, since));
  return found && { ...found, commit };
}

/** Of the commit that was read, or that the work tree stands at: a file that changed may have become the app's. */
async function sinceInCommit({ revision, pathsAt }: DesiredFleet, since: string | undefined): Promise<Since> {
  const [then, now] = await allEnded([filesAt(pathsAt, since), filesAt(pathsAt, commitOf(revision))]);
  const isNew = then && now && ((path: string) => then.get(path) !== now.get(path));
  return { isCommit: true, isNew, isAdded: addedSince(then) };
}

function addedSince(then: ReadonlyMap<string, string> | undefined): Since['isAdded'] {
  if (then === undefined) return undefined;
  const ids = new Set(then.values());
  return (path, id) => !then.has(path) && !ids.has(id);
}

/** undefined: nobody knows what was there, as where the commit is not in this clone. */
async function filesAt(
  pathsAt: DesiredFleet['pathsAt'],
  commit: string | undefined,
): Promise<ReadonlyMap<string, string> | undefined> {
  return commit === undefined ? undefined : pathsAt?.(commit).catch(() => undefined);
}
