import { isAbsolute } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import type { GitSourceRequest } from './tree.ts';
import { parseGitLocation, withoutCredentials, decoded, type GitLocation } from './location.ts';

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
    return refuse(
      'it carries credentials, which would stand in git',
      'leave them out, and name what opens it under credentials: in flycd.yaml',
    );
  }
  if (scheme === 'http' && !isLoopback(host)) return refuse('http is not encrypted', 'write https://');
  return location;
}

/** true for names and addresses that never leave this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
