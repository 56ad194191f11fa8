import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, promises as files, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { stringify } from 'smol-toml';
import type { Clock } from '../../model/base/clock.ts';
import type { BuildFiles } from '../../model/desired.ts';
import { Fault } from '../../model/base/fault.ts';
import { isObject, type JsonObject, type JsonValue } from '../../model/base/json.ts';
import type { Redactor, SecretValue } from '../../model/base/secret-value.ts';
import { outputLines, type OutputLines } from './output-lines.ts';
import { shellWord } from '../../model/base/shell.ts';

export interface FlyctlOptions {
  /** FLYCTL_PATH; undefined: looked for on PATH, as flyctl and as fly. */
  readonly path: string | undefined;
  /** The operator's; few names of it reach flyctl. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly token: SecretValue;
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** Milliseconds without a word; 15 min unless said. */
  readonly silenceMs?: number | undefined;
}

export interface FlyctlBuild {
  /** Whose repository the image goes to; it has to be there. */
  readonly app: string;
  readonly primaryRegion: string;
  /** Tag of the image. */
  readonly label: string;
  readonly files: BuildFiles;
  /** Empty, for flyctl's own files. */
  readonly folder: string;
  /** `build` of the fly config. */
  readonly settings: JsonObject;
  /** A line of its output: redacted, without what only a terminal understands, cut to a length. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Flyctl {
  /** Why there is none to run, and how to get one; undefined: there is one. */
  missing(): FlyctlMissing | undefined;
  /**
   * Builds on Fly and pushes; what was pushed is the registry's to say. Throws the signal's reason once flyctl is gone, a
   * transient Fault where Fly or the network is to blame, else a stalled one; both with the last lines of output.
   */
  build(build: FlyctlBuild): Promise<void>;
}

export interface FlyctlMissing {
  readonly why: string;
  readonly next: string;
}

/** A build that compiles for long says something every few minutes; a connection that hangs says nothing for ever. */
const silenceMsDefault = 15 * 60_000;
/** Between asking it to end and ending it. */
const graceMs = 5000;

/** Of the operator's environment flyctl sees these and nothing else: where programs are, where Fly is, the way out. */
const inherited = [
  'PATH',
  'FLY_FLAPS_BASE_URL',
  'FLY_API_BASE_URL',
  'FLY_UIEX_BASE_URL',
  'FLY_REGISTRY_HOST',
  'DOCKER_HUB_USERNAME',
  'DOCKER_HUB_PASSWORD',
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'NO_PROXY',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
] as const;

export function createFlyctl(options: FlyctlOptions): Flyctl {
  const find = (): string | FlyctlMissing => located(options);
  return {
    missing() {
      const found = find();
      return typeof found === 'string' ? undefined : found;
    },
    async build(build) {
      const program = find();
      if (typeof program !== 'string') {
        throw new Fault({ kind: 'stalled', what: `${build.app} cannot be built`, ...program, where: build.app });
      }
      const lines = outputLines({ redactor: options.redactor, onLine: build.onLine });
      const end = await options.clock.busy(async () => {
        const config = await writtenConfig(build);
        return run({ options, build, program, config, lines });
      });
      if (end !== undefined) throw failure(build, end, lines.last());
    },
  };
}

const install = 'install it where FlyCD runs (https://fly.io/docs/flyctl/install/) or set FLYCTL_PATH; ';
const instead = 'or build the image elsewhere and name it in build.image';

function located({ path, environment }: FlyctlOptions): string | FlyctlMissing {
  if (path !== undefined) {
    if (isAbsolute(path) && isProgram(path)) return path;
    return { why: `FLYCTL_PATH names no program: ${path}`, next: 'name flyctl by its whole path' };
  }
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    for (const name of ['flyctl', 'fly']) {
      const file = join(folder, name);
      if (isAbsolute(file) && isProgram(file)) return file;
    }
  }
  return { why: 'images are built by flyctl, which is not installed here', next: install + instead };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** flyctl reads the build from a config: arguments stand on no command line. */
async function writtenConfig({ app, primaryRegion, folder, files: named, settings }: FlyctlBuild): Promise<string> {
  const url = [named.dockerfile].filter((file) => file !== undefined && isUrl(file));
  const build = { ...settings, ...(url[0] === undefined ? {} : { dockerfile: url[0] }) };
  const path = join(folder, 'fly.toml');
  const config = plainOf({ app, primary_region: primaryRegion, build });
  await files.writeFile(path, stringify(config), { flag: 'wx', mode: 0o600 });
  return path;
}

/** TOML knows no null. */
function plainOf(value: JsonObject): JsonObject {
  const kept = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(
    kept.map(([key, item]): [string, JsonValue] => [key, isObject(item) ? plainOf(item) : item]),
  );
}

function isUrl(file: string): boolean {
  return /^https?:\/\//.test(file);
}

function argumentsOf({ app, label, files: named }: FlyctlBuild, config: string): readonly string[] {
  const { dockerfile, ignorefile } = named;
  return [
    'deploy',
    '--build-only',
    '--push',
    '--remote-only',
    '--image-label',
    label,
    '--app',
    app,
    '--config',
    config,
    // Relative to the config a path would be; on the command line it counts as it stands.
    ...(dockerfile === undefined || isUrl(dockerfile) ? [] : ['--dockerfile', dockerfile]),
    ...(ignorefile === undefined ? [] : ['--ignorefile', ignorefile]),
  ];
}

/** The token by environment only; no settings of whoever runs FlyCD. */
function environmentOf({ environment, token }: FlyctlOptions, home: string): Record<string, string> {
  const given: Record<string, string> = {
    HOME: home,
    FLY_CONFIG_DIR: join(home, '.fly'),
    FLY_ACCESS_TOKEN: token.reveal(),
    FLY_API_TOKEN: token.reveal(),
    FLY_NO_UPDATE_CHECK: '1',
    FLY_SEND_METRICS: '0',
    NO_COLOR: '1',
    TERM: 'dumb',
  };
  for (const name of inherited) {
    const value = environment[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  return given;
}

interface Running {
  readonly options: FlyctlOptions;
  readonly build: FlyctlBuild;
  readonly program: string;
  readonly config: string;
  readonly lines: OutputLines;
}

type End = { readonly kind: 'exit' | 'silence' | 'start'; readonly why: string };

/** undefined: it went well. Rejects with the signal's reason, never before the child is gone. */
function run({ options, build, program, config, lines }: Running): Promise<End | undefined> {
  const { clock, silenceMs = silenceMsDefault } = options;
  const { signal } = build;
  signal.throwIfAborted();
  const home = join(build.folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...argumentsOf(build, config)], {
      cwd: build.files.context,
      env: environmentOf(options, home),
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
    });
    let silent = false;
    let cancelKill = (): void => undefined;
    const stop = (): void => {
      child.kill('SIGTERM');
      cancelKill = clock.timer(graceMs, () => child.kill('SIGKILL'));
    };
    const onSilence = (): void => {
      silent = true;
      stop();
    };
    let cancelSilence = clock.timer(silenceMs, onSilence);
    const heard = (chunk: Buffer): void => {
      cancelSilence();
      cancelSilence = clock.timer(silenceMs, onSilence);
      lines.take(chunk);
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    signal.addEventListener('abort', stop, { once: true });
    const over = (end: End | undefined): void => {
      cancelSilence();
      cancelKill();
      signal.removeEventListener('abort', stop);
      lines.end();
      if (signal.aborted) reject(signal.reason as Error);
      else if (silent) resolve({ kind: 'silence', why: `it said nothing for ${silenceMs / 60_000} minutes` });
      else resolve(end);
    };
    child.on('error', (error) => over({ kind: 'start', why: error.message }));
    child.on('close', (code, killed) => {
      if (code === 0) over(undefined);
      else over({ kind: 'exit', why: code === null ? `it was ended by ${killed}` : `it ended with code ${code}` });
    });
  });
}

/** What Fly, its builder or the network say when they are to blame: the same build may go well a minute later. */
const passing = [
  /\b(?:connection (?:reset|refused|closed)|broken pipe|i\/o timeout|tls handshake timeout|no such host|unexpected EOF)\b/i,
  /\b(?:context deadline exceeded|deadline_exceeded|temporarily unavailable|too many requests|rate limit)\b/i,
  /\b(?:5\d\d (?:bad gateway|service unavailable|gateway timeout|internal server error)|server returned a non-200)\b/i,
  /\b(?:builder .*(?:unavailable|not ready|unresponsive)|waiting for (?:depot|remote) builder|failed to connect to)\b/i,
];

function failure({ app }: FlyctlBuild, end: End, last: readonly string[]): Fault {
  const said = last.join('\n');
  const isPassing = end.kind !== 'exit' || end.why.includes('ended by') || passing.some((one) => one.test(said));
  return new Fault({
    kind: isPassing ? 'transient' : 'stalled',
    what: `the build of ${app} failed`,
    why: said === '' ? end.why : `${end.why}\n${said}`,
    next: isPassing
      ? 'FlyCD tries again'
      : `mend what is built, or build the same again: flycd sync --now --app ${shellWord(app)}`,
  });
}
