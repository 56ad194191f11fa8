import { simpleGit } from 'simple-git';
import type { Clock } from '../../model/base/clock.ts';
import { Fault } from '../../model/base/fault.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import { knownHostName } from '../access/known-hosts.ts';
import { basicAuthorization, type GitCredential } from './credentials.ts';
import type { GitLocation } from '../tree/location.ts';

/** Of the operator's environment git sees these and nothing else: where programs are, the way out, whom to trust. */
const inherited = [
  'PATH',
  'https_proxy',
  'HTTPS_PROXY',
  'http_proxy',
  'all_proxy',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
  'GIT_SSL_CAINFO',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
] as const;

const pathDefault = '/usr/local/bin:/usr/bin:/bin';

/** Settings every call carries. They beat what a repository's own config says. */
const settings: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['submodule.recurse', 'false'],
  ['gc.autoDetach', 'false'], // no child outlives the call that started it
  ['maintenance.autoDetach', 'false'],
];

/** Servers that work on a long answer say so every 5 s. */
const silenceSecondsMax = 60;

const sshConnectSeconds = 20;

/** What a call may reach and with which credentials. Without `remote` it reaches nothing. */
export interface GitReach {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly remote?:
    | {
        readonly location: GitLocation;
        readonly credential: GitCredential | undefined;
        /** The call's timeout, milliseconds. */
        readonly timeoutMs: number;
        /**
         * git connects to these alone, and follows no redirect. None: its proxy resolves the name, or the host is exempt.
         * undefined: the operator gave the address, and git goes wherever it leads.
         */
        readonly addresses?: readonly string[] | undefined;
      }
    | undefined;
}

/**
 * git's environment, built from nothing: no config of user or machine, no prompts, no helpers, only the protocol that
 * the address speaks. A token travels as a setting scoped to its origin: not in argv, not in any file.
 */
export function gitEnvironment(reach: GitReach): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: pathDefault,
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1', // a commit is what its id says
    GIT_GRAFT_FILE: '/dev/null',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_ALLOW_PROTOCOL: protocols(reach.remote?.location),
  };
  for (const name of inherited) {
    const value = reach.environment[name];
    if (value !== undefined && value !== '') environment[name] = value;
  }
  const config = [...settings];
  const { location, credential, addresses, timeoutMs = 0 } = reach.remote ?? {};
  // git's child for HTTP outlives a git that is stopped, and a FlyCD that is killed: a transfer that stands still ends itself
  const silence = Math.min(silenceSecondsMax, Math.max(1, Math.ceil(timeoutMs / 1000)));
  config.push(['http.lowSpeedLimit', '1'], ['http.lowSpeedTime', String(silence)]);
  if (location !== undefined && credential?.kind === 'token') {
    const origin = new URL(location.remote).origin;
    config.push([
      `http.${origin}/.extraHeader`,
      `Authorization: ${basicAuthorization(credential.user, credential.token)}`,
    ]);
    // git would send the header on to wherever it is redirected
    config.push(['http.followRedirects', 'false']);
  }
  if (addresses !== undefined && location !== undefined) config.push(...pinned(location, addresses));
  if (location?.scheme === 'ssh') {
    const [address] = addresses ?? [];
    environment['GIT_SSH_COMMAND'] = [
      sshCommand(credential?.kind === 'ssh' ? credential : undefined),
      ...(address === undefined ? [] : pinnedSsh(location, address)),
    ].join(' ');
    const agent = credential?.kind === 'ssh' ? credential.agentSocket : undefined;
    if (agent !== undefined) environment['SSH_AUTH_SOCK'] = agent;
  }
  return withSettings(environment, config);
}

/** git's HTTP connects to these addresses of the host, and to no other host. */
function pinned(
  { scheme, host, port }: GitLocation,
  addresses: readonly string[],
): readonly (readonly [string, string])[] {
  if (scheme !== 'https' && scheme !== 'http') return [];
  const redirects = ['http.followRedirects', 'false'] as const;
  if (addresses.length === 0) return [redirects];
  const at = port === '' ? (scheme === 'https' ? '443' : '80') : port;
  const written = addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
  return [redirects, ['http.curloptResolve', `${host}:${at}:${written.join(',')}`]];
}

/** ssh connects there, and compares the key with that of the name. */
function pinnedSsh(location: GitLocation, address: string): readonly string[] {
  return [`-o HostName=${address}`, `-o 'HostKeyAlias=${knownHostName(location)}'`];
}

/** They beat those that it has, and what a repository's own config says. */
export function withSettings(
  environment: Readonly<Record<string, string>>,
  settings: readonly (readonly [key: string, value: string])[],
): Record<string, string> {
  const count = Number(environment['GIT_CONFIG_COUNT'] ?? 0);
  const added = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${count + index}`, key],
    [`GIT_CONFIG_VALUE_${count + index}`, value],
  ]);
  return { ...environment, ...Object.fromEntries(added), GIT_CONFIG_COUNT: String(count + settings.length) };
}

function protocols(location: GitLocation | undefined): string {
  if (location === undefined) return 'none';
  return location.scheme === 'http' ? 'http:https' : location.scheme;
}

function sshCommand(credential: Extract<GitCredential, { kind: 'ssh' }> | undefined): string {
  const options = [
    '-F /dev/null',
    '-o BatchMode=yes',
    `-o ConnectTimeout=${sshConnectSeconds}`,
    '-o ServerAliveInterval=15',
    '-o ServerAliveCountMax=3',
    '-o ForwardAgent=no',
    '-o ClearAllForwardings=yes',
    '-o StrictHostKeyChecking=yes',
    '-o UpdateHostKeys=no', // nothing is learned from a host
    '-o CheckHostIP=no', // before OpenSSH 8.5 addresses were learned
    `-o ${fileSetting('UserKnownHostsFile', credential?.knownHostsFiles ?? ['/dev/null'])}`,
  ];
  if (credential?.keyFile !== undefined) {
    // -i would look for the file under its escaped name
    options.push('-o IdentitiesOnly=yes', `-o ${fileSetting('IdentityFile', [credential.keyFile])}`);
  }
  return `ssh ${options.join(' ')}`;
}

/** One setting of ssh, for the shell that GIT_SSH_COMMAND goes through; ssh splits at blanks and expands %h and the like. */
function fileSetting(name: string, paths: readonly string[]): string {
  const setting = `${name}=${paths.map((path) => `"${path.replaceAll('%', '%%')}"`).join(' ')}`;
  return `'${setting.replaceAll("'", String.raw`'\''`)}'`;
}

/** git said no. `stderr` is redacted and holds only what it said to people. */
export class GitError extends Error {
  readonly stderr: string;
  readonly reason: 'failed' | 'timeout' | 'missing';

  constructor(stderr: string, reason: 'failed' | 'timeout' | 'missing') {
    super(stderr);
    this.name = 'GitError';
    this.stderr = stderr;
    this.reason = reason;
  }
}

export interface GitCall {
  /** Must exist. */
  readonly directory: string;
  /** Never a value out of a config file before `--end-of-options` or `--`, unless it was checked. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Milliseconds on the clock. */
  readonly timeoutMs: number;
  readonly redactor: Redactor;
  /** Ends the call where it throws. */
  readonly endedBy?: Promise<never>;
  /** true: also what git calls an error and goes on past fails the call, as an object that it lacks. */
  readonly isStrict?: boolean;
}

/**
 * Runs git once and gives its standard output. Throws a GitError; never anything with a secret in it.
 * simple-git waits 50 ms where a child prints nothing at all: callers leave out --quiet.
 */
export async function runGit(call: GitCall): Promise<string> {
  const stop = new AbortController();
  const git = simpleGit({
    baseDir: call.directory,
    abort: stop.signal,
    completion: { onClose: true, onExit: false },
    // simple-git takes a silent failure (killed, exit 1 without a word) for success
    errors: (error, { exitCode, stdErr }) =>
      error ?? (isWell(call, exitCode, stdErr) ? undefined : spoken(stdErr, exitCode)),
    // each of these is set by gitEnvironment to a fixed or checked value; nothing of them comes from a config file
    unsafe: {
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeHooksPath: true,
      allowUnsafeSshCommand: true,
    },
    allowEnvironment: Object.keys(call.environment).filter((name) => name.startsWith('GIT_')),
  }).env({ ...call.environment });
  let cancel = (): void => {};
  // git's own child may hold the pipes open after git is gone: the race does not wait for it
  const deadline = new Promise<never>((_resolve, reject) => {
    cancel = call.clock.timer(call.timeoutMs, () => {
      reject(new GitError(`no answer within ${call.timeoutMs / 1000} s`, 'timeout'));
      stop.abort();
    });
  });
  const ended = call.endedBy?.catch((error: unknown) => {
    stop.abort();
    throw error;
  });
  try {
    return await call.clock.busy(() => Promise.race([git.raw([...call.args]), deadline, ...(ended ? [ended] : [])]));
  } catch (error) {
    throw error instanceof Fault ? error : asGitError(error, call.redactor);
  } finally {
    cancel();
  }
}

function isWell({ isStrict = false }: GitCall, exitCode: number, stderr: readonly Buffer[]): boolean {
  return exitCode === 0 && !(isStrict && /^error:/m.test(Buffer.concat(stderr).toString()));
}

function spoken(stderr: readonly Buffer[], exitCode: number): Buffer {
  const text = Buffer.concat(stderr);
  return text.length > 0 ? text : Buffer.from(`git ended with code ${String(exitCode)}`);
}

/** What git and ssh say of a call, without progress, advice and frames; of a host key which one was shown, and what holds another. */
const spokenToPeople =
  /^(?:fatal|error|remote|ssh|warning: redirect|@ +WARNING|git |[a-z]+@|(?:no |the )?\S+ host key|host key|sha256:|offending)/i;

/** Longest part of git's words that goes into an error. */
const stderrLengthMax = 600;

function asGitError(error: unknown, redactor: Redactor): GitError {
  if (error instanceof GitError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/spawn \S+ ENOENT/.test(message)) return new GitError('git is not installed', 'missing');
  const lines = message
    .split(/\r?\n/) // ssh writes both
    .filter((line) => spokenToPeople.test(line));
  const text = (lines.length > 0 ? lines.join('; ') : message.trim()).replaceAll(/\s+/g, ' ');
  return new GitError(redactor.redact(text).slice(0, stderrLengthMax), 'failed');
}
