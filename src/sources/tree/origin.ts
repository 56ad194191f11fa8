/** Where a repository comes from, in a form that is the same on every machine and in every spelling of its address. */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { domainToASCII } from 'node:url';
import type { Origin } from '../../model/stamps/origin.ts';
import { isLoopback } from './admitted-location.ts';
import { decoded, parseGitLocation } from './location.ts';

/** Hosts that answer under a second name where only port 443 is open. */
const sshHosts: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
};

/** Of the address, as many as every other hash on a machine has. */
const hashDigits = 32;

/**
 * `host/path` in small letters: without scheme, user, password, port, query, `.git`. undefined where the address means
 * nothing on another machine, since none at all is better than a wrong one: files, loopback, and hosts whose last part is no
 * top-level domain (`git@work:…`, `git@github.com-work:…` are names out of somebody's ssh config).
 */
export function canonicalAddress(text: string): string | undefined {
  const location = parseGitLocation(text);
  if (location === undefined || location.scheme === 'file') return undefined;
  const host = knownHost(location.host);
  if (host === undefined) return undefined;
  const path = posix.normalize(decoded(location.path).toLowerCase());
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  const last = parts.pop()?.replace(/\.git$/, '') ?? '';
  if (last === '') return undefined;
  return spelledAlike(host, [...parts, last]);
}

function knownHost(written: string): string | undefined {
  const host = written.startsWith('[') ? written : domainToASCII(decoded(written)).replace(/\.$/, '');
  if (isLoopback(host)) return undefined;
  const isAddress = host.startsWith('[') || /^[0-9]+(?:\.[0-9]+){3}$/.test(host);
  if (!isAddress && !/\.(?:[a-z]{2,63}|xn--[a-z0-9-]+)$/.test(host)) return undefined;
  return sshHosts[host] ?? host;
}

/** Azure and Bitbucket's own servers have one path over https and another over ssh. */
function spelledAlike(host: string, path: readonly string[]): string {
  const [first, ...rest] = path;
  if (host === 'ssh.dev.azure.com' && first === 'v3' && rest.length === 3) {
    const [owner = '', project = '', repo = ''] = rest;
    return ['dev.azure.com', owner, project, '_git', repo].join('/');
  }
  return [host, ...(first === 'scm' && rest.length >= 2 ? rest : path)].join('/');
}

/** What is written on machines of an address: anybody may compute it, and nobody reads a private name from it. */
export function addressHash(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex').slice(0, hashDigits);
}

/** undefined: nothing is known of it. */
export function originOf(parts: {
  readonly address: string | undefined;
  readonly root: string | undefined;
}): Origin | undefined {
  const canonical = parts.address === undefined ? undefined : canonicalAddress(parts.address);
  const address = canonical === undefined ? undefined : addressHash(canonical);
  return address === undefined && parts.root === undefined ? undefined : { address, root: parts.root };
}
