import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import { Redactor, type SecretValue } from '../../model/base/secret-value.ts';
import { credentialRule, prefixKey, type CredentialRule } from '../access/credential-rules.ts';
import { knownHostsText } from '../access/known-hosts.ts';
import { writePrivateFile } from '../access/private-file.ts';
import { isLoopback } from '../tree/admitted-location.ts';
import { parseGitLocation, type GitLocation } from '../tree/location.ts';

export type GitCredential =
  | {
      readonly kind: 'token';
      readonly user: string;
      readonly token: SecretValue;
      /** Environment variable that holds it; undefined: it stands in the address. */
      readonly variable?: string | undefined;
    }
  | {
      readonly kind: 'ssh';
      /** Private key, mode 0600. undefined: the agent's keys. */
      readonly keyFile: string | undefined;
      /** Environment variable that holds the key. */
      readonly variable?: string | undefined;
      /** SSH_AUTH_SOCK of the operator's agent. */
      readonly agentSocket: string | undefined;
      /** Host keys: what stands in none of these files is refused. The first is FlyCD's own. */
      readonly knownHostsFiles: readonly string[];
    };

export interface GitCredentials {
  /**
   * What opens this address; undefined: ask without. Throws a transient Fault when a file for ssh cannot be written, a
   * stalled one where the settings name a variable that is not set.
   */
  credentialsFor(url: string): Promise<GitCredential | undefined>;
}

export interface GitToken {
  /** `https://host[:port]`: the token is sent nowhere else. */
  readonly origin: string;
  readonly user: string;
  readonly token: SecretValue;
}

export interface GitCredentialValues {
  /** Folder of FlyCD's own for the key and the known hosts; made when first needed. */
  readonly directory: string;
  /** Sent to githubOrigin only. */
  readonly githubToken?: SecretValue | undefined;
  /** `https://github.com` unless it is a GitHub Enterprise Server. */
  readonly githubOrigin?: string | undefined;
  readonly tokens?: readonly GitToken[] | undefined;
  /** The operator's; they win over all others. */
  readonly rules?: readonly CredentialRule[] | undefined;
  /** Text of the key, as FLY_SSH_PRIVATE_KEY holds it. */
  readonly sshPrivateKey?: SecretValue | undefined;
  /** File name of the key, as FLY_SSH_PRIVATE_KEY_NAME holds it; `id_rsa` otherwise. */
  readonly sshPrivateKeyName?: string | undefined;
  /** Lines of known_hosts beside those that come with FlyCD. */
  readonly knownHosts?: readonly string[] | undefined;
  /** A file besides; otherwise the one in `directory` into which FlyCD wrote hosts on first use, until it pinned them. */
  readonly knownHostsFile?: string | undefined;
  readonly sshAgentSocket?: string | undefined;
}

/** What GitHub takes as the user beside any of its tokens. */
const githubUser = 'x-access-token';
/** What each host takes as the user beside a token; others take any. */
const tokenUsers: Readonly<Record<string, string>> = {
  'github.com': githubUser,
  'gitlab.com': 'oauth2',
  'bitbucket.org': 'x-token-auth',
};
const tokenUserDefault = 'git';
const keyNameDefault = 'id_rsa';
const knownHostsName = 'known_hosts';
/** Of every form that ssh reads. */
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Credentials for git, from plain values: nothing is read from the environment here. */
export function createGitCredentials(values: GitCredentialValues): GitCredentials {
  const rules = values.rules ?? [];
  const tokens = new Map<string, GitToken & { readonly variable?: string }>();
  for (const token of values.tokens ?? []) tokens.set(originOf(token.origin), token);
  const githubOrigin = originOf(values.githubOrigin ?? 'https://github.com');
  if (values.githubToken !== undefined) {
    const token = { origin: githubOrigin, user: githubUser, token: values.githubToken, variable: 'GITHUB_TOKEN' };
    tokens.set(githubOrigin, token);
  }
  const written = new Map<string, Promise<string>>();
  /** Written once; a full disk may have room again. */
  function fileOf(name: string, text: () => string): Promise<string> {
    const file = join(values.directory, name);
    const known =
      written.get(name) ??
      writePrivateFile(file, text())
        .then(() => file)
        .catch((error: unknown) => {
          written.delete(name);
          throw error;
        });
    written.set(name, known);
    return known;
  }

  function tokenFor(location: GitLocation): GitCredential | undefined {
    const rule = mayCarryToken(location) ? credentialRule(rules, location, 'token') : undefined;
    if (rule?.token !== undefined) {
      const isGithub = originOf(location.remote) === githubOrigin;
      const user = rule.user ?? (isGithub ? githubUser : (tokenUsers[location.host] ?? tokenUserDefault));
      return { kind: 'token', user, token: valueOf(rule, 'token'), variable: rule.token.variable };
    }
    const known = tokens.get(originOf(location.remote));
    return known && { kind: 'token', user: known.user, token: known.token, variable: known.variable };
  }

  function keyFor(
    location: GitLocation,
  ): { readonly name: string; readonly key: SecretValue; variable: string } | undefined {
    const rule = credentialRule(rules, location, 'sshKey');
    if (rule?.sshKey !== undefined) {
      const name = `credential-${shortHash(prefixKey(rule.prefix))}`;
      return { name, key: valueOf(rule, 'sshKey'), variable: rule.sshKey.variable };
    }
    if (values.sshPrivateKey === undefined) return undefined;
    return { name: keyName(values.sshPrivateKeyName), key: values.sshPrivateKey, variable: 'FLY_SSH_PRIVATE_KEY' };
  }

  return {
    async credentialsFor(url) {
      const location = parseGitLocation(url);
      if (location?.scheme === 'https' || location?.scheme === 'http') return tokenFor(location);
      if (location?.scheme !== 'ssh') return undefined;
      const given = keyFor(location);
      const hosts = knownHostsText(values.knownHosts ?? []);
      // By its content: a FlyCD beside this one may have other hosts.
      const pinned = await fileOf(`${knownHostsName}.${shortHash(hosts)}`, () => hosts);
      return {
        kind: 'ssh',
        keyFile: given && (await fileOf(given.name, () => keyText(given.key.reveal()))),
        variable: given?.variable,
        agentSocket: values.sshAgentSocket,
        knownHostsFiles: [pinned, values.knownHostsFile ?? join(values.directory, knownHostsName)],
      };
    },
  };
}

/** Over https, and on the way to this machine itself, which nobody listens in on. */
function mayCarryToken({ scheme, host }: GitLocation): boolean {
  return scheme === 'https' || isLoopback(host);
}

function valueOf({ prefix, token, sshKey }: CredentialRule, need: 'token' | 'sshKey'): SecretValue {
  const { variable = '', value } = (need === 'token' ? token : sshKey) ?? {};
  const what = `the credential for ${prefix} cannot be used`;
  if (value === undefined) {
    throw new Fault({
      kind: 'stalled',
      what,
      why: `it names $${variable}, which is not set`,
      next: `set ${variable} where FlyCD runs and start it again, or take ${prefix} out of credentials: in flycd.yaml (FLYCD_CREDENTIALS)`,
    });
  }
  // Sent as a token, a key would be the host's, too.
  if (privateKey.test(value.reveal()) === (need === 'sshKey')) return value;
  const [is, field] = need === 'token' ? ['a private key', 'ssh_key'] : ['no private key', 'token'];
  throw new Fault({
    kind: 'stalled',
    what,
    why: `${variable} holds ${is}`,
    next: `name it as ${field}: in flycd.yaml, credentials: { ${prefix}: { ${field}: ${variable} } }`,
  });
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function keyName(given = keyNameDefault): string {
  const isTaken = given.startsWith(knownHostsName) || given.startsWith('credential-');
  return /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(given) && !isTaken ? given : keyNameDefault;
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

/** Environment variables lose line ends: ssh refuses a key without its last one, or with carriage returns. */
function keyText(key: string): string {
  const lines = key.includes('\n') ? key : key.replaceAll(String.raw`\n`, '\n');
  return `${lines.replaceAll('\r', '').trim()}\n`;
}

/** The value of git's extra header for a token: HTTP basic authentication. */
export function basicAuthorization(user: string, token: SecretValue): string {
  return `Basic ${Buffer.from(`${user}:${token.reveal()}`).toString('base64')}`;
}

/** A redactor that knows a token in every form it travels in. */
export function redactorOf(credential: GitCredential | undefined): Redactor {
  const redactor = new Redactor();
  if (credential?.kind !== 'token') return redactor;
  redactor.learn(credential.token.reveal());
  if (credential.token.reveal() === '') redactor.learn(credential.user); // https://TOKEN@host
  redactor.learn(encodeURIComponent(credential.token.reveal()));
  redactor.learn(basicAuthorization(credential.user, credential.token).slice('Basic '.length));
  return redactor;
}
