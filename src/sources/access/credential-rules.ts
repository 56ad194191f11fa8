import type { SecretValue } from '../../model/base/secret-value.ts';
import { decoded, type GitLocation } from '../tree/location.ts';

/** A secret by the environment variable that holds it. */
export interface NamedSecret {
  readonly variable: string;
  /** undefined: the variable is not set. */
  readonly value: SecretValue | undefined;
}

/** What opens the repositories under a host, an organization or a path. */
export interface CredentialRule {
  /** As it was written: `gitlab.com/acme`, `git.example.com:8443`. */
  readonly prefix: string;
  /** For https. */
  readonly token?: NamedSecret | undefined;
  /** Beside the token. Default: what the host takes. */
  readonly user?: string | undefined;
  /** For ssh. */
  readonly sshKey?: NamedSecret | undefined;
}

interface Place {
  readonly host: string;
  /** Empty: the scheme's own. */
  readonly port: string;
  readonly segments: readonly string[];
}

const schemePorts: Readonly<Record<string, string>> = { https: '443', http: '80', ssh: '22' };

/** The rule of the longest prefix that has what this address needs. undefined: none has. */
export function credentialRule(
  rules: readonly CredentialRule[],
  location: GitLocation,
  need: 'token' | 'sshKey',
): CredentialRule | undefined {
  const fitting = rules.filter((rule) => rule[need] !== undefined && isUnder(location, placeOf(rule.prefix)));
  const [longest] = fitting.toSorted((a, b) => placeOf(b.prefix).segments.length - placeOf(a.prefix).segments.length);
  return longest;
}

/** Prefixes that mean the same place are equal by this. */
export function prefixKey(prefix: string): string {
  const { host, port, segments } = placeOf(prefix);
  return [`${host}:${port}`, ...segments].join('/');
}

/** Host, and its port where one is written other than that of https, which addresses leave out. */
export function authorityOf(prefix: string): string {
  const { host, port } = placeOf(prefix);
  return port === '' || port === schemePorts['https'] ? host : `${host}:${port}`;
}

/** The prefix to write for the repositories beside this one: its host and organization, or group. */
export function prefixBeside({ host, port, path }: GitLocation): string {
  const parents = path.split('/').filter(Boolean).slice(0, -1);
  return [port === '' ? host : `${host}:${port}`, ...parents].join('/');
}

function placeOf(prefix: string): Place {
  const [authority = '', ...path] = prefix.split('/');
  const [, host = '', port = ''] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  return { host: lowered(host), port, segments: segmentsOf(path.join('/')) };
}

/** By whole segments: `acme` is not over `acme-labs`. */
function isUnder(location: GitLocation, { host, port, segments }: Place): boolean {
  const own = schemePorts[location.scheme] ?? '';
  if (location.host !== host || (location.port || own) !== (port || own)) return false;
  const path = decoded(location.path);
  if (segments.length > 0 && !isPlain(path)) return false;
  const there = segmentsOf(path);
  return segments.every((segment, index) => there[index] === segment);
}

/**
 * A path that a server might read as another one (`acme/../other`, a second layer of %2e) is under no organization: what
 * opens acme would reach beyond it.
 */
function isPlain(path: string): boolean {
  const inner = path.replace(/^\/|\/$/g, '').split('/');
  return inner.every((segment) => !['', '.', '..'].includes(segment) && !/[%\\]/.test(segment));
}

function segmentsOf(path: string): readonly string[] {
  return lowered(path)
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .filter(Boolean);
}

/** Capitals of ASCII alone: other letters fall together (K and the Kelvin sign) that hosts tell apart. */
function lowered(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
