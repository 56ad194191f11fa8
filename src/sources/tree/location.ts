import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Fault } from '../../model/base/fault.ts';
import type { GitSourceRequest } from './tree.ts';
import type { GitRef } from '../../../schemas/source.ts';

export type GitScheme = 'https' | 'http' | 'ssh' | 'git' | 'file';

/** A git repository's address, taken apart. */
export interface GitLocation {
  readonly scheme: GitScheme;
  /** Lower case; IPv6 in brackets; empty for file. */
  readonly host: string;
  /** Empty: the scheme's own. */
  readonly port: string;
  /** With its leading slash, as written. */
  readonly path: string;
  readonly user: string;
  readonly password: string;
  /** Has a `?` or `#` part, where tokens hide too. */
  readonly hasQuery: boolean;
  /** What git is given and people are shown: no password, no query; of ssh the user, which is part of the address. */
  readonly remote: string;
}

const scpLike = /^(?:([^@/:\s]+)@)?([^@/:\s[\]]+):(?!\/\/|:)(.+)$/;
/** What URL does not drop by itself. */
const defaultPorts: Readonly<Record<string, string>> = { ssh: '22', git: '9418' };
const schemes = new Set<string>(['https', 'http', 'ssh', 'git', 'file']);

/** undefined: not an address git would fetch from (a path, a word, an unknown scheme). */
export function parseGitLocation(text: string): GitLocation | undefined {
  if (isAbsolute(text)) return fileLocation(pathToFileURL(text));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i
    .exec(text)?.[1]
    ?.toLowerCase()
    .replace(/^git\+|\+git$/, '');
  if (scheme === undefined) return parseScpLike(text);
  if (!schemes.has(scheme) || !URL.canParse(text)) return undefined;
  const url = new URL(text.replace(/^[^:]+/, scheme));
  if (scheme === 'file') return fileLocation(url);
  const host = url.hostname.toLowerCase();
  if (host === '') return undefined;
  const user = decoded(url.username);
  const port = url.port === defaultPorts[scheme] ? '' : url.port;
  const shownUser = scheme === 'ssh' && user !== '' ? `${url.username}@` : '';
  return {
    scheme: scheme as GitScheme,
    host,
    port,
    path: url.pathname,
    user,
    password: decoded(url.password),
    hasQuery: url.search !== '' || url.hash !== '',
    remote: `${scheme}://${shownUser}${host}${port === '' ? '' : `:${port}`}${url.pathname}`,
  };
}

function fileLocation(url: URL): GitLocation {
  return {
    scheme: 'file',
    host: '',
    port: '',
    path: url.pathname,
    user: '',
    password: '',
    hasQuery: url.search !== '' || url.hash !== '',
    remote: `file://${url.pathname}`,
  };
}

/** `git@github.com:owner/repo`: a user, or a host with a dot, tells it from a Windows drive or a word with a colon. */
function parseScpLike(text: string): GitLocation | undefined {
  const [, user = '', host = '', path = ''] = scpLike.exec(text) ?? [];
  if (host === '' || (user === '' && !host.includes('.'))) return undefined;
  return {
    scheme: 'ssh',
    host: host.toLowerCase(),
    port: '',
    path: path.startsWith('/') ? path : `/${path}`,
    user,
    password: '',
    hasQuery: false,
    remote: text,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * true: the operator's argument is a git address, or was meant for one and is refused as such; false: a path on this
 * machine. A path is never guessed to be git.
 */
export function isGitLocation(text: string): boolean {
  return !isAbsolute(text) && (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || parseGitLocation(text) !== undefined);
}

/** The address as it may be shown, logged and stored: without user, password, query; of ssh the user stays. */
export function withoutCredentials(url: string): string {
  const location = parseGitLocation(url);
  if (location !== undefined) return isAbsolute(url) ? url : location.remote;
  return url.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1').replace(/[?#].*$/s, '');
}

/**
 * Whether two addresses mean one repository, as webhooks are matched: blind to case, `.git`, a closing slash, and to
 * whether https, git or ssh is spoken. Ports count only between addresses of one scheme.
 */
export function sameRepository(a: string, b: string): boolean {
  const left = parseGitLocation(a);
  const right = parseGitLocation(b);
  if (left === undefined || right === undefined) return false;
  if (left.scheme === 'file' || right.scheme === 'file') {
    return left.scheme === right.scheme && bare(left.path) === bare(right.path);
  }
  if (left.scheme === right.scheme && left.port !== right.port) return false;
  return left.host === right.host && bare(left.path).toLowerCase() === bare(right.path).toLowerCase();
}

function bare(path: string): string {
  return decoded(path)
    .replace(/\/+$/, '')
    .replace(/\.git$/i, '');
}

/** true for names and addresses that never leave this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

const hostName = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/;
const sshUser = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** These mean something to some program on the way; a blank, written %20, does not. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const unsafePath = /[\u0000-\u001f\u007f\\]/;

/**
 * The location of a request, or a stalled Fault that says why FlyCD does not fetch from there. An address out of a
 * config file may name neither this machine's files nor credentials; one the operator typed may.
 */
export function admittedLocation(request: Pick<GitSourceRequest, 'url' | 'trust'>): GitLocation {
  const location = parseGitLocation(request.url);
  const refuse = (why: string, next: string): never => {
    const what = `git repository ${withoutCredentials(request.url)} is refused`;
    throw new Fault({ kind: 'stalled', what, why, next });
  };
  if (location === undefined) {
    return refuse('it is no address FlyCD fetches from', 'write https://host/owner/repo or git@host:owner/repo');
  }
  const { scheme, host, user } = location;
  if ((/\s/.test(request.url) && !isAbsolute(request.url)) || unsafePath.test(decoded(location.path))) {
    return refuse('it holds blanks, control characters or backslashes', 'write the plain address');
  }
  if (scheme === 'git') return refuse('git:// is neither encrypted nor signed', 'write https:// or ssh://');
  if (location.hasQuery) return refuse('a repository address has no ? or # part', 'leave that part out');
  if (scheme !== 'file' && !hostName.test(host)) return refuse('its host is no host name', 'check the address');
  if (scheme === 'ssh' && user !== '' && !sshUser.test(user)) return refuse('its user is no name', 'check the address');
  if (decoded(location.path).startsWith('/-')) return refuse('its path begins with a dash', 'check the address');
  if (request.trust === 'operator') return location;
  if (scheme === 'file') {
    return refuse('a config file may not name files of this machine', 'use a path inside the config repository');
  }
  if (location.password !== '' || (scheme !== 'ssh' && user !== '')) {
    return refuse('it carries credentials, which would stand in git', 'give them in the environment (GITHUB_TOKEN)');
  }
  if (scheme === 'http' && !isLoopback(host)) return refuse('http is not encrypted', 'write https://');
  return location;
}

const refName = /^[\p{L}\p{N}_.+#@][\p{L}\p{N}_./+#=@,%&()!-]*$/u;
/** git itself refuses longer ones on common file systems. */
const refLengthMax = 250;
const commitId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommitId(ref: string): boolean {
  return commitId.test(ref);
}

/** Throws a stalled Fault for what cannot be a branch, tag or commit, above all for what git could take for an option. */
export function checkRef(ref: string, name: string): void {
  const wrong = /\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)|[./]$|^\.|^@$/.test(ref);
  if (refName.test(ref) && !wrong && ref.length <= refLengthMax) return;
  throw new Fault({
    kind: 'stalled',
    what: `ref ${JSON.stringify(ref.slice(0, refLengthMax))} of ${name} is refused`,
    why: 'it is no name git allows for a branch, tag or commit',
    next: 'write a branch, a tag, or a commit with all its 40 digits',
  });
}

/** commit beats tag beats branch; none = the default branch. */
export function refOf(ref: GitRef | undefined): string {
  return ref?.commit ?? ref?.tag ?? ref?.branch ?? 'HEAD';
}

/** A URL as it may be shown and stamped: without a password, and for https without a user, which may be a token. */
export function redactUrl(url: string): string {
  return url.replace(/^(https?:\/\/)[^/]*@/i, '$1').replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]+):[^/]*@/i, '$1@');
}
