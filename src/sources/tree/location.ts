import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

type GitScheme = 'https' | 'http' | 'ssh' | 'git' | 'file';

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

export function decoded(text: string): string {
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

/** The address as it may be shown, logged and stored: without user, password, query; of ssh the user stays. */
export function withoutCredentials(url: string): string {
  const location = parseGitLocation(url);
  if (location !== undefined) return isAbsolute(url) ? url : location.remote;
  return url.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1').replace(/[?#].*$/s, '');
}

/** A URL as it may be shown and stamped: without a password, and for https without a user, which may be a token. */
export function redactUrl(url: string): string {
  return url.replace(/^(https?:\/\/)[^/]*@/i, '$1').replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]+):[^/]*@/i, '$1@');
}
