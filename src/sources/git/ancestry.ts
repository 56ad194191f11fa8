import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Descent, LaterCommit } from '../../model/removal.ts';
import { shellWord } from '../../model/base/shell.ts';
import { Redactor } from '../../model/base/secret-value.ts';
import { GitError, runGit, type GitCall } from './git-command.ts';
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
const otherRefs = ['stash', 'notes/*', 'bisect/*', 'rewritten/*', 'worktree/*'].map((name) => `--exclude=refs/${name}`);
/** Whatever a clone has a name for, the HEADs of its other work trees too. Of two names for one commit the first is said. */
const allTips = [
  '--glob=refs/heads/*',
  '--exclude=refs/remotes/*/HEAD',
  '--glob=refs/remotes/*',
  '--glob=refs/tags/*',
].concat(otherRefs, '--all');

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

interface Naming {
  readonly commit: string;
  readonly app: string;
  /** The id of what the file held that named it when it was last named. undefined: nobody knows of one in this repo. */
  readonly namedBy: string | undefined;
}

/**
 * Commits that go on from one and may name an app, the newest first: what branches, tags and the other work trees of the clone
 * stand at, and what was fetched last. In a shallow clone also those that may go on from it. Asks no remote. Throws a stalled
 * Fault where one of them is not here, where there are more than 1,000, and where there are more than 50 and the name stands in
 * no text; a GitError where git does not say.
 */
export async function laterCommits(
  parts: Repository,
  { commit, app, namedBy }: Naming,
): Promise<readonly LaterCommit[]> {
  const environment = { ...parts.environment, GIT_NO_LAZY_FETCH: '1' };
  const call = { ...parts, environment, timeoutMs, redactor: new Redactor() };
  const tips = await tipsAfter(call, commit);
  if (tips.length > searchedMax) throw tooManyTips(searchedMax);
  if (tips.length <= alwaysRead) return tips;
  if (namedBy === undefined) throw tooManyTips(alwaysRead, unwritten);
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
  // A content has no path: it is searched whatever the paths are.
  const searched = [namedBy, ...tips.map((tip) => tip.commit)];
  const matches = await runGit({
    ...call,
    isStrict: true,
    args: [...search, ...searched, '--', ...configFiles],
  }).catch(noMatch);
  const naming = new Set(matches.split('\n').map((line) => line.split(':')[0]));
  if (!naming.has(namedBy)) throw tooManyTips(alwaysRead, unwritten);
  return tips.filter(({ commit: oid }, index) => index < alwaysRead || naming.has(oid));
}

const unwritten =
  'and they cannot be searched for the name: it stands in no app.yaml of this repo (a project makes it, as by a substitution)';

/**
 * The last commits of all lines that go on from one, or may do so where their history is cut. `log` alone follows a tag of a
 * tag to its commit, leaves out trees and blobs, and ends where a ref or the history of one is not here.
 */
async function tipsAfter(call: Omit<GitCall, 'args'>, commit: string): Promise<readonly LaterCommit[]> {
  const form = ['--no-show-signature', '--encoding=UTF-8', '--decorate-refs=none', '--format=%H%x09%P%x09%S%x09%D'];
  // Each comes before its parents. With the commit itself, for a child that prints nothing is waited for.
  const args = ['log', ...form, '--date-order', ...allTips, ...(await fetchedCommits(call)), commit];
  const answer = await runGit({ ...call, args: [...args, '--not', `${commit}^@`] }).catch(lackingTip);
  const found = answer.split('\n').flatMap(logged);
  const goesOn = new Map<string, 'yes' | 'unknown'>([[commit, 'yes']]);
  for (const { oid, parents, isCut } of found.toReversed()) {
    if (oid === commit) continue;
    const past = parents.map((parent) => goesOn.get(parent));
    if (past.includes('yes')) goesOn.set(oid, 'yes');
    else if (isCut || past.includes('unknown')) goesOn.set(oid, 'unknown');
  }
  const heads = await branchHeads(call);
  // What a later one goes on from is past, but for what a branch stands at: somebody syncs that, whoever goes on from it.
  const past = new Set(found.flatMap(({ parents }) => parents));
  return found.flatMap(({ oid, ref }) => {
    const head = heads.get(oid);
    const descent = oid === commit || (past.has(oid) && head === undefined) ? undefined : goesOn.get(oid);
    if (descent === undefined) return [];
    return [{ commit: oid, ref: head ?? ref, ...(descent === 'unknown' ? { isCut: true } : {}) }];
  });
}

/** By commit: the branch that stands there, of two the first. */
async function branchHeads(call: Omit<GitCall, 'args'>): Promise<ReadonlyMap<string, string>> {
  const form = '--format=%(if)%(symref)%(then)%(else)%(objectname) %(refname)%(end)';
  const answer = await runGit({ ...call, args: ['for-each-ref', form, 'refs/heads', 'refs/remotes'] });
  const named = answer.split('\n').flatMap((line): (readonly [string, string])[] => {
    const [oid = '', ref = ''] = line.split(' ');
    return isCommitId(oid) ? [[oid, ref]] : [];
  });
  return new Map(named.toReversed());
}

/**
 * What the clone and its work trees fetched last and gave no name of its own, as `git fetch ADDRESS main` does. What is not
 * here any more git itself has put away.
 */
async function fetchedCommits(call: Omit<GitCall, 'args'>): Promise<readonly string[]> {
  const shared = resolve(call.directory, (await runGit({ ...call, args: ['rev-parse', '--git-common-dir'] })).trim());
  const linked = join(shared, 'worktrees');
  const places = existsSync(linked) ? readdirSync(linked).map((name) => join(linked, name)) : [];
  const files = [shared, ...places].map((place) => join(place, 'FETCH_HEAD')).filter((file) => existsSync(file));
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const ids = lines.map((line) => line.split('\t')[0] ?? '').filter(isCommitId);
  if (ids.length === 0) return [];
  const args = ['rev-list', '--no-walk', '--ignore-missing', ...new Set(ids)];
  return (await runGit({ ...call, args }).catch(lackingTip)).split('\n').filter(isCommitId);
}

interface Logged {
  readonly oid: string;
  readonly parents: readonly string[];
  readonly ref: string;
  /** git calls a commit grafted whose parents a shallow clone leaves out. */
  readonly isCut: boolean;
}

function logged(line: string): readonly Logged[] {
  const [oid = '', parents = '', ref = '', decoration = ''] = line.split('\t');
  if (!isCommitId(oid)) return [];
  // Beside the commit itself nothing but what was fetched is asked for by its id.
  const name = isCommitId(ref) ? 'FETCH_HEAD' : ref;
  return [{ oid, parents: parents.split(' '), ref: name, isCut: decoration.includes('grafted') }];
}

function lackingTip(error: unknown): never {
  const said = error instanceof GitError ? /(?:bad object|could not read) ([^;]+)/i.exec(error.stderr) : undefined;
  const lost = said?.[1];
  if (lost === undefined) throw error;
  throw new Fault({
    kind: 'stalled',
    what: `git cannot read ${lost}, and what it lacks may go on from this commit`,
    next: lost.startsWith('refs/')
      ? `git update-ref -d ${shellWord(lost)} (where git refuses, delete that file in .git), then git fetch`
      : 'git fsck names what is lost; sync a new clone',
    cause: error,
  });
}

function tooManyTips(max: number, why?: string): Fault {
  const what = `more than ${max} branches and tags go on from this commit`;
  return new Fault({
    kind: 'stalled',
    what: why === undefined ? what : `${what}, ${why}`,
    next: 'sync a newer commit',
  });
}
