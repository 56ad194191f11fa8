import type { Clock } from '../../model/base/clock.ts';
import type { Descent, LaterCommit } from '../../model/removal.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import { GitError, runGit } from './git-command.ts';
import { isShallow } from './shallow.ts';
import { isCommitId } from '../tree/ref.ts';

/** A walk through a hundred thousand commits takes a second; this ends one on a hung network disk. */
const timeoutMs = 60_000;

interface Repository {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/**
 * Whether a commit's history has another one in it. unknown: the history is not whole (a shallow clone), or git does not
 * say. Asks no remote: what is not here is not in the history either.
 */
export async function descends(
  parts: Repository,
  { commit, from }: { readonly commit: string; readonly from: string },
): Promise<Descent> {
  if (!isCommitId(from)) return 'unknown';
  const environment = { ...parts.environment, GIT_NO_LAZY_FETCH: '1' };
  const call = { ...parts, environment, timeoutMs, redactor: new Redactor() };
  const isWhole = async (): Promise<boolean> => !(await isShallow(call));
  try {
    const beside = await runGit({ ...call, args: ['rev-list', '--max-count=1', from, '--not', commit] });
    if (beside.trim() === '') return 'yes';
    return (await isWhole()) ? 'no' : 'unknown';
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (!/bad object|unknown revision|bad revision/i.test(error.stderr)) return 'unknown';
    // No such commit: fetched with its whole history, the config has never been there.
    return (await isWhole().catch(() => false)) ? 'no' : 'unknown';
  }
}

/** Commits that no branch of the config has: what git puts aside, and notes. */
const otherRefs = /^refs\/(?:stash$|notes\/|bisect\/|rewritten\/|worktree\/)/;

/**
 * What branches and tags point to, those of remotes as they were last fetched, that have gone on from a commit: the newest first.
 * Asks no remote. Throws a GitError where git does not say.
 */
export async function laterCommits(parts: Repository, commit: string): Promise<readonly LaterCommit[]> {
  // origin/HEAD is another name of a branch. Of a tag with a text of its own the commit counts.
  const id = '%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)';
  const format = `--format=%(if)%(symref)%(then)%(else)${id} %(refname)%(end)`;
  const args = ['for-each-ref', '--sort=-creatordate', '--contains', commit, format];
  const environment = { ...parts.environment, GIT_NO_LAZY_FETCH: '1' };
  const answer = await runGit({ ...parts, environment, args, timeoutMs, redactor: new Redactor() });
  const found = new Map<string, string>();
  for (const line of answer.split('\n')) {
    const [oid = '', ref = ''] = line.split(' ');
    if (!isCommitId(oid) || oid === commit || found.has(oid) || otherRefs.test(ref)) continue;
    found.set(oid, ref.replace(/^refs\/(?:heads\/|remotes\/)?/, ''));
  }
  return [...found].map(([oid, ref]) => ({ commit: oid, ref }));
}
