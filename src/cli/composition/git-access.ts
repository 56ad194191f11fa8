import { join } from 'node:path';
import type { Credential } from '../../../schemas/operator/git-access.ts';
import { Settings } from '../../../schemas/settings.ts';
import type { DesiredApp } from '../../model/desired.ts';
import { Fault } from '../../model/base/fault.ts';
import { SecretValue, type Redactor } from '../../model/base/secret-value.ts';
import {
  authorityOf,
  prefixKey,
  type CredentialRule,
  type NamedSecret,
} from '../../sources/access/credential-rules.ts';
import type { GitCredentialValues } from '../../sources/git/credentials.ts';
import { variable, type Io } from '../shell/io.ts';
import { learnSecret } from '../shell/redaction.ts';
import type { OperatorSettings } from './settings.ts';

/** Which git hosts the operator has FlyCD believe, and what opens which repository. */
export interface GitAccess {
  readonly rules: readonly CredentialRule[];
  /** Lines of known_hosts. */
  readonly knownHosts: readonly string[];
  /** Variables that hold credentials of FlyCD's own: no config file may have them handed to an app. */
  readonly variables: ReadonlySet<string>;
}

interface Reader {
  readonly io: Pick<Io, 'env'>;
  /** Learns the values. */
  readonly redactor: Redactor;
}

/** `[ssh://]PREFIX=[USER@]NAME` */
const credentialEntry = /^(ssh:\/\/)?([^=]+)=(?:([^=@]+)@)?([^=@]+)$/;

/** They open Fly and FlyCD itself: a line in a file must not send them to a git host. */
const notForGit = /^(?:FLY_API_TOKEN|FLY_ACCESS_TOKEN|FLYCD_.*)$/;

/**
 * credentials and known_hosts of the operator's own flycd.yaml, with FLYCD_CREDENTIALS (which wins for its prefixes) and
 * FLYCD_KNOWN_HOSTS. A variable that is named and not set is no error here: its repository may never be asked for. Throws a
 * stalled Fault for what cannot be meant.
 */
export function readGitAccess({ io, redactor }: Reader, settings: OperatorSettings): GitAccess {
  const rules = rulesOf(io, settings);
  const secrets = rules.flatMap(({ token, sshKey }) => [token, sshKey].filter((secret) => secret !== undefined));
  for (const { value } of secrets) learnSecret(redactor, value?.reveal());
  return {
    rules,
    knownHosts: [...(settings.written.known_hosts ?? []), ...knownHostsOfEnvironment(io)],
    variables: new Set(secrets.map(({ variable: name }) => name)),
  };
}

/** Hosts that the operator gave a credential for, with their port where one is written: FlyCD is meant to ask them. */
export function credentialHosts(io: Pick<Io, 'env'>, settings: OperatorSettings): readonly string[] {
  return [...new Set(rulesOf(io, settings).map(({ prefix }) => authorityOf(prefix)))];
}

/** For createGitCredentials: the operator's rules, and what FlyCD had before there were any. */
export function credentialValues(io: Pick<Io, 'env'>, access: GitAccess, dataDirectory: string): GitCredentialValues {
  const secret = (name: string): SecretValue | undefined => namedSecret(io, name).value;
  return {
    directory: join(dataDirectory, 'git-credentials'),
    rules: access.rules,
    knownHosts: access.knownHosts,
    githubToken: secret('GITHUB_TOKEN'),
    githubOrigin: variable(io.env, 'GITHUB_SERVER_URL'),
    sshPrivateKey: secret('FLY_SSH_PRIVATE_KEY'),
    sshPrivateKeyName: variable(io.env, 'FLY_SSH_PRIVATE_KEY_NAME'),
    sshAgentSocket: variable(io.env, 'SSH_AUTH_SOCK'),
  };
}

/** The words for each secret that an app would get from such a variable, and does not. */
export function keptBack(apps: readonly DesiredApp[], { variables }: GitAccess): readonly string[] {
  return apps.flatMap(({ name: app, secrets }) =>
    secrets.flatMap(({ name, origin }) =>
      origin.type === 'env' && variables.has(origin.variable)
        ? `secret ${name} of ${app} gets no value: ${origin.variable} is a credential of FlyCD itself (credentials: in flycd.yaml, FLYCD_CREDENTIALS); set a variable of the app's own and name that`
        : [],
    ),
  );
}

function rulesOf(io: Pick<Io, 'env'>, settings: OperatorSettings): readonly CredentialRule[] {
  const rules = new Map<string, CredentialRule>();
  for (const [prefix, credential] of Object.entries(settings.written.credentials ?? {})) {
    const twin = rules.get(prefixKey(prefix));
    if (twin !== undefined) throw twinFault(settings, twin.prefix, prefix);
    rules.set(prefixKey(prefix), ruleOf(io, prefix, credential));
  }
  for (const [key, rule] of rulesOfEnvironment(io)) rules.set(key, { ...rules.get(key), ...rule });
  return [...rules.values()];
}

function ruleOf(io: Pick<Io, 'env'>, prefix: string, credential: Credential): CredentialRule {
  const { token, user, ssh_key: key } = typeof credential === 'string' ? { token: credential } : credential;
  const wrong = [token, key].find((name) => name !== undefined && notForGit.test(name));
  if (wrong !== undefined) throw notForGitFault(prefix, wrong);
  if (token === undefined && key === undefined) throw emptyFault(prefix);
  return {
    prefix,
    ...(token !== undefined && { token: namedSecret(io, token), user }),
    ...(key !== undefined && { sshKey: namedSecret(io, key) }),
  };
}

function namedSecret(io: Pick<Io, 'env'>, name: string): NamedSecret {
  const value = variable(io.env, name);
  return { variable: name, value: value === undefined ? undefined : new SecretValue(value) };
}

function rulesOfEnvironment(io: Pick<Io, 'env'>): ReadonlyMap<string, CredentialRule> {
  const rules = new Map<string, CredentialRule>();
  const entries = (variable(io.env, 'FLYCD_CREDENTIALS') ?? '').split(/[\s,]+/).filter(Boolean);
  for (const [index, entry] of entries.entries()) {
    const [, scheme, prefix = '', user, name = ''] = credentialEntry.exec(entry) ?? [];
    const isKey = scheme !== undefined;
    const credential = isKey ? { ssh_key: name } : { token: name, ...(user !== undefined && { user }) };
    const { data } = Settings.shape.credentials.safeParse({ [prefix]: credential });
    const given = data?.[prefix];
    if (given === undefined || (isKey && user !== undefined)) throw entryFault(index + 1, entries.length);
    rules.set(prefixKey(prefix), { ...rules.get(prefixKey(prefix)), ...ruleOf(io, prefix, given) });
  }
  return rules;
}

/** Line ends get lost in environments: written as `\n`, they count too. */
function knownHostsOfEnvironment(io: Pick<Io, 'env'>): readonly string[] {
  const text = (variable(io.env, 'FLYCD_KNOWN_HOSTS') ?? '').replaceAll(String.raw`\n`, '\n');
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:#|$)/.test(line));
  for (const [index, line] of lines.entries()) {
    if (Settings.shape.known_hosts.safeParse([line]).success) continue;
    throw new Fault({
      kind: 'stalled',
      what: 'FLYCD_KNOWN_HOSTS cannot be read',
      why: `entry ${index + 1} of ${lines.length} is not a line of known_hosts: host, type of its key, key`,
      next: 'write a line as `ssh-keyscan HOST` prints it for each host, without `#` in front',
    });
  }
  return lines.map((line) => line.trim());
}

/** Nothing of the entry is repeated: who wrote a token in place of a name must not find it in a log. */
function entryFault(number: number, count: number): Fault {
  return new Fault({
    kind: 'stalled',
    what: 'FLYCD_CREDENTIALS cannot be read',
    why: `entry ${number} of ${count} is not PREFIX=NAME, with the NAME of an environment variable in capitals`,
    next: 'write entries such as gitlab.com=GITLAB_TOKEN, git.example.com/acme=deploy@ACME_TOKEN (with a user) or ssh://gitlab.com/acme=ACME_KEY (a key for ssh), with blanks or commas between them',
  });
}

function notForGitFault(prefix: string, name: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `the credential for ${prefix} is refused`,
    why: `${name} is for Fly or FlyCD itself, and would be sent to a git host`,
    next: 'name a variable with a token that the git host gave out',
  });
}

function emptyFault(prefix: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `the credential for ${prefix} opens nothing`,
    why: 'it names neither a token nor an ssh_key',
    next: 'name an environment variable with one of them',
  });
}

function twinFault({ file }: OperatorSettings, one: string, other: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: 'two credentials are for one place',
    why: `${one} and ${other} mean the same repositories`,
    next: 'keep one of them',
    where: file,
  });
}
