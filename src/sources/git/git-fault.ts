import { Fault } from '../../model/base/fault.ts';
import { prefixBeside } from '../access/credential-rules.ts';
import { isLoopback } from '../tree/admitted-location.ts';
import type { GitLocation } from '../tree/location.ts';
import type { GitCredential } from './credentials.ts';
import type { GitError } from './git-command.ts';
import { isCommitId } from '../tree/ref.ts';

/** Words of git (2.30 to 2.50, LC_ALL=C) by which the copy on our own disk is broken, not the remote. */
const damage = [
  /\.lock': File exists/,
  /cannot lock ref/,
  /not a git repository \(or any/,
  /not in a git directory/,
  /bad object|missing object|invalid object|object file .* is empty|loose object/i,
  /object (?:[0-9a-f]+ )?missing/,
  /unable to read (?:tree|sha1|object)|could not read [0-9a-f]{40}/i,
  /packfile .* (?:cannot be accessed|claims|is not|does not)|pack .* is corrupt|bad pack|pack has \d+ unresolved/i,
  /(?:bad|unknown|repository) (?:config|format)|bad ref|badly formed|refusing to update ref with bad name/i,
  /not a tree object|Not a valid object name|not a valid commit/i,
  /did not send all necessary objects/,
];

/** true: throwing the mirror away and fetching it again helps. */
export function isDamage(error: GitError): boolean {
  const ours = error.stderr.split('; ').filter((line) => !line.startsWith('remote:'));
  return error.reason === 'failed' && ours.some((line) => damage.some((words) => words.test(line)));
}

export function isLocked(error: GitError): boolean {
  return /\.lock': File exists|cannot lock ref/.test(error.stderr);
}

/** true: the host hands out only what its refs point to. */
export function isUnadvertised(error: GitError): boolean {
  return /not our ref|unadvertised object|couldn't find remote ref|no such remote ref|remote error: upload-pack/i.test(
    error.stderr,
  );
}

/** true: the server named another address, and git was told not to go there. */
export function isRedirect(error: GitError): boolean {
  return /unable to update url base from redirection|returned error: 30\d/i.test(error.stderr);
}

export function noSuchRef(ref: string, { remote }: GitLocation): Fault {
  const short = /^[0-9a-f]{7,39}$/.test(ref);
  return new Fault({
    kind: 'stalled',
    what: `${remote} has no ${isCommitId(ref) ? 'commit' : ref === 'HEAD' ? 'commit on its default branch' : 'branch or tag'}${ref === 'HEAD' ? '' : ` ${ref}`}`,
    why: short ? 'a commit is found by all its 40 digits only' : 'the repository answered without it',
    next: short ? 'write the whole commit id' : 'push it, or name another ref',
  });
}

export function notACommit(oid: string, type: string, { remote }: GitLocation): Fault {
  return new Fault({
    kind: 'stalled',
    what: `the ref of ${remote} is no commit`,
    why: `${oid} is a ${type}`,
    next: 'name a branch, a commit or a tag of one',
  });
}

const retried = 'FlyCD tries again with growing pauses';

/** git's refusal as a Fault: what it means and what to do, by its words. */
export function mirrorFault(error: GitError, location: GitLocation, asked?: GitCredential): Fault {
  const { remote, scheme } = location;
  const { stderr } = error;
  const what = `git repository ${remote} cannot be reached`;
  if (error.reason === 'timeout') return transient(what, stderr, `check the address and the network; ${retried}`);
  if (error.reason === 'missing') return transient(what, stderr, 'install git, or put it on the PATH');
  if (isRedirect(error)) {
    return new Fault({
      kind: 'stalled',
      what: `git repository ${remote} has moved`,
      why: 'it redirects, and credentials are not sent on to another address',
      next: 'write its new address',
    });
  }
  if (
    /could not read (?:username|password)|authentication failed|permission denied|access rights|invalid format|returned error: 40[13]/i.test(
      stderr,
    )
  ) {
    return transient(`git repository ${remote} does not let FlyCD in`, stderr, credentialAdvice(location, asked));
  }
  if (/not found|does not exist|does not appear to be a git repository|returned error: 404/i.test(stderr)) {
    const next = `check the address; for a private repository, ${credentialAdvice(location, asked)}`;
    return transient(`git repository ${remote} is not there`, stderr, scheme === 'file' ? 'check the path' : next);
  }
  if (/dubious ownership/i.test(stderr)) {
    return transient(what, stderr, 'let the folder belong to the user that runs FlyCD');
  }
  return transient(what, stderr, retried);
}

function transient(what: string, why: string, next: string): Fault {
  return new Fault({ kind: 'transient', what, why, next });
}

/** What to give, and the line that gives it for repositories beside this one alone. */
function credentialAdvice(location: GitLocation, asked: GitCredential | undefined): string {
  const { scheme, host } = location;
  if (scheme === 'http' && !isLoopback(host)) return 'write https://: a token is not sent without encryption';
  const isSsh = scheme === 'ssh';
  const own = isSsh ? 'FLY_SSH_PRIVATE_KEY' : host === 'github.com' ? 'GITHUB_TOKEN' : undefined;
  const noun = isSsh ? 'key' : 'token';
  const entry = isSsh ? `{ ssh_key: ${variableFor(host, 'KEY')} }` : variableFor(host, 'TOKEN');
  const line = `credentials: { ${yamlPrefix(location)}: ${entry} }`;
  const named = `name the variable that holds one in flycd.yaml: ${line}`;
  if (asked?.variable === undefined) {
    return own === undefined
      ? `give a ${noun} that may read it: ${named}`
      : `give a ${noun} that may read it in ${own}, or ${named}`;
  }
  const instead = asked.variable === own ? `, or ${named}` : '';
  return `put a ${noun} that may read it into ${asked.variable}, whose present one was sent${instead}`;
}

/**
 * As it can be pasted. A path is written by whoever wrote the address: one that YAML would read as more than a path is left out, and
 * the host stands alone.
 */
function yamlPrefix(location: GitLocation): string {
  const beside = prefixBeside(location);
  const prefix =
    /^[\w.:/[\]-]+$/.test(beside) && !/:(?!\d+(?:\/|$))/.test(beside.replace(/^\[[^\]]*\]/, ''))
      ? beside
      : location.host;
  return prefix.startsWith('[') ? `"${prefix}"` : prefix;
}

const variableStems: Readonly<Record<string, string>> = {
  'github.com': 'GITHUB',
  'gitlab.com': 'GITLAB',
  'bitbucket.org': 'BITBUCKET',
  'codeberg.org': 'CODEBERG',
};

function variableFor(host: string, kind: 'TOKEN' | 'KEY'): string {
  return `${variableStems[host] ?? 'GIT'}_${kind}`;
}
