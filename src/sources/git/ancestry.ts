import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
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

/** git fails where nothing was found, and says no error: at most a hint. */
function noMatch(error: unknown): string {
  const isError = !(error instanceof GitError) || error.reason !== 'failed' || /^(?:fatal|error)/i.test(error.stderr);
  if (!isError) return '';
  throw error;
}

/** Read whole, for a project may make the name; of more, those whose config files have it in their text. */
const alwaysRead = 50;
/** Arguments of one command, of 64 bytes each: the system takes some two million bytes. */
const searchedMax = 1000;
const configFiles = ['app', 'project'].flatMap((name) =>
  ['yaml', 'yml', 'toml'].map((form) => `:(glob)**/${name}.${form}`),
);

/**
 * What branches and tags point to, those of remotes as they were last fetched, that has gone on from a commit and may name an
 * app: the newest first. Asks no remote. Throws a GitError where git does not say, and a stalled Fault where there are more than 1,000.
 */
export async function laterCommits(
  parts: Repository,
  { commit, app }: { readonly commit: string; readonly app: string },
): Promise<readonly LaterCommit[]> {
  const environment = { ...parts.environment, GIT_NO_LAZY_FETCH: '1' };
  const call = { ...parts, environment, timeoutMs, redactor: new Redactor() };
  // origin/HEAD is another name of a branch. Of a tag with a text of its own the commit counts.
  const id = '%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)';
  const format = `--format=%(if)%(symref)%(then)%(else)${id} %(refname)%(end)`;
  const answer = await runGit({ ...call, args: ['for-each-ref', '--sort=-creatordate', '--contains', commit, format] });
  const found = new Map<string, string>();
  for (const line of answer.split('\n')) {
    const [oid = '', ref = ''] = line.split(' ');
    if (!isCommitId(oid) || oid === commit || found.has(oid) || otherRefs.test(ref)) continue;
    found.set(oid, ref.replace(/^refs\/(?:heads\/|remotes\/)?/, ''));
  }
  if (found.size > searchedMax) throw tooManyTips();
  if (found.size === 0) return [];
  const all = [...found.keys()];
  // What a later one of them goes on from is past.
  const newest = new Set(
    all.length === 1 ? all : words(await runGit({ ...call, args: ['merge-base', '--independent', ...all] })),
  );
  const tips = [...found].filter(([oid]) => newest.has(oid)).map(([oid, ref]) => ({ commit: oid, ref }));
  if (tips.length <= alwaysRead) return tips;
  const search = [
    'grep',
    '--no-color',
    '--files-with-matches',
    '--fixed-strings',
    '--word-regexp',
    '--ignore-case',
    '-e',
    app,
  ];
  const matches = await runGit({ ...call, isStrict: true, args: [...search, ...newest, '--', ...configFiles] }).catch(
    noMatch,
  );
  const naming = new Set(matches.split('\n').map((line) => line.slice(0, line.indexOf(':'))));
  return tips.filter(({ commit: oid }, index) => index < alwaysRead || naming.has(oid));
}

function tooManyTips(): Fault {
  return new Fault({
    kind: 'stalled',
    what: `more than ${searchedMax} branches and tags go on from this commit`,
    next: 'sync a newer commit',
  });
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');
