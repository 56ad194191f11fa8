import { promises as files } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../model/base/fault.ts';
import { Redactor, type SecretValue } from '../../model/base/secret-value.ts';
import { parseGitLocation } from '../tree/location.ts';

export type GitCredential =
  | { readonly kind: 'token'; readonly user: string; readonly token: SecretValue }
  | {
      readonly kind: 'ssh';
      /** Private key, mode 0600. undefined: the agent's keys. */
      readonly keyFile: string | undefined;
      /** SSH_AUTH_SOCK of the operator's agent. */
      readonly agentSocket: string | undefined;
      /** Host keys: unknown hosts are added, changed keys refused. */
      readonly knownHostsFile: string;
    };

export interface GitCredentials {
  /** What opens this address; undefined: ask without. Throws a Fault when the key file cannot be written. */
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
  /** Text of the key, as FLY_SSH_PRIVATE_KEY holds it. */
  readonly sshPrivateKey?: SecretValue | undefined;
  /** File name of the key, as FLY_SSH_PRIVATE_KEY_NAME holds it; `id_rsa` otherwise. */
  readonly sshPrivateKeyName?: string | undefined;
  /** The operator's own; otherwise one in `directory` that learns hosts on first use. */
  readonly knownHostsFile?: string | undefined;
  readonly sshAgentSocket?: string | undefined;
}

/** What GitHub takes as the user beside any of its tokens. */
const githubUser = 'x-access-token';
const keyNameDefault = 'id_rsa';

/** Credentials for git, from plain values: nothing is read from the environment here. */
export function createGitCredentials(values: GitCredentialValues): GitCredentials {
  const tokens = new Map<string, GitToken>();
  for (const token of values.tokens ?? []) tokens.set(originOf(token.origin), token);
  if (values.githubToken !== undefined) {
    const origin = values.githubOrigin ?? 'https://github.com';
    tokens.set(originOf(origin), { origin, user: githubUser, token: values.githubToken });
  }
  let keyFile: Promise<string> | undefined;
  return {
    async credentialsFor(url) {
      const location = parseGitLocation(url);
      if (location?.scheme === 'https' || location?.scheme === 'http') {
        const known = tokens.get(originOf(location.remote));
        return known === undefined ? undefined : { kind: 'token', user: known.user, token: known.token };
      }
      if (location?.scheme !== 'ssh') return undefined;
      await makePrivateFolder(values.directory);
      if (values.sshPrivateKey !== undefined) {
        keyFile ??= writeKey(values, values.sshPrivateKey).catch((error: unknown) => {
          keyFile = undefined; // a full disk may have room again
          throw error;
        });
      }
      return {
        kind: 'ssh',
        keyFile: await keyFile,
        agentSocket: values.sshAgentSocket,
        knownHostsFile: values.knownHostsFile ?? join(values.directory, 'known_hosts'),
      };
    },
  };
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

async function makePrivateFolder(directory: string): Promise<void> {
  try {
    await files.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw keyFault(directory, cause);
  }
}

async function writeKey(values: GitCredentialValues, key: SecretValue): Promise<string> {
  const given = values.sshPrivateKeyName ?? keyNameDefault;
  const name = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(given) && given !== 'known_hosts' ? given : keyNameDefault;
  const file = join(values.directory, name);
  await makePrivateFolder(values.directory);
  try {
    await files.writeFile(file, keyText(key.reveal()), { mode: 0o600 });
    await files.chmod(file, 0o600); // a file that was there keeps its mode otherwise
  } catch (cause) {
    throw keyFault(file, cause);
  }
  return file;
}

/** Environment variables lose line ends: ssh refuses a key without its last one, or with carriage returns. */
function keyText(key: string): string {
  const lines = key.includes('\n') ? key : key.replaceAll(String.raw`\n`, '\n');
  return `${lines.replaceAll('\r', '').trim()}\n`;
}

function keyFault(file: string, cause: unknown): Fault {
  return new Fault({
    kind: 'transient',
    what: 'the SSH key for git could not be put in place',
    why: `${file}: ${(cause as Error).message}`,
    next: 'make the data directory writable (data_dir in flycd.yaml)',
    cause,
  });
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
